"""From a name to a row on the board: find the entry, train it where that is needed, pack, score, record."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from harness import plugins
from harness.board import rows
from harness.errors import BoardError, HarnessError, TrainError, UsageError, did_you_mean
from harness.freeze.frozen import Frozen
from harness.freeze.hashing import hash_file
from harness.pack import pack
from harness.sandbox.run import Choice as Isolation
from harness.sandbox.walls import Device
from harness.score.card import ScoreCard
from harness.score.evaluate import evaluate
from harness.workspace import Workspace, write_atomic

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
    """Score an entry on every split and put it on the board.

    The zip, the predictions and the card are on disk before the row is written, and the row is written in one
    transaction: a process killed at any moment leaves a whole row or none.

    Raises
    ------
    HarnessError
        The entry cannot be trained or packed, or the board cannot be written.
    """
    name = name or found.name
    for what, text, longest in (("name", name, 40), ("message", message, 200)):
        if not text.strip() or not text.isprintable() or len(text) > longest:
            raise UsageError(
                f"The {what} {text!r} cannot stand on the board, expected 1 to {longest} printable characters.",
                f"Type: --{what} TEXT",
            )
    _check_daily_limit(workspace, frozen, name)
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
    evaluation = evaluate(frozen, zip_path, scratch=workspace.scratch, isolation=isolation, device=device)
    card = evaluation.card
    now = datetime.now(UTC)
    kept = _keep_card(workspace, frozen, now, card, evaluation.predictions)
    with rows.open_board(workspace.board) as board:
        entry = rows.add_entry(
            board,
            name=name,
            message=message,
            contest=frozen.contest.name,
            lock=frozen.lock_hash,
            outcome=card.outcome,
            zip_sha256=card.zip_sha256,
            weights=weights,
            created_at=now,
            card=msgspec.json.encode(card).decode(),
            scores={
                (split, metric): rows.Score(estimate.value, estimate.low, estimate.high, estimate.n)
                for split, score in card.scores.items()
                for metric, estimate in score.metrics.items()
            },
        )
    return Submitted(entry, name, card, kept, trained)


def _check_daily_limit(workspace: Workspace, frozen: Frozen, name: str) -> None:
    limit = frozen.contest.limits.submissions_per_day
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with rows.open_board(workspace.board) as board:
        count = rows.count_since(board, frozen.contest.name, frozen.lock_hash, name, midnight)
    if count >= limit:
        left = midnight + timedelta(days=1) - now
        raise BoardError(
            f"{name} was submitted {count} times today (UTC), the contest allows {limit} a day.",
            f"The count starts anew at 00:00 UTC, in {left.seconds // 3600} h {left.seconds // 60 % 60} min. "
            "Until then: hemobench score ZIP",
        )


def _train(workspace: Workspace, frozen: Frozen, model: str, options: Sequence[str]) -> dict[str, Any]:
    """Train in a process of its own, so that the one that reads the labels never holds a model's code."""
    command = [sys.executable, "-m", "harness.cli", "train", model, "--json", *options]
    command += ["--workspace", str(workspace.path), "--contest", frozen.contest.name]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode != 0:
        raise TrainError(f"{model} was not trained.", "The reason stands above.")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def fit(workspace: Workspace, frozen: Frozen, folder: Path) -> Path:
    """Run the folder's ``fit.py`` on the public data, in a copy of the folder, and return the copy.

    It is the participant's own training script, run with the participant's own rights; only the zip that comes of it
    is a stranger's.  The copy is kept by the content of the folder and the contest, so that the same one is not
    fitted twice.

    Raises
    ------
    TrainError
        ``fit.py`` failed.
    """
    runs = workspace.runs(frozen.contest.name)
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs, prefix=".fitting-") as building:
        packed = pack(folder, Path(building) / "source.zip", frozen.contest.limits)
        key = hashlib.sha256(f"{frozen.lock_hash}{packed.sha256}".encode()).hexdigest()[:10]
        fitted = runs / f"{folder.resolve().name}-{key}"
        if (fitted / "submission").is_dir():
            return fitted / "submission"
        copy = Path(building) / "run" / "submission"
        with zipfile.ZipFile(packed.path) as archive:
            archive.extractall(copy)
        command = [sys.executable, "-B", "fit.py", str((frozen.folder / "public").resolve())]
        if code := subprocess.run(command, cwd=copy, stdout=sys.stderr, check=False).returncode:
            raise TrainError(f"{folder / 'fit.py'} ended with exit code {code}.", "What it printed stands above.")
        with contextlib.suppress(OSError):  # another process has put the same fit there
            copy.parent.rename(fitted)
    return fitted / "submission"


def _keep_zip(workspace: Workspace, frozen: Frozen, folder: Path | None, zip_path: Path | None) -> Path:
    """Put the submitted zip under its own hash and return its place."""
    home = workspace.zips()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if zip_path is None:
            assert folder is not None
            with tempfile.TemporaryDirectory(dir=home, prefix=".packing-") as building:
                packed = pack(folder, Path(building) / "entry.zip", frozen.contest.limits)
                kept = home / f"{packed.sha256}.zip"
                packed.path.replace(kept)
            return kept
        kept = home / f"{hash_file(zip_path)}.zip"
        if not kept.exists():
            building_copy = home / f".copying-{os.getpid()}"
            shutil.copyfile(zip_path, building_copy)
            building_copy.replace(kept)
        return kept
    except OSError as error:
        raise HarnessError(
            f"Cannot keep the zip in {home}: {error.strerror or error}.", "Make room or rights, or choose --workspace."
        ) from error


def _keep_card(
    workspace: Workspace, frozen: Frozen, now: datetime, card: ScoreCard, predictions: dict[str, np.ndarray]
) -> Path:
    """Write card and predictions, under the zip's hash and the moment, for whoever wants to look or to restore."""
    home = workspace.cards(frozen.contest.name)
    stem = f"{now:%Y%m%dT%H%M%S.%f}Z-{card.zip_sha256[:12]}"
    if predictions:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home, prefix=".", suffix=".npz", delete=False) as file:
            np.savez(file, allow_pickle=False, **predictions)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(home / f"{stem}.npz")
    content = msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n"
    write_atomic(home / f"{stem}.json", content)
    return home / f"{stem}.json"
