"""``detailed_results.html``: one self-contained file; part of the programs on the server: standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from harness.format import interval, percent
from harness.score.stats import wilson_interval

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1d2733; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; } th { font-weight: 600; } tr { border-bottom: 1px solid #e3e7eb; }
.bar { background: #e3e7eb; width: 12rem; } .bar div { background: #9c2f5a; height: .8rem; }
.said { border-left: 4px solid #b3261e; padding: .5rem 1rem; background: #fdf2f1; } small { color: #5a6672; }
.confusion th { font-weight: 400; } .confusion td { min-width: 2.2rem; }
"""


def results(
    contest: Mapping[str, Any],
    task: Mapping[str, Any],
    confusion: Any,
    metrics: Mapping[str, tuple[float, float, float]],
    status: Mapping[str, Any],
    stretch: Mapping[int, float],
) -> str:
    """Return the page of a scored submission.

    Parameters
    ----------
    contest, task : mapping
        ``contest.json`` and ``task.json``.
    confusion : ndarray of shape (classes, classes), int64
        Rows are true classes, columns predicted ones.
    metrics : mapping of str to (float, float, float)
        Value and 95 % interval, 0 to 1.
    status : mapping
        What the prediction step told; the entry may have written it.
    stretch : mapping of int to float
        Of the interval of each class; see `harness.score.stats.stretch_of`.
    """
    counts: list[list[int]] = confusion.tolist()
    names = [str(name).replace("_", " ") for name in contest["class_names"]]
    body = [
        "<h2>Scores</h2>",
        _table(
            ("", "%", "95 % interval"),
            [
                (name.replace("_", " ").replace(" f1", " F1"), percent(value), interval(low, high))
                for name, (value, low, high) in metrics.items()
            ],
        ),
        "<h2>Recall of each class</h2>",
        _recall(names, counts, stretch),
        "<h2>Confusion</h2>",
        "<p>Rows: true classes; columns: predicted ones, in the same order. Darker: a larger share of the row.</p>",
        _confusion(names, counts),
        f"<p><small>{_timing(status)}</small></p>",
    ]
    return _page(contest, task, body)


def failure(contest: Mapping[str, Any], task: Mapping[str, Any], outcome: str, message: str, hint: str) -> str:
    """Return the page of a submission that has no score."""
    said = f"<div class=said><p><b>{escape(outcome)}</b>: {escape(message)}</p><p>{escape(hint)}</p></div>"
    return _page(contest, task, ["<h2>Not scored</h2>", said, "<p>Not scored is not a score of 0.</p>"])


def _page(contest: Mapping[str, Any], task: Mapping[str, Any], body: Sequence[str]) -> str:
    title = escape(str(contest["title"]))
    of = f", {int(task['groups']):,} groups" if task.get("groups") else ""
    about = f"{escape(str(task['title']))}, n = {int(task['n']):,} images{of}; contest {escape(contest['name'])} "
    about += (
        f"version {int(contest['version'])}, lock {escape(contest['lock'][:12])}, scorer {escape(contest['scorer'])}"
    )
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    return "\n".join(
        [
            head,
            f"<style>{STYLE}</style></head>",
            f"<body><h1>{title}</h1><p><small>{about}</small></p>",
            *body,
            "</body></html>",
            "",
        ]
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["<table>", "<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        lines.append(f"<tr><th>{escape(first)}</th>{cells}</tr>")
    return "\n".join([*lines, "</table>"])


def _recall(names: Sequence[str], counts: Sequence[Sequence[int]], stretch: Mapping[int, float]) -> str:
    lines = ["<table>", "<tr><th>class</th><th>right</th><th>of</th><th>%</th><th>95 % interval</th><th></th></tr>"]
    for number, (name, row) in enumerate(zip(names, counts, strict=True)):
        hits, n = row[number], sum(row)
        if not n:
            continue
        low, high = wilson_interval(hits, n, stretch.get(number, 1.0))
        bar = f'<td class=bar><div style="width:{100 * hits / n:.1f}%"></div></td>'
        cells = f"<td>{hits}</td><td>{n}</td><td>{percent(hits / n)}</td><td>{interval(low, high)}</td>{bar}"
        lines.append(f"<tr><th>{number} {escape(name)}</th>{cells}</tr>")
    return "\n".join([*lines, "</table>"])


def _confusion(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    lines = ["<table class=confusion>", "<tr><th></th>" + "".join(f"<th>{i}</th>" for i in range(len(names))) + "</tr>"]
    for number, (name, row) in enumerate(zip(names, counts, strict=True)):
        total = max(1, sum(row))
        cells = ""
        for column, count in enumerate(row):
            colour = "46,125,50" if column == number else "179,38,30"
            cells += f'<td style="background:rgba({colour},{0.75 * count / total:.3f})">{count or ""}</td>'
        lines.append(f"<tr><th>{number} {escape(name)}</th>{cells}</tr>")
    return "\n".join([*lines, "</table>"])


def _timing(status: Mapping[str, Any]) -> str:
    """Return what the prediction step told of itself, as text; numbers that are none are left out."""
    parts = []
    seconds, environment = status.get("seconds"), status.get("environment")
    for name, value in (seconds if isinstance(seconds, dict) else {}).items():
        if isinstance(value, int | float) and math.isfinite(value):
            parts.append(f"{name}: {value:.2f} s")
    parts += [f"{name} {value}" for name, value in (environment if isinstance(environment, dict) else {}).items()]
    return escape("; ".join(parts)[:1000])
