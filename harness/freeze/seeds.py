"""Seeds that a contest keeps private: drawn when it is frozen first, and kept beside its hidden labels."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

import msgspec

from harness.contest import Contest, with_seeds
from harness.workspace import Workspace

SEEDS = "seeds.json"
BITS = 63  # of a seed: none can find it by trying


def seeds_of(workspace: Workspace, contest: Contest) -> dict[str, int]:
    """Return the seeds that a contest keeps private, ``split`` and ``shift``: those of its last freeze, or new ones."""
    kept: dict[str, int] = {}
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        path = workspace.contest(contest.name) / "current" / "private" / SEEDS
        kept = msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    stated = {"split": contest.split.seed, "shift": contest.shift.seed}
    return {name: kept.get(name) or secrets.randbits(BITS) for name, seed in stated.items() if seed == "private"}


def seeded(contest: Contest, seeds: dict[str, int]) -> Contest:
    """Return a contest with these seeds in the place of those that it keeps private."""
    return with_seeds(contest, seeds.get("split", contest.split.seed), seeds.get("shift", contest.shift.seed))


def write_seeds(folder: Path, seeds: dict[str, int]) -> None:
    """Write the seeds of a freeze, where there are some, into its private folder."""
    if seeds:
        (folder / SEEDS).write_bytes(msgspec.json.encode(seeds, order="deterministic"))
