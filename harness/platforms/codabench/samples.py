"""Sample submissions of an exported contest: folders of ``submissions/``, fitted on its public data and zipped."""

from __future__ import annotations

from pathlib import Path

from harness.entry_source import SUBMISSIONS, fitted
from harness.errors import UsageError
from harness.freeze.frozen import Frozen
from harness.pack import pack
from harness.sandbox.backends import AUTO, Choice
from harness.workspace import Workspace

SAMPLES = ("majority", "nearest-centroid")


def write_samples(
    workspace: Workspace,
    frozen: Frozen,
    folder: Path,
    *,
    submissions: Path = SUBMISSIONS,
    isolation: Choice = AUTO,
) -> None:
    """Write a zip for each of `SAMPLES` into `folder`, the same as ``hemobench submit`` would score.

    Raises
    ------
    UsageError
        The folders are not here.
    """
    folder.mkdir(parents=True)
    for name in SAMPLES:
        source = submissions / name
        if not (source / "model.py").is_file():
            raise UsageError(
                f"There is no {source / 'model.py'}, from which the sample submission {name} is made.",
                "Run the command in the project's folder, where submissions/ lies.",
            )
        pack(fitted(workspace, frozen, source, isolation=isolation), folder / f"{name}.zip", frozen.contest.limits)
