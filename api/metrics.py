"""Numbers for Prometheus, in its text format (version 0.0.4): few enough to be written by hand."""

from collections.abc import Iterable

from api.traffic import Traffic
from db.database import Database
from db.query.jobs import unfinished
from db.query.workers import alive
from db.store.sweep import waiting

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(database: Database, traffic: Traffic) -> str:
    """All metrics as text."""
    with database.read() as session:
        jobs, ready = unfinished(session), waiting(session)
        workers = [worker.kind for worker in alive(session)]
    requests = (
        (f'{{method="{method}",route="{route}",status="{status}"}}', count)
        for (method, route, status), count in sorted(traffic.requests.items())
    )
    shards = (('{lane="interactive"}', ready.interactive), ('{lane="bulk"}', ready.bulk))
    kinds = ((f'{{kind="{kind}"}}', workers.count(kind)) for kind in ("control", "classify"))
    return "".join(
        (
            _metric("shoebox_requests_total", "counter", "Requests answered by this process.", requests),
            _metric("shoebox_jobs_unfinished", "gauge", "Jobs that have not ended.", [("", jobs)]),
            _metric("shoebox_jobs_waiting", "gauge", "Jobs whose uploads wait to be opened.", [("", ready.unpack)]),
            _metric("shoebox_shards_ready", "gauge", "Shards that wait for a worker.", shards),
            _metric("shoebox_workers_alive", "gauge", "Workers with a recent heartbeat.", kinds),
        )
    )


def _metric(name: str, kind: str, help_: str, samples: Iterable[tuple[str, int]]) -> str:
    lines = [
        f"# HELP {name} {help_}",
        f"# TYPE {name} {kind}",
        *(f"{name}{labels} {value}" for labels, value in samples),
    ]
    return "\n".join(lines) + "\n"
