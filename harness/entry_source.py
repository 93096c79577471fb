"""From a name to a zip: find the folder or the model behind it, train or fit it where that is needed, and pack it."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness import plugins
from harness.errors import TrainError, UsageError, did_you_mean, writing_to
from harness.examples import EXAMPLES, SUBMISSIONS, submission_names
from harness.freeze.frozen import Frozen
from harness.freeze.hashing import hash_file
from harness.pack import pack
from harness.runtimes.runtime import DEFAULT, Runtimes
from harness.sandbox.backends import AUTO, Choice
from harness.sandbox.entry_file import read_entry_file
from harness.sandbox.restrict import PR_SET_PDEATHSIG
from harness.sandbox.sandbox_command import Device
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.train import SCRIPT, train_in_sandbox
from harness.sandbox.watch import KB, Log
from harness.words import printable
from harness.workspace import Workspace, move_durably

REFERENCES = ("majority", "nearest-centroid", "random")  # of them those that are no template
UNKNOWN_WEIGHTS = "–"
LONGEST_LINE = 10_000  # bytes of what a script prints without ending the line


@dataclass(frozen=True)
class EntrySource:
    """What a name stands for: a zip, a folder, or a model to be trained first.

    `baseline` says that a bare word named one of the harness' own, which no path and no copy of its zip is;
    `handed_in` when a team handed it in elsewhere, UTC: then it is put on record once, however often it is submitted.
    """

    name: str
    zip_path: Path | None = None
    folder: Path | None = None
    baseline: bool = False
    handed_in: datetime | None = None


@dataclass(frozen=True)
class Built:
    """A zip as the workspace keeps it, by its hash, and what is known of its weights."""

    zip_path: Path
    weights: str = UNKNOWN_WEIGHTS
    trained: dict[str, Any] | None = None  # what ``train --json`` said of the model, where one was trained


def find_source(word: str, *, folder: Path = SUBMISSIONS) -> EntrySource:
    """Return what `word` names: a zip, a folder, a folder of `folder`, an example, or a model that can be trained.

    A folder of `folder` comes before the example of its name.

    Raises
    ------
    UsageError
        It names nothing, or two things.
    """
    path = Path(word)
    if path.suffix == ".zip":
        if not path.is_file():
            raise UsageError(f"There is no zip {word}.", "Build one: hemobench pack FOLDER -o ZIP")
        return EntrySource(path.stem, zip_path=path)
    models, own, examples = plugins.model_names(), submission_names(folder), submission_names(EXAMPLES)
    if word in own and word in models:
        raise UsageError(
            f"{word!r} is a folder of {folder}/ and a model that can be trained.",
            f"Type {folder / word} for the folder, or rename it.",
        )
    if word in models:
        return EntrySource(word, baseline=True)
    if word in own or word in examples:
        home = (folder if word in own else EXAMPLES) / word
        return EntrySource(word, folder=home, baseline=word in REFERENCES and _files(home) == _files(EXAMPLES / word))
    if path.is_dir():
        return EntrySource(path.resolve().name, folder=path)
    if path.is_file():
        raise UsageError(
            f"{word} is no zip, expected a zip or folder with model.py: code is scored, not predictions.",
            "Build one: hemobench pack FOLDER -o ZIP",
        )
    raise UsageError(
        f"{word!r} names no zip, folder, submission or model.", did_you_mean(word, {*models, *own, *examples})
    )


def _files(folder: Path) -> dict[str, bytes]:
    """Return the files of a small folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


class EchoedLog(Log):
    """What a script prints, on stderr line by line as it comes; nothing of it steers a terminal."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.line = b""

    def add(self, data: bytes) -> None:
        """Take `data` in, and say each line that is whole by now."""
        super().add(data)
        *lines, rest = (self.line + data).split(b"\n")
        for line in lines:
            print(f"  | {printable(line.decode(errors='replace'))}", file=sys.stderr, flush=True)
        self.line = rest[-LONGEST_LINE:]


def build(
    workspace: Workspace,
    frozen: Frozen,
    source: EntrySource,
    train_options: Sequence[str] = (),
    isolation: Choice = AUTO,
    device: Device = "auto",
) -> Built:
    """Train or fit the entry where that is needed, and put its zip under its own hash, durably.

    Raises
    ------
    UsageError
        There are `train_options`, and nothing to train.
    HarnessError
        The entry cannot be trained or packed.
    """
    folder = source.folder
    if source.zip_path is None and folder is None:
        trained = _train(workspace, frozen, source.name, train_options)
        zip_path = keep_zip(workspace, frozen, Path(trained["submission"]), None)
        return Built(zip_path, trained["weights"], trained)
    if train_options:
        raise UsageError(
            f"{source.name!r} is not trained here, so {' '.join(train_options)} would have no effect.",
            "Leave it out, or name a model: hemobench train --list",
        )
    if folder:
        folder = fitted(workspace, frozen, folder, isolation=isolation, device=device)
    return Built(keep_zip(workspace, frozen, folder, source.zip_path))


def fitted(
    workspace: Workspace, frozen: Frozen, folder: Path, *, isolation: Choice = AUTO, device: Device = "auto"
) -> Path:
    """Run the ``fit.py`` of a folder on the public data, in the sandbox, and return the folder that it leaves.

    A folder without one is returned as it is.  It runs in the runtime of the folder's ``entry.toml``.  What comes of it
    is kept by the content of the folder, the contest and the runtime, so that the same one is not fitted twice.

    Raises
    ------
    TrainError
        ``fit.py`` failed.
    HarnessError
        Its ``entry.toml`` cannot be read, or the runtime is not here.
    """
    script = folder / SCRIPT
    if not script.is_file():
        return folder
    runs = workspace.runs(frozen.contest.name)
    with writing_to(runs), scratch_folder(runs / ".fitting") as building:
        packed = pack(folder, building / "source.zip", frozen.contest.limits)
        runtimes = Runtimes(workspace.runtimes, frozen.contest.runtimes)
        runtime = runtimes.find(read_entry_file(folder).runtime or DEFAULT)
        lock = "" if runtime.venv is None else runtime.lock
        key = hashlib.sha256(f"{frozen.lock_hash}{packed.sha256}{lock}".encode()).hexdigest()[:10]
        home = runs / f"{folder.resolve().name}-{key}"
        if (home / "submission").is_dir():
            _say(f"{script} has run on {frozen.contest.name} before; taking what it wrote, in {home}.")
            return home / "submission"
        copy = building / "run" / "submission"
        copy.parent.mkdir()
        where = "outside the sandbox, with all your rights," if isolation == "none" else "in the sandbox"
        _say(f"Running {script} {where} on the public data of {frozen.contest.name}.")
        training = train_in_sandbox(
            packed.path,
            frozen.folder / "public",
            copy,
            frozen.contest.limits,
            scratch=workspace.scratch,
            isolation=isolation,
            device=device,
            runtimes=runtimes,
            log=EchoedLog(frozen.contest.limits.log_kb * KB),
        )
        for line in training.left_out:
            _say(f"Left out: {line}")
        if training.problem:
            raise TrainError(training.problem, training.hint)
        with contextlib.suppress(OSError):  # another process has put the same fit there
            copy.parent.rename(home)
    return home / "submission"


def _train(workspace: Workspace, frozen: Frozen, model: str, options: Sequence[str]) -> dict[str, Any]:
    """Train in a process of its own, so that the one that reads the labels never holds a model's code."""
    # -P: what lies in the current folder, a click.py say, is not what is imported.
    command = [sys.executable, "-P", "-m", "harness.cli", "train", model, "--json", *options]
    command += ["--workspace", str(workspace.path), "--contest", frozen.contest.name]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, preexec_fn=_end_with_parent)
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode != 0:
        raise TrainError(f"{model} was not trained.", "The reason stands above.")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _end_with_parent() -> None:
    """Have the system kill this process when the one that started it is killed: no training goes on unwatched.

    Linux has this; elsewhere the training ends by itself, and the next submit waits for it.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _say(sentence: str) -> None:
    # What is longer than a line is a path, to be copied.
    text = textwrap.fill(printable(sentence), 80, break_on_hyphens=False, break_long_words=False)
    print(text, file=sys.stderr, flush=True)


def keep_zip(workspace: Workspace, frozen: Frozen, folder: Path | None, zip_path: Path | None) -> Path:
    """Pack the folder, or copy the zip, and return its place."""
    home = workspace.zips()
    with writing_to(home), scratch_folder(home / ".packing") as building:
        zipped = building / "entry.zip"
        if folder is not None:
            pack(folder, zipped, frozen.contest.limits)
        else:
            assert zip_path is not None
            shutil.copyfile(zip_path, zipped)
        # Of the copy, not of what it was copied from: that may change at any moment.
        kept = home / f"{hash_file(zipped)}.zip"
        if not kept.is_file() or hash_file(kept) != kept.stem:
            move_durably(zipped, kept)
        return kept
