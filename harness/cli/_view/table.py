"""A verb's table in the form that was asked for: for people, for programs, for a README or for a paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from harness.cli._view import screen
from harness.records import Records
from harness.words import markdown, plain

Cell = str | tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """The same rows twice.

    Attributes
    ----------
    columns, rows
        For people: numbers rounded and with their intervals; a row that is None is a rule.
    records : Records
        For programs: values as they were measured.
    title : str
        Stands above the table on a screen.
    note : str
        Says below a table for a README or a paper what was measured, and on how many.
    """

    columns: Sequence[screen.Column]
    rows: Sequence[Sequence[Cell] | None]
    records: Records
    title: str = ""
    note: str = ""


def print_table(table: Table, form: str, document: Callable[[], Any] | None = None) -> None:
    """Print `table` on stdout as one of ``table``, ``csv``, ``json``, ``markdown`` and ``latex``.

    Parameters
    ----------
    document : callable, optional
        Returns what is printed as JSON where that is more than the records.
    """
    if form == "json":
        import msgspec

        click.echo(msgspec.json.encode(document() if document else table.records.rows).decode())
    elif form == "csv":
        from harness.spreadsheet import as_csv

        fields = table.records.fields
        click.echo(as_csv(fields, ([row[field] for field in fields] for row in table.records.rows)), nl=False)
    elif form == "table":
        screen.table(table.columns, table.rows, table.title)
    else:
        click.echo(_markdown(table) if form == "markdown" else _latex(table), nl=False)


def _lines(table: Table) -> list[list[str]]:
    return [[cell if isinstance(cell, str) else ", ".join(cell) for cell in row] for row in table.rows if row]


def _markdown(table: Table) -> str:
    lines = [[column.name for column in table.columns], ["--:" if column.number else "---" for column in table.columns]]
    lines += [[markdown(cell) for cell in row] for row in _lines(table)]
    note = f"\n{markdown(table.note)}\n" if table.note else ""
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + note


def _latex(table: Table) -> str:
    """Return a tabular for LaTeX with the package booktabs."""
    import pandas  # late: it takes a second

    names = [column.name for column in table.columns]
    lines = [[plain(cell) for cell in row] for row in _lines(table)]
    sides = "".join("r" if column.number else "l" for column in table.columns)
    drawn = pandas.DataFrame(lines, columns=names, dtype=str).to_latex(index=False, escape=True, column_format=sides)
    note = f"% {plain(table.note)}\n" if table.note else ""
    return note + drawn.replace("−", "$-$")
