"""The rule by which a class is graded: a TOML file, read and checked.

A grade is the sum of what the scheme names: points for the score, points for each baseline that is beaten, and a
written part.  What is taken off for lateness comes from the record, is a share of the points for score and baselines,
and never touches the written part.
"""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from harness.classroom.grades.numbers import Rounding, exact, written
from harness.contest import Share, Spec
from harness.errors import ClassError
from harness.misread import explain

Points = Annotated[float, Meta(ge=0, le=1_000_000)]
EXAMPLE = """maximum = 30                # what all parts add up to
step = 0.5                  # grades are multiples of it, rounded "half up"

[score]
bands = [
  { at_least = 0.90, points = 18 },
  { at_least = 0.80, points = 14 },
  { at_least = 0.60, points = 8 },
]

[[beats]]
baseline = "majority"
points = 5

[written]
file = "written.csv"
points = 7
"""
SHOW = "An example of a scheme: hemobench class grades --example"


class Band(Spec, frozen=True):
    """Points of whose score, a share from 0 to 1, is at least so much."""

    at_least: Share
    points: Points


class ScorePart(Spec, frozen=True):
    """Points for the score: by `bands`, or by `groups` of teams, the best first; the last is of all further ones."""

    bands: tuple[Band, ...] = ()
    groups: tuple[Points, ...] = ()
    lift: bool = True  # into the band that the score's 95 % interval reaches


class Beats(Spec, frozen=True):
    """Points for being significantly better than a baseline, an entry's name or id on the board."""

    baseline: str
    points: Points


class WrittenPart(Spec, frozen=True):
    """A part that was marked by hand: a table of students with a column of points, of which `points` is the most."""

    file: str
    points: Points
    column: str = "points"


class Scheme(Spec, frozen=True):
    """How a class is graded.

    Attributes
    ----------
    maximum : float
        What the parts add up to at most, stated so that a slip in one of them is found.
    step : float
        Grades are multiples of it.
    rounding : {"half up", "half even", "up", "down"}
        How the sum becomes a multiple; parts are not rounded.
    without_entry : float or None
        Points for score and baselines of who has no entry that counts; None: no grade, but a line that says so.
    """

    maximum: Points
    score: ScorePart
    step: Annotated[float, Meta(gt=0, le=1_000)] = 0.5
    rounding: Rounding = "half up"
    beats: tuple[Beats, ...] = ()
    written: WrittenPart | None = None
    without_entry: Points | None = None

    def __post_init__(self) -> None:
        bands, groups = self.score.bands, self.score.groups
        if bool(bands) == bool(groups):
            raise ValueError("score: expected bands or groups, one of them")
        for lower, upper in itertools.pairwise(sorted(bands, key=lambda band: band.at_least)):
            if lower.at_least == upper.at_least or lower.points > upper.points:
                raise ValueError(
                    f"score: the band from {upper.at_least:g} has {upper.points:g} points and that from "
                    f"{lower.at_least:g} has {lower.points:g}, expected more for more"
                )
        if list(groups) != sorted(groups, reverse=True):
            raise ValueError(f"score: groups are {list(groups)}, expected the points of the best group first")
        if len({one.baseline for one in self.beats}) != len(self.beats):
            raise ValueError("beats: expected each baseline once")
        if self.step_exact % Decimal("0.01"):
            raise ValueError(f"step is {self.step:g}, expected a multiple of 0.01: platforms keep two decimals")
        if self.most != exact(self.maximum):
            raise ValueError(f"maximum is {self.maximum:g}, but the parts add up to {written(self.most)}")
        if exact(self.maximum) % self.step_exact:
            raise ValueError(f"maximum is {self.maximum:g}, expected a multiple of step, {self.step:g}")

    @property
    def step_exact(self) -> Decimal:
        return exact(self.step)

    @property
    def score_points(self) -> tuple[Decimal, ...]:
        """Points for the score, the most first."""
        points = self.score.groups or [band.points for band in self.score.bands]
        return tuple(sorted(map(exact, points), reverse=True))

    @property
    def most(self) -> Decimal:
        """What the parts add up to at most."""
        parts = [self.score_points[0], *(exact(one.points) for one in self.beats)]
        return sum(parts, exact(self.written.points) if self.written else Decimal(0))


def read_scheme(path: Path) -> Scheme:
    """Read a scheme.

    Raises
    ------
    ClassError
        There is none, it is no TOML, or a key or value is not as `Scheme` states it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return msgspec.toml.decode(text, type=Scheme)
    except OSError as error:
        raise ClassError(f"{path} cannot be read: {error.strerror}.", SHOW) from error
    except msgspec.ValidationError as error:
        what, hint = explain(str(error), msgspec.toml.decode(text), Scheme)
        raise ClassError(f"{path.name} is no scheme of grades: {what}.", hint or SHOW) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # ValueError: also what is no TOML or no UTF-8
        raise ClassError(f"{path.name} is no scheme of grades: {error}.", SHOW) from error
