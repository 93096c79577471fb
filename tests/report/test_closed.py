"""Closed contests, the Ladder, and the shake-up."""

import shutil

import msgspec
import numpy as np
import pytest

from harness.analysis.build import gather
from harness.analysis.document import Report
from harness.analysis.shakeup import rank_correlation, redraw_halves
from harness.board.closing import close, select
from harness.freeze.frozen import read_arrays
from harness.report.images import thumbnails
from harness.report.page import as_csv, as_json, render
from harness.score.evaluate import labels_of


def page_of(desk, **options) -> str:
    report = gather(desk.workspace, desk.frozen, **options)
    return render(report, thumbnails(desk.frozen, report))


@pytest.fixture(scope="module")
def closed(make_desk):
    """Three teams: one with three entries, one that chose its worse entry, one that came late as well."""
    desk = make_desk()
    for number, (name, accuracy) in enumerate(
        [("many", 0.95), ("many", 0.9), ("many", 0.5), ("modest", 0.9), ("modest", 0.6), ("last", 0.8)]
    ):
        desk.record(name, accuracy, number=number)
    select(desk.workspace, desk.frozen, [5])
    close(desk.workspace, desk.frozen)
    desk.record("last", 0.99, number=6)
    desk.record("later", 0.7, number=7)
    return desk


def test_a_closed_contest_ranks_each_team_once_by_the_private_half(closed):
    report = gather(closed.workspace, closed.frozen)
    assert report.revealed
    assert report.ranked_by == "private"
    assert {row.name: row.id for row in report.rows}.keys() == {"many", "modest", "last"}
    assert {row.name: row.id for row in report.rows}["modest"] == 5
    assert report.n_scored == 3
    values = [row.scores["private"]["accuracy"].value for row in report.rows]
    assert values == sorted(values, reverse=True)
    assert (report.closed.receipts, report.closed.chosen, len(report.closed.head)) == (6, 1, 64)


def test_late_and_not_final_entries_stand_beneath_with_their_scores(closed):
    report = gather(closed.workspace, closed.frozen)
    notes = {entry.id: entry.note for entry in report.aside}
    assert notes[7] == notes[8] == "late"
    assert {number for number, note in notes.items() if note.endswith("final")} == {1, 2, 3, 4} - {
        row.id for row in report.rows
    }
    assert report.n_aside == 5
    private = [entry.scores["private"].value for entry in report.aside]
    assert private == sorted(private, reverse=True)


def test_the_page_says_when_and_at_which_head_it_was_closed(closed):
    report, page = gather(closed.workspace, closed.frozen), page_of(closed)
    assert f"Closed {report.closed.at[:16].replace('T', ' ')} UTC" in page
    assert report.closed.head in page
    assert "after 6 receipts" in page
    assert "Without a rank" in page
    assert "for the teacher alone" not in page


def test_the_shake_up_is_that_of_the_statistics(full):
    shaken = gather(full.workspace, full.frozen, reveal_private=True).shakeup
    truth = labels_of(full.frozen)
    files = sorted(full.workspace.cards(full.frozen.contest.name).glob("*.npz"))
    right = {
        half: np.array([read_arrays(path)[half] == truth[half][1] for path in files]) for half in ("public", "private")
    }
    kendall, spearman = rank_correlation(*(right[half].mean(axis=1) for half in ("public", "private")))
    assert shaken.kendall == pytest.approx(float(kendall))
    assert shaken.spearman == pytest.approx(float(spearman))
    strata = np.concatenate([truth[half][1] for half in right])
    both = np.concatenate([right[half] for half in right], axis=1)
    n_public = len(truth["public"][1])
    drawn = redraw_halves(both, strata, n_public / len(strata), np.random.default_rng(0))
    by_id = sorted(shaken.moved, key=lambda moved: moved.id)
    assert [moved.first for moved in by_id] == drawn.first().tolist()
    assert [[moved.ranks.best, moved.ranks.worst] for moved in by_id] == drawn.ranks().tolist()
    assert sorted(moved.now for moved in by_id) == sorted(moved.then for moved in by_id) == list(range(1, 8))
    assert shaken.enough is None or shaken.enough.regret <= shaken.regret


@pytest.mark.parametrize("accuracy", [0.8, 2.0], ids=["equal", "perfect"])
def test_entries_that_agree_have_a_shake_up_too(desk, accuracy):
    """Rank correlation is not known where all are equal: no warning, no nan in the file."""
    said = desk.labels(accuracy, 1, 1)
    for number in range(3):
        desk.record(f"team {number}", number=number, said=said)
    report = gather(desk.workspace, desk.frozen, reveal_private=True)
    assert report.shakeup.kendall is None
    assert msgspec.json.decode(as_json(report), type=Report) == report


def test_a_shake_up_is_only_in_a_revealed_report(full):
    assert gather(full.workspace, full.frozen).shakeup is None
    assert 'id="shakeup"' not in page_of(full)
    assert 'id="shakeup"' in page_of(full, reveal_private=True)


@pytest.mark.parametrize("withheld", [1, 3])
def test_a_score_that_the_ladder_withholds_changes_no_byte(make_desk, withheld):
    """The same board twice, but for what the withheld entry said of the public half."""
    boards = []
    for seed in (0, 1):
        desk = make_desk()
        for number, accuracy in enumerate((0.9, 0.6, 0.8, 0.85)):
            labels = type(desk).labels
            if number == withheld:
                said = labels(desk, accuracy, number * 7919 + 6, 0)
                wrong = np.random.default_rng(seed).random(len(said["public"])) < 0.3 + 0.3 * seed
                said["public"] = np.where(wrong, (said["public"] + 1) % desk.frozen.contest.n_classes, said["public"])
                desk.record("team h", accuracy, number=number, withheld=True, said=said, sure=True)
            else:
                desk.record(f"team {number}", accuracy, number=number, sure=True)
        boards.append(desk)
    reports = [gather(desk.workspace, desk.frozen) for desk in boards]
    assert reports[0] == reports[1]
    for form in (as_json, as_csv):
        assert form(reports[0]) == form(reports[1])
    assert page_of(boards[0]) == page_of(boards[1])
    assert [(entry.name, entry.note, sorted(entry.scores)) for entry in reports[0].aside] == [
        ("team h", "withheld", ["val", "val_shifted"])
    ]
    assert "team h" not in [row.name for row in reports[0].rows]
    revealed = [as_json(gather(desk.workspace, desk.frozen, reveal_private=True)) for desk in boards]
    assert revealed[0] != revealed[1]


def test_the_page_says_that_the_ladder_is_on(full, make_desk):
    from harness.contest import BoardRules

    report = gather(full.workspace, full.frozen)
    assert "The Ladder is on" not in render(report, {})
    assert "The Ladder is on" in render(msgspec.structs.replace(report, ladder=True), {})
    assert BoardRules().ladder is report.ladder


def test_a_closed_contest_without_its_ledger_still_has_a_report(closed, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(closed.workspace.path, copy, symlinks=True)
    (copy / "ledger.jsonl").unlink()
    desk = type(closed)(type(closed.workspace)(copy))
    assert [row.id for row in gather(desk.workspace, desk.frozen).rows] == [
        row.id for row in gather(closed.workspace, closed.frozen).rows
    ]
