"""The tables. Times are seconds since 1970 UTC by the database's clock (float), so that both databases reckon alike."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

# Whoever knows one table knows them all: they are created, compared and emptied together.
from db.base import Base as Base
from db.base import Id
from db.day import day_of
from db.schema_access import Audit as Audit
from db.schema_access import Key as Key
from db.schema_access import Ticket as Ticket
from db.schema_webhooks import Webhook as Webhook
from db.schema_webhooks import WebhookSecret as WebhookSecret


class Job(Base):
    """One submission. ``attempt`` and ``lease_until`` guard its unpacking. ``webhook_url`` is told of its end."""

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    lane: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str | None] = mapped_column(String(16))
    error: Mapped[str | None] = mapped_column(String(32))
    message: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(64))
    params: Mapped[dict[str, Any]]
    meta: Mapped[dict[str, Any]]
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    retry_of: Mapped[str | None] = mapped_column(Id)
    webhook_url: Mapped[str | None] = mapped_column(Text)
    total: Mapped[int | None]
    pending: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    canceled: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    submitted_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    expired_at: Mapped[float | None]
    attempt: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[float | None]
    worker: Mapped[str | None] = mapped_column(String(100))
    __table_args__ = (
        UniqueConstraint("owner", "idempotency_key"),
        Index("ix_jobs_owner_id", "owner", "id"),
        Index("ix_jobs_state_lane_id", "state", "lane", "id"),
        Index(
            "ix_jobs_kept",
            "finished_at",
            sqlite_where=text("expired_at IS NULL"),
            postgresql_where=text("expired_at IS NULL"),
        ),
    )


class Source(Base):
    """An uploaded file. Jobs share it; its blob goes when no job needs it, or its time is over (``deleted_at``)."""

    __tablename__ = "sources"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    blob: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    bytes: Mapped[int] = mapped_column(BigInteger)
    # The column is older than the second algorithm (db/digest.py); a rename takes three releases.
    digest: Mapped[str] = mapped_column("sha256", String(64))
    created_at: Mapped[float]
    deleted_at: Mapped[float | None]
    __table_args__ = (
        # What retention looks through grows with what is kept, not with what ever was.
        Index(
            "ix_sources_kept",
            "created_at",
            "id",
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )


class JobSource(Base):
    """A source's place in a job. ``state``: waiting, unpacked or failed."""

    __tablename__ = "job_sources"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    error: Mapped[str | None] = mapped_column(String(32))
    message: Mapped[str | None] = mapped_column(Text)


class Shard(Base):
    """A run of items: the unit of work and of lease. ``state``: ready, leased, done or canceled.

    ``entries`` holds one list per item: position and name, and for an archive's entry its offset, compressed size,
    size, method and CRC. ``fair`` orders the work of all jobs. ``suspect`` shards hold one item and are judged alone.
    ``backend`` null: the worker's own choice.
    """

    __tablename__ = "shards"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"), index=True)
    owner: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    lane: Mapped[int]
    fair: Mapped[float]
    suspect: Mapped[bool] = mapped_column(Boolean, default=False)
    model: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(64))
    backend: Mapped[str | None] = mapped_column(String(32))
    entries: Mapped[list[Any]]
    size: Mapped[int]
    attempt: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[float | None]
    worker: Mapped[str | None] = mapped_column(String(100))
    __table_args__ = (Index("ix_shards_claim", "state", "suspect", "lane", "fair", "id"),)


class Item(Base):
    """One photo and the verdict on it. ``entry`` finds its bytes in the source again (preview, retry).

    ``checksum`` tells the very bundle that judged it; null where none saw the photo.
    """

    __tablename__ = "items"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"), index=True)
    entry: Mapped[list[Any]]
    name: Mapped[str] = mapped_column(Text().with_variant(Text(collation="C"), "postgresql"))
    decision: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    explanation: Mapped[str] = mapped_column(Text)
    label: Mapped[str | None] = mapped_column(String(200))
    confidence: Mapped[float | None]
    tags: Mapped[list[Any]]
    scores: Mapped[dict[str, Any]]
    model: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(64))
    checksum: Mapped[str | None] = mapped_column(String(16))
    backend: Mapped[str | None] = mapped_column(String(32))
    width: Mapped[int | None]
    height: Mapped[int | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    inference_ms: Mapped[float | None]
    decided_at: Mapped[float]
    __table_args__ = (
        Index("ix_items_owner", "owner", "job_id", "position"),
        Index("ix_items_owner_decision", "owner", "decision", "job_id", "position"),
        Index("ix_items_owner_label", "owner", "label", "job_id", "position"),
        Index("ix_items_owner_name", "owner", "name", "job_id", "position"),
        Index("ix_items_owner_reason", "owner", "reason", "job_id", "position"),
    )


Index("ix_items_owner_day", Item.owner, day_of(Item.decided_at), Item.job_id, Item.position)


class Tally(Base):
    """Running totals by day (UTC), so that statistics never scan the items. Empty text stands for "none"."""

    __tablename__ = "tallies"
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    model: Mapped[str] = mapped_column(String(100), primary_key=True)
    decision: Mapped[str] = mapped_column(String(16), primary_key=True)
    reason: Mapped[str] = mapped_column(String(32), primary_key=True)
    label: Mapped[str] = mapped_column(String(200), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class Latency(Base):
    """How many photos took how long in the network, by hour (since 1970 UTC), backend and bucket (db/buckets.py)."""

    __tablename__ = "latencies"
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    backend: Mapped[str] = mapped_column(String(32), primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(BigInteger)


class Review(Base):
    """What a person says about an item. ``label`` null: none of the model's labels fits."""

    __tablename__ = "reviews"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    label: Mapped[str | None] = mapped_column(String(200))
    correct: Mapped[bool]
    reviewed_at: Mapped[float]
    __table_args__ = (Index("ix_reviews_owner", "owner", "job_id", "position"),)


class Worker(Base):
    """A worker process's heartbeat. ``kind``: control or classify; ``state``: starting, idle, busy or stopping.

    ``models`` holds what it can judge with as [name, version], ``engines`` as [name, version, backend] for each backend
    that a job may ask for; ``backend`` is the one it takes by itself.
    """

    __tablename__ = "workers"
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    models: Mapped[list[Any]]
    engines: Mapped[list[Any]] = mapped_column(server_default="[]")
    backend: Mapped[str | None] = mapped_column(String(32))
    started_at: Mapped[float]
    beat_at: Mapped[float]


class Benchmark(Base):
    """A measurement that somebody asked for: one picture through every backend. ``state``: see BenchmarkState.

    ``worker`` has it for as long as it lives and no other has taken it over: ``attempt`` is the fence. ``result`` is as
    the worker measured it.
    """

    __tablename__ = "benchmarks"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    blob: Mapped[str] = mapped_column(String(64), unique=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    model: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(64))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str | None] = mapped_column(String(32))
    message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[float]
    finished_at: Mapped[float | None]
    attempt: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(100))
    __table_args__ = (Index("ix_benchmarks_state_id", "state", "id"),)


class Beat(Base):
    """A duty that one process at a time does: whoever moves ``due_at`` on has it."""

    __tablename__ = "beats"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    due_at: Mapped[float]
