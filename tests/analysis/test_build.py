"""What the report says is what the board, the cards and the pure statistics say."""

import numpy as np
import pytest

from harness.analysis.build import gather
from harness.analysis.compare import compare_all, mcnemar
from harness.analysis.corruptions import group
from harness.analysis.predictions import diagnose
from harness.analysis.ranks import rank_ranges
from harness.freeze.frozen import read_arrays
from harness.score.evaluate import labels_of
from harness.score.stats import paired_interval


@pytest.fixture(scope="module")
def report(full):
    return gather(full.workspace, full.frozen)


@pytest.fixture(scope="module")
def revealed(full):
    return gather(full.workspace, full.frozen, reveal_private=True)


def files(desk):
    """The kept labels by the id of their entry."""
    found = sorted(desk.workspace.cards(desk.frozen.contest.name).glob("*.npz"))
    return {number + 1: path for number, path in enumerate(found)}


def right(desk, report, split):
    truth = labels_of(desk.frozen)[split][1]
    return np.array([read_arrays(files(desk)[row.id])[split] == truth for row in report.rows])


def test_rows_stand_by_the_unrounded_public_score(report):
    values = [row.scores["public"]["accuracy"].value for row in report.rows]
    assert values == sorted(values, reverse=True)
    assert [row.rank for row in report.rows] == list(range(1, 8))
    assert report.n_unscored == 1
    assert report.unscored[0].outcome == "load_failed"


def test_ranges_and_those_level_with_the_first_are_those_of_the_statistics(full, report):
    better = compare_all(right(full, report, "public")).better
    assert [row.ranks for row in report.rows] == rank_ranges(better)
    assert [row.level_with_first for row in report.rows] == [not worse for worse in better[0]]
    assert 1 < sum(row.level_with_first for row in report.rows) < 7


def test_an_entry_falls_where_its_diagnosis_says(full, report):
    for row in report.rows:
        told = diagnose(full.frozen, read_arrays(files(full)[row.id]), ("val", "val_shifted", "public"))
        assert dict(zip(report.families.names, row.detail.families, strict=True)) == told.families
        assert dict(zip(report.lengths.names, row.detail.lengths, strict=True)) == {
            str(length): tally for length, tally in told.chains.items()
        }
        for by_severity, whole in zip(row.detail.severities, row.detail.families, strict=True):
            if whole.n and sum(tally.n for tally in by_severity):
                assert sum(tally.hits for tally in by_severity) == whole.hits


def test_the_confusion_matrix_and_the_recalls_add_up_to_the_score(report, revealed):
    for row in report.rows:
        matrix = np.array(row.detail.confusion)
        assert np.trace(matrix) / matrix.sum() == row.scores["public"]["accuracy"].value
        for split, recalls in row.detail.recalls.items():
            hits = sum(round(recall.value * recall.n) for recall in recalls if recall)
            assert hits == round(row.scores[split]["accuracy"].value * row.scores[split]["accuracy"].n)
    both = np.array(revealed.rows[0].detail.confusion).sum()
    assert both == sum(split.n for split in revealed.splits if split.name in ("public", "private"))


def test_pairs_are_counted_on_every_split(full, report):
    pairs = report.pairwise
    one, other = np.triu_indices(len(report.rows), 1)
    for split in ("val", "val_shifted", "public"):
        hits = right(full, report, split)
        gained = [int((hits[a] & ~hits[b]).sum()) for a, b in zip(one, other, strict=True)]
        assert list(pairs.gained[split]) == gained
        limits = list(zip(pairs.low[split], pairs.high[split], strict=True))
        assert limits == [paired_interval(hits[a], hits[b])[1:] for a, b in zip(one, other, strict=True)]
        assert list(pairs.p[split]) == mcnemar(np.array(gained), np.array(pairs.lost[split])).tolist()
    assert (np.array(pairs.adjusted) >= pairs.p["public"]).all()


def test_what_an_entry_misses_alone_the_best_others_have_right(full, report):
    hits = right(full, report, "val")
    for place, row in enumerate(report.rows):
        others = [other for other in range(6) if other != place][:5]
        alone = ~hits[place] & hits[others].all(axis=0)
        assert row.detail.alone["val"] == alone.sum()
        for missed in row.detail.alone_shown:
            assert missed.split in ("val", "val_shifted")
            assert missed.said != missed.label
            assert alone[missed.row] or missed.split == "val_shifted"


def test_a_forecast_knows_only_entries_that_came_before(full, report):
    first = next(row for row in report.rows if row.id == 1)
    assert first.forecasts["line"] is None
    assert first.forecasts["shifted"].value == first.scores["val_shifted"]["accuracy"].value
    assert report.methods[0].errors.n == 7
    assert report.methods[1].errors.n == 4  # the first three have too few before them


def test_history_keeps_each_new_best(report):
    best = [moment for moment in report.history if moment.best]
    assert [moment.value for moment in best] == sorted({moment.value for moment in best})
    assert best[-1].name == report.rows[0].name


def test_only_the_best_are_shown_when_asked(full):
    few = gather(full.workspace, full.frozen, top=3)
    assert len(few.rows) == 3
    assert few.n_scored == 7


def test_labels_that_were_changed_say_nothing(desk):
    for number, accuracy in enumerate((0.9, 0.8, 0.7)):
        desk.record(f"team {number}", accuracy, number=number)
    path = files(desk)[2]
    arrays = read_arrays(path)
    arrays["public"][:] = 0
    np.savez(path, **arrays)
    report = gather(desk.workspace, desk.frozen)
    changed = next(row for row in report.rows if row.id == 2)
    assert changed.detail is None
    assert changed.ranks is None
    assert changed.scores["public"]
    assert all(row.detail for row in report.rows if row.id != 2)


def test_a_card_that_was_changed_says_nothing(desk):
    for number, accuracy in enumerate((0.9, 0.8, 0.7)):
        desk.record(f"team {number}", accuracy, number=number)
    card = files(desk)[2].with_suffix(".json")
    card.write_bytes(card.read_bytes().replace(b'"isolation": "bubblewrap"', b'"isolation": "none"'))
    changed = next(row for row in gather(desk.workspace, desk.frozen).rows if row.id == 2)
    assert (changed.detail, changed.run) == (None, None)


def test_an_empty_board_has_a_report(desk):
    report = gather(desk.workspace, desk.frozen)
    assert report.rows == ()
    assert report.ensemble is None


def test_one_entry_alone_has_a_report(desk):
    desk.record("only", 0.9)
    report = gather(desk.workspace, desk.frozen)
    assert str(report.rows[0].ranks) == "1"
    assert report.pairwise is None


def test_an_image_without_corruptions_is_a_group_of_its_own():
    groups = group([[], []])
    assert groups.families.names == ("untouched",)
    assert groups.families.n == (2,)
