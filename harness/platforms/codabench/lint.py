"""The linter: every rule on a bundle, worst first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from harness.errors import BundleError, HarnessError, UnreadableError
from harness.limited import Reader
from harness.platforms.codabench import rules
from harness.platforms.codabench.bundle import UNPACKING, Bundle, open_here
from harness.platforms.codabench.rule import BREAKING, RULES, Finding, Severity

assert rules  # imported for what it registers

DAMAGED = "L0"
ALWAYS = ("L1", "L2", "L4", "L5")  # rules that need no `competition.yaml`
MOST = 50  # findings of one rule; more say nothing new
LONGEST = 600  # characters of evidence and fix, which quote what strangers wrote


def lint(path: Path) -> list[Finding]:
    """Return what is wrong with a bundle, a zip or a folder; empty when nothing is.

    Raises
    ------
    BundleError
        There is no such file or folder.
    UnreadableError
        By a fault of ours, which says nothing of the bundle.
    """
    if not path.exists():
        raise BundleError(f"There is no bundle {path}.", "Give a zip or a folder; make one: hemobench codabench export")
    try:
        with Reader(UNPACKING) as reader:
            return reader.call(path.name, lint_here, path)
    except (BundleError, UnreadableError) as error:
        if isinstance(error, UnreadableError) and error.end == "fault":
            raise
        return [_damaged(error)]


def _damaged(error: HarnessError) -> Finding:
    return Finding(
        DAMAGED,
        Severity.REFUSED,
        "the bundle cannot be unpacked",
        error.message,
        error.hint,
        "Unpacking the bundle failed. Here is the error log: File is not a zip file",
    )


def lint_here(path: Path) -> list[Finding]:
    """Do what `lint` does, in this process."""
    with open_here(path) as bundle:
        return check(bundle)


def check(bundle: Bundle) -> list[Finding]:
    """Return the findings of all rules on an opened bundle."""
    order = list(Severity)
    found = [
        Finding(rule.id, rule.severity, rule.what, _short(evidence), _short(fix), rule.server)
        for rule in RULES.values()
        if not bundle.fault or rule.id in ALWAYS
        for evidence, fix in itertools.islice(rule.check(bundle), MOST)
    ]
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def breaks(findings: Iterable[Finding]) -> bool:
    """Tell whether the server would refuse the bundle, fail on it, or give the labels away."""
    return any(finding.severity in BREAKING for finding in findings)
