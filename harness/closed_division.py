"""The closed division: an entry is its code alone, trained here from public data, twice, from one seed.

Weights that come along are left out, so that nothing but the public data can be in those that are scored.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from harness.entry_source import Built, EntrySource, keep_zip
from harness.errors import RefusedZip, TrainError, UsageError, writing_to
from harness.freeze.frozen import Frozen
from harness.pack import pack
from harness.plain_files import plain_files
from harness.runtimes.runtime import Runtimes
from harness.sandbox.backends import Choice
from harness.sandbox.sandbox_command import Device
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.train import train_in_sandbox
from harness.sandbox.unpack import unpacked
from harness.score.evaluate import Evaluation
from harness.words import counted, printable
from harness.workspace import Workspace

CODE = (".py", ".toml", ".md", ".txt")
CODE_BYTES = 256_000  # of all of it: more may be weights, written as text


def train_twice(
    workspace: Workspace, frozen: Frozen, source: EntrySource, seed: int, isolation: Choice, device: Device
) -> Built:
    """Train the code of a folder or zip twice from `seed`, and put both zips that come of it under their hashes.

    Raises
    ------
    UsageError
        `source` is a model's name.
    TrainError
        Its ``fit.py`` failed.
    HarnessError
        The code is not let in, or no sandbox can be had.
    """
    limits = frozen.contest.limits
    if source.zip_path is None and source.folder is None:
        raise UsageError(
            f"{source.name!r} is a model of this project, expected a folder or a zip with a fit.py.",
            "Leave --closed out.",
        )
    zips = []
    with writing_to(workspace.scratch), scratch_folder(workspace.scratch) as folder:
        zip_path = source.zip_path
        if zip_path is None:
            assert source.folder is not None
            zip_path = pack(source.folder, folder / "source.zip", limits).path
        entry, code = folder / "entry", folder / "code"
        entry.mkdir()
        with unpacked(zip_path, entry, limits):
            left_out = copy_code(entry, code)
        packed = pack(code, folder / zip_path.name, limits)
        for number in (1, 2):
            training = train_in_sandbox(
                packed.path,
                frozen.folder / "public",
                folder / f"trained-{number}",
                limits,
                scratch=workspace.scratch,
                seed=seed,
                isolation=isolation,
                device=device,
                runtimes=Runtimes(workspace.runtimes, frozen.contest.runtimes),
            )
            if training.problem:
                raise TrainError(training.problem, training.hint)
            zips.append(keep_zip(workspace, frozen, folder / f"trained-{number}", None))
    notes = []
    if left_out:
        notes.append(f"Left out, since only code is trained here: {', '.join(map(printable, left_out))[:300]}.")
    return Built(zips[0], again=zips[1], notes=tuple(notes))


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


def compare(first: Evaluation, again: Callable[[], Evaluation]) -> tuple[bool, str]:
    """Say whether both trainings label every image alike, and, where they do not, in how many they differ.

    Zips of the same bytes are alike; others are run.
    """
    if not first.predictions:
        return False, ""
    second = again()
    if second.card.zip_sha256 == first.card.zip_sha256:
        return True, ""
    if not second.predictions:
        return False, f"Trained a second time it ended as {second.card.outcome}: it is not marked as verified."
    n = sum(map(len, first.predictions.values()))
    differ = sum(int((labels != second.predictions[split]).sum()) for split, labels in first.predictions.items())
    if not differ:
        return True, ""
    told = f"Trained twice from one seed it gave {differ:,} of {counted(n, 'image')} another label"
    return False, f"{told}: it is not marked as verified. Draw every random number from the seed."
