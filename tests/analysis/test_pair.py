"""Two entries are divided by the images that divide them, and by nothing that may not be told."""

import msgspec
import numpy as np
import pytest

from harness.analysis.compare import mcnemar
from harness.analysis.entry import see_entry
from harness.analysis.pair import see_pair
from harness.board.closing import close
from harness.errors import UsageError, WorkspaceError
from harness.score.evaluate import labels_of
from harness.score.stats import paired_interval
from tests.analysis.test_entry import execute, laddered


def compared_pair(desk, one, other, **options):
    return see_pair(desk.workspace, desk.frozen, str(one), str(other), **options)


def told(desk, one, other, **options):
    return msgspec.json.encode(compared_pair(desk, one, other, **options))


@pytest.fixture(scope="module")
def pair(make_desk):
    """Two entries whose labels are known, and these labels."""
    desk = make_desk()
    said = [desk.labels(accuracy, seed, seed) for seed, accuracy in ((1, 0.99), (2, 0.7))]
    for number, labels in enumerate(said):
        desk.record(f"team {number}", number=number, said=labels)
    return desk, said


def test_every_split_is_counted_image_by_image(pair):
    desk, said = pair
    found = compared_pair(desk, 1, "team 1")
    assert list(found.splits) == ["val", "val_shifted", "public"]
    for split, of in found.splits.items():
        y_true = labels_of(desk.frozen)[split][1]
        one, other = (labels[split] == y_true for labels in said)
        divided = of.divided
        assert (divided.gained, divided.lost) == ((one & ~other).sum(), (other & ~one).sum())
        assert divided.both + divided.gained + divided.lost + divided.neither == divided.n == len(y_true)
        difference = divided.difference
        assert (difference.value, difference.low, difference.high) == paired_interval(one, other)
        assert of.p == mcnemar(divided.gained, divided.lost)
        for metric in ("accuracy", "macro_f1", "balanced_accuracy"):
            measured = of.metrics[metric]
            assert measured.difference.value == pytest.approx(measured.one.value - measured.other.value)
            assert measured.difference.low < measured.difference.value < measured.difference.high


def test_scores_are_those_of_the_board(pair):
    desk, _ = pair
    facts, found = see_entry(desk.workspace, desk.frozen, "2"), compared_pair(desk, 1, 2)
    for split, of in found.splits.items():
        assert {metric: measured.other for metric, measured in of.metrics.items()} == facts.scores[split]


def test_classes_and_families_add_up_largest_difference_first(pair):
    desk, _ = pair
    found = compared_pair(desk, 1, 2)
    for name in ("both", "gained", "lost", "neither", "n"):
        assert sum(getattr(group, name) for group in found.classes) == getattr(found.splits["public"].divided, name)
    for groups in (found.classes, found.families):
        sizes = [abs(group.difference.value) for group in groups]
        assert sizes == sorted(sizes, reverse=True)
    facts = see_entry(desk.workspace, desk.frozen, "1")
    tallies = dict(zip(facts.families.names, facts.detail.families, strict=True))
    assert {group.name: (group.both + group.gained, group.n) for group in found.families} == {
        name: (tally.hits, tally.n) for name, tally in tallies.items() if tally.n
    }


def test_the_other_way_round_is_the_mirror_image(pair):
    desk, _ = pair
    here, there = compared_pair(desk, 1, 2), compared_pair(desk, 2, 1)
    assert (here.better, there.better) == ("one", "other")
    for split, of in here.splits.items():
        mirrored = there.splits[split]
        assert (of.divided.gained, of.p) == (mirrored.divided.lost, mirrored.p)
        for metric, measured in of.metrics.items():
            turned = mirrored.metrics[metric].difference
            assert (measured.difference.value, measured.difference.low, measured.difference.high) == pytest.approx(
                (-turned.value, -turned.high, -turned.low)
            )


def test_entries_that_agree_are_not_told_apart(desk):
    said = desk.labels(0.9, 1, 1)
    for number in (0, 1):
        desk.record(f"team {number}", number=number, said=said)
    found = compared_pair(desk, 1, 2)
    assert found.better == ""
    assert found.splits["public"].p == 1
    assert found.splits["public"].divided.difference.value == 0


def test_the_private_half_changes_nothing_until_it_is_revealed(full, other_private_half):
    for one, other in ((1, 2), (2, 3), (5, 6)):
        assert told(full, one, other) == told(other_private_half, one, other)
    assert told(full, 1, 2, reveal_private=True) != told(other_private_half, 1, 2, reveal_private=True)
    assert list(compared_pair(full, 1, 2, reveal_private=True).splits)[-1] == "private"


def test_a_score_that_the_ladder_withholds_does_not_show_in_a_comparison(make_desk):
    one, other = (laddered(make_desk, seed) for seed in (1, 2))
    for words in ((3, 2), (1, 3), (1, 2)):
        assert told(one, *words) == told(other, *words)
    found = compared_pair(one, 3, 2)
    assert found.one.withheld and not found.other.withheld
    assert (list(found.splits), found.by, found.families) == (["val", "val_shifted"], "val_shifted", ())
    assert sum(group.n for group in found.classes) == found.splits["val_shifted"].divided.n
    assert "public" in compared_pair(one, 3, 2, reveal_private=True).splits


def test_a_closed_contest_is_compared_by_its_private_half(desk):
    desk.record("a", 0.9)
    desk.record("b", 0.5, number=1)
    close(desk.workspace, desk.frozen)
    assert compared_pair(desk, "a", "b").by == "private"


def test_one_entry_twice_is_refused(full):
    with pytest.raises(UsageError, match="both entry 2"):
        compared_pair(full, 2, "team 1")


def test_an_entry_without_a_score_is_refused(full):
    with pytest.raises(UsageError, match="not scored: load_failed"):
        compared_pair(full, 1, "broken")


def test_an_entry_of_another_contest_is_refused(desk):
    desk.record("a", 0.9)
    desk.record("b", 0.5, number=1)
    execute(desk, "UPDATE entries SET contest = 'elsewhere' WHERE id = 2")
    with pytest.raises(UsageError) as error:
        compared_pair(desk, 1, 2)
    assert "elsewhere" in error.value.message


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_labels_that_are_not_those_scored_are_named(desk, harm):
    desk.record("a", 0.9)
    desk.record("b", 0.5, number=1)
    path = sorted(desk.workspace.cards(desk.frozen.contest.name).glob("*.npz"))[1]
    if harm == "gone":
        path.unlink()
    else:
        with np.load(path) as kept:
            arrays = dict(kept)
        arrays["public"][:] = 0
        np.savez(path, **arrays)
    with pytest.raises(WorkspaceError) as error:
        compared_pair(desk, 1, 2)
    assert "entry 2, b" in error.value.message
    assert "hemobench ledger audit" in error.value.hint
