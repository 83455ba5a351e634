"""From a bundle's folder to an engine that has proved itself."""

from contextlib import ExitStack
from pathlib import Path

from threadpoolctl import threadpool_limits

from model.automatic import quickest
from model.backends.batches import CPU_BATCH, usual_batch
from model.backends.choose import open_backend
from model.bundle import Bundle
from model.cores import cores
from model.engine import Engine
from model.limits import Limits
from model.sandbox import DecodePool


def open_engine(
    bundle_path: Path,
    backend: str = "auto",
    device: str = "auto",
    decoders: int | None = None,
    threads: int | None = None,
    limits: Limits | None = None,
    batch_size: int | None = None,
    pool: DecodePool | None = None,
    memory: Path | None = None,
) -> Engine:
    """Opens the bundle, the decoders and the backend, warms them up and checks them against the reference pictures.

    ``decoders`` is how many pictures are decoded at once (``None``: one for each core this process may use);
    ``threads`` limits the backend's on a processor; ``batch_size`` is `usual_batch` of its device unless given. A
    ``pool`` is shared: it is used instead of one of the engine's own (``decoders`` and ``limits`` are then the pool's),
    and stays open. With ``memory``, a JSON file, ``auto`` is what was measured to be quickest here (see
    `automatic.quickest`), otherwise what usually is. Raises what `Bundle.open`, `open_backend` and `Engine.self_check`
    raise; then nothing else stays open.
    """
    # The guards' matrices are small. With threads of its own the linear algebra spins between calls and takes the cores
    # from the decoders: camera photos went through the engine at 54/s, and at 65/s with one thread (bare loop: 67/s).
    threadpool_limits(limits=1, user_api="blas")
    bundle = Bundle.open(bundle_path)
    with ExitStack() as undo:
        # Decoders first: they are processes, and a process must not be started once a GPU is in use.
        mine = pool or undo.enter_context(DecodePool(decoders or cores(), limits or Limits()))
        if backend == "auto" and memory is not None:
            backend = quickest(bundle, device, threads, batch_size or CPU_BATCH, memory)
        network = open_backend(backend, bundle, device, threads)
        undo.callback(network.close)
        batch = batch_size or usual_batch(network.device)
        engine = Engine(bundle, network, mine, batch, shares_pool=pool is not None)
        engine.warm_up()
        engine.self_check()
        undo.pop_all()
    return engine
