"""Who sends photos to a service, so many under way at once: over HTTP from threads, as Celery's tasks from one."""

import base64
import gc
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench.peers.celery_server import TASK

ANSWER_SECONDS = 120

Milliseconds = list[float]
Run = Callable[[list[Path]], Milliseconds]
"""Sends photos and returns how long each took to be answered."""


def as_body(http: httpx.Client, photo: Path) -> None:
    """To Shoebox."""
    image = {"Content-Type": "image/jpeg"}
    answer = http.post("/v1/classify?timeout=60", content=photo.read_bytes(), headers=image)
    assert answer.status_code == 200, answer.text


def as_form(http: httpx.Client, photo: Path) -> None:
    """To the FastAPI endpoint."""
    http.post("/predict", files={"file": photo.read_bytes()}).raise_for_status()


def as_json(http: httpx.Client, photo: Path) -> None:
    """To LitServe, whose guide has images as base64: a form's file does not reach its workers."""
    http.post("/predict", json={"image": base64.b64encode(photo.read_bytes()).decode()}).raise_for_status()


def by_threads(send: Callable[[Path], None], clients: int) -> Run:
    """``clients`` threads, each with one request under way."""

    def timed(photo: Path) -> float:
        began = time.perf_counter()
        send(photo)
        return 1000 * (time.perf_counter() - began)

    def run(photos: list[Path]) -> Milliseconds:
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(timed, photos))

    return run


def by_tasks(app: Any, clients: int) -> Run:
    """``clients`` tasks under way, sent and received by one thread: Celery's results are not for several."""

    def run(photos: list[Path]) -> Milliseconds:
        left = iter(photos)
        waited: Milliseconds = []

        def send() -> None:
            photo = next(left, None)
            if photo is not None:
                app.send_task(TASK, [str(photo)]).then(partial(received, time.perf_counter()))

        def received(began: float, answer: Any) -> None:
            answer.maybe_throw()
            waited.append(1000 * (time.perf_counter() - began))
            send()

        for _ in range(clients):
            send()
        heard, count = time.monotonic(), 0
        while len(waited) < len(photos):
            app.backend.result_consumer.drain_events(timeout=1)
            if len(waited) > count:
                heard, count = time.monotonic(), len(waited)
            elif time.monotonic() - heard > ANSWER_SECONDS:
                raise TimeoutError(f"{count} of {len(photos)} tasks came back")
        gc.collect()  # results are circles, and on their end speak to Redis: while it is there
        return waited

    return run
