"""From a name to a row on the board: admit, build, score, forecast, record; and scoring without a row."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from harness import plugins
from harness.ahead import in_turn
from harness.board import rows
from harness.board.admission import Admission, admit
from harness.board.artifacts import forget, keep
from harness.board.closing import Closing
from harness.board.ledger import Line, scores_newest_first
from harness.board.ranking import read_leaderboard, read_standing
from harness.board.recorder import Recorder, open_recorder, open_to_read
from harness.board.rules import withheld_for
from harness.board.team_name import LONGEST, may_stand, tidy
from harness.board.visibility import AT_HOME, Role, Visibility, looking, visible_to
from harness.closed_division import TrainedHere, kept_source, limits_of_training, train_and_evaluate
from harness.entry_source import Built, EntrySource, build
from harness.errors import HarnessError, UsageError, writing_to
from harness.format import percent
from harness.freeze.frozen import Frozen
from harness.sandbox.backends import AUTO
from harness.sandbox.content_key import content_key
from harness.score.card import ScoreCard
from harness.score.evaluate import Evaluation, Terms
from harness.score.workers import Begin, workers
from harness.workspace import Workspace, scratch_of

if TYPE_CHECKING:
    from harness.analysis.preview import Preview


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
    late: bool = False  # after the close, or after the deadline
    forecast: Preview | None = None  # its predicted public score, from public data and earlier entries
    notes: tuple[str, ...] = ()  # for a person: what a stopped process had left half done, say
    equals: int | None = None  # the earliest entry with the same zip, or the same files in it
    baseline: bool = False  # one of the harness' own, outside the ranks where a team has one
    visible: tuple[str, ...] = ()  # splits whose scores its team may be shown


class WorkTerms(Terms, total=False):
    """How entries are run: `n_workers` at a time, here or by the scheduler at the address `cluster`."""

    n_workers: int | None
    cluster: str | None


class ScoreTerms(WorkTerms, total=False):
    """How a zip is scored: on which `splits`, ``val`` and ``val_shifted`` if it is not said, and hidden ones, too?"""

    splits: tuple[str, ...]
    reveal_private: bool


class SubmitTerms(WorkTerms, total=False):
    """How an entry is submitted: its `name` on the board, by default its own, and `train_options` of a model's name."""

    name: str | None
    train_options: Sequence[str]
    closed: int | None  # the seed to train it from twice, in the closed division


def submit_each(
    workspace: Workspace,
    frozen: Frozen,
    sources: Sequence[EntrySource],
    message: str,
    *,
    name: str | None = None,
    train_options: Sequence[str] = (),
    closed: int | None = None,
    n_workers: int | None = None,
    cluster: str | None = None,
    **terms: Unpack[Terms],
) -> Iterator[Submitted | HarnessError]:
    """Score entries on every split and put them on record, one after the other; an error stands for its entry alone.

    The board is opened twice for each: before minutes of training, since it must be fit to be written then and the
    entry admitted, and after.  The zip, the predictions and the card are on disk before the receipt is appended to the
    ledger, and the receipt before the row is written, in one transaction.  A process killed at any moment leaves
    nothing, or a receipt whose row the next one writes.

    Yields
    ------
    Submitted or HarnessError
        The entry cannot be trained or packed, or the board cannot be written.
    """
    given = (name, message, train_options, closed, len(sources) > 1)
    limits, how = frozen.contest.limits, []
    if closed is not None:
        limits, how = limits_of_training(limits), [partial(train_and_evaluate, workspace, closed)]
    at_work = workers(limits, len(sources), terms.get("device", "auto"), n_workers, cluster, *how)
    with at_work as (begin, ahead):
        if closed is None and not all(source.zip_path for source in sources):
            ahead = 0  # what has to be trained first would keep the entries before it waiting
        prepare = partial(_prepare_entry, workspace, frozen, begin)
        yield from in_turn([partial(prepare, one, *given, **terms) for one in sources], ahead)


@contextlib.contextmanager
def _prepare_entry(
    workspace: Workspace,
    frozen: Frozen,
    begin: Begin,
    source: EntrySource,
    name: str | None,
    message: str,
    train_options: Sequence[str],
    closed: int | None,
    one_of_many: bool,
    **terms: Unpack[Terms],
) -> Iterator[Callable[[], Submitted]]:
    """Admit an entry and build it; the function that is given scores it and puts it on record."""
    baseline = source.baseline and name is None
    name, message = _checked(name or source.name, message)
    admit_now = partial(admit, frozen=frozen, name=name, baseline=baseline, handed_in=source.handed_in)
    with open_recorder(workspace) as recorder:
        admission, notes = admit_now(recorder), recorder.notes
    notes += admission.notes(name)
    facts: dict[str, Any] = {"message": message}
    if closed is None:
        how = terms.get("isolation", AUTO), terms.get("device", "auto")
        built = build(workspace, frozen, source, train_options, *how)
    else:
        built = Built(kept_source(workspace, frozen, source))
        facts |= {"trained_from": built.zip_path.stem, "seed": closed}
    admit_now = partial(admit_now, digest=built.zip_path.stem, closed=closed is not None)
    places = {"scratch": workspace.scratch, "runtimes": workspace.runtimes, "kept": workspace.kept_runs}
    with contextlib.ExitStack() as stack:
        with writing_to(workspace.scratch):
            evaluate = stack.enter_context(begin(frozen, built.zip_path, **places, **terms))

        from harness.analysis.preview import preview  # now: it takes as long to import as the interpreter to start

        def finish() -> Submitted:
            if one_of_many:  # those before it have been recorded since, and count
                with open_recorder(workspace) as recorder:
                    admit_now(recorder)
            with writing_to(workspace.scratch):
                evaluation = evaluate()
            entered = built
            if isinstance(evaluation, TrainedHere):
                entered = Built(evaluation.zip_path)
                facts["verified"] = evaluation.verified
            with open_recorder(workspace) as recorder:
                # Rules may have changed, and others of that name come in.
                admission = admit_now(recorder)
                forecast = None
                if evaluation.predictions:  # from the entries before it, and before anybody sees the score
                    found = evaluation.predictions, evaluation.card.zip_sha256, evaluation.probabilities
                    forecast = preview(workspace, recorder.board, frozen, *found)
                submitted, event = _record(recorder, admission, entered, evaluation, forecast, notes, **facts)
            told = plugins.after_recording(event)  # the board is free again
            return replace(submitted, notes=(*submitted.notes, *told))

        yield finish


def score_each(
    workspace: Workspace,
    frozen: Frozen,
    zip_paths: Sequence[Path],
    *,
    splits: tuple[str, ...] = AT_HOME,
    reveal_private: bool = False,
    n_workers: int | None = None,
    cluster: str | None = None,
    **terms: Unpack[Terms],
) -> Iterator[tuple[ScoreCard, Preview | None] | HarnessError]:
    """Score zips, and predict their public score, without a row; see `harness.api.score`."""
    visible_to(looking(reveal_private), workspace, frozen).check_unrecorded(frozen.contest.name, splits)
    visible = Visibility(Role.OWNER if reveal_private else Role.TEAM)  # whoever scores a zip without a row owns it
    predicts = set(AT_HOME) <= set(splits)

    @contextlib.contextmanager
    def prepare(
        begin: Begin, scratch: Path, zip_path: Path
    ) -> Iterator[Callable[[], tuple[ScoreCard, Preview | None]]]:
        with begin(
            frozen,
            zip_path,
            scratch=scratch,
            runtimes=workspace.runtimes,
            kept=workspace.kept_runs if scratch == workspace.scratch else None,
            splits=splits,
            also=("public",) if predicts and not frozen.lock.from_kit else (),
            probabilities=predicts,
            **terms,
        ) as evaluate:
            from harness.analysis.preview import preview  # now: it takes as long to import as the interpreter to start

            def finish() -> tuple[ScoreCard, Preview | None]:
                found = evaluate()
                card = visible.card(found.card, splits)
                if not (predicts and found.predictions):
                    return card, None
                with open_to_read(workspace) as board:
                    digest = found.card.zip_sha256
                    return card, preview(workspace, board, frozen, found.predictions, digest, found.probabilities)

            yield finish

    at_work = workers(frozen.contest.limits, len(zip_paths), terms.get("device", "auto"), n_workers, cluster)
    with scratch_of(workspace) as scratch, at_work as (begin, ahead):
        yield from in_turn([partial(prepare, begin, scratch, zip_path) for zip_path in zip_paths], ahead)


def _checked(name: str, message: str) -> tuple[str, str]:
    """Return name and message as they can stand on the board."""
    name, message = tidy(name), message.strip()
    fits = may_stand(name), message.isprintable() and 0 < len(message) <= 200
    for what, text, longest, fit in zip(("name", "message"), (name, message), (LONGEST, 200), fits, strict=True):
        if not fit:
            raise UsageError(
                f"The {what} {text!r} cannot stand on the board, expected 1 to {longest} printable characters.",
                f"Type: --{what} TEXT",
            )
    return name, message


def _record(
    recorder: Recorder,
    admission: Admission,
    built: Built,
    evaluation: Evaluation,
    forecast: Preview | None,
    notes: list[str],
    **facts: Any,
) -> tuple[Submitted, plugins.Recorded]:
    """Put the entry on record, and say where it stands then: to its team, and to everybody."""
    frozen, board, card = admission.frozen, recorder.board, evaluation.card
    place = (frozen.contest.name, frozen.lock_hash, frozen.contest.metrics[0].name)
    shown = None
    if admission.visible.closing is None and "public" in evaluation.predictions and not admission.baseline:
        public = evaluation.predictions["public"]
        shown = withheld_for(recorder.workspace, board, frozen, admission.name, public)
    content = content_key(built.zip_path, frozen.contest.limits)
    handed_in = admission.handed_in.isoformat(timespec="seconds") if admission.handed_in else ""
    twin = rows.first_of_zip(board, *place[:2], card.zip_sha256, content, handed_in)
    if twin:
        notes.append(_equal_to(twin, card.zip_sha256, place[2], admission.visible))
    facts |= {"name": admission.name, "weights": built.weights}
    facts |= {"withheld": shown is not None, "recipe": _recipe(admission.name, card)}
    facts.setdefault("seed", card.declared.seed)
    facts |= {"baseline": admission.baseline, "content": content}
    facts |= {"handed_in": handed_in}
    if built.trained:
        facts |= {fact: built.trained[fact] for fact in ("recipe", "seed", "precision")}
    kept, line = _keep(recorder, evaluation, admission.now, **facts)
    assert line.score
    (entry,) = rows.read_some(board, [line.score.entry])
    scores: dict[str, dict[str, float]] = {}
    for (split, metric), score in replace(admission.visible, role=Role.EVERYBODY).shown(entry).scores.items():
        scores.setdefault(split, {})[metric] = score.value
    event = plugins.Recorded(recorder.workspace.path, *place[:2], entry.id, entry.name, entry.outcome, scores)
    submitted = Submitted(
        entry=entry.id,
        name=admission.name,
        card=card,
        kept=kept,
        trained=built.trained,
        head=line.sha256,
        shown=shown,
        rank=read_standing(board, *place, entry, admission.visible).rank,
        n_ranked=read_leaderboard(board, *place, admission.visible, top=0, others=False).n_ranked,
        closing=admission.visible.closing,
        late=admission.is_late,
        forecast=forecast,
        notes=(*notes, *recorder.notes),
        equals=twin.id if twin else None,
        baseline=admission.baseline,
        visible=admission.visible.scores(entry),
    )
    return submitted, event


def _equal_to(twin: rows.Entry, digest: str, metric: str, visible: Visibility) -> str:
    """Say which entry had the same zip before, or its files packed anew, and what may be shown of its score."""
    score = visible.shown(twin).scores.get(("public", metric))
    if score is not None:
        told = f"public {metric.replace('_', ' ')} {percent(score.value)} %"
    elif twin.outcome == "scored":
        told = "its public score is not shown"
    else:
        told = twin.outcome.replace("_", " ")
    same = "The zip is" if twin.zip_sha256 == digest else "The files in the zip are"
    how = ", byte for byte" if twin.zip_sha256 == digest else ", packed anew"
    return f"{same} {'that' if twin.zip_sha256 == digest else 'those'} of entry {twin.id}, {twin.name}{how}: {told}."


def _recipe(team: str, card: ScoreCard) -> str:
    """Return what the seeds of the recipe share that an entry names: its words mean the same in one team alone."""
    stated = card.declared.recipe
    return hashlib.sha256(f"{team}\n{stated}".encode()).hexdigest() if stated else ""


def _keep(recorder: Recorder, evaluation: Evaluation, now: datetime, **facts: Any) -> tuple[Path, Line]:
    """Keep card and predictions, then let the receipt and the row follow; return the card's file and the receipt.

    `facts` are fields of the receipt that the card does not tell.
    """
    card, workspace = evaluation.card, recorder.workspace
    facts |= keep(workspace, evaluation, now)
    try:
        line = recorder.record(
            **facts,
            created_at=now.isoformat(timespec="seconds"),
            contest=card.contest,
            lock=card.lock,
            zip_sha256=card.zip_sha256,
            environment=card.environment,
            runtime=card.runtime,
            runtime_lock=card.runtime_lock,
            authors=card.declared.authors,
            outside_data=card.declared.outside_data,
            licence=card.declared.licence,
            isolation=card.isolation,
            restrictions=card.restrictions,
            missing_restrictions=card.missing_restrictions,
        )
    except BaseException:
        last = next(scores_newest_first(workspace.ledger), None)
        if last is None or last.card != facts["card"]:  # no receipt needs them
            forget(workspace, facts)
        raise
    return workspace.path / facts["card"], line
