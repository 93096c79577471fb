"""What the doctor says: findings, the worst first, each with cause, evidence and fix."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How bad a finding is, the worst first."""

    FAIL = "fail"  # there would be no score
    WRONG = "wrong"  # there would be a score, and not the one that the model deserves
    WARNING = "warning"  # it may fail or mislead, and only the target can tell
    NOTE = "note"  # worth knowing


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing found, with everything that is needed to fix it.

    Attributes
    ----------
    code : str
        A name for programs, the same for the same fault in any zip.
    severity : Severity
    title : str
        What is the matter, in one line.
    cause : str
        Why that is a fault, or how it most likely came about.
    evidence : str
        What was read or measured.
    fix : str
        What exactly to change or to type; empty where nothing is to be done.
    subject : str
        The file, package or class that it is about, where there is one.
    fixable : bool
        Whether ``--fix`` can do it.
    """

    code: str
    severity: Severity
    title: str
    cause: str = ""
    evidence: str = ""
    fix: str = ""
    subject: str = ""
    fixable: bool = False


class Fit(msgspec.Struct, frozen=True):
    """One need of a submission beside what the target gives.

    Attributes
    ----------
    what, unit : str
    needed, allowed : float
        `needed` is scaled to the target; `allowed` is infinite, and absent from JSON, where there is no limit.
    verdict : {'pass', 'tight', 'fail'}
    how : str
        How `needed` was reckoned.
    """

    what: str
    unit: str
    needed: float
    allowed: float | None
    verdict: str
    how: str


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """All that the doctor has to say of one submission.

    Attributes
    ----------
    path : str
        The zip or folder that was looked at.
    target : str
    findings : tuple of Finding
        The worst first.
    fits : tuple of Fit
        Empty where the submission did not run.
    looked_at : tuple of str
        What was examined, so that silence means health and not that nobody looked.
    accuracy : dict of str to float
        Shares of right labels by the way the images were shown, 0 to 1.
    n : dict of str to int
        How many images each share is of.
    repaired : str
        The zip that was written; empty where none was.
    isolation : str
        The isolation that it ran in; empty where it did not run.
    missing_restrictions : tuple of str
    seconds : float
        All of the examination.
    """

    path: str
    target: str
    findings: tuple[Finding, ...]
    fits: tuple[Fit, ...] = ()
    looked_at: tuple[str, ...] = ()
    accuracy: dict[str, float] = {}
    n: dict[str, int] = {}
    repaired: str = ""
    isolation: str = ""
    missing_restrictions: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def fails(self) -> bool:
        """Whether the submission would get no score at the target."""
        return any(finding.severity is Severity.FAIL for finding in self.findings)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity; within one, as they came.

    Examples
    --------
    >>> note, fail = (Finding(code=word, severity=Severity(word), title="") for word in ("note", "fail"))
    >>> [finding.code for finding in worst_first([note, fail])]
    ['fail', 'note']
    """
    order = list(Severity)
    return tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))
