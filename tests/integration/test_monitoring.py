"""What Prometheus, Grafana and KEDA are told to ask for is what the API says."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from api.metrics import render
from api.traffic import Traffic
from db.database import Database

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = re.compile(r"\bshoebox_\w+")


def expressions(within: Any) -> list[str]:
    """Every ``expr`` and ``query``, however deep."""
    if isinstance(within, dict):
        own = [str(value) for key, value in within.items() if key in ("expr", "query")]
        return own + [found for value in within.values() for found in expressions(value)]
    return [found for value in within for found in expressions(value)] if isinstance(within, list) else []


def test_every_metric_that_is_asked_for_is_there(database: Database) -> None:
    there = set(NAME.findall(render(database, Traffic())))
    asked = [
        *expressions(yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())),
        *expressions(json.loads((DEPLOY / "grafana" / "dashboards" / "shoebox.json").read_text())),
        *(
            q
            for path in (DEPLOY / "k8s").rglob("*.yaml")
            for d in yaml.safe_load_all(path.read_text())
            for q in expressions(d)
        ),
    ]
    names = {name for expression in asked for name in NAME.findall(expression)}
    assert len(asked) > 10 and names == there


def test_what_is_mounted_and_named_is_there() -> None:
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())
    for service in ("prometheus", "grafana"):
        for mount in compose["services"][service]["volumes"]:
            source = mount.split(":")[0]
            assert not source.startswith("./") or any((DEPLOY.parent / source).iterdir()), mount
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert all((DEPLOY / "prometheus" / name).is_file() for name in prometheus["rule_files"])
    (target,) = prometheus["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target.split(":")[0] in compose["services"]
    (source,) = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    board = json.loads((DEPLOY / "grafana" / "dashboards" / "shoebox.json").read_text())
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
