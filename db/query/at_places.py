"""Rows at many places of the history, each a job and a position: the places are one parameter, joined like a table."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import Integer, Select, String, and_, column, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from db.schema import Item, Review

Row = TypeVar("Row")


def at_places(query: Select[Row], row: type[Item] | type[Review], places: Iterable[tuple[str, int]]) -> Select[Row]:
    """The query, for the rows at these places alone: at least one, at most some thousands.

    A join, because SQLite reads the whole table for a list of pairs. One parameter, because VALUES of 100 places take
    SQLAlchemy 10 ms to write, every time anew.
    """
    listed = literal(json.dumps([list(place) for place in places]), String)
    these = _places(listed).table_valued(column("job_id", String), column("position", Integer), name="places")
    return query.join(these, and_(row.job_id == these.c.job_id, row.position == these.c.position))


class _places(FunctionElement[Any]):  # noqa: N801 - reads like a function of the database
    """A JSON list of pairs as a table."""

    inherit_cache = True


@compiles(_places, "sqlite")
def _json_each(element: _places, compiler: SQLCompiler, **more: Any) -> str:
    listed = compiler.process(element.clauses, **more)
    columns = "json_extract(value, '$[0]') AS job_id, json_extract(value, '$[1]') AS position"
    return f"(SELECT {columns} FROM json_each({listed}))"


@compiles(_places, "postgresql")
def _jsonb_array_elements(element: _places, compiler: SQLCompiler, **more: Any) -> str:
    listed = compiler.process(element.clauses, **more)
    columns = "value ->> 0 AS job_id, CAST(value ->> 1 AS INTEGER) AS position"
    return f"(SELECT {columns} FROM jsonb_array_elements(CAST({listed} AS JSONB)))"
