"""``hemobench class rehearse``"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import contest_option, format_option, workspace_option

if TYPE_CHECKING:
    from harness.classroom.rehearse.lead import Typed


@click.command(short_help="Lead a drawn class through the whole round.")
@click.option("--teams", type=click.IntRange(min=1), default=40, show_default=True, help="Teams.")
@click.option("--zips", type=click.IntRange(min=1), default=200, show_default=True, help="Zips they hand in.")
@click.option("--days", type=click.IntRange(min=1), default=3, show_default=True, help="Days until the deadline.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another class is drawn.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    default=Path("rehearsal"),
    show_default=True,
    help="A new folder, for all that it leaves.",
)
@contest_option
@workspace_option
@format_option
def rehearse(
    teams: int, zips: int, days: int, seed: int, output: Path, contest: str | None, workspace: Path, form: str
) -> None:
    """Lead a class of drawn teams through the whole round on this machine, before a student is there.

    Among honest zips ten are planted: random, majority, a memoriser, a thief of labels, a copy of another team's
    network, a wrong shape, a slow one, one that divides by 255, one that prints hidden images, one whose labels depend
    on the batch; and what tries deadline, grace, extension and limits. Every verb from the freeze to the grades is
    typed, with hand-in times of simulated days. Your own board is not touched.

    Without --contest it is a small contest of drawn images; with it, a copy of yours, and its rules but for times and
    numbers.

    Exit code 1 when anything ends otherwise than it deserves.

    \b
    Example:
      hemobench class rehearse
      hemobench class rehearse --contest cells --teams 8 --zips 40 -o try
    """
    from harness import api
    from harness.classroom.rehearse.deserve import verdicts
    from harness.classroom.rehearse.lead import lead
    from harness.classroom.rehearse.page import compose, summary
    from harness.cli._view.screen import Column, message
    from harness.cli._view.table import Table, print_table
    from harness.errors import UsageError
    from harness.records import Records
    from harness.workspace import make_folder, write_atomic

    like = api.open_contest(workspace, contest) if contest else None
    if output.exists() and any(output.iterdir()):
        raise UsageError(f"{output} is there already, expected a new folder.", "Choose another: -o FOLDER")
    make_folder(output, private=True)
    found = lead(output.resolve(), _type, message, n_teams=teams, n_zips=zips, n_days=days, seed=seed, like=like)
    told = verdicts(found)
    write_atomic(output / "index.html", compose(found, told).encode(), private=True)
    columns = [Column("planted", key=True), Column("expected"), Column("what happened"), Column("")]
    rows = [(one.name, one.expected, one.happened, "ok" if one.ok else "NOT OK") for one in told]
    fields = ("name", "planted", "expected", "happened", "ok")
    records = [{field: getattr(one, field) for field in fields} for one in told]
    print_table(Table(columns, rows, Records(fields, records), "A class rehearsed"), form)
    message(summary(found, told))
    message(f"The page: {output / 'index.html'}")
    if not all(one.ok for one in told):
        raise click.exceptions.Exit(1)


def _type(words: Sequence[str]) -> Typed:
    """Run a verb in this process, as if it had been typed into a pipe."""
    from harness.classroom.rehearse.lead import Typed
    from harness.cli import hemobench

    kept = [io.BytesIO(), io.BytesIO()]
    out, err = (io.TextIOWrapper(file, encoding="utf-8", write_through=True) for file in kept)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = hemobench.main(list(words), prog_name="hemobench", standalone_mode=False)
    printed, said = (file.getvalue().decode() for file in kept)
    return Typed(printed, said, code if isinstance(code, int) else 0)
