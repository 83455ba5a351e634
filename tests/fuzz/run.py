"""Coverage-guided fuzzing of one target, for a bounded time: ``python tests/fuzz/run.py archive 60``.

Ends with 0 when nothing was found. What was found lies in the folder that is named at the start, and ``--again FILE``
feeds it to the target once more.
"""

import hashlib
import logging
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "support"), str(HERE)]

import atheris  # noqa: E402

logging.disable()  # the parsers tell of every piece of bad input

with atheris.instrument_imports(include=["api.multipart", "model", "worker", "PIL", "python_multipart", "pi_heif"]):
    from targets import TARGETS

from seeds import SEEDS  # noqa: E402

LONGEST = {"archive": 4096, "picture": 8192, "multipart": 2048}


def main() -> None:
    """Arguments: the target and for how many seconds, or the target, ``--again`` and a file."""
    name, *rest = sys.argv[1:]
    if rest[0] == "--again":
        TARGETS[name](Path(rest[1]).read_bytes())
        return
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    seeds, found = folder / "corpus", folder / "found"
    seeds.mkdir()
    found.mkdir()
    for data in SEEDS[name]():
        (seeds / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    options = {
        "max_total_time": rest[0],
        "max_len": LONGEST[name],
        "timeout": 20,
        "rss_limit_mb": 2048,
        "print_final_stats": 1,
        "verbosity": 1,
        "artifact_prefix": f"{found}/",
    }
    print(f"{name}: {len(list(seeds.iterdir()))} seeds, findings go to {found}", flush=True)

    def kept(data: bytes) -> None:
        """The fuzzer writes what makes a decoder crash or hang, but now and then ends before it has written this."""
        try:
            TARGETS[name](data)
        except BaseException:
            (found / f"failed-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise

    atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), str(seeds)], kept)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
