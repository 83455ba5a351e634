"""The day of a moment, as both databases can index it."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

DAY_SECONDS = 86_400


class day_of(FunctionElement[int]):  # noqa: N801 - reads like a function of the database
    """``day_of(column)``: the days between 1970 (UTC) and a moment in seconds since then, rounded down.

    As an expression and not as a column: a column would have to be filled in for every photo there is, and by programs
    of the version before, which know nothing of it.
    """

    inherit_cache = True
    type = Integer()


@compiles(day_of)
def _floored(element: day_of, compiler: SQLCompiler, **more: Any) -> str:
    return f"(CAST(floor({compiler.process(element.clauses, **more)} / {DAY_SECONDS}) AS INTEGER))"


@compiles(day_of, "sqlite")
def _cut(element: day_of, compiler: SQLCompiler, **more: Any) -> str:
    # Not every SQLite has floor(); its CAST cuts off, which is the same from 1970 on. PostgreSQL's rounds.
    return f"(CAST({compiler.process(element.clauses, **more)} / {DAY_SECONDS} AS INTEGER))"
