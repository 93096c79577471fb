"""The report as one HTML file that asks nothing of a network, and the same facts as CSV and JSON."""

from __future__ import annotations

import base64
import functools
import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import msgspec
import numpy as np
from markdown_it import MarkdownIt
from markupsafe import Markup
from numpy.typing import NDArray

from harness import spreadsheet
from harness.analysis.corruptions import FEW
from harness.analysis.document import Report
from harness.analysis.pairwise import Pairwise
from harness.analysis.preview import best_method
from harness.format import COLOURS, PARTS, SHORT, interval, percent, points, sample
from harness.report import figures
from harness.words import TRANSDUCTIVE, UNGROUPED, VERIFIED, counted

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Live:
    """What a page that is served says of itself: its version, since when, UTC, and what keeps it from being newer."""

    version: str
    since: str
    trouble: str = ""


@dataclass(frozen=True)
class Page:
    """A page, and the content security policy that it states itself, for the header of who serves it."""

    html: str
    policy: str


def render(report: Report, images: Mapping[tuple[str, int], str]) -> str:
    """Return the page as a file: the same bytes for the same report and images."""
    return compose(report, images).html


def compose(report: Report, images: Mapping[tuple[str, int], str], live: Live | None = None) -> Page:
    """Return the page, as a file or, with `live`, as it is served.

    Its content security policy lets run and load nothing but what is in it: style and script by their hashes.  A page
    that is served may also ask its own server whether there is a newer one.
    Names and messages come from strangers: Jinja escapes them in text, and `tojson` inside the data.

    Parameters
    ----------
    report : Report
    images : mapping of (split, row) to str
        Of `harness.report.images.thumbnails`.
    live : Live or None
    """
    environment = _environment()
    scripts = _scripts("page.js", *(["live.js"] if live else []))
    style = environment.get_template("page.css").render(colours=COLOURS, images=_names(images), live=live)
    policy = _policy(style, scripts, live)
    html = environment.get_template("page.html").render(
        report=report,
        data=_data(report),
        figures=figures,
        few=FEW,
        scale=figures.scale(report),
        best_method=best_method(report.methods),
        short=SHORT,
        hidden=_hidden(report),
        names={row.id: row.name for row in report.rows},
        commands={"freeze": _freeze_again(report)},
        numbers={split.name: sample(split.n, split.n_groups) for split in report.splits},
        sizes={split.name: split.n for split in report.splits},
        transductive=TRANSDUCTIVE,
        verified=VERIFIED,
        ungrouped=UNGROUPED,
        style=Markup(style),
        scripts=scripts,
        policy=policy,
        live=live,
    )
    return Page(html, policy)


def compose_trouble(trouble: str) -> Page:
    """Return the page that is served while there is no board to show: why, and the script that waits for one."""
    environment, scripts, live = _environment(), _scripts("live.js"), Live("", "", trouble)
    style = environment.get_template("page.css").render(colours=COLOURS, images={}, live=live)
    policy = _policy(style, scripts, live)
    html = environment.get_template("trouble.html").render(
        live=live, style=Markup(style), scripts=scripts, policy=policy
    )
    return Page(html, policy)


def compose_text(title: str, text: str, links: Mapping[str, str]) -> str:
    """Return a page of Markdown, tables among it, with `links` from words to addresses above it; HTML in it is text."""
    environment = _environment()
    style = environment.get_template("page.css").render(colours=COLOURS, images={}, live=None)
    body = Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))
    return environment.get_template("text.html").render(
        title=title, body=body, links=links, style=Markup(style), policy=_policy(style, [], None)
    )


@functools.cache
def _environment() -> jinja2.Environment:
    """Return what holds the templates: to compile them takes four times as long as to fill them in."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "separators": (",", ":")}
    environment.filters |= {
        "percent": percent,
        "between": lambda estimate: interval(estimate.low, estimate.high),
        "sized": lambda estimate: sample(estimate.n, estimate.n_groups),
        "points": points,
        "counted": counted,
        "words": lambda name: name.replace("_", " "),
        "heat": heat,
        "megabytes": lambda n: f"{n / 1e6:.1f} MB",
        "weights": lambda text: text.removeprefix("sha256:")[:8] if text.startswith("sha256:") else text,
    }
    return environment


def _scripts(*names: str) -> list[Markup]:
    return [Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in names]


def _policy(style: str, scripts: list[Markup], live: Live | None) -> str:
    allowed = " ".join(f"'{_hash(script)}'" for script in scripts) or "'none'"
    own_server = "connect-src 'self'; " if live else ""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src {allowed}; "
        f"{own_server}base-uri 'none'; form-action 'none'"
    )


def _names(images: Mapping[tuple[str, int], str]) -> dict[str, Markup]:
    return {f"{split}-{row}": Markup(data) for (split, row), data in images.items()}


def _hash(content: str) -> str:
    """Return the source expression by which a content security policy lets an inline style or script in."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def heat(share: float) -> str:
    """Return the class of the style sheet that shades a cell by a share, in ten steps.

    Examples
    --------
    >>> heat(0.0), heat(0.449), heat(1.0)
    ('h0', 'h4', 'h10')
    """
    return f"h{int(10 * share + 0.5)}"


def _hidden(report: Report) -> str:
    """Name the hidden images that classes of corruption are counted on."""
    return "hidden test" if report.revealed else "hidden, public half"


def _freeze_again(report: Report) -> str:
    """Return the command that freezes the same images from their source."""
    source = report.frozen.source.get("file")
    return f"hemobench freeze --contest {report.contest}" + (f" --source {shlex.quote(source)}" if source else "")


def _data(report: Report) -> dict[str, Any]:
    """Return what the script needs to compare two entries."""
    compared = [report.rows[row] for row in report.pairwise.rows] if report.pairwise else []
    return {
        "by": report.ranked_by,
        "metric": report.metric.replace("_", " "),
        "splits": [{"name": split.name, "title": split.title, "n": split.n} for split in report.splits],
        "classes": [name.replace("_", " ") for name in report.class_names],
        "families": [name.replace("_", " ") for name in report.families.names],
        "hidden": _hidden(report),
        "entries": [
            {
                "id": row.id,
                "name": f"{row.name} #{row.id}",
                "rank": row.rank,
                "hits": {
                    split: sum(round(e.value * e.n) for e in recalls if e)
                    for split, recalls in row.detail.recalls.items()
                },
                "recalls": [e and [round(e.value * e.n), e.n] for e in row.detail.recalls[report.ranked_by]],
                "families": [[tally.hits, tally.n] for tally in row.detail.families],
            }
            for row in compared
            if row.detail
        ],
        "pairs": _packed(report.pairwise) if report.pairwise else None,
    }


def _packed(pairs: Pairwise) -> dict[str, Any]:
    """Write numbers as base64, little-endian; limits in tenths of points, as they are shown."""

    def pack(values: tuple[float, ...] | NDArray, dtype: str) -> str:
        return base64.b64encode(np.array(values).astype(dtype).tobytes()).decode()

    def tenths(limits: tuple[float, ...]) -> NDArray[np.float64]:
        return np.rint(1000 * np.array(limits))

    return {
        "gained": {split: pack(counts, "<u4") for split, counts in pairs.gained.items()},
        "lost": {split: pack(counts, "<u4") for split, counts in pairs.lost.items()},
        "low": {split: pack(tenths(limits), "<i2") for split, limits in pairs.low.items()},
        "high": {split: pack(tenths(limits), "<i2") for split, limits in pairs.high.items()},
        "p": {split: pack(values, "<f4") for split, values in pairs.p.items()},
        "adjusted": pack(pairs.adjusted, "<f8"),
    }


def as_json(report: Report) -> bytes:
    """Return the report as JSON, for other programs."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def as_csv(report: Report) -> str:
    """Return the board as CSV: shares 0 to 1 and unrounded, an empty field where there is none.

    What ``leaderboard --format csv`` has, too, has the same name there.
    """
    # The metric that ranks goes without its name, which stands in a column of its own.
    found = {
        f"{split.name}{'' if metric == report.metric else f'_{metric}'}{part}": (split.name, metric, part)
        for metric in report.metrics
        for split in report.splits
        for part in PARTS
        if part != "_groups" or split.n_groups
    }
    head = (
        "rank", "best_rank", "worst_rank", "level_with_first", "id", "entry", "message", "date", "weights", "precision",
        "n_changed", "verified", "same_as", "zip_sha256", "metric", "gap",
    )  # fmt: skip
    rows = []
    for row in report.rows:
        ranks = (row.ranks.best, row.ranks.worst) if row.ranks else (None, None)
        numbers = [getattr(row.scores[split].get(metric), PARTS[part], None) for split, metric, part in found.values()]
        rows.append(
            [row.rank, *ranks, row.level_with_first, row.id, row.name, row.message, row.created_at, row.weights,
             row.precision, row.n_changed, row.verified, row.same_as, row.zip_sha256, report.metric, row.gap, *numbers]
        )  # fmt: skip
    return spreadsheet.as_csv([*head, *found], rows)
