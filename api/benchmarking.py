"""Benchmarks: a picture taken in, checked and handed to a worker; what the worker found."""

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.lookup import NotFound
from api.offers import without_worker
from api.options import Text
from api.previews import NoPreview, Previews
from api.schemas import Fault, JudgedBy, iso, iso_or_none
from api.schemas_more import BackendTiming, BenchmarkOut
from api.uploads import Uploads
from db.database import Database
from db.query.benchmarks import benchmark
from db.query.workers import alive
from db.schema import Benchmark
from db.states import BenchmarkState
from db.store.benchmarks import insert_benchmark


class BadPicture(Exception):
    """The picture cannot be read, so there is nothing to measure with."""


class BenchmarkFailed(Exception):
    """The worker could not measure."""


class Asked(BaseModel):
    """Fields of a benchmark, in the query or as fields of the form."""

    model_config = ConfigDict(extra="forbid")

    model: Text | None = Field(
        None, description="The model to measure: `name` or `name@version`; empty: the server's.", examples=["scenes"]
    )
    name: Text | None = Field(None, description="The file's name, when it is sent as the raw body.", examples=["a.jpg"])
    timeout: float = Field(60.0, ge=0, le=300, description="Seconds to wait for the result.", examples=[60])


def begin(database: Database, previews: Previews, owner: str, model: tuple[str, str], uploads: Uploads) -> str:
    """Stores the benchmark of the one picture that was uploaded; its id. Raises BadPicture."""
    [picture] = uploads.files
    try:
        previews.check(picture.blob, picture.bytes)
    except NoPreview as error:
        raise BadPicture(f"This picture cannot be measured with. {error.__cause__ or error}") from error
    uploads.refresh()
    with database.write() as session:
        row = insert_benchmark(session, owner, model, picture.blob, picture.bytes)
        uploads.keep()
    return row.id


def look(database: Database, benchmark_id: str) -> tuple[BenchmarkOut, bool]:
    """The benchmark, and whether it has ended. Raises NotFound."""
    with database.read() as session:
        row = benchmark(session, benchmark_id)
        if row is None:
            raise NotFound("There is no such benchmark.")
        return benchmark_out(session, row), BenchmarkState(row.state).finished


def benchmark_out(session: Session, row: Benchmark) -> BenchmarkOut:
    """A benchmark as JSON."""
    found = row.result or {}
    waiting = None
    if row.state == BenchmarkState.QUEUED:
        waiting = without_worker(row.model, row.version, None, alive(session, "classify"))
    return BenchmarkOut(
        id=row.id,
        state=BenchmarkState(row.state),
        model=JudgedBy(name=row.model, version=row.version, checksum=found.get("checksum")),
        backends=[BackendTiming(**one) for one in found.get("backends", [])],
        fastest=found.get("fastest"),
        error=None if row.error is None else Fault(code=row.error, message=row.message or ""),
        waiting_for=waiting,
        created_at=iso(row.created_at),
        finished_at=iso_or_none(row.finished_at),
    )
