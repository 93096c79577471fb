"""The closed division: an entry is its code alone, trained here from public data, twice, from one seed.

Weights that come along are left out, so that nothing but the public data can be in those that are scored.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.contest import Limits
from harness.entry_source import EntrySource, keep_zip
from harness.errors import PackError, RefusedZip, UsageError, writing_to
from harness.freeze.frozen import Frozen
from harness.pack import pack
from harness.plain_files import plain_files
from harness.runtimes.runtime import Runtimes
from harness.sandbox.backends import AUTO
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.train import train_twice
from harness.sandbox.unpack import unpacked
from harness.score.evaluate import Evaluation, evaluate, unscored
from harness.words import counted, printable
from harness.workspace import Workspace

if TYPE_CHECKING:
    from harness.cluster.client import Cluster

CODE = (".py", ".toml", ".md", ".txt")
CODE_BYTES = 256_000  # of all of it: more may be weights, written as text


class TrainedHere(Evaluation, frozen=True, kw_only=True):
    """What an entry that was trained here is worth.

    Attributes
    ----------
    zip_path : Path
        What came of its first training, as the workspace keeps it; what was handed in where nothing did.
    verified : bool
        Whether the second one labels all images alike.
    """

    zip_path: Path
    verified: bool = False


def kept_source(workspace: Workspace, frozen: Frozen, source: EntrySource) -> Path:
    """Keep the code that is to be trained, as it came.

    Raises
    ------
    UsageError
        `source` is a model's name.
    """
    if source.zip_path is None and source.folder is None:
        raise UsageError(
            f"{source.name!r} is a model of this project, expected a folder or a zip with a fit.py.",
            "Leave --closed out.",
        )
    return keep_zip(workspace, frozen, source.folder, source.zip_path)


def limits_of_training(limits: Limits) -> Limits:
    """Return limits that give an entry room for its training, too."""
    return msgspec.structs.replace(limits, memory_mb=max(limits.memory_mb, limits.fit_memory_mb))


def train_and_evaluate(
    workspace: Workspace,
    seed: int,
    frozen: Frozen,
    zip_path: Path,
    *,
    elsewhere: Cluster | None = None,
    **terms: Any,
) -> TrainedHere:
    """Train the code of a zip twice from `seed`, and evaluate what comes of it as any entry.

    Parameters
    ----------
    workspace : Workspace
    seed : int
    frozen : Frozen
    zip_path : Path
        As it was handed in; what is in it and is no code is left out.
    elsewhere : Cluster, optional
        Where it is trained and run, both times on one machine; by default here.
    **terms
        Of `harness.score.evaluate.prepare_evaluation`.

    Raises
    ------
    HarnessError
        No sandbox can be had, or no cluster: never a fault of the entry.
    """
    limits = frozen.contest.limits
    how = {"isolation": terms.get("isolation", AUTO), "device": terms.get("device", "auto"), "seed": seed}
    how["runtimes"] = Runtimes(workspace.runtimes, frozen.contest.runtimes)
    with writing_to(workspace.scratch), scratch_folder(workspace.scratch) as folder:
        entry, code, packed, out = (folder / name for name in ("entry", "code", "code.zip", "trained"))
        for path in (entry, code, out):
            path.mkdir()
        try:
            with unpacked(zip_path, entry, limits):
                left_out = copy_code(entry, code)
            pack(code, packed, limits)
        except (RefusedZip, PackError) as error:
            # It names the folder that is packed, which its team never saw.
            message, hint = (text.replace(str(code), "the zip") for text in (error.message, error.hint))
            refused = EntryRun(Outcome.REFUSED, "refused", message=message[:1].upper() + message[1:], hint=hint)
            return _came_to_nothing(frozen, zip_path, refused, ())
        notes = []
        if left_out:
            notes.append(f"Left out, since only code is trained here: {', '.join(map(printable, left_out))[:300]}.")
        public = frozen.folder / "public"
        if elsewhere:
            trainings = elsewhere.train_twice(packed, public, out, limits, **how)
        else:
            trainings = train_twice(packed, public, out, limits, scratch=workspace.scratch, **how)
        if failed := trainings[-1].failed:
            return _came_to_nothing(frozen, zip_path, failed, tuple(notes))
        first, again = (keep_zip(workspace, frozen, None, out / name) for name in ("1.zip", "2.zip"))
    evaluation = evaluate(frozen, first, elsewhere=elsewhere, **terms)
    verified, told = False, ""
    if evaluation.predictions:
        second = evaluation if again == first else evaluate(frozen, again, elsewhere=elsewhere, **terms)
        verified, told = compare(evaluation, second)
    card = msgspec.structs.replace(
        evaluation.card,
        notes=(*evaluation.card.notes, *notes, *filter(None, [told])),
        seconds=evaluation.card.seconds | {"fit": sum(one.wall_s for one in trainings)},
    )
    return TrainedHere(card, evaluation.predictions, evaluation.probabilities, zip_path=first, verified=verified)


def _came_to_nothing(frozen: Frozen, zip_path: Path, run: EntryRun, notes: tuple[str, ...]) -> TrainedHere:
    card = unscored(frozen, run, zip_path).card
    return TrainedHere(msgspec.structs.replace(card, notes=notes), {}, zip_path=zip_path)


def copy_code(entry: Path, code: Path) -> tuple[str, ...]:
    """Copy what is code from one folder into another, and return the names of the rest.

    Raises
    ------
    RefusedZip
        It is too much to be code alone.
    """
    left_out, size = [], 0
    for name, path in plain_files(entry).plain.items():
        if name.suffix.lower() not in CODE:
            left_out.append(str(name))
            continue
        size += path.stat().st_size
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, code / name)
    if size > CODE_BYTES:
        raise RefusedZip(
            f"Its code has {size:,} bytes, in the closed division it may have {CODE_BYTES:,}.",
            "Weights come of fit.py here: leave out those that are written as text.",
        )
    return tuple(left_out)


def compare(first: Evaluation, second: Evaluation) -> tuple[bool, str]:
    """Say whether both trainings label every image alike, and, where they do not, in how many they differ."""
    if not second.predictions:
        return False, f"Trained a second time it ended as {second.card.outcome}: it is not marked as verified."
    n = sum(map(len, first.predictions.values()))
    differ = sum(int((labels != second.predictions[split]).sum()) for split, labels in first.predictions.items())
    if not differ:
        return True, ""
    told = f"Trained twice from one seed it gave {differ:,} of {counted(n, 'image')} another label"
    return False, f"{told}: it is not marked as verified. Draw every random number from the seed."
