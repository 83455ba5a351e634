"""What a confined process can still do, tried from inside one: the very confinement that decoders get."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sandboxed import decodes

from model.confine import FILES, MEMORY, NETWORK, PROGRAMS
from model.limits import Limits
from model.sandbox import DecodePool

ROOT = Path(__file__).resolve().parents[2]
BEGIN = """
import json, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path
from model.confine import confine
from model.limits import Limits
answer, home = os.dup(1), Path(sys.argv[1])
ready = socket.create_server(("127.0.0.1", 0))
confine(Limits())
def attempt(what):
    try:
        return repr(what())
    except BaseException as error:
        return type(error).__name__
def tell(*answers):
    os.write(answer, json.dumps(answers).encode())
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in ("x86_64", "aarch64"), reason="there is no seccomp here"
)
Attempt = Callable[[str], list[str]]


@pytest.fixture
def inside(tmp_path: Path) -> Attempt:
    """Runs attempts in a confined process, beside a folder with a file ``kept``; what came of each."""
    (tmp_path / "kept").write_text("secret")

    def run(attempts: str) -> list[str]:
        program = BEGIN + f"tell(*[attempt(what) for what in [{attempts}]])"
        ran = subprocess.run(
            [sys.executable, "-P", "-c", program, str(tmp_path)],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        )
        found: list[str] = json.loads(ran.stdout)
        return found

    return run


REFUSED = "PermissionError"


def test_no_network(inside: Attempt) -> None:
    assert (
        inside(
            "lambda: socket.socket(), lambda: socket.socket(socket.AF_UNIX), lambda: socket.socketpair(),"
            "lambda: ready.accept(), lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"
        )
        == [REFUSED] * 5
    )


def test_no_file_is_read_written_made_or_moved(inside: Attempt, tmp_path: Path) -> None:
    assert set(
        inside(
            "lambda: (home / 'kept').read_text(), lambda: (home / 'kept').write_text('x'),"
            "lambda: (home / 'new').touch(), lambda: (home / 'new').mkdir(), lambda: (home / 'kept').unlink(),"
            "lambda: (home / 'kept').rename(home / 'moved'), lambda: os.truncate(home / 'kept', 0),"
            "lambda: (home / 'link').symlink_to('/etc/passwd'), lambda: os.chmod(home / 'kept', 0),"
            "lambda: os.listdir('/'), lambda: Path('/etc/passwd').read_bytes(), lambda: os.memfd_create('m')"
        )
    ) == {REFUSED}
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "secret"


def test_no_other_program_and_no_other_process(inside: Attempt) -> None:
    assert set(
        inside(
            "lambda: os.fork(), lambda: subprocess.run(['/bin/true']), lambda: os.execv('/bin/true', ['true']),"
            f"lambda: os.kill({os.getpid()}, signal.SIGKILL), lambda: os.kill(os.getppid(), 0), lambda: os.setuid(0)"
        )
    ) == {REFUSED}


def test_no_memory_beyond_the_limit_and_what_work_needs_remains(inside: Attempt) -> None:
    assert inside("lambda: bytearray(3 << 30), lambda: len(bytearray(64 << 20)), lambda: os.getpid() > 1") == [
        "MemoryError",
        str(64 << 20),
        "True",
    ]


def test_no_limit_is_raised_again_not_even_by_root(inside: Attempt) -> None:
    names = ("AS", "FSIZE", "NOFILE", "CORE")
    assert set(
        inside(", ".join(f"lambda: resource.setrlimit(resource.RLIMIT_{name}, (1 << 40, 1 << 40))" for name in names))
    ) == {"ValueError"}  # "not allowed to raise maximum limit"


def test_threads_of_decoders_may_start(inside: Attempt) -> None:
    assert inside("lambda: [t.start() or t.join() for t in [threading.Thread(target=int)]]") == ["[None]"]


def test_a_decoder_at_work_is_confined() -> None:
    with DecodePool(1, Limits()) as pool:
        assert decodes(pool)
        (pid,) = pool.pids()
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        assert not psutil.Process(pid).net_connections()


def test_the_confinement_tells_what_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "model.confine"]
    own = os.environ | {"TMPDIR": str(tmp_path)}
    ran = subprocess.run(command, cwd=ROOT, env=own, stdout=subprocess.PIPE, check=True)
    assert ran.stdout.decode().split() == [NETWORK, FILES, PROGRAMS, MEMORY]
    assert list(tmp_path.iterdir()) == []
