"""Many places of items as one parameter of a statement, to be joined like a table."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Integer, String, column, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias


def wanted(places: Iterable[tuple[str, int]]) -> TableValuedAlias:
    """A table with the columns ``job_id`` and ``position``.

    One parameter, because VALUES of 100 rows take SQLAlchemy 10 ms to write, every time anew.
    """
    listed = literal(json.dumps([list(place) for place in places]), String)
    return _listed(listed).table_valued(column("job_id", String), column("position", Integer), name="wanted")


class _listed(FunctionElement[Any]):  # noqa: N801 - reads like a function of the database
    inherit_cache = True


@compiles(_listed, "sqlite")
def _json_each(element: _listed, compiler: SQLCompiler, **more: Any) -> str:
    listed = compiler.process(element.clauses, **more)
    columns = "json_extract(value, '$[0]') AS job_id, json_extract(value, '$[1]') AS position"
    return f"(SELECT {columns} FROM json_each({listed}))"


@compiles(_listed, "postgresql")
def _jsonb_array_elements(element: _listed, compiler: SQLCompiler, **more: Any) -> str:
    listed = compiler.process(element.clauses, **more)
    columns = "value ->> 0 AS job_id, CAST(value ->> 1 AS INTEGER) AS position"
    return f"(SELECT {columns} FROM jsonb_array_elements(CAST({listed} AS JSONB)))"
