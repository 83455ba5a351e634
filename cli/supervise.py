"""supervisord, as the keeper of our processes: started, asked and stopped over a socket in the data directory."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from pydantic import SecretStr

from cli.orphans import end_orphans
from cli.output import NO_STACK, USAGE, Failure
from cli.programs import GROUP, REDIS, Program, programs, redis_conf, search_path
from configuration import refusal
from model.heap import HUGE_PAGES
from settings import Settings

# The kernel's limit for a socket's path is 104 bytes on macOS and 108 on Linux; supervisord adds its process id.
LONGEST_SOCKET = 92
STOP_SECONDS = 40.0
COMMAND_LINE_ONLY = frozenset({"server_url", "server_key"})
_NOT_PASSED_ON = frozenset(f"SHOEBOX_{name.upper()}" for name in COMMAND_LINE_ONLY)
STARTED = ("RUNNING", "STARTING", "BACKOFF")


@dataclass(frozen=True, slots=True)
class State:
    """A process as supervisord sees it; ``pid`` is 0 when it does not run, ``seconds`` how long it has run."""

    name: str
    state: str
    pid: int
    seconds: int
    note: str


class Supervisor:
    """The one keeper of a data directory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.run = settings.home / "run"
        self.logs = settings.home / "logs"
        self.socket = self.run / "supervisor.sock"

    def running(self) -> bool:
        """Whether supervisord answers."""
        try:
            return bool(self._call(lambda rpc: rpc.getState())["statename"] == "RUNNING")
        except (OSError, Fault):
            return False

    def states(self) -> list[State]:
        """Every process; empty when nothing runs."""
        try:
            found = self._call(lambda rpc: rpc.getAllProcessInfo())
        except (OSError, Fault):
            return []
        return [
            State(
                p["name"], p["statename"], p["pid"], max(0, p["now"] - p["start"]) if p["pid"] else 0, p["description"]
            )
            for p in found
        ]

    def prepare(self) -> None:
        """Makes the folders (0700). Raises `Failure` where the data directory cannot serve."""
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET:
            raise self._refused("its path is too long for the sockets in it: choose a shorter one")
        try:
            for folder in (self.settings.home, self.run, self.logs, self.settings.home / "broker"):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o700)
        except OSError as error:
            raise self._refused(f"it should be a folder of your own ({error.strerror})") from error

    def start(self) -> None:
        """Starts supervisord with all programs, in the background. Raises `Failure` when it does not come up."""
        if self.settings.embedded_redis:
            (self.run / "redis.conf").write_text(redis_conf(self.settings))
        (self.run / "supervisord.conf").write_text(configuration(programs(self.settings)))
        # All paths are relative to the data directory: its name needs no quoting in supervisord's file.
        started = subprocess.run(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", "run/supervisord.conf"],
            cwd=self.settings.home,
            env=environment(self.settings),
            capture_output=True,
            text=True,
        )
        if started.returncode != 0:
            raise Failure(f"the supervisor did not start: {(started.stderr or started.stdout).strip()}", NO_STACK)
        if not _within(10, self.running):
            raise Failure(f"the supervisor does not answer; see {self.logs / 'supervisord.log'}", NO_STACK)

    def start_stopped(self) -> None:
        """Starts again what has given up."""
        for state in self.states():
            if state.state not in STARTED:
                self._start_one(f"{REDIS if state.name == REDIS else GROUP}:{state.name}")

    def stop(self) -> bool:
        """Stops everything; False when nothing ran. No process of this data directory is left afterwards."""
        ran = self.running()
        if ran:
            with contextlib.suppress(OSError, Fault):
                self._call(lambda rpc: rpc.shutdown())
            _within(STOP_SECONDS, lambda: not self.socket.exists())
        return end_orphans(self.socket) > 0 or ran

    def log(self, name: str) -> Path:
        """The log file of a program."""
        return self.logs / f"{name}.log"

    def _refused(self, why: str) -> Failure:
        return Failure(refusal("data_dir", self.settings.home, why), USAGE)

    def _start_one(self, name: str) -> None:
        # It may have been started by someone else since we looked.
        with contextlib.suppress(Fault):
            self._call(lambda rpc: rpc.startProcess(name, False))

    def _call(self, ask: Callable[[Any], Any]) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, serverurl=f"unix://{self.socket}")
        with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return ask(proxy.supervisor)


def configuration(wanted: list[Program]) -> str:
    """supervisord's file, its paths relative to the data directory."""
    ours = [program for program in wanted if program.name != REDIS]
    head = f"""[supervisord]
logfile=logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile=run/supervisord.pid
umask=077

[unix_http_server]
file=run/supervisor.sock
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[group:{GROUP}]
programs={",".join(program.name for program in ours)}
priority=20
"""
    return head + "".join(_section(program) for program in wanted)


def environment(settings: Settings) -> dict[str, str]:
    """The environment of all programs: every setting spelled out, so that no process reads another ``.env`` file.

    Large pages, unless the user chose other ones.
    """
    values = {
        f"SHOEBOX_{name.upper()}": _spelled(getattr(settings, name))
        for name in type(settings).model_fields
        if name not in COMMAND_LINE_ONLY
    }
    values["SHOEBOX_DATA_DIR"] = str(settings.home)
    path = f"{search_path(settings)}:{os.environ.get('PATH', os.defpath)}"
    outside = {name: value for name, value in os.environ.items() if name.upper() not in _NOT_PASSED_ON}
    return {**HUGE_PAGES, **outside, **values, "PATH": path}


def _spelled(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _section(program: Program) -> str:
    # Only the process itself is told to stop: a worker still needs its decoders to finish the photos in hand, and they
    # end with it. What is left when its time is up is killed with its whole group.
    # startretries: a database that is away for an hour must not leave a worker given up for ever.
    return f"""
[program:{program.name}]
command={program.command.replace("%", "%%")}
directory=run
priority={10 if program.name == REDIS else 20}
autorestart=true
startsecs=3
startretries=100000
stopwaitsecs=10
killasgroup=true
redirect_stderr=true
stdout_logfile=logs/{program.name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
