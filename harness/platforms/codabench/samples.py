"""Sample submissions of an exported contest: examples, fitted on its public data and zipped."""

from __future__ import annotations

from pathlib import Path

from harness.entry_source import fitted
from harness.examples import EXAMPLES
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
    isolation: Choice = AUTO,
) -> None:
    """Write a zip for each of `SAMPLES` into `folder`, the same as ``hemobench submit`` would score."""
    folder.mkdir(parents=True)
    for name in SAMPLES:
        source = fitted(workspace, frozen, EXAMPLES / name, isolation=isolation)
        pack(source, folder / f"{name}.zip", frozen.contest.limits)
