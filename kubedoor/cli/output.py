"""Output of all commands: results go to standard output, progress and remarks to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


class RowsFormat(StrEnum):
    """Formats of lists that may be long."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormatOption = Annotated[Format, typer.Option("--format", help="table or json.")]
RowsFormatOption = Annotated[RowsFormat, typer.Option("--format", help="table, json or csv.")]


def console() -> Console:
    """Standard output; 200 columns wide unless it is a terminal, so that `grep` sees whole rows."""
    # Imported by what prints: the commands that serve do without.
    from rich.console import Console

    return Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=200, soft_wrap=True)


def remarks() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def progress() -> Progress:
    """A bar on standard error, for tasks of which the number of steps is known."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=remarks())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Cells are plain text: values from a cluster are never interpreted as markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console().print(table)


def print_found(
    found: list[dict[str, Any]],
    form: Format,
    columns: Sequence[str],
    cells: Callable[[dict[str, Any]], Sequence[object]],
) -> None:
    """A list of the API: complete as JSON, or as a table of `cells`."""
    if form is Format.JSON:
        print_json(found)
    else:
        print_table(columns, map(cells, found))


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def write_out(chunk: bytes) -> None:
    """Writes bytes, not text: a chunk may end within a UTF-8 character."""
    sys.stdout.buffer.write(chunk)
