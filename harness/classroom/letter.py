"""The letter that a team gets for each zip: what it is worth, or why it has no score and what to do, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.analysis.entry import AMONG, LOG_LINES
from harness.analysis.predictions import VisiblePredictions, truth_of
from harness.analysis.ranks import RankRange, rank_ranges
from harness.board import ledger
from harness.board.artifacts import Artifacts, read_artifacts
from harness.board.in_force import in_force
from harness.board.ranking import Note, Standing, read_leaderboard
from harness.board.recorder import open_to_read
from harness.board.rows import read_some
from harness.board.visibility import Role, Visibility, visible_to
from harness.classroom.judge import Judged
from harness.classroom.late import taken_off
from harness.doctor.findings import Checkup, Severity
from harness.format import TITLES, interval, percent, sample
from harness.freeze.frozen import Frozen
from harness.score.evaluate import KEPT
from harness.words import counted, markdown, plain
from harness.workspace import Workspace

NOTES: dict[Note, str] = {
    "withheld": "The Ladder withholds its public score: it is no clear gain over the one that the board shows.",
    "late": "It has no rank: it came after the deadline, or after the contest was closed.",
    "lesser final": "Another final of yours ranks.",
    "not final": "The contest is closed, and this entry was not among your finals.",
    "disqualified": "It is disqualified and has no rank.",
    "transductive": "It has no rank among those that label each image by itself: its labels hang on other images.",
}


@dataclass(frozen=True)
class Board:
    """What the board tells a team, read once for all letters.

    Attributes
    ----------
    standings : dict of int to Standing
        By entry, as its own team sees it.
    ranges : dict of int to RankRange
        Ranks that the comparisons leave open, of the best 100.
    kept : dict of int to Artifacts
        Of the entries that letters are about.
    reasons : dict of int to str
        Why entries are disqualified.
    """

    frozen: Frozen
    visible: Visibility  # to its team
    standings: dict[int, Standing]
    n_ranked: int
    ranges: dict[int, RankRange]
    kept: dict[int, Artifacts]
    reasons: dict[int, str]


def read_board(workspace: Workspace, frozen: Frozen, entries: Sequence[int]) -> Board:
    """Return what the letters about these entries need."""
    frozen = in_force(workspace, frozen)
    metric = frozen.contest.metrics[0].name
    team, everybody = (visible_to(role, workspace, frozen) for role in (Role.TEAM, Role.EVERYBODY))
    with open_to_read(workspace) as board:
        found = read_leaderboard(board, frozen.contest.name, frozen.lock_hash, metric, team)
        asked = read_some(board, entries)
    best = [standing.entry for standing in found.ranked[:AMONG]]
    kept = read_artifacts(workspace, [*best, *asked])
    truth = truth_of(frozen, (everybody.by,))
    predictions = VisiblePredictions(best, kept, truth, everybody)
    ranges: list[RankRange] = []
    if predictions.rows:
        better = predictions.compare(metric, frozen.contest.n_classes, frozen.lock_hash).better
        ranges = rank_ranges(predictions.spread(better))
    with_labels = {best[row].id for row in predictions.rows}
    return Board(
        frozen,
        team,
        {standing.entry.id: standing for standing in found.standings},
        found.n_ranked,
        # Beyond the best 100 nobody was compared, and behind them the range has no end.
        {one.id: ranks for one, ranks in zip(best, ranges, strict=False) if one.id in with_labels},
        kept,
        {number: receipt.why for number, receipt in ledger.disqualified(workspace.ledger).items()},
    )


def write_letter(judged: Judged, board: Board, checkup: Checkup | None = None) -> str:
    """Return the letter about one zip as Markdown; what strangers wrote in it is text.

    Nothing in it tells more than `harness.board.visibility` lets its team see, and no place on the machine.

    Parameters
    ----------
    judged : Judged
        What became of it; of a team that is known.
    board : Board
    checkup : Checkup, optional
        What the doctor found in an entry that was not scored, on public images.
    """
    contest = board.frozen.contest
    lines = [f"# {markdown(contest.title)}: {_about(judged)}", ""]
    facts = {"team": judged.team, "file": PurePosixPath(judged.place).name}
    if judged.hand_in:
        facts["handed in"] = f"{judged.hand_in.handed_in:%Y-%m-%d %H:%M} UTC"
    if judged.digest:
        facts["SHA-256"] = judged.digest[:12]
    lines += ["| | |", "|---|---|", *(f"| {what} | {markdown(text)} |" for what, text in facts.items()), ""]
    standing = board.standings.get(judged.entry) if judged.entry else None
    if standing is None:
        lines += [f"**Not judged: {judged.state}.** {markdown(judged.told)}", "", *_to_do(judged.hint)]
    elif standing.entry.outcome == "scored":
        lines += _scored(standing, board)
    else:
        lines += _failed(standing, board, checkup)
    if judged.hand_in and standing:
        lines += _lateness(judged, board)
    return "\n".join(lines).rstrip() + "\n"


def _about(judged: Judged) -> str:
    return f"entry {judged.entry}" if judged.entry else "what you handed in"


def _to_do(hint: str) -> list[str]:
    return [f"What to do: {markdown(hint)}", ""] if hint else []


def _scored(standing: Standing, board: Board) -> list[str]:
    entry, metric, by = standing.entry, board.frozen.contest.metrics[0].name, board.visible.by
    name = metric.replace("_", " ")
    lines = ["**Verified**: trained here from public data, twice, with the same labels.", ""] if entry.verified else []
    if score := entry.scores.get((by, metric)):
        n = sample(score.n, score.n_groups)
        lines += [
            f"**{name[0].upper()}{name[1:]} on {TITLES[by].replace(',', ' images,', 1)}: {percent(score.value)} %** "
            f"(95 % interval {interval(score.low, score.high)}, n = {n}).",
            "",
        ]
    if standing.rank:
        told = f"Rank {standing.rank} of {counted(board.n_ranked, 'entry')}"
        ranks = board.ranges.get(entry.id)
        open_ranks = f"; comparisons on the same images leave ranks {ranks} open" if ranks else ""
        lines += [f"{told}{open_ranks}.", ""]
    elif standing.note:
        lines += [NOTES.get(standing.note, f"It has no rank: {standing.note}."), ""]
        if standing.note == "disqualified" and board.visible.reasons and (why := board.reasons.get(entry.id)):
            lines += [f"The reason: {markdown(why)}", ""]
    splits = [split for split in ("val", "val_shifted", "public", "private") if (split, metric) in entry.scores]
    lines += [
        f"| % (95 % interval) | {' | '.join(TITLES[split] for split in splits)} |",
        f"|---|{'--:|' * len(splits)}",
    ]
    for spec in board.frozen.contest.metrics:
        scores = [entry.scores.get((split, spec.name)) for split in splits]
        cells = [f"{percent(one.value)} ({interval(one.low, one.high)})" if one else "–" for one in scores]
        lines.append(f"| {spec.name.replace('_', ' ')} | {' | '.join(cells)} |")
    sizes = [entry.scores[split, metric] for split in splits]
    lines += [f"| images | {' | '.join(sample(one.n, one.n_groups) for one in sizes)} |", ""]
    card = board.kept[entry.id].card
    notes = [note for note in card.notes if not note.startswith(KEPT.split("{")[0])] if card else []
    if notes:  # less how this machine came by the answers
        lines += [*(f"- {markdown(note)}" for note in notes), ""]
    return lines


def _failed(standing: Standing, board: Board, checkup: Checkup | None) -> list[str]:
    entry = standing.entry
    lines = [f"**Not scored: {entry.outcome.replace('_', ' ')}.** That is not a score of 0.", ""]
    whole = board.kept[entry.id].card
    card = board.visible.card(whole, board.visible.scores(entry)) if whole else None
    if card:
        lines += [markdown(card.message), "", *_to_do(card.hint)]
    for finding in checkup.findings if checkup else ():
        if finding.severity is Severity.NOTE or (card and finding.title == card.message):
            continue
        lines += [f"## {markdown(finding.title)}", ""]
        for text in (finding.cause, finding.evidence):
            lines += [markdown(text), ""] if text else []
        lines += _to_do(finding.fix)
    if card and card.log.strip():
        when = "it trained on public data" if entry.came_to_nothing else "it saw public images alone"
        lines += [f"The last it printed while {when} ({LOG_LINES} lines at most):", ""]
        lines += [*(f"    {plain(line)}" for line in card.log.strip().splitlines()[-LOG_LINES:]), ""]
    at_home = "python fit.py PUBLIC SEED" if entry.came_to_nothing else "hemobench doctor ZIP"
    return [*lines, f"To try it at home: `{at_home}`", ""]


def _lateness(judged: Judged, board: Board) -> list[str]:
    if not judged.hand_in:
        return []
    deadline = board.visible.deadline
    off, why = taken_off(deadline, judged.team, judged.hand_in.handed_in)
    last = deadline.of(judged.team)
    if not why or last is None:
        return []
    kept = percent(1 - float(off), 0)
    return [f"Late: what came by {last:%Y-%m-%d %H:%M} UTC was in time. It keeps {kept} % of its points.", ""]
