"""Will it fit?  Zip, time and memory, measured here and scaled to the target: the machine that is to run it."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.contest import Limits
from harness.doctor.findings import Finding, Fit, Severity
from harness.errors import HarnessError, did_you_mean

FILES = Path(__file__).parent / "targets"


class TargetError(HarnessError):
    """No such target, or its file says something it must not."""


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a machine that runs submissions.

    Attributes
    ----------
    name, title : str
    stated : str
        Where its facts come from.
    python : str
        ``3.11``; empty: the one that runs this.
    packages : dict of str to str
        Version by the name under which a package is imported; empty: those installed here.
    follows, assumed : tuple of str
        Fields and packages that nobody stated: those that follow from what was stated, and those that are guessed.
    time_s, memory_mb, zip_mb : int
        Limits; 0: none is known.
    as_contest : bool
        Whether the contest's own limits hold.
    speed : float
        Images a second there for each image a second here.
    tight : float
        From this share of a limit on, a need is called tight.
    """

    name: str
    title: str
    stated: str
    python: str = ""
    packages: dict[str, str] = {}
    follows: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    time_s: int = 0
    memory_mb: int = 0
    zip_mb: int = 0
    as_contest: bool = False
    speed: float = 1.0
    tight: float = 0.7

    @property
    def is_here(self) -> bool:
        """Whether its packages are those of this machine."""
        return not self.packages

    def has(self, package: str) -> bool:
        """Tell whether a package can be imported there, as far as is known."""
        if self.is_here:
            try:
                return importlib.util.find_spec(package) is not None
            except ValueError:  # __main__ has no file
                return package in sys.modules
        return package in self.packages

    def version(self, package: str) -> str:
        """Return a package's version there, with a word where nobody stated it."""
        word = " (assumed)" if package in self.assumed else " (follows)" if package in self.follows else ""
        return self.packages.get(package, "") + word

    def limits(self, limits: Limits) -> dict[str, float | None]:
        """Return its limits by the word for what they limit; `limits` are the contest's."""
        if self.as_contest:
            return {"time": limits.time_s, "memory": limits.memory_mb, "zip": limits.zip_mb}
        return {"time": self.time_s or None, "memory": self.memory_mb or None, "zip": self.zip_mb or None}

    def table(self) -> dict[str, dict[str, list[str] | None]]:
        """Return the names in its Keras and NumPy by module, and the arguments of the classes; empty where not known.

        ``tests/doctor/target_table.py`` has written it down in an environment with those versions.
        """
        path = FILES / f"{self.name}.json"
        return msgspec.json.decode(path.read_bytes()) if path.is_file() else {}


def names() -> tuple[str, ...]:
    """Return the names of all targets."""
    return tuple(sorted(path.stem for path in FILES.glob("*.toml")))


def find_target(name: str) -> Target:
    """Return a target by its name.

    Raises
    ------
    TargetError
    """
    path = FILES / f"{name}.toml"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not path.is_file():
        raise TargetError(f"No target is called {name!r}.", did_you_mean(name, names()))
    return msgspec.toml.decode(path.read_bytes(), type=Target)


FIXES = {
    "zip": "Leave out data, checkpoints and optimizer state; save weights as float16.",
    "time": "Predict in larger batches, take a smaller network, or fewer views of each image.",
    "memory": "Predict in batches, and keep no copy of all images as float.",
}


NEEDS = {"zip": "Size of the zip", "time": "Time to load and predict", "memory": "Memory"}


@dataclass(frozen=True)
class Measured:
    """What two runs of a submission needed here.

    Attributes
    ----------
    zip_bytes : int
    load_s : float, seconds
        Import and ``Model()``.
    predict_s : float, seconds
        For `n` images at once.
    n, n_few : int
        Images at once in the longer and in the shorter run.
    memory_mb, memory_few_mb : float
        Largest resident memory of each.
    """

    zip_bytes: int
    load_s: float
    predict_s: float
    n: int
    n_few: int
    memory_mb: float
    memory_few_mb: float

    def seconds(self, n: int) -> float:
        """Return the time for loading and for `n` images."""
        return self.load_s + self.predict_s / self.n * n

    def memory(self, n: int) -> float:
        """Return the memory with `n` images at once, MB: each image more costs as much as between the two runs.

        Examples
        --------
        >>> Measured(0, 0, 0, n=110, n_few=10, memory_mb=600, memory_few_mb=500).memory(1010)
        1500.0
        """
        each = max(0.0, self.memory_mb - self.memory_few_mb) / max(1, self.n - self.n_few)
        return self.memory_mb + each * max(0, n - self.n)


def compare(measured: Measured, target: Target, limits: Limits, counts: dict[str, int]) -> tuple[Fit, ...]:
    """Compare needs with limits.

    Parameters
    ----------
    counts : dict of str to int
        Images that are handed over at once, by split; all of them count for the time.
    """
    allowed = target.limits(limits)
    total, most = sum(counts.values()), max(counts.values())
    seconds = measured.seconds(total) / target.speed
    slower = f", at {target.speed:g} of the speed here" if target.speed != 1 else ""
    needs = (
        ("zip", "MB", measured.zip_bytes / 1e6, "size of the file"),
        (
            "time",
            "s",
            seconds,
            f"loading {measured.load_s:.1f} s, {total} images at {measured.n / max(measured.predict_s, 1e-9):,.0f} a "
            f"second{slower}",
        ),
        ("memory", "MB", measured.memory(most), f"{measured.memory_mb:.0f} MB measured, for {most} images at once"),
    )
    return tuple(
        Fit(what, unit, round(needed, 1), allowed[what], _verdict(needed, allowed[what], target.tight), how)
        for what, unit, needed, how in needs
    )


def _verdict(needed: float, allowed: float | None, tight: float) -> str:
    """Return the word for a need beside a limit.

    Examples
    --------
    >>> [_verdict(needed, 600, 0.7) for needed in (10, 500, 601)], _verdict(9e9, None, 0.7)
    (['pass', 'tight', 'fail'], 'pass')
    """
    if allowed is None or needed <= tight * allowed:
        return "pass"
    return "tight" if needed <= allowed else "fail"


def _amount(value: float) -> str:
    """Write a number with as many decimals as are worth reading.

    Examples
    --------
    >>> _amount(1.84), _amount(1234.5)
    ('1.8', '1,234')
    """
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def findings(fits: tuple[Fit, ...], target: Target) -> Iterator[Finding]:
    """Yield a finding for each need that does not fit, or hardly does."""
    assumed = " How fast the target is, was assumed." if "speed" in target.assumed else ""
    for fit in fits:
        if fit.verdict != "pass":
            failing = fit.verdict == "fail"
            yield Finding(
                code=f"fit-{fit.what}",
                severity=Severity.FAIL if failing else Severity.WARNING,
                title=f"{NEEDS[fit.what]}: {_amount(fit.needed)} {fit.unit} of {fit.allowed:,.0f} on {target.title}",
                cause=f"A limit of {target.title}." if failing else "A busier machine than this one may not be enough.",
                evidence=f"{fit.how}.{assumed if fit.what == 'time' else ''}",
                fix=FIXES[fit.what],
            )
