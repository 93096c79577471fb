"""The linter: every rule on a bundle, worst first."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.codabench import rules
from harness.codabench.bundle import Bundle, open_bundle
from harness.codabench.rule import BREAKING, RULES, Finding, Severity
from harness.errors import BundleError

assert rules  # imported for what it registers

DAMAGED = "L0"
ALWAYS = ("L1", "L2", "L4")  # rules that need no `competition.yaml`


def lint(path: Path) -> list[Finding]:
    """Return what is wrong with a bundle, a zip or a folder; empty when nothing is.

    Raises
    ------
    BundleError
        There is no such file or folder.
    """
    if not path.exists():
        with open_bundle(path):
            pass
    try:
        with open_bundle(path) as bundle:
            return check(bundle)
    except BundleError as error:
        return [
            Finding(
                DAMAGED,
                Severity.REFUSED,
                "the bundle cannot be unpacked",
                error.message,
                error.hint,
                "Unpacking the bundle failed. Here is the error log: File is not a zip file",
            )
        ]


def check(bundle: Bundle) -> list[Finding]:
    """Return the findings of all rules on an opened bundle."""
    order = list(Severity)
    found = [
        Finding(rule.id, rule.severity, rule.what, evidence, mend, rule.server)
        for rule in RULES.values()
        if not bundle.fault or rule.id in ALWAYS
        for evidence, mend in rule.check(bundle)
    ]
    return sorted(found, key=lambda finding: order.index(finding.severity))


def breaks(findings: Iterable[Finding]) -> bool:
    """Tell whether the server would refuse the bundle, fail on it, or give the labels away."""
    return any(finding.severity in BREAKING for finding in findings)
