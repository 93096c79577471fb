"""What another package does once an entry is on record: through the command line, with such a package installed."""

import json

import pytest

ANNOUNCER = """
import dataclasses, json, os


def announce(event):
    with open(os.environ["ANNOUNCED"], "a") as file:
        file.write(json.dumps(dataclasses.asdict(event), default=str) + "\\n")


def fail(event):
    raise RuntimeError("no such chat")
"""


@pytest.fixture
def events(tmp_path, monkeypatch):
    """What was told so far; two functions wait for entries, the second of which fails."""
    site, log = tmp_path / "site", tmp_path / "events.jsonl"
    facts = site / "announcer-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "announcer.py").write_text(ANNOUNCER)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: announcer\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[hemobench.recorded]\nchat = announcer:announce\nbroken = announcer:fail\nmissing = announcer:nothing\n"
    )
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("ANNOUNCED", str(log))
    return lambda: [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_a_package_learns_of_an_entry_what_everybody_may_see_and_cannot_take_it_away(
    events, hemobench, small_contest, tmp_path
):
    contest = tmp_path / "ladder.toml"
    contest.write_text(small_contest.read_text().replace('"small"', '"ladder"') + "[board]\nladder = true\n")
    hemobench("freeze", "--contest", contest)
    for message in ("first", "the same again"):
        done = hemobench("submit", "majority", "-m", message, "--name", "team")
        assert "announcer:fail" in done.stderr and "no such chat" in done.stderr
        assert "announcer:nothing" in done.stderr
    first, again = events()
    assert (first["contest"], first["entry"], first["name"], first["outcome"]) == ("ladder", 1, "team", "scored")
    assert set(first["scores"]) == {"val", "val_shifted", "public"}
    assert set(again["scores"]) == {"val", "val_shifted"}  # the Ladder withholds what is no gain
    assert first["scores"]["val"]["accuracy"] == again["scores"]["val"]["accuracy"]
    board = json.loads(hemobench("leaderboard", "--all", "--json").stdout)
    assert len(board["entries"] if isinstance(board, dict) else board) == 2


def test_an_entry_that_was_not_scored_is_told_of_without_scores(events, hemobench, small_contest, tmp_path):
    hemobench("freeze", "--contest", small_contest)
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "model.py").write_text("import nothing_there\n\n\nclass Model:\n    def predict(self, X): return X\n")
    hemobench("submit", folder, "-m", "broken", code=1)
    assert [(event["outcome"], event["scores"]) for event in events()] == [("import_failed", {})]
