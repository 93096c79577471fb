"""One folder for a dispute about an entry: its receipt, a run of today, what it resembles, how often its team tried."""

from __future__ import annotations

import difflib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.analysis.overfitting import probing
from harness.board import ledger
from harness.board.ledger import Line
from harness.board.receipts import Rescored
from harness.board.recorder import open_to_read
from harness.board.replay import replay
from harness.board.rows import Entry, read_all
from harness.board.visibility import Role, visible_to
from harness.classroom.similar.pairs import Pair, Similarity, find_similar
from harness.errors import HarnessError, RefusedZip, UsageError
from harness.freeze.frozen import Frozen
from harness.platforms.folder import new_folder
from harness.progress import Track, silent
from harness.sandbox.unpack import open_submission
from harness.words import counted, markdown
from harness.workspace import Workspace

SOURCE_BYTES = 1_000_000  # of one file of Python


def write_evidence(
    workspace: Workspace,
    frozen: Frozen,
    number: int,
    target: Path,
    *,
    common: Sequence[Path] = (),
    run: bool = True,
    track: Track = silent,
) -> list[str]:
    """Write all that speaks for or against an entry as the new folder `target`, and return its summary, in sentences.

    It is for the owner: private scores and the log are in it.

    Parameters
    ----------
    workspace, frozen
    number : int
    target : Path
    common : sequence of Path
        See `harness.classroom.similar.pairs.find_similar`.
    run : bool
        Run the zip once more and compare.

    Raises
    ------
    UsageError
        The contest has no such entry, or `target` is there already.
    """
    entries = _entries(workspace, frozen)
    entry = next((one for one in entries if one.id == number), None)
    if entry is None:
        raise UsageError(
            f"{frozen.contest.name} has no entry {number}.", "The ids stand in: hemobench leaderboard --all"
        )
    found = find_similar(workspace, frozen, common=common, of=number, track=track)
    says = [f"Entry {number}, {entry.name}, of {entry.created_at}, outcome {entry.outcome}."]
    with new_folder(target, private=True) as folder:
        line = _line(workspace, number)
        _write(folder / "receipt.json", {"sha256": line.sha256, "receipt": line.receipt})
        says += _of_events(workspace, entry)
        assert line.score
        card = workspace.path / line.score.card
        if card.is_file():
            (folder / "card.json").write_bytes(card.read_bytes())
        if run:
            says.append(_replayed(workspace, number, folder))
        _write(folder / "similarity.json", found)
        says += _of_similarity(found)
        says += _probed(workspace, frozen, entry, entries, folder)
        says += _differences(workspace, frozen, entry, entries, _nearest(found, entry), folder)
        text = "\n".join(f"- {markdown(one)}" for one in says)
        (folder / "README.md").write_text(f"# Entry {number}\n\n{text}\n", encoding="utf-8")
    return says


def _entries(workspace: Workspace, frozen: Frozen) -> list[Entry]:
    with open_to_read(workspace) as board:
        place = (frozen.contest.name, frozen.lock_hash)
        return [entry for entry in read_all(board) if (entry.contest, entry.lock) == place]


def _line(workspace: Workspace, number: int) -> Line:
    return next(line for line in ledger.newest_lines(workspace.ledger) if line.score and line.score.entry == number)


def _of_events(workspace: Workspace, entry: Entry) -> list[str]:
    receipt = ledger.disqualified(workspace.ledger).get(entry.id)
    told = [f"It is disqualified by receipt {receipt.number}: {receipt.why}."] if receipt else []
    again = [
        one for one in ledger.events(workspace.ledger, Rescored) if any(of.entry == entry.id for of in one.entries)
    ]
    return [*told, *(f"It was rescored by receipt {one.number}: {one.why}." for one in again)]


def _replayed(workspace: Workspace, number: int, folder: Path) -> str:
    try:
        done = replay(workspace, number)
    except HarnessError as error:
        return f"It could not be run again: {error.message}"
    _write(folder / "replay.json", done)
    same = "the same as" if done.equal else "not the same as"
    return f"Run again it gave {same} what is on record (replay.json)."


def _of_similarity(found: Similarity) -> list[str]:
    if not found.flagged:
        return [f"No entry of another team resembles it, of {counted(found.compared, 'pair')} compared."]
    return [
        f"Entry {pair.one.id} of {pair.one.name} and entry {pair.other.id} of {pair.other.name}: {' '.join(pair.says)}"
        for pair in found.flagged
    ]


def _probed(workspace: Workspace, frozen: Frozen, entry: Entry, entries: Sequence[Entry], folder: Path) -> list[str]:
    """Write what the team handed in and was told, and say what its number may explain of the best public score."""
    visible, metric = visible_to(Role.TEAM, workspace, frozen), frozen.contest.metrics[0].name
    own = [one for one in entries if one.name == entry.name]
    told = [score for one in own if (score := visible.shown(one).scores.get(("public", metric)))]
    rows = [
        {
            "entry": one.id,
            "created_at": one.created_at,
            "outcome": one.outcome,
            "zip_sha256": one.zip_sha256,
            "message": one.message,
            "public": score.value if (score := visible.shown(one).scores.get(("public", metric))) else None,
        }
        for one in own
    ]
    meter = None
    if told and metric == "accuracy":
        mean = sum(score.value for score in told) / len(told)
        meter = probing(len(told), told[0].n, mean, frozen.contest.n_classes)
    _write(folder / "probing.json", {"entries": rows, "probing": meter})
    says = f"Its team handed in {counted(len(own), 'entry')} and saw {counted(len(told), 'public score')}"
    if meter:
        says += f"; their number alone may explain {100 * meter.best_of_k_bias:.1f} points of the best"
    return [f"{says} (probing.json)."]


def _nearest(found: Similarity, entry: Entry) -> int | None:
    """Return the entry of another team that resembles it most; None where none does."""

    def weight(pair: Pair) -> tuple[bool, bool, float, float]:
        return pair.flagged, not pair.weights.layers and not pair.code.both, pair.weights.share, pair.code.share

    pairs = sorted((*found.flagged, *found.noted), key=weight, reverse=True)
    ids = [side.id for pair in pairs for side in (pair.one, pair.other) if side.name != entry.name]
    return ids[0] if ids else None


def _differences(
    workspace: Workspace, frozen: Frozen, entry: Entry, entries: Sequence[Entry], nearest: int | None, folder: Path
) -> list[str]:
    """Write how its code differs from the team's other entries and from the nearest of another team."""
    own = {one.zip_sha256: one for one in entries if one.name == entry.name and one.zip_sha256 != entry.zip_sha256}
    others = [*own.values(), *(one for one in entries if one.id == nearest)]
    mine, says = _sources(workspace, frozen, entry), []
    (folder / "code").mkdir()
    for one in others:
        theirs = _sources(workspace, frozen, one)
        lines = [
            text
            for name in sorted(mine.keys() | theirs.keys())
            for text in difflib.unified_diff(
                theirs.get(name, "").splitlines(),
                mine.get(name, "").splitlines(),
                f"entry {one.id}/{name}",
                f"entry {entry.id}/{name}",
                lineterm="",
            )
        ]
        path = folder / "code" / f"from-entry-{one.id}.diff"
        path.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
        changed = sum(text[:1] in "+-" and text[:3] not in ("+++", "---") for text in lines if text)
        whose = "of its team" if one.name == entry.name else f"of {one.name}, the nearest"
        says.append(f"Its code differs from entry {one.id} {whose} in {counted(changed, 'line')} ({path.name}).")
    return says


def _sources(workspace: Workspace, frozen: Frozen, entry: Entry) -> dict[str, str]:
    """Return the files of Python in an entry's zip, by name."""
    path = workspace.zips() / f"{entry.zip_sha256}.zip"
    try:
        with open_submission(path, frozen.contest.limits) as submission:
            found = {}
            for name, info in submission.files.items():
                if name.endswith(".py"):
                    with submission.archive.open(info) as member:
                        found[name] = member.read(SOURCE_BYTES).decode("utf-8", "replace")
            return found
    except (RefusedZip, OSError, zipfile.BadZipFile):
        return {}


def _write(path: Path, what: Any) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(what), indent=1) + b"\n")
