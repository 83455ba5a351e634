"""A Celery task for each image: a worker process for each core, each with a network of its own on one thread."""

import sys
from pathlib import Path

from celery import Celery

from bench.peers.tagger import CORES, Tagger

TASK = "predict"


def application(port: int) -> Celery:
    """Broker and results are the Redis at ``port``; for the worker and for who sends to it."""
    url = f"redis://127.0.0.1:{port}/0"
    return Celery("peer", broker=url, backend=url)


def main(port: int, whose: str) -> None:
    """Works until it is killed."""
    app, tagger = application(port), Tagger(whose, 1)

    @app.task(name=TASK)
    def predict(path: str) -> str:
        return tagger.label(Path(path).read_bytes())

    app.worker_main(["worker", "--loglevel", "WARNING", "--concurrency", str(CORES), "--without-gossip"])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
