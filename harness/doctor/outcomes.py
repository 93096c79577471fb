"""A run that ended without labels, explained, and what was read beforehand named as its cause where it is."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from harness.doctor.findings import Finding, Severity
from harness.sandbox.outcome import EntryRun, Outcome

CAUSES = {
    Outcome.REFUSED: "The zip door lets a submission in whole or not at all.",
    Outcome.IMPORT_FAILED: "The contest does: from model import Model. Nothing can follow where that fails.",
    Outcome.LOAD_FAILED: "The contest does: Model(). Nothing can follow where that fails.",
    Outcome.PREDICT_FAILED: "The contest does: predict(X), with X uint8 of shape (n, height, width, 3).",
    Outcome.BAD_OUTPUT: "The contest takes integer labels of shape (n,), from 0 on.",
    Outcome.TIMED_OUT: "Loading and predicting together have a limit.",
    Outcome.OUT_OF_MEMORY: "All processes of a submission together have a limit.",
    Outcome.KILLED: "A process that a signal ended has answered nothing.",
}
STATIC = (
    *("file-absent", "file-case", "absolute-path", "import"),
    *("saved-damaged", "saved-lambda", "saved-custom", "saved-keras-2", "saved-newer"),
)


def explain(run: EntryRun) -> Finding:
    """Return the finding for a run that did not score."""
    words = [line for line in run.log.strip().splitlines() if line.strip()][-3:]
    last = " | ".join("".join(letter if letter.isprintable() else "?" for letter in line.strip()) for line in words)
    return Finding(
        code=str(run.outcome).replace("_", "-"),
        severity=Severity.FAIL,
        title=run.message or f"It ended as {run.outcome}",
        cause=CAUSES.get(run.outcome, ""),
        evidence=f"Its last words: {last[-400:]}" if last else "",
        mend=run.hint,
    )


def promote(findings: list[Finding], run: EntryRun) -> tuple[list[Finding], bool]:
    """Make suspicions that a failed run bears out into failures; return whether there was one."""
    told = f"{run.message} {run.log[-4000:]}"
    borne_out = [finding for finding in findings if finding.code in STATIC and _is_about(finding, told)]
    changed = [
        msgspec.structs.replace(
            finding, severity=Severity.FAIL, evidence=f"{finding.evidence}. When run: {run.message}"
        )
        if finding in borne_out
        else finding
        for finding in findings
    ]
    return changed, bool(borne_out)


def _is_about(finding: Finding, told: str) -> bool:
    """Tell whether what a run said names the file or package of a finding."""
    if finding.code.startswith("saved-"):
        return finding.title.split(" ")[0] in told or "deserializ" in told or "keras" in told.casefold()
    subject = finding.title.split(": ")[-1].split(" ")[0]
    return PurePosixPath(subject).name in told
