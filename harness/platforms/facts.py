"""What the pages of a contest say, gathered from its lock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2

from harness.errors import UsageError
from harness.freeze.frozen import Frozen
from harness.score.card import scorer_version
from harness.score.metrics import METRICS
from harness.score.stats import wilson_interval
from harness.words import markdown

TEMPLATES = Path(__file__).parent / "templates"
# Without dates a contest is open from the day it is published until its owner sets an end: bytes must not depend on
# the day of the export, and a day already past would close it.
OPEN, FAR = datetime(2025, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Dates:
    """When the phases begin and end, in UTC; the final phase begins one second after development ends."""

    start: datetime = OPEN
    final: datetime = FAR
    end: datetime | None = None

    def __post_init__(self) -> None:
        order = [self.start, self.final, *([self.end] if self.end else [])]
        if any(later - earlier < timedelta(minutes=1) for earlier, later in pairwise(order)):
            said = ", ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in order)
            raise UsageError(
                f"The dates are {said} (UTC), expected each later than the one before.",
                "Give --start before --final, and --final before --end.",
            )

    @property
    def development_end(self) -> datetime:
        return self.final - timedelta(seconds=1)


def facts_of(frozen: Frozen) -> dict[str, Any]:
    """Return what templates may name: the contest, its counts, its licence, its lock."""
    contest, lock = frozen.contest, frozen.lock
    totals = {split: sum(counts.values()) for split, counts in lock.counts.items()}
    return {
        "contest": contest,
        "lock": frozen.lock_hash,
        "known_labels": lock.known_labels,
        "scorer": scorer_version(),
        "counts": lock.counts,
        "totals": totals,
        "metrics": [(metric.name, _explained(metric.name)) for metric in contest.metrics],
        "licence": frozen.source_text("licence"),
        "citation": frozen.source_text("citation"),
        "plus_minus": _plus_minus(totals["public"]),
        "height": contest.image_shape[0],
        "width": contest.image_shape[1],
    }


def _explained(metric: str) -> str:
    """Return what a metric is: the first line of its docstring, to be read within a sentence.

    Examples
    --------
    >>> _explained("accuracy")
    'share of images whose label is right'
    """
    line = (METRICS[metric].__doc__ or metric).splitlines()[0].removesuffix(".")
    return line[:1].lower() + line[1:]


def _plus_minus(n: int) -> str:
    """Return half the 95 % interval of an accuracy of 80 % on `n` images, in points."""
    low, high = wilson_interval(round(0.8 * n), n)
    return f"{50 * (high - low):.1f}"


def contest_json(frozen: Frozen) -> dict[str, Any]:
    """Return what the programs on the server need to know: ``contest.json``."""
    contest = frozen.contest
    return {
        "name": contest.name,
        "title": contest.title,
        "version": contest.version,
        "lock": frozen.lock_hash,
        "scorer": scorer_version(),
        "class_names": list(contest.class_names),
        "image_shape": list(contest.image_shape),
        "metrics": [metric.name for metric in contest.metrics],
    }


def quoted(value: object) -> str:
    """Write text as a YAML string in double quotes, whatever is in it.

    Examples
    --------
    >>> print(quoted('a "b": c'))
    "a \\"b\\": c"
    """
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def words(name: str) -> str:
    """Write the name of a metric or class for people.

    Examples
    --------
    >>> words("macro_f1"), words("immature_granulocyte")
    ('macro F1', 'immature granulocyte')
    """
    return name.replace("_", " ").replace(" f1", " F1")


def render(template: str, **facts: Any) -> str:
    """Return a template of this package, filled in; a name it does not know is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown and YAML; what goes into YAML is `quoted`
    )
    environment.filters["quoted"] = quoted
    environment.filters |= {"words": words, "markdown": markdown}
    environment.filters["utc"] = lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S+00:00}"
    return environment.get_template(template).render(**facts)
