"""What is known of one entry is what the board and the report say, and no more than may be told."""

import sqlite3
from contextlib import closing

import msgspec
import numpy as np
import pytest

from harness.analysis.build import gather
from harness.analysis.calibration import expected_calibration_error
from harness.analysis.entry import most_confused, see_entry
from harness.board.closing import close
from harness.errors import UsageError
from harness.score.evaluate import labels_of


def see(desk, word, **options):
    return see_entry(desk.workspace, desk.frozen, str(word), **options)


def told(desk, word, **options):
    return msgspec.json.encode(see(desk, word, **options))


def execute(desk, statement):
    with closing(sqlite3.connect(desk.workspace.board)) as board:
        board.execute(statement)
        board.commit()


@pytest.mark.parametrize("reveal", [False, True])
def test_an_entry_is_what_the_report_says_of_its_row(full, reveal):
    report = gather(full.workspace, full.frozen, reveal_private=reveal)
    assert len(report.rows) == 7
    for row in report.rows:
        facts = see(full, row.id, reveal_private=reveal)
        for name in ("name", "rank", "ranks", "level_with_first", "scores", "gap", "detail", "forecasts", "run"):
            assert getattr(facts, name) == getattr(row, name), name
        assert (facts.families, facts.lengths, facts.severities) == (report.families, report.lengths, report.severities)
        assert facts.ranked == report.n_scored


def test_the_private_half_changes_nothing_until_it_is_revealed(full, other_private_half):
    for number in range(1, 9):
        assert told(full, number) == told(other_private_half, number)
    revealed = told(full, 1, reveal_private=True)
    assert revealed != told(other_private_half, 1, reveal_private=True)
    assert b"private" in revealed
    assert set(see(full, 1).scores) == {"val", "val_shifted", "public"}


def test_a_name_is_the_entry_with_its_best_public_score(desk):
    for number, accuracy in enumerate((0.5, 0.95, 0.7)):
        desk.record("team", accuracy, number=number)
    desk.record("3", 0.9, number=3)
    desk.record("broken", number=4, outcome="load_failed")
    facts = see(desk, "team")
    assert (facts.id, facts.namesakes) == (2, 2)
    assert see(desk, "broken").id == 5
    assert see(desk, "3").id == 3, "an id goes before a name"


@pytest.mark.parametrize(
    ("word", "said", "hint"),
    [
        ("taem 1", "'taem 1'", "Did you mean"),
        ("zzz", "'zzz'", "Known: "),
        ("99", "no entry 99", "from 1 to 8"),
        ("9" * 30, "no entry", "Known: "),
        ("²", "no entry", "Known: "),
    ],
)
def test_an_unknown_entry_is_told_with_what_there_is(full, word, said, hint):
    with pytest.raises(UsageError) as error:
        see(full, word)
    assert said in error.value.message
    assert hint in error.value.hint


def test_an_empty_board_says_how_to_begin(desk):
    for word in ("1", "team"):
        with pytest.raises(UsageError) as error:
            see(desk, word)
        assert "hemobench submit" in error.value.hint


@pytest.mark.parametrize(("column", "said"), [("contest", "--contest elsewhere"), ("lock", "freeze in force")])
def test_an_entry_of_another_contest_or_freeze_is_refused_as_such(desk, column, said):
    desk.record("one", 0.9)
    desk.record("two", 0.9, number=1)
    execute(desk, f"UPDATE entries SET {column} = 'elsewhere' WHERE id = 2")
    with pytest.raises(UsageError) as error:
        see(desk, 2)
    assert "two" in error.value.message
    assert said in error.value.hint


def test_an_entry_that_was_not_scored_says_why(full):
    facts = see(full, "broken")
    assert (facts.outcome, facts.why, facts.rank, facts.note) == (
        "load_failed",
        "model.h5 <b>is missing</b>.",
        None,
        "not scored",
    )
    assert facts.detail is None
    assert not any(facts.scores.values())


def laddered(make_desk, seed):
    """A board on which an entry is withheld; `seed` draws what it said of the public half."""
    desk = make_desk()
    desk.record("open", 0.9)
    desk.record("team", 0.9, number=1)
    said = desk.labels(0.9, 5, 5)
    rng = np.random.default_rng(seed)
    said["public"] = rng.permutation(said["public"])
    desk.record("team", number=2, withheld=True, said=said)
    desk.record("open", 0.8, number=3)
    return desk


@pytest.fixture(scope="module")
def ladders(make_desk):
    return [laddered(make_desk, seed) for seed in (1, 2)]


def test_a_score_that_the_ladder_withholds_shows_in_no_entry(ladders):
    one, other = ladders
    for number in (1, 2, 3, 4):
        assert told(one, number) == told(other, number)
    facts = see(one, 3)
    assert (facts.rank, facts.note, facts.by) == (None, "withheld", "val_shifted")
    assert set(facts.scores) == set(facts.detail.recalls) == {"val", "val_shifted"}
    assert facts.forecasts["shifted"].value == facts.scores["val_shifted"]["accuracy"].value
    assert see(one, "team").id == 2
    assert told(one, 3, reveal_private=True) != told(other, 3, reveal_private=True)


def test_a_closed_contest_tells_the_private_half_and_who_came_late(desk):
    desk.record("team", 0.9)
    desk.record("team", 0.6, number=1)
    desk.record("other", 0.7, number=2)
    close(desk.workspace, desk.frozen)
    desk.record("late", 0.99, number=3)
    ranked = [see(desk, number) for number in (1, 3)]
    assert {facts.rank for facts in ranked} == {1, 2}
    assert all(facts.by == facts.ranked_by == "private" and facts.ranked == 2 for facts in ranked)
    assert (see(desk, 2).note, see(desk, "late").note) == ("lesser final", "late")
    assert "private" in see(desk, "late").scores


def test_seeds_of_one_recipe_are_pooled(desk):
    values = []
    for number, (recipe, seed) in enumerate([("abc", 1), ("abc", 2), ("", None), ("abc", 3)]):
        desk.record("net", 0.6 + 0.1 * number, number=number, recipe=recipe, seed_of_recipe=seed)
        facts = see(desk, number + 1)
        if recipe:
            values.append(facts.scores["public"]["accuracy"].value)
    desk.record("net", 0.95, number=4, recipe="abc", seed_of_recipe=3)  # handed in again: no seed more
    pooled = see(desk, 1).seeds["public"]
    assert pooled.n == 3
    assert pooled.mean == pytest.approx(np.mean(values))
    assert pooled.sd == pytest.approx(np.std(values, ddof=1))
    assert see(desk, 3).seeds == {}


def test_probabilities_give_a_calibration_of_each_split_told(desk):
    desk.record("sure", 0.9, sure=True)
    desk.record("not so", 0.9, number=1)
    found = see(desk, 1).detail.calibration
    assert set(found) == {"val", "val_shifted", "public"}
    n = len(labels_of(desk.frozen)["public"][1])
    assert sum(one.n for one in found["public"].bins) == n
    assert found["public"].ece == pytest.approx(expected_calibration_error(found["public"].bins), abs=1e-3)
    assert see(desk, 2).detail.calibration == {}


def test_without_its_files_an_entry_still_has_its_row(desk):
    desk.record("team", 0.9)
    for path in desk.workspace.cards(desk.frozen.contest.name).iterdir():
        path.unlink()
    facts = see(desk, 1)
    assert (facts.rank, facts.ranks, facts.detail, facts.run) == (1, None, None, None)
    assert facts.scores["public"]


def test_the_most_frequent_confusions_leave_out_what_is_right():
    found = most_confused([[90, 2, 3], [3, 50, 0], [1, 0, 9]], ["a", "b", "c"])
    assert [(one.true, one.said, one.n, one.of) for one in found] == [
        ("a", "c", 3, 95),
        ("b", "a", 3, 53),
        ("a", "b", 2, 95),
    ]
