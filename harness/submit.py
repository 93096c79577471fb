"""From a name to a row on the board: find the entry, train it where that is needed, pack, score, record."""

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
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from harness import plugins
from harness.analysis.preview import Ahead, look_ahead
from harness.board import rows
from harness.board.closing import Closing, read_closing
from harness.board.in_force import in_force
from harness.board.ledger import Line, scores_newest_first
from harness.board.ranking import read_standing
from harness.board.recorder import Recorder, card_file, open_recorder
from harness.board.rules import check_limits, holding_back, name_on_board
from harness.board.team_name import tidy
from harness.errors import (
    DISK_REMEDY,
    TrainError,
    UsageError,
    WorkspaceError,
    did_you_mean,
    disk_trouble,
)
from harness.freeze.frozen import Frozen
from harness.freeze.hashing import hash_file
from harness.pack import pack
from harness.sandbox.fence import PR_SET_PDEATHSIG
from harness.sandbox.run import Choice as Isolation
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.untrusted import printable
from harness.sandbox.walls import Device
from harness.score.card import ScoreCard
from harness.score.evaluate import Evaluation, evaluate
from harness.workspace import Workspace, atomic_file, move_durably, write_atomic

SUBMISSIONS = Path("submissions")
UNKNOWN_WEIGHTS = "–"


@dataclass(frozen=True)
class Found:
    """What a name stands for: a zip, a folder, or a model to be trained first."""

    name: str
    zip_path: Path | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Submitted:
    """A row of the board, and the score card behind it."""

    entry: int
    name: str
    card: ScoreCard
    kept: Path  # the card as a file of the workspace; the predictions lie beside it, as .npz
    trained: dict[str, Any] | None = None  # what ``train --json`` said of the model, where one was trained
    head: str = ""  # hash of the receipt, and so of all before it: who writes it down can have the ledger audited
    shown: int | None = None  # the entry whose public score the Ladder goes on showing in place of this one's
    rank: int | None = None  # by the public score
    n_ranked: int = 0
    closing: Closing | None = None  # of a contest that was closed before: the entry is late
    ahead: Ahead | None = None  # what its public score was foretold to be, from public data and earlier entries
    notes: tuple[str, ...] = ()  # for a person: what a stopped process had left half done, say
    equals: int | None = None  # the earliest entry with the same zip


def submission_names(folder: Path = SUBMISSIONS) -> tuple[str, ...]:
    """Return the folders of `folder` that hold a ``model.py``."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/model.py")))


def find_entry(word: str, *, folder: Path = SUBMISSIONS) -> Found:
    """Return what `word` names: a zip, a folder, a folder of `folder`, or a model that can be trained.

    Raises
    ------
    UsageError
        It names nothing, or two things.
    """
    path = Path(word)
    if path.suffix == ".zip":
        if not path.is_file():
            raise UsageError(f"There is no zip {word}.", "Build one: hemobench pack FOLDER -o ZIP")
        return Found(path.stem, zip_path=path)
    models, submissions = plugins.model_names(), submission_names(folder)
    if word in submissions and word in models:
        raise UsageError(
            f"{word!r} is a folder of {folder}/ and a model that can be trained.",
            f"Type {folder / word} for the folder, or rename it.",
        )
    if word in models:
        return Found(word)
    if word in submissions:
        return Found(word, folder=folder / word)
    if path.is_dir():
        return Found(path.resolve().name, folder=path)
    raise UsageError(
        f"{word!r} names no zip, folder, submission or model.", did_you_mean(word, {*models, *submissions})
    )


def submit(
    workspace: Workspace,
    frozen: Frozen,
    found: Found,
    message: str,
    *,
    name: str | None = None,
    train_options: Sequence[str] = (),
    isolation: Isolation = "auto",
    device: Device = "auto",
) -> Submitted:
    """Score an entry on every split and put it on record.

    The zip, the predictions and the card are on disk before the receipt is appended to the ledger, and the receipt
    before the row is written, in one transaction.  A process killed at any moment leaves nothing, or a receipt whose
    row the next one writes.

    Raises
    ------
    HarnessError
        The entry cannot be trained or packed, or the board cannot be written.
    """
    name, message = tidy(name or found.name), message.strip()
    for what, text, longest in (("name", name, 40), ("message", message, 200)):
        if not text.strip() or not text.isprintable() or len(text) > longest:
            raise UsageError(
                f"The {what} {text!r} cannot stand on the board, expected 1 to {longest} printable characters.",
                f"Type: --{what} TEXT",
            )
    with open_recorder(workspace) as recorder:  # before minutes of training: the board must be fit to be written
        notes = recorder.notes
        if (spelt := name_on_board(recorder.board, frozen, name)) != name:
            notes.append(f"On the board {name} is called {spelt}: the entry is recorded under that name.")
        check_limits(recorder.board, frozen, spelt, datetime.now(UTC))
        closing = read_closing(workspace, frozen.contest.name, frozen.lock_hash)
    if closing:
        notes.append(f"{frozen.contest.name} is closed: this entry will be late.")
    weights, folder, trained = UNKNOWN_WEIGHTS, found.folder, None
    if found.zip_path is None and folder is None:
        trained = _train(workspace, frozen, found.name, train_options)
        folder, weights = Path(trained["submission"]), trained["weights"]
    elif train_options:
        raise UsageError(
            f"{found.name!r} is not trained here, so {' '.join(train_options)} would have no effect.",
            "Leave it out, or name a model: hemobench train --list",
        )
    elif folder is not None and (folder / "fit.py").is_file():
        folder = fit(workspace, frozen, folder)
    zip_path = _keep_zip(workspace, frozen, folder, found.zip_path)
    with spoken(workspace.scratch):
        evaluation = evaluate(frozen, zip_path, scratch=workspace.scratch, isolation=isolation, device=device)
    ahead = None
    if evaluation.predictions:  # from the entries before it: foretold before anybody sees the score
        digest = evaluation.card.zip_sha256
        ahead = look_ahead(workspace, frozen, evaluation.predictions, digest, evaluation.probabilities)
    with open_recorder(workspace) as recorder:
        now = datetime.now(UTC)
        frozen = in_force(workspace, frozen)  # the rules may have changed while the entry ran
        name = name_on_board(recorder.board, frozen, name)
        check_limits(recorder.board, frozen, name, now)  # others of that name may have come in meanwhile
        closing = read_closing(workspace, frozen.contest.name, frozen.lock_hash)  # before anything is on record
        shown = None
        if closing is None and "public" in evaluation.predictions:
            shown = holding_back(workspace, recorder.board, frozen, name, evaluation.predictions["public"])
        facts = {"name": name, "message": message, "weights": weights, "held": shown is not None}
        if trained:
            facts |= {"recipe": trained["recipe"], "seed": trained["seed"]}
        place = (frozen.contest.name, frozen.lock_hash, frozen.contest.metrics[0].name)
        twin = rows.first_of_zip(recorder.board, *place[:2], evaluation.card.zip_sha256)
        if twin:
            notes.append(_equal_to(twin, place[2], closing))
        kept, line = _record(recorder, frozen, evaluation, now, **facts)
        assert line.score
        (entry,) = rows.read_some(recorder.board, [line.score.entry])
        rank = read_standing(recorder.board, *place, entry, closing=closing).rank
        n_ranked = rows.count_scored(recorder.board, *place[:2])
    return Submitted(
        entry.id,
        name,
        evaluation.card,
        kept,
        trained,
        line.sha256,
        shown,
        rank,
        n_ranked,
        closing,
        ahead,
        (*notes, *recorder.notes),
        twin.id if twin else None,
    )


def _equal_to(twin: rows.Entry, metric: str, closing: Closing | None) -> str:
    """Say which entry had the same zip before, and what everybody may know of its score."""
    score = twin.scores.get(("public", metric))
    if score is None:
        told = twin.outcome.replace("_", " ")
    elif twin.held and closing is None:
        told = "its public score is held back by the Ladder"
    else:
        told = f"public {metric.replace('_', ' ')} {100 * score.value:.2f} %"
    return f"The zip is that of entry {twin.id}, {twin.name}, byte for byte: {told}."


def _record(
    recorder: Recorder, frozen: Frozen, evaluation: Evaluation, now: datetime, **facts: Any
) -> tuple[Path, Line]:
    """Keep card and predictions, then let the receipt and the row follow; return the card's file and the receipt.

    `facts` are fields of the receipt that the card does not tell.
    """
    card, workspace = evaluation.card, recorder.workspace
    kept = _free_place(workspace.cards(frozen.contest.name), f"{now:%Y%m%dT%H%M%S.%f}Z-{card.zip_sha256[:12]}")
    labels = kept.with_suffix(".npz") if evaluation.predictions else None
    text = msgspec.json.encode(card).decode()
    try:
        if labels:
            with atomic_file(labels, private=True) as file:
                np.savez(file, allow_pickle=False, **evaluation.kept)
        write_atomic(kept, card_file(text), private=True)
        line = recorder.record(
            text,
            **facts,
            created_at=now.isoformat(timespec="seconds"),
            contest=card.contest,
            lock=card.lock,
            outcome=card.outcome,
            zip_sha256=card.zip_sha256,
            scorer=card.scorer,
            order=card.order,
            scores={
                split: {
                    metric: rows.Score(estimate.value, estimate.low, estimate.high, estimate.n)
                    for metric, estimate in score.metrics.items()
                }
                for split, score in card.scores.items()
            },
            predictions=card.predictions,
            card=kept.relative_to(workspace.path).as_posix(),
            card_sha256=hash_file(kept),
            labels=labels.relative_to(workspace.path).as_posix() if labels else "",
            labels_sha256=hash_file(labels) if labels else "",
            environment=card.environment,
            isolation=card.isolation,
            walls=card.walls,
            missing_walls=card.missing_walls,
        )
    except BaseException:
        last = next(scores_newest_first(workspace.ledger), None)
        if last is None or last.card != kept.relative_to(workspace.path).as_posix():  # no receipt needs them
            for path in (kept, labels):
                if path:
                    path.unlink(missing_ok=True)
        raise
    return kept, line


def _free_place(folder: Path, stem: str) -> Path:
    """Return a name that no card has: a clock that was set back may tell the same moment twice."""
    names = (folder / f"{stem}{f'-{n}' if n > 1 else ''}.json" for n in count(1))
    return next(path for path in names if not path.exists() and not path.with_suffix(".npz").exists())


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


def fit(workspace: Workspace, frozen: Frozen, folder: Path) -> Path:
    """Run the folder's ``fit.py`` on the public data, in a copy of the folder, and return the copy.

    It is the participant's own training script, run with the participant's own rights, which is said before it starts;
    only the zip that comes of it is a stranger's.  The copy is kept by the content of the folder and the contest, so
    that the same one is not fitted twice.

    Raises
    ------
    TrainError
        ``fit.py`` failed.
    """
    runs = workspace.runs(frozen.contest.name)
    with spoken(runs), scratch_folder(runs / ".fitting") as building:
        packed = pack(folder, building / "source.zip", frozen.contest.limits)
        key = hashlib.sha256(f"{frozen.lock_hash}{packed.sha256}".encode()).hexdigest()[:10]
        fitted = runs / f"{folder.resolve().name}-{key}"
        if (fitted / "submission").is_dir():
            _say(f"{folder / 'fit.py'} has run on {frozen.contest.name} before; taking what it wrote, in {fitted}.")
            return fitted / "submission"
        copy = building / "run" / "submission"
        with zipfile.ZipFile(packed.path) as archive:
            archive.extractall(copy)
        _say(
            f"Running {folder / 'fit.py'} outside the sandbox, with all your rights, on the public data of "
            f"{frozen.contest.name}."
        )
        # Its own folder is on its path, as for any script; ours is not.
        command = [sys.executable, "-B", "fit.py", str((frozen.folder / "public").resolve())]
        done = subprocess.run(command, cwd=copy, stdout=sys.stderr, check=False, preexec_fn=_end_with_parent)
        if code := done.returncode:
            raise TrainError(f"{folder / 'fit.py'} ended with exit code {code}.", "What it printed stands above.")
        with contextlib.suppress(OSError):  # another process has put the same fit there
            copy.parent.rename(fitted)
    return fitted / "submission"


def _say(sentence: str) -> None:
    # What is longer than a line is a path, to be copied.
    told = textwrap.fill(printable(sentence), 80, break_on_hyphens=False, break_long_words=False)
    print(told, file=sys.stderr, flush=True)


def _keep_zip(workspace: Workspace, frozen: Frozen, folder: Path | None, zip_path: Path | None) -> Path:
    """Put the submitted zip under its own hash, durably, and return its place."""
    home = workspace.zips()
    with spoken(home), scratch_folder(home / ".packing") as building:
        zipped = building / "entry.zip"
        if zip_path is None:
            assert folder is not None
            pack(folder, zipped, frozen.contest.limits)
        else:
            shutil.copyfile(zip_path, zipped)
        # Of the copy, not of what it was copied from: that may change at any moment.
        kept = home / f"{hash_file(zipped)}.zip"
        if not kept.is_file() or hash_file(kept) != kept.stem:
            move_durably(zipped, kept)
        return kept


@contextlib.contextmanager
def spoken(home: Path) -> Iterator[None]:
    """Turn what the system says of a full or read-only disk into one sentence."""
    try:
        yield
    except OSError as error:
        told = disk_trouble(error) or error.strerror or error
        raise WorkspaceError(f"Cannot write to {home}: {told}.", DISK_REMEDY) from error
