"""The verbs, for Python, in the order of the flow.  Importing this module imports no model and no NumPy.

Examples
--------
>>> from pathlib import Path
>>> from harness import api
>>> card, forecast = api.score(Path("workspace"), Path("entry.zip"))  # doctest: +SKIP
>>> api.frame(api.leaderboard(Path("workspace")))  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from harness.ahead import only
from harness.contest import Contest, find_contest, rules_of
from harness.errors import HarnessError
from harness.examples import new_entry as new_entry
from harness.freeze.draft import draft_contest as draft_contest
from harness.freeze.frozen import Frozen
from harness.progress import Track, silent
from harness.records import frame as frame
from harness.runtimes.add import add_runtime as add_runtime
from harness.runtimes.runtime import runtimes as runtimes
from harness.workspace import Workspace, scratch_of

if TYPE_CHECKING:
    from harness.analysis.entry import EntryFacts
    from harness.analysis.leaks import LeakAudit
    from harness.analysis.pair import PairComparison
    from harness.analysis.predictions import Diagnosis
    from harness.analysis.preview import Preview
    from harness.board.audit import Audit
    from harness.board.closing import Closing
    from harness.board.ranking import Leaderboard
    from harness.board.receipts import RulesChanged
    from harness.board.replay import Replay
    from harness.doctor.findings import Checkup
    from harness.freeze.verify import Difference
    from harness.pack import Packed
    from harness.platforms.codabench.export import Settings
    from harness.platforms.codabench.rehearse import Rehearsal
    from harness.platforms.codabench.rule import Finding
    from harness.report.server import ServeTerms
    from harness.sandbox.backends import Choice as Isolation
    from harness.sandbox.sandbox_command import Device
    from harness.score.card import ScoreCard
    from harness.submit import ScoreTerms, Submitted, SubmitTerms

DEFAULT_CONTEST = "blood-cells"


def contests(workspace: Path) -> list[Contest]:
    """Return the contests that can be frozen and all that are frozen, these under the rules in force."""
    from harness.board.in_force import known_contests

    return known_contests(Workspace(workspace))


def freeze(
    workspace: Path,
    contest: str = DEFAULT_CONTEST,
    source: Path | None = None,
    *,
    kit: Path | None = None,
    leave_out_broken: bool = False,
    track: Track = silent,
    rules_changed: Callable[[RulesChanged], object] = lambda change: None,
) -> Frozen:
    """Freeze `contest` from its source, or from the file or folder `source`, and make it the active one.

    Of a starting kit, the folder `kit`, its own contest is made, without a hidden test.
    Images that cannot be decoded are an error that names them, or with `leave_out_broken` findings of cleaning.

    Where only rules of the contest file differ from what was frozen before, the board stays and the change is put on
    record; `rules_changed` is told of it.
    """
    from harness.board.in_force import in_force
    from harness.board.rule_change import adopt_rules
    from harness.freeze.store import freeze as freeze_images
    from harness.platforms.kit import freeze_kit, read_kit
    from harness.sources import load_source

    home = Workspace(workspace)
    if kit:
        lock = read_kit(kit)
        found, frozen = lock.contest, freeze_kit(home, kit, lock)
    else:
        found = find_contest(contest, home.own_contests)
        images = load_source(found, source, cache=home.downloads, leave_out_broken=leave_out_broken, track=track)
        frozen = freeze_images(home, found, images, track=track)
    if change := adopt_rules(home, frozen, found):
        rules_changed(change)
    return in_force(home, frozen)


def rules(workspace: Path, contest: str | None = None) -> tuple[dict[str, Any], list[RulesChanged]]:
    """Return the rules of a frozen contest that are in force, by name, and every change of them, oldest first."""
    from harness.board.in_force import read_changes

    frozen = open_contest(workspace, contest)
    return rules_of(frozen.contest), read_changes(Workspace(workspace), frozen)


def change_rules(workspace: Path, settings: Sequence[str], why: str, contest: str | None = None) -> RulesChanged | None:
    """Put other rules in force, ``RULE=VALUE`` each, and return the receipt; None where they are in force already."""
    from harness.board.rule_change import change_rules as change
    from harness.board.rule_change import read_settings

    return change(Workspace(workspace), open_contest(workspace, contest), read_settings(settings), why)


def open_contest(workspace: Path, name: str | None = None) -> Frozen:
    """Return the frozen contest `name`, or the active one, under the rules in force."""
    from harness.board.in_force import open_in_force

    return open_in_force(Workspace(workspace), name)


def verify(workspace: Path, contest: str | None = None) -> list[Difference]:
    """Return what differs between a frozen contest and its lock; empty when nothing does."""
    from harness.freeze.verify import verify as verify_frozen

    return verify_frozen(open_contest(workspace, contest))


def audit_leaks(workspace: Path, contest: str | None, paths: Sequence[tuple[str, Path]] = ()) -> LeakAudit:
    """Look for leaks in sources by name (train, test), or between the parts of a frozen contest."""
    from harness.analysis.leaks import audit, of_contest, of_sources

    return audit(*(of_sources(paths, workspace) if paths else of_contest(open_contest(workspace, contest))))


def pack(
    folder: Path, zip_path: Path, *, workspace: Path | None = None, contest: str | None = None, isolation: str = "auto"
) -> Packed:
    """Write `folder` as a submission zip, the same bytes each time; with a `workspace` its ``fit.py`` runs first."""
    from harness.pack import pack as pack_folder

    if workspace is None or not (folder / "fit.py").is_file():
        return pack_folder(folder, zip_path)
    from harness.entry_source import fitted

    frozen = open_contest(workspace, contest)
    folder = fitted(Workspace(workspace), frozen, folder, isolation=isolation)
    return pack_folder(folder, zip_path, frozen.contest.limits)


def score(
    workspace: Path, zip_path: Path, contest: str | None = None, **terms: Unpack[ScoreTerms]
) -> tuple[ScoreCard, Preview | None]:
    """Run a zip in the sandbox and score it on the public splits, or on `splits`; nothing is recorded.

    With the card comes what its public score is predicted to be, by the metric that ranks, where it was scored on both
    public splits.  While the contest is open, the private half asks for `reveal_private`, and under the Ladder the
    public half, too.  Where the same zip was run before in the same way, its kept answers are scored, and its card says
    so; `fresh` runs it all the same.
    """
    return only(score_each(workspace, [zip_path], contest, **terms))


def score_each(
    workspace: Path, zip_paths: Sequence[Path], contest: str | None = None, **terms: Unpack[ScoreTerms]
) -> Iterator[tuple[ScoreCard, Preview | None] | HarnessError]:
    """Do as `score` with zip after zip, the next ones prepared meanwhile; an error stands for its zip alone."""
    from harness.submit import score_each as score_entries

    return score_entries(Workspace(workspace), open_contest(workspace, contest), zip_paths, **terms)


def examine(
    workspace: Path,
    path: Path,
    contest: str | None = None,
    *,
    target: str = "local",
    fix: Path | None = None,
    isolation: Isolation = "auto",
    device: Device = "auto",
    say: Callable[[str], None] = lambda text: None,
) -> Checkup:
    """Say what is the matter with a submission, the worst first; `fix` is where to write a repaired zip."""
    from harness.doctor.examine import examine as examine_entry
    from harness.doctor.fit import find_target

    return examine_entry(
        path,
        open_contest(workspace, contest),
        find_target(target),
        scratch=Workspace(workspace).scratch,
        runtimes=Workspace(workspace).runtimes,
        fix=fix,
        isolation=isolation,
        device=device,
        say=say,
    )


def submit(
    workspace: Path, entry: str, message: str, contest: str | None = None, **terms: Unpack[SubmitTerms]
) -> Submitted:
    """Train `entry` if it is a model's name, pack it, score it on every split and put it on the board.

    The terms are a `name` on the board, `train_options` of a model, and those of `score`.
    """
    return only(submit_each(workspace, [entry], message, contest, **terms))


def submit_each(
    workspace: Path, entries: Sequence[str], message: str, contest: str | None = None, **terms: Unpack[SubmitTerms]
) -> Iterator[Submitted | HarnessError]:
    """Do as `submit` with entry after entry, the next ones prepared meanwhile; an error stands for its entry alone."""
    from harness.entry_source import find_source
    from harness.submit import submit_each as submit_entries

    sources = [find_source(entry) for entry in entries]
    return submit_entries(Workspace(workspace), open_contest(workspace, contest), sources, message, **terms)


def diagnose(
    workspace: Path,
    card: Path,
    contest: str | None = None,
    *,
    splits: tuple[str, ...] = ("val", "val_shifted"),
    reveal_private: bool = False,
) -> Diagnosis:
    """Return where the entry behind a kept card, a file of the workspace's ``cards``, was right, image by image.

    Hidden images, of either half, ask for `reveal_private`.
    """
    from harness.analysis.predictions import diagnose as diagnose_predictions
    from harness.board.artifacts import artifacts_of_card
    from harness.board.visibility import looking, visible_to

    home, frozen = Workspace(workspace), open_contest(workspace, contest)
    visible_to(looking(reveal_private), home, frozen).check_predictions(frozen.contest.name, splits)
    return diagnose_predictions(frozen, artifacts_of_card(home, card).labels, splits)


def leaderboard(
    workspace: Path,
    contest: str | None = None,
    *,
    reveal_private: bool = False,
    top: int | None = None,
    others: bool = True,
) -> Leaderboard:
    """Return who stands where in a frozen contest by its primary metric.

    The public half ranks, and the private one of a closed contest, or with `reveal_private`; `top` lists the best
    alone, and `others` also those without a rank.
    """
    from harness.board.ranking import read_leaderboard
    from harness.board.recorder import open_to_read
    from harness.board.visibility import looking, visible_to

    home, frozen = Workspace(workspace), open_contest(workspace, contest)
    name, lock, metric = frozen.contest.name, frozen.lock_hash, frozen.contest.metrics[0].name
    visible = visible_to(looking(reveal_private), home, frozen)
    with open_to_read(home) as board:
        return read_leaderboard(board, name, lock, metric, visible, top=top, others=others)


def show(workspace: Path, entry: str, contest: str | None = None, *, reveal_private: bool = False) -> EntryFacts:
    """Return all that is known of one entry, an id or a name: of a name the one with the best public score."""
    from harness.analysis.entry import see_entry

    return see_entry(Workspace(workspace), open_contest(workspace, contest), entry, reveal_private=reveal_private)


def compare(
    workspace: Path, one: str, other: str, contest: str | None = None, *, reveal_private: bool = False
) -> PairComparison:
    """Compare two entries, each an id or a name, on the same images."""
    from harness.analysis.pair import see_pair

    return see_pair(Workspace(workspace), open_contest(workspace, contest), one, other, reveal_private=reveal_private)


def select(workspace: Path, entries: Sequence[int], contest: str | None = None) -> tuple[str, tuple[int, ...]]:
    """Let these entries of one team count when the contest closes; return the team and its entries."""
    from harness.board.closing import select as select_finals

    return select_finals(Workspace(workspace), open_contest(workspace, contest), entries)


def finals(workspace: Path, contest: str | None = None) -> dict[str, tuple[int, ...]]:
    """Return the entries that teams have chosen to count when the contest closes, by team."""
    from harness.board.closing import read_selection

    frozen = open_contest(workspace, contest)
    return read_selection(Workspace(workspace), frozen.contest.name, frozen.lock_hash)


def close(workspace: Path, contest: str | None = None) -> Closing:
    """Close a contest: later entries are late, and the private half shows from now on."""
    from harness.board.closing import close as close_contest

    return close_contest(Workspace(workspace), open_contest(workspace, contest))


def audit(workspace: Path, *, expect: str | None = None) -> Audit:
    """Compare the board and all kept files with the ledger; `expect` is a head that was written down earlier."""
    from harness.board.audit import audit as audit_books

    return audit_books(Workspace(workspace), expect=expect)


def replay(workspace: Path, entry: int, *, isolation: Isolation = "auto", device: Device = "auto") -> Replay:
    """Run the zip of an entry again and compare its answers and scores with what was recorded."""
    from harness.board.replay import replay as replay_entry

    return replay_entry(Workspace(workspace), entry, isolation=isolation, device=device)


def export_codabench(
    workspace: Path, folder: Path, contest: str | None = None, *, settings: Settings | None = None
) -> Path:
    """Write a frozen contest as a Codabench bundle, the new folder `folder`, and return its zip, beside it."""
    from harness.platforms.codabench.export import export_codabench as export_bundle

    return export_bundle(Workspace(workspace), open_contest(workspace, contest), folder, settings)


def export_kaggle(workspace: Path, folder: Path, contest: str | None = None, *, track: Track = silent) -> None:
    """Write a frozen contest in the shape of a Kaggle competition, as the new folder `folder`."""
    from harness.platforms.kaggle import export_kaggle as export_folder

    export_folder(open_contest(workspace, contest), folder, track=track)


def publish(workspace: Path, folder: Path, contest: str | None = None, *, data: bool = True) -> int:
    """Write what entrants get of a contest (rules, starting kit, board) as the new `folder`; return its bytes."""
    from harness.platforms.publish import publish as publish_folder

    return publish_folder(Workspace(workspace), open_contest(workspace, contest), folder, data=data)


def lint_bundle(bundle: Path) -> list[Finding]:
    """Return what is wrong with a Codabench bundle, a zip or a folder, worst first."""
    from harness.platforms.codabench.lint import lint

    return lint(bundle)


def rehearse(
    workspace: Path, bundle: Path, zip_path: Path, *, phase: str | None = None, keep: Path | None = None
) -> list[Rehearsal]:
    """Run a zip through a Codabench bundle as the server's worker would; nothing is recorded."""
    from harness.platforms.codabench.rehearse import rehearse_all

    with scratch_of(Workspace(workspace)) as scratch:
        return rehearse_all(bundle, zip_path, scratch=scratch, phase=phase, keep=keep)


def report(
    workspace: Path,
    path: Path,
    contest: str | None = None,
    *,
    top: int = 100,
    csv: bool = False,
    json: bool = False,
    reveal_private: bool = False,
) -> list[Path]:
    """Write the board and all figures as one HTML page, and beside it the board as CSV and JSON; return the files."""
    from harness.analysis.build import BoardSource
    from harness.report.write import write_report

    source = BoardSource.of(Workspace(workspace), contest, top, reveal_private)
    return write_report(*source.read(), path, csv=csv, json=json)


def watch(workspace: Path, folder: Path, contest: str | None = None, *, top: int = 100) -> Iterator[str]:
    """Keep what everybody may see of the board in `folder`, until Ctrl-C; see `harness.report.write.watch`."""
    from harness.analysis.build import BoardSource
    from harness.report import live, write

    return write.watch(live.LiveBoard(BoardSource.of(Workspace(workspace), contest, top, False)), folder)


def serve(
    workspace: Path,
    contest: str | None = None,
    *,
    top: int = 100,
    reveal_private: bool = False,
    **terms: Unpack[ServeTerms],
) -> None:
    """Serve the live board until Ctrl-C; the terms are those of `harness.report.server.serve`."""
    from harness.analysis.build import BoardSource
    from harness.report import live, server

    source = BoardSource.of(Workspace(workspace), contest, top, reveal_private)
    server.serve(live.LiveBoard(source, for_others=terms.get("host", server.HOST) != server.HOST), **terms)
