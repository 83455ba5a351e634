"""From rows to JSON."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from api.offers import waits
from api.schemas import (
    Counts,
    Fault,
    ItemOut,
    JobOut,
    ModelName,
    Params,
    ReviewedItem,
    ReviewOut,
    SourceOut,
    WebhookOut,
    iso,
    iso_or_none,
)
from api.webhooks import webhook_out
from db.ids import item_id
from db.query import items as item_queries
from db.query import jobs as job_queries
from db.query.webhooks import webhooks
from db.schema import Item, Job, Review
from db.states import JobState, Kind, Outcome, SourceState


def jobs_out(session: Session, jobs: Sequence[Job]) -> list[JobOut]:
    """Jobs with their sources."""
    sources = job_queries.sources(session, [job.id for job in jobs])
    waiting = waits(session, jobs)
    told = webhooks(session, [job.id for job in jobs if job.webhook_url is not None])
    return [
        _job_out(session, job, sources[job.id], waiting.get(job.id), webhook_out(job, told.get(job.id))) for job in jobs
    ]


def job_out(session: Session, job: Job) -> JobOut:
    """A job with its sources."""
    return jobs_out(session, [job])[0]


def _job_out(
    session: Session,
    job: Job,
    sources: list[job_queries.SourceView],
    waiting_for: str | None,
    webhook: WebhookOut | None,
) -> JobOut:
    progress = job_queries.progress(session, job)
    path = f"/v1/jobs/{job.id}"
    return JobOut(
        id=job.id,
        state=JobState(job.state),
        outcome=None if job.outcome is None else Outcome(job.outcome),
        model=ModelName(name=job.model, version=job.version),
        error=None if job.error is None else Fault(code=job.error, message=job.message or ""),
        waiting_for=waiting_for,
        counts=Counts(
            total=job.total,
            pending=job.pending,
            accepted=job.accepted,
            rejected=job.rejected,
            failed=job.failed,
            canceled=job.canceled,
            skipped=job.skipped,
        ),
        sources=[
            SourceOut(
                name=source.name,
                kind=Kind(source.kind),
                bytes=source.bytes,
                state=SourceState(source.state),
                error=source.error,
                message=source.message,
                deleted_at=iso_or_none(source.deleted_at),
            )
            for source in sources
        ],
        rate=progress.rate,
        eta_seconds=progress.eta_seconds,
        submitted_at=iso(job.submitted_at),
        started_at=iso_or_none(job.started_at),
        finished_at=iso_or_none(job.finished_at),
        expired_at=iso_or_none(job.expired_at),
        params=Params.model_validate(job.params),
        metadata=job.meta,
        retry_of=job.retry_of,
        webhook=webhook,
        links={
            "self": path,
            "items": f"{path}/items",
            "results_jsonl": f"{path}/results.jsonl",
            "results_csv": f"{path}/results.csv",
            "results_xlsx": f"{path}/results.xlsx",
            "sidecars": f"{path}/sidecars.zip",
        },
    )


def etag_of(job: JobOut) -> str:
    """A weak tag: it changes with everything but rate and remaining time, which change with the clock alone."""
    said = job.model_dump_json(exclude={"rate", "eta_seconds"})
    return f'W/"{hashlib.sha256(said.encode()).hexdigest()[:20]}"'


def item_out(item: Item) -> ItemOut:
    """An item as the results hold it."""
    return ItemOut.model_validate(_said(item))


def _said(item: Item) -> dict[str, Any]:
    # Plain values, of which pydantic makes models in one call: with models in models a page took a quarter longer.
    return {
        "id": item_id(item.job_id, item.position),
        "job": item.job_id,
        "position": item.position,
        "name": item.name,
        "decision": item.decision,
        "reason": item.reason,
        "explanation": item.explanation,
        "label": item.label,
        "confidence": item.confidence,
        "tags": item.tags,
        "scores": item.scores,
        "model": {"name": item.model, "version": item.version, "checksum": item.checksum},
        "backend": item.backend,
        "width": item.width,
        "height": item.height,
        "bytes": item.bytes,
        "inference_ms": item.inference_ms,
    }


def reviewed(session: Session, items: list[Item]) -> list[ReviewedItem]:
    """Items with their reviews."""
    reviews = item_queries.reviews_of(session, items)
    return [_with_review(item, reviews.get((item.job_id, item.position))) for item in items]


def _with_review(item: Item, review: Review | None) -> ReviewedItem:
    said = _said(item)
    said["review"] = None if review is None else review_out(review)
    return ReviewedItem.model_validate(said)


def review_out(review: Review) -> ReviewOut:
    """A review."""
    return ReviewOut(label=review.label, correct=review.correct, reviewed_at=iso(review.reviewed_at))
