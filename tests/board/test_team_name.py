"""Two spellings of one team are one team; two teams stay two."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.board.recorder import open_to_read
from harness.board.rules import name_on_board
from harness.board.team_name import team_key, tidy
from harness.contest import SHIPPED, read_contest

SAME = {
    "composed and decomposed": ("Zo\u00e9", "Zoe\u0301"),
    "decomposed around something unseen": ("Zo\u00e9", "Zoe\u200b\u0301"),
    "one blank and two": ("Team 01", "Team  01"),
    "blanks at the ends": ("Team 01", "  Team 01 "),
    "another blank": ("Team 01", "Team\u00a001"),
    "an ideographic blank": ("Team 01", "Team\u300001"),
    "a letter that is seen as a blank": ("Team 01", "Team\u316401"),
    "a zero-width space": ("Team 01", "Te\u200bam 01"),
    "a byte-order mark": ("Team 01", "\ufeffTeam 01"),
    "a soft hyphen": ("Team 01", "Te\u00adam 01"),
    "a mark of direction": ("Team 01", "Team 01\u200e"),
    "a joiner of graphemes": ("Team 01", "Team\u034f 01"),
    "a selector of variants": ("Team 01", "Team 01\ufe0f"),
    "case": ("Straße", "STRASSE"),
    "full width": ("Team 01", "\uff34\uff45\uff41\uff4d\u3000\uff10\uff11"),
    "a ligature": ("ofﬁce", "office"),
    "Cyrillic for Latin": ("peach", "ре\u0430\u0441һ"),
    "Greek for Latin": ("Kappa", "\u039aappa"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_spellings_of_one_team_are_equal(one, other):
    assert one != other and team_key(one) == team_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zoe", "Zo\u00e9"),
        ("Team 01", "Team 02"),
        ("Team 01", "Team01"),
        ("a-b", "a b"),
        ("Сова", "Лиса"),
        ("日本", "日木"),
    ],
)
def test_two_teams_stay_two(one, other):
    assert team_key(one) != team_key(other)


@given(st.text())
def test_a_tidy_name_stays_as_it_is_and_is_of_the_same_team(name):
    assert tidy(tidy(name)) == tidy(name)
    assert team_key(tidy(name)) == team_key(name) == team_key(team_key(name))
    assert "  " not in tidy(name) and tidy(name) == tidy(name).strip()


def test_a_team_on_the_board_is_found_in_every_spelling(desk):
    frozen = SimpleNamespace(contest=read_contest(SHIPPED / "blood-cells.toml"), lock_hash="ab" * 32)
    for one, _ in SAME.values():
        desk.record(one)
    with open_to_read(desk.workspace) as board:
        for one, other in SAME.values():
            assert team_key(name_on_board(board, frozen, other)) == team_key(one)
            assert name_on_board(board, frozen, other) in {name for name, _ in SAME.values()}
        assert name_on_board(board, frozen, "a new team") == "a new team"


def test_spellings_share_limits_rank_and_what_names_them(hemobench):
    for name in ("Zoe\u0301", "ZO\u00c9", "Zo\u00e9\u200b"):
        card = json.loads(hemobench("submit", "majority", "--name", name, "-m", "first", "--json").stdout)
        assert card["name"] == "Zo\u00e9"
    hemobench("contest", "rules", "submissions_total=3", "--why", "enough")
    assert "3 in all" in hemobench("submit", "majority", "--name", "zo\u00c9", "-m", "x", code=1).stderr
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert {row["entry"] for row in rows} == {"Zo\u00e9"}
    hemobench("submit", "random", "-m", "another")
    assert json.loads(hemobench("show", "zoe\u0301", "--json").stdout)["name"] == "Zo\u00e9"
    hemobench("compare", " ZOE\u0301", "Random")
    hemobench("submit", "majority", "--name", "\u3164\u200b", "-m", "seen as nothing", code=2)


def test_a_zip_that_was_there_before_says_whose_it_is(hemobench):
    first = hemobench("submit", "majority", "--name", "a", "-m", "first")
    assert "byte for byte" not in first.stderr
    public = json.loads(hemobench("leaderboard", "--json").stdout)[0]["public"]
    again = hemobench("submit", "majority", "--name", "b", "-m", "second")
    said = " ".join(again.stderr.split())
    assert f"The zip is that of entry 1, a, byte for byte: public accuracy {100 * public:.2f} %." in said
    assert json.loads(hemobench("submit", "majority", "-m", "third", "--json").stdout)["equals"] == 1
    assert json.loads(hemobench("submit", "random", "-m", "fourth", "--json").stdout)["equals"] is None
