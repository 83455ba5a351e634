"""A whole Shoebox while it works, as those who watch over it see it: by its figures and by its logs."""

import json
import re
import socket
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml
from ports import free_port
from prometheus_client.parser import text_string_to_metric_families
from running import API, CLASSIFY, CONTROL, ROOT, Running, running, wait_until
from sandboxed import many_scans
from sqlalchemy import func, select

from db.query.items import every_item
from db.schema import Tally
from model.bundle import Bundle

DEPLOY = ROOT / "deploy"
NAME = re.compile(r"\bshoebox_\w+")
ROW = re.compile(r"^\| `(shoebox_\w+)` \| (\w+) \| ", re.MULTILINE)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def expressions(within: Any) -> list[str]:
    """Every ``expr`` and ``query``, however deep."""
    if isinstance(within, dict):
        own = [str(value) for key, value in within.items() if key in ("expr", "query")]
        return own + [found for value in within.values() for found in expressions(value)]
    return [found for value in within for found in expressions(value)] if isinstance(within, list) else []


class Watched:
    """A running Shoebox whose figures are asked for: two APIs, both workers."""

    def __init__(self, stack: Running, ports: dict[str, int]) -> None:
        self.stack = stack
        self.ports = ports

    def text(self, name: str) -> str:
        """What one process says to Prometheus."""
        answer = httpx.get(f"http://127.0.0.1:{self.ports[name]}/metrics", timeout=10)
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain; version=")
        return answer.text

    def samples(self, name: str) -> Samples:
        """The same as values, by name and labels."""
        families = text_string_to_metric_families(self.text(name))
        return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    def value(self, name: str, metric: str, **labels: str) -> float | None:
        """One figure of one process."""
        return self.samples(name).get((metric, frozenset(labels.items())))

    def total(self, name: str, metric: str) -> float:
        """The sum of a figure over its labels."""
        return sum(value for (named, _), value in self.samples(name).items() if named == metric)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What a process has logged, in order."""
        return [json.loads(line) for line in (self.stack.home / f"{name}.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def watched(tiny_bundle: Bundle) -> Iterator[Watched]:
    """Photos may take a second of processor time to decode."""
    metrics, second = free_port(), free_port()
    with running(tiny_bundle, metrics_port=metrics, decode_seconds=2, decoders=2) as stack:
        stack.start().ready()
        with (stack.home / "second.log").open("wb") as log:
            own = stack.environment | {"SHOEBOX_PORT": str(second)}
            stack.started.append(
                subprocess.Popen([sys.executable, "-m", "api"], cwd=ROOT, env=own, stdout=log, stderr=log)
            )
        ports = {API: stack.settings.port, "second": second, CONTROL: metrics, CLASSIFY: metrics + 1}
        found = Watched(stack, ports)
        wait_until(lambda: answers(second), 20, stack.logs)
        yield found


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def trip(scene: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ZIP of 600 photos, and of what comes to each of the other ends: rejected early and late, failed."""
    path = tmp_path_factory.mktemp("trip") / "trip.zip"
    photos = [scene(("sunset", "forest", "sea", "orchid")[i % 4], i) for i in range(16)]
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(600):
            archive.writestr(f"{i}.jpg", photos[i % len(photos)])
        archive.writestr("odd.jpg", photos[0], zipfile.ZIP_BZIP2)
        archive.writestr("half.jpg", photos[1][:900])
        archive.writestr("slow.jpg", many_scans(5000))
    return path


@pytest.fixture(scope="module")
def job(watched: Watched, trip: Path) -> str:
    """Its job, judged to the end; the figures are looked at while it runs."""
    sent = httpx.post(
        f"{watched.stack.settings.url}/v1/jobs",
        content=trip.read_bytes(),
        headers={"X-API-Key": watched.stack.key, "X-Request-ID": "the-trip", "Content-Type": "application/zip"},
    )
    assert sent.status_code == 202
    job = watched.stack.client.job(sent.json()["id"])
    jobs, judged = [], []

    def ended() -> bool:
        jobs.append(watched.total(API, "shoebox_jobs"))
        judged.append(watched.total(CLASSIFY, "shoebox_items_total"))
        return job.refresh().finished

    wait_until(ended, 60, watched.stack.logs)
    assert jobs[0] == 1 and judged == sorted(judged) and any(0 < count < 600 for count in judged)
    return job.id


def test_figures_are_what_the_database_says(watched: Watched, job: str, trip: Path) -> None:
    database = watched.stack.database
    with database.read() as session:
        totals = select(Tally.decision, Tally.reason, func.sum(Tally.count)).group_by(Tally.decision, Tally.reason)
        written = {(decision, reason): int(count) for decision, reason, count in session.execute(totals)}
    judged = [item for item in every_item(database, job) if item.inference_ms is not None]
    assert {"unsafe_entry", "corrupt_image", "timeout", ""} <= {reason for _, reason in written}
    counted: Counter[tuple[str, str]] = Counter()
    for name in (CONTROL, CLASSIFY):
        for (metric, labels), value in watched.samples(name).items():
            if metric == "shoebox_items_total" and value:
                counted[dict(labels)["decision"], dict(labels)["reason"]] += int(value)
    assert counted == written
    assert watched.value(CLASSIFY, "shoebox_batch_photos_sum") == len(judged) > 500
    seconds = watched.value(CLASSIFY, "shoebox_network_seconds_sum")
    assert seconds == pytest.approx(sum(item.inference_ms or 0 for item in judged) / 1000, rel=1e-6)
    # All but the one that was refused by its entry, which no decoder saw.
    assert watched.value(CLASSIFY, "shoebox_decode_seconds_count") == sum(written.values()) - 1
    assert watched.value(API, "shoebox_upload_bytes_total") == trip.stat().st_size
    for name in (API, "second"):
        wait_until(lambda name=name: watched.value(name, "shoebox_jobs", state="running") == 0, 15)  # type: ignore[misc]
        told = watched.samples(name)
        assert told["shoebox_database_up", frozenset()] == 1
        assert told["shoebox_uploads_bytes", frozenset()] == trip.stat().st_size
        assert told["shoebox_uploads_room_bytes", frozenset()] > 0
        assert {value for (metric, _), value in told.items() if metric == "shoebox_shards"} == {0}
        workers = {labels: value for (metric, labels), value in told.items() if metric == "shoebox_workers_alive"}
        assert workers == {
            frozenset({("kind", "control"), ("backend", "")}): 1,
            frozenset({("kind", "classify"), ("backend", "onnxruntime")}): 1,
        }


def test_each_api_counts_its_own_requests(watched: Watched, job: str) -> None:
    asked = {"method": "POST", "route": "/v1/jobs", "status": "202"}
    assert watched.value(API, "shoebox_requests_total", **asked) == 1
    assert watched.value("second", "shoebox_requests_total", **asked) is None
    timed = {"method": "GET", "route": "/v1/jobs/{job_id}"}
    taken = watched.value(API, "shoebox_requests_total", **timed, status="200")
    assert watched.value(API, "shoebox_request_seconds_count", **timed) == taken
    with socket.create_connection(("127.0.0.1", watched.ports["second"])) as stranger:
        stranger.sendall(b"no request\r\n\r\n")
        assert stranger.recv(100).startswith(b"HTTP/1.1 400 ")
    assert watched.value("second", "shoebox_refused_at_door_total", code="bad_request") == 1
    told = "".join(watched.text(name) for name in watched.ports)
    assert job not in told and watched.stack.key not in told and "trip" not in told


def test_what_is_asked_for_and_described_is_what_is_told(watched: Watched, job: str) -> None:
    kinds = dict(
        line.split()[2:4]
        for name in watched.ports
        for line in watched.text(name).splitlines()
        if line.startswith("# TYPE shoebox_")
    )
    assert dict(ROW.findall((ROOT / "docs" / "operations.md").read_text())) == kinds
    there = {name for name, kind in kinds.items() if kind != "histogram"}
    there |= {f"{name}{end}" for name in set(kinds) - there for end in ("_bucket", "_sum", "_count")}
    asked = [
        *expressions(yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())),
        *expressions(json.loads((DEPLOY / "grafana" / "dashboards" / "shoebox.json").read_text())),
        *(
            found
            for path in (DEPLOY / "k8s").rglob("*.yaml")
            for document in yaml.safe_load_all(path.read_text())
            for found in expressions(document)
        ),
    ]
    assert len(asked) > 30 and all(promql_parser.parse(expression) for expression in asked)
    assert {name for expression in asked for name in NAME.findall(expression)} <= there


def test_one_photo_can_be_followed_from_its_request_to_its_verdict(watched: Watched, job: str) -> None:
    (taken,) = [one for one in watched.lines(API) if one.get("request_id") == "the-trip" and "job" in one]
    assert (taken["event"], taken["job"]) == ("upload_accepted", job)
    (opened,) = [one for one in watched.lines(CONTROL) if one.get("job") == job]
    assert (opened["event"], opened["photos"], opened["refused"]) == ("unpacked", 602, "600")
    items = {item.name: item for item in every_item(watched.stack.database, job)}
    about = [one for one in watched.lines(CLASSIFY) if one.get("job") == job]
    for name in ("0.jpg", "333.jpg", "half.jpg", "slow.jpg"):
        shards = {
            event: {one["shard"] for one in about if one["event"] == event and holds(one, items[name].position)}
            for event in ("claimed", "settled")
        }
        assert len(shards["claimed"]) == 1 and shards["claimed"] == shards["settled"]
    (failed,) = [one for one in watched.lines(CLASSIFY) if one["event"] == "item_failed"]
    assert (failed["item"], failed["reason"]) == (f"{job}-{items['slow.jpg'].position}", "timeout")
    said = "".join(path.read_text() for path in watched.stack.home.glob("*.log"))
    assert watched.stack.key not in said


def holds(line: dict[str, Any], position: int) -> bool:
    """Whether a line's positions have that one."""
    ranges = (part.partition("-") for part in line["positions"].split(","))
    return any(int(first) <= position <= int(last or first) for first, _, last in ranges)


def test_what_is_mounted_and_named_is_there() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for service in ("prometheus", "grafana"):
        for mount in services[service]["volumes"]:
            source = mount.split(":")[0]
            assert not source.startswith("./") or any((ROOT / source).iterdir()), mount
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert all((DEPLOY / "prometheus" / name).is_file() for name in prometheus["rule_files"])
    near = set(services["prometheus"]["networks"])
    first = int(services["api"]["environment"]["SHOEBOX_METRICS_PORT"])
    ports = {"api": 8000, "worker-control": first, "worker-cpu": first + 1, "worker-gpu": first + 1}
    found = [target for config in prometheus["scrape_configs"] for target in config["dns_sd_configs"]]
    assert {name: target["port"] for target in found for name in target["names"]} == ports
    assert all(near & set(services[name]["networks"]) for name in ports)
    (source,) = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    board = json.loads((DEPLOY / "grafana" / "dashboards" / "shoebox.json").read_text())
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_alert_leads_to_what_to_do() -> None:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    (group,) = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    assert len(group["rules"]) >= 10
    for rule in group["rules"]:
        document, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert document == "docs/operations.md" and anchor in anchors, rule["alert"]
