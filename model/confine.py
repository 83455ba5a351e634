"""What a decoder process gives up before it sees its first picture. None of it can be taken back.

Run as a program it confines itself as a decoder does, then tries what a decoder must not be able to do, and prints
what it could not, one thing a line: `shoebox doctor` shows that.
"""

import os
import resource
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from model import syscalls
from model.limits import Limits

NETWORK, FILES, PROGRAMS, MEMORY = "network", "files", "programs", "memory"
_FILES = 32


def confine(limits: Limits) -> None:
    """Leave this process processor, memory and the pipes it has: no network, no files, no other programs.

    The standard streams, which libraries write to, point nowhere afterwards. Where the system has no seccomp (all but
    Linux on x86-64 and ARM64) the network and existing files stay within reach; files cannot grow anywhere.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
    status = Path("/proc/self/statm")
    if status.exists():  # Linux; elsewhere address space is not limited in a way that can be relied on
        bound = int(status.read_text().split()[0]) * resource.getpagesize() + limits.decode_memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    syscalls.refuse()


def withheld(file: Path) -> list[str]:
    """What this process cannot do, of `NETWORK`, `FILES` (``file`` read or written), `PROGRAMS` and `MEMORY`."""
    found = []
    if not _can_connect():
        found.append(NETWORK)
    if not _can_open(file):
        found.append(FILES)
    if not _can_fork():
        found.append(PROGRAMS)
    if not _can_take_memory():
        found.append(MEMORY)
    return found


def _can_connect() -> bool:
    try:
        socket.socket().close()
    except OSError:
        return False
    return True


def _can_open(file: Path) -> bool:
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_APPEND):
        with suppress(OSError):
            os.close(os.open(file, flags))
            return True
    return False


def _can_fork() -> bool:
    try:
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


def _can_take_memory() -> bool:
    try:
        bytearray(2 * Limits().decode_memory_bytes)
    except MemoryError:
        return False
    return True


def main() -> None:
    """Say what is withheld from a child that is confined. It could not take the file away that it tries to open."""
    with tempfile.NamedTemporaryFile() as file:
        child = os.fork()
        if child == 0:
            answer = os.dup(1)
            confine(Limits())
            os.write(answer, "\n".join(withheld(Path(file.name))).encode())
            os._exit(0)
        ended = os.waitpid(child, 0)[1]
    sys.exit(os.waitstatus_to_exitcode(ended))


if __name__ == "__main__":
    main()
