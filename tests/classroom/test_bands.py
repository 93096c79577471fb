"""Points rise with the score, are alike for ties, and hang on no order, whatever the paired tests say."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.classroom.grades.bands import band_of, beat, groups, reach

SCORES = st.lists(st.integers(0, 12).map(lambda n: n / 12), min_size=1, max_size=8)


@st.composite
def boards(draw):
    """Scores, intervals, and tests that may say anything, but that a team is never better than one that scores more."""
    scores = draw(SCORES)
    highs = [score + draw(st.integers(0, 4)) / 24 for score in scores]
    size = len(scores)
    flat = draw(st.lists(st.booleans(), min_size=size * size, max_size=size * size))
    better = np.array(flat).reshape(size, size) & (np.array(scores)[:, None] > np.array(scores))
    ahead = [draw(st.booleans()) for _ in scores]
    return scores, highs, better, ahead


def points_of(scores, highs, better, ahead):
    """What each rule gives each team, more for more."""
    return {
        "bands": [band_of(score, [0.25, 0.5, 0.75]) for score in scores],
        "lifted": [band_of(score, [0.25, 0.5, 0.75]) for score in reach(scores, highs)],
        "groups": [-group for group in groups(scores, better)],
        "beat": [int(won) for won in beat(scores, ahead)],
    }


@settings(max_examples=60)
@given(boards())
def test_more_for_more_and_the_same_for_the_same(board):
    scores = board[0]
    for name, points in points_of(*board).items():
        for one in range(len(scores)):
            for other in range(len(scores)):
                if scores[one] >= scores[other]:
                    assert points[one] >= points[other], name


@settings(max_examples=60)
@given(boards(), st.randoms(use_true_random=False))
def test_no_order_decides(board, random):
    scores, highs, better, ahead = board
    order = list(range(len(scores)))
    random.shuffle(order)
    turned = points_of(
        [scores[at] for at in order],
        [highs[at] for at in order],
        better[np.ix_(order, order)],
        [ahead[at] for at in order],
    )
    for name, points in points_of(*board).items():
        assert turned[name] == [points[at] for at in order], name


@settings(max_examples=60)
@given(boards())
def test_exactly_those_are_in_a_later_group_who_are_worse_than_every_leader_before_or_score_less(board):
    scores, _, better, _ = board
    found = groups(scores, better)
    assert sorted(set(found)) == list(range(max(found) + 1))
    for group in range(max(found)):
        members = [team for team, of in enumerate(found) if of == group]
        best = max(scores[team] for team in members)
        leaders = [team for team in members if scores[team] == best]
        for team, of in enumerate(found):
            assert of <= group or all(better[leader, team] for leader in leaders)
        lowest = min(members, key=lambda team: scores[team])
        same = [team for team in members if scores[team] == scores[lowest]]
        assert any(not better[leader, team] for team in same for leader in leaders), "nobody is in it without reason"


@settings(max_examples=60)
@given(boards())
def test_nobody_loses_by_an_interval_or_a_test(board):
    ahead = board[3]
    found = points_of(*board)
    assert all(lifted >= plain for lifted, plain in zip(found["lifted"], found["bands"], strict=True))
    assert all(won >= is_ahead for won, is_ahead in zip(found["beat"], ahead, strict=True))
    assert not any(found["beat"]) or any(ahead)


def test_a_score_of_exactly_the_threshold_reaches_it():
    assert [band_of(n / 1000, [0.57, 0.58]) for n in (569, 570, 579, 580)] == [-1, 0, 0, 1]
    assert band_of(sum([0.1] * 9), [0.9]) == 0, "a mean of shares misses it by the last bit"
