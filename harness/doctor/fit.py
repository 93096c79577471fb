"""Will it fit?  Zip, time and memory, measured here and scaled to the target's limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.contest import Limits
from harness.doctor.findings import Finding, Fit, Severity
from harness.doctor.target import Target

MENDS = {
    "zip": "Leave out data, checkpoints and optimizer state; save weights as float16.",
    "time": "Predict in larger batches, take a smaller network, or fewer views of each picture.",
    "memory": "Predict in batches, and keep no copy of all pictures as float.",
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
        For `n` pictures at once.
    n, n_few : int
        Pictures at once in the longer and in the shorter run.
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
        """Return the time for loading and for `n` pictures."""
        return self.load_s + self.predict_s / self.n * n

    def memory(self, n: int) -> float:
        """Return the memory with `n` pictures at once, MB: each picture more costs as much as between the two runs.

        Examples
        --------
        >>> Measured(0, 0, 0, n=110, n_few=10, memory_mb=600, memory_few_mb=500).memory(1010)
        1500.0
        """
        each = max(0.0, self.memory_mb - self.memory_few_mb) / max(1, self.n - self.n_few)
        return self.memory_mb + each * max(0, n - self.n)


def judge(measured: Measured, target: Target, limits: Limits, counts: dict[str, int]) -> tuple[Fit, ...]:
    """Compare needs with limits.

    Parameters
    ----------
    counts : dict of str to int
        Pictures that are handed over at once, by split; all of them count for the time.
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
            f"loading {measured.load_s:.1f} s, {total} pictures at {measured.n / max(measured.predict_s, 1e-9):,.0f} a "
            f"second{slower}",
        ),
        ("memory", "MB", measured.memory(most), f"{measured.memory_mb:.0f} MB measured, for {most} pictures at once"),
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
                mend=MENDS[fit.what],
            )
