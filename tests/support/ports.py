"""Ports of this machine."""

import random
import socket

# Below those that systems give to whoever connects (Linux: from 32768): a port out of these may be some other test's
# connection by the time that it is wanted.
_PORTS = range(10_000, 32_768)


def free_port() -> int:
    """One that nobody listens on."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def listens(port: int) -> bool:
    """Whether somebody does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
