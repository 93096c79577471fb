"""``hemobench compare``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import contest_option, format_option, workspace_option

if TYPE_CHECKING:
    from harness.analysis.pair import Divided, PairComparison
    from harness.cli._view.table import Table

LARGEST = 8  # groups that the short view draws, those with the largest difference


@click.command(short_help="Compare two entries image by image.")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--full", is_flag=True, help="Draw all corruptions, and every metric on every split.")
@click.option("--reveal-private", is_flag=True, help="Add the private half, and decide by it.")
@contest_option
@workspace_option
@format_option
def compare(
    one: str, other: str, full: bool, reveal_private: bool, contest: str | None, workspace: Path, form: str
) -> None:
    """Compare two entries image by image.

    A and B are ids, or names: then the best by its public score. p is of the exact McNemar test: how often two equally
    good entries would be divided at least so unevenly. In a contest with groups both p and intervals are by group.

    \b
    Example:
      hemobench compare majority nearest-centroid
      hemobench compare 1 3 --json
    """
    from harness import api
    from harness.cli._view.screen import working

    with working("Comparing"):
        found = api.compare(workspace, one, other, contest, reveal_private=reveal_private)
    from harness.cli._view.table import print_table

    if form != "table":
        print_table(_splits(found), form, lambda: found)
        return
    _show(found, by_name=(one != str(found.one.id), other != str(found.other.id)), full=full)
    if reveal_private:
        click.secho("With private scores: not for entrants while the contest is open.", fg="yellow", err=True)


def _show(found: PairComparison, *, by_name: tuple[bool, bool], full: bool) -> None:
    from harness.cli._view.bars import KEY
    from harness.cli._view.charts import say
    from harness.cli._view.table import print_table

    say(verdict(found), style="bold")
    for letter, side, named in zip("AB", (found.one, found.other), by_name, strict=True):
        others = f", the best of {side.namesakes + 1} of this name" if side.namesakes and named else ""
        say(f"{letter}: entry {side.id}, {side.name}{others}")
    if found.one.withheld or found.other.withheld:
        say("The Ladder holds a public score back, so the public half is not compared.")
    print_table(_splits(found), "table")
    _metrics(found, full)
    _groups("class", found, found.classes, full)
    _groups("corruption", found, found.families, full)
    say(f"To the right A is ahead, to the left B. {KEY}.")


def verdict(found: PairComparison) -> str:
    """Say in one sentence which of the two is better, if either is."""
    from harness.analysis.compare import Difference
    from harness.format import PLACES, p_value, points, points_interval

    decided, where = found.splits[found.by], PLACES[found.by]
    by = decided.metrics[found.metric].difference
    if found.better == "other":
        by = Difference(-by.value, -by.high, -by.low)
    # The test is of accuracy: where another metric decides, its interval does.
    sure = p_value(decided.p) if found.metric == "accuracy" else f"by {found.metric.replace('_', ' ')}"
    told = f"{points(by.value)} points ({points_interval(by.low, by.high)}), {sure}"
    if not found.better:
        return f"A and B are not significantly different on {where}: {told}."
    ahead, behind = ("A", "B") if found.better == "one" else ("B", "A")
    return f"{ahead} is significantly better than {behind} on {where}: {told}."


def _splits(found: PairComparison) -> Table:
    from harness.cli._view.screen import Column
    from harness.cli._view.table import Table
    from harness.format import SHORT, p_value, points, points_interval
    from harness.records import of_pair

    rows = []
    records, grouped = of_pair(found), any(of.divided.n_groups for of in found.splits.values())
    for row, of in zip(records.rows, found.splits.values(), strict=True):
        by = of.divided.difference
        shares = (f"{100 * row[side]:.1f}" for side in "ab")
        p = p_value(of.p).removeprefix("p ").removeprefix("= ").replace("< ", "<")
        only = (str(row["only_a"]), str(row["only_b"]))
        difference = f"{points(by.value)} ({points_interval(by.low, by.high)})"
        groups = [str(of.divided.n_groups)] if grouped else []
        rows.append((SHORT[row["split"]], str(row["n"]), *groups, *shares, difference, *only, p))
    names = ("n", *(["groups"] if grouped else []), "A %", "B %", "A less B", "only A", "only B", "p")
    columns = [Column("", key=True), *(Column(name, number=True) for name in names)]
    title = "Accuracy, and images that only one has right"
    note = f"A: entry {found.one.id}, {found.one.name}. B: entry {found.other.id}, {found.other.name}. {title}."
    return Table(columns, rows, records, title, note)


def _metrics(found: PairComparison, full: bool) -> None:
    """Print the metrics beside accuracy, on the split that decides or on all."""
    from harness.cli._view.charts import matrix
    from harness.format import SHORT, percent, points, points_interval

    rows = []
    for split in found.splits if full else (found.by,):
        for metric, of in found.splits[split].metrics.items():
            if metric != "accuracy":
                scores = (percent(side.value) for side in (of.one, of.other))
                change = f"{points(of.difference.value)} ({points_interval(of.difference.low, of.difference.high)})"
                rows.append((f"{SHORT[split]}, {metric.replace('_', ' ')}", *scores, change))
    if rows:
        kind = "interval by cluster" if found.splits[found.by].divided.n_groups else "paired bootstrap's interval"
        matrix(f"Other metrics, with the {kind}", ("A %", "B %", "A less B"), rows)


def _groups(what: str, found: PairComparison, groups: tuple[Divided, ...], full: bool) -> None:
    from harness.cli._view.charts import Gain, gains, images, title

    if not groups:
        return
    few = groups if full else groups[:LARGEST]
    of = "" if len(few) == len(groups) else f": largest {len(few)} of {len(groups)}"
    title(f"By {what}, on {images(found.by)}, A less B in points{of}")
    gains([Gain(group.name.replace("_", " "), group.n, group.difference, group.n_groups) for group in few])
