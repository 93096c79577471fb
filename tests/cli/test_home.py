"""``hemobench`` without a verb says where one stands, and what it tells one to type works."""

import shlex

import pytest

from tests.conftest import CommandLine
from tests.test_structure import loaded_after


def next_words(said: str) -> list[str]:
    (line,) = [line for line in said.splitlines() if line.startswith("Next: ")]
    return shlex.split(line.removeprefix("Next: hemobench "))


def test_each_next_step_is_the_one_that_is_due(hemobench, tmp_path):
    here = CommandLine(hemobench.workspace, tmp_path)
    said = here().stdout
    assert "A small contest (small), open." in said and "none yet" in said
    assert next_words(said)[:2] == ["submit", "majority"]
    here(*next_words(said))
    said = here().stdout
    assert "1 entry; best majority, " in said, "until a team has one, baselines are ranked"
    assert next_words(said) == ["new", "myteam"]
    here(*next_words(said))
    said = here().stdout
    assert next_words(said)[:2] == ["submit", "myteam"]
    here(*next_words(said))
    said = here().stdout
    assert "2 entries; best myteam, " in said and "% public accuracy" in said
    assert next_words(said) == ["leaderboard"]
    here("contest", "close", "--yes")
    said = here().stdout
    assert "closed" in said and "% private" in said and next_words(said)[0] == "report"


def test_in_an_empty_folder_it_says_how_to_begin(tmp_path):
    here = CommandLine(tmp_path / "workspace", tmp_path)
    assert next_words(here().stdout.replace("; of", "\n"))[0] == "freeze"
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_a_contest_that_is_gone_is_named_with_what_to_type(hemobench):
    (hemobench.workspace / "active").write_text("gone\n")
    said = hemobench().stdout
    assert "gone" in said and next_words(said)[0] in ("freeze", "verify")


def test_it_loads_nothing_heavy(frozen_workspace, monkeypatch):
    monkeypatch.setenv("HEMOBENCH_WORKSPACE", str(frozen_workspace))
    code = "import harness.cli\ntry: harness.cli.hemobench.main([])\nexcept SystemExit as done: assert not done.code"
    assert not loaded_after(code) & {"numpy", "scipy", "rich", "keras", "PIL"}


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_its_lines_are_as_wide_as_the_terminal_and_no_wider_than_80(columns, hemobench, monkeypatch):
    monkeypatch.setattr(
        CommandLine,
        "environment",
        lambda self: {"HEMOBENCH_WORKSPACE": str(self.workspace), "COLUMNS": columns, "NO_COLOR": "1"},
    )
    assert max(map(len, hemobench().stdout.splitlines())) <= min(80, int(columns))
