"""Where an entry was right and where not, from its kept predictions: by split, and by family of corruption."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.errors import WorkspaceError
from harness.freeze.frozen import Frozen, read_arrays
from harness.freeze.shift import Link
from harness.score.evaluate import SPLITS, labels_of

UNTOUCHED = "untouched"  # the family of pictures that the shift left as they are


class Tally(msgspec.Struct, frozen=True):
    """`hits` right of `n` pictures."""

    hits: int
    n: int


class Diagnosis(msgspec.Struct, frozen=True):
    """What one entry got right.

    Attributes
    ----------
    right : dict of str to ndarray of shape (n,), bool
        By split, whether the label of each picture was right; the pictures of a split stand in one order for all
        entries of a contest, so that two entries can be compared picture by picture.
    families : dict of str to Tally
        By family of corruption, over the hidden pictures asked for.  A picture counts for each link of its chain.
    chains : dict of int to Tally
        The same by the length of the chain.
    """

    right: dict[str, NDArray[np.bool_]]
    families: dict[str, Tally]
    chains: dict[int, Tally]


def diagnose(frozen: Frozen, predictions: Path, splits: tuple[str, ...] = SPLITS) -> Diagnosis:
    """Compare predictions that were kept in a file with the labels.

    Parameters
    ----------
    predictions : Path
        An ``.npz`` of one array of labels, shape (n,), int64, for each split.
    splits : tuple of str
        Those to look at; without ``private`` nothing is told of the private half.

    Raises
    ------
    WorkspaceError
        The file is missing or damaged, or belongs to another contest.
    """
    kept = read_arrays(predictions)
    truth = labels_of(frozen)
    right: dict[str, NDArray[np.bool_]] = {}
    for split in splits:
        y_true = truth[split][1]
        if split not in kept or kept[split].shape != y_true.shape:
            raise WorkspaceError(
                f"{predictions} holds no predictions for {split} of this contest.", "Submit the entry again."
            )
        right[split] = kept[split] == y_true
    chains = read_chains(frozen)
    families: dict[str, list[bool]] = defaultdict(list)
    lengths: dict[int, list[bool]] = defaultdict(list)
    for split in ("public", "private"):
        if split in right:
            rows = np.arange(len(chains))[truth[split][0]]
            for row, hit in zip(rows, right[split].tolist(), strict=True):
                lengths[len(chains[row])].append(hit)
                for family in {link.family for link in chains[row]} or {UNTOUCHED}:
                    families[family].append(hit)
    return Diagnosis(
        right,
        {family: Tally(sum(hits), len(hits)) for family, hits in sorted(families.items())},
        {length: Tally(sum(hits), len(hits)) for length, hits in sorted(lengths.items())},
    )


def read_chains(frozen: Frozen) -> list[list[Link]]:
    """Return the corruptions of each hidden picture, in the order of `Frozen.hidden_labels`.

    Raises
    ------
    WorkspaceError
        The file is missing or damaged.
    """
    path = frozen.folder / "private" / "shift.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[list[Link]])
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise WorkspaceError(f"{path} cannot be read: {error}.", "See: hemobench verify") from error
