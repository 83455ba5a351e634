"""A column that SQLite must not look up in an index."""

from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class unindexed(FunctionElement[str]):  # noqa: N801 - reads like a function of the database
    """``unindexed(column)``: the column as it is, out of an index's reach on SQLite.

    SQLite knows little of its data, and what is right there is wrong elsewhere: PostgreSQL's statistics are of columns,
    and of a history of a million photos it read every row, for 2 s, where it could have walked to 100 of them in 1 ms.
    """

    inherit_cache = True
    type = Text()


@compiles(unindexed)
def _as_it_is(element: unindexed, compiler: SQLCompiler, **more: Any) -> str:
    return compiler.process(element.clauses, **more)


@compiles(unindexed, "sqlite")
def _no_column(element: unindexed, compiler: SQLCompiler, **more: Any) -> str:
    return f"(+{compiler.process(element.clauses, **more)})"
