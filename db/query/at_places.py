"""Rows at many places of the history, each a job and a position: the places are one parameter, joined like a table."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import Integer, Select, String, and_, bindparam, column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from db.schema import Item, Review

Row = TypeVar("Row")


def at_places(query: Select[Row], row: type[Item] | type[Review]) -> Select[Row]:
    """The query, for the rows at the places alone that are given when it runs, by `these`.

    A join, because SQLite reads the whole table for a list of pairs. One parameter, because VALUES of 100 places take
    SQLAlchemy 10 ms to write, every time anew.
    """
    listed = _places(bindparam("places", type_=String))
    places = listed.table_valued(column("job_id", String), column("position", Integer), name="places")
    return query.join(places, and_(row.job_id == places.c.job_id, row.position == places.c.position))


def these(places: Iterable[tuple[str, int]]) -> dict[str, str]:
    """The parameter of such a query: at least one place, at most some thousands."""
    return {"places": json.dumps([list(place) for place in places])}


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
