"""A class's download is judged once by content, by the time of hand-in, and each zip is answered by a letter."""

import hashlib
import json
import os
import re
import shutil
import signal
import time
import zipfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from harness.board.disqualification import disqualify
from harness.board.rule_change import change_rules
from harness.classroom.handins import HandIn, HandIns
from harness.classroom.judge import Judged, judge, plan
from harness.classroom.letter import read_board, write_letter
from harness.classroom.letters import write_letters
from harness.classroom.roster import Roster
from harness.doctor.findings import Checkup, Finding, Severity
from tests.conftest import CommandLine
from tests.report.entries import ODD, START

ROSTER = (
    "name,id,team,alias\nZoë Müller,s1,Crimson,Fox\nBo O'Neil,s2,Crimson,\nEva Horn,s3,Blue,\n"
    "Jan Novak,s4,Green,\nAnn Lee,s5,Violet,\n"
)
GOOD = "class Model:\n    def predict(self, X):\n        return X.mean(axis=(1, 2, 3)).astype(int) % 8\n"
# What it prints of public images its team may see, and nothing of hidden ones.
CHATTY = """class Model:
    def __init__(self):
        self.asked = 0
    def predict(self, X):
        print(f"sum{self.asked}=<{X.sum()}>")
        self.asked += 1
        if self.asked == 3:
            raise ValueError(f"hidden <{X.sum()}>")
        return X[:, 0, 0, 0].astype(int) % 8
"""


def hand_in(folder, place, when, model, name="model.py"):
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), model)
    at = datetime.fromisoformat(f"2026-11-{when}+00:00").timestamp()
    os.utime(path, (at, at))
    return path


def of_moodle(who, number, name="entry.zip"):
    return f"{who}_{number}_assignsubmission_file_/{name}"


@pytest.fixture(scope="module")
def course(frozen_workspace, tmp_path_factory):
    """A class whose download was judged, and what was said of each zip."""
    folder = tmp_path_factory.mktemp("a course")
    shutil.copytree(frozen_workspace, folder / "workspace", symlinks=True)
    hemobench = CommandLine(folder / "workspace", folder)
    (folder / "roster.csv").write_text(ROSTER)
    hemobench("class", "roster", folder / "roster.csv")
    rules = ("submissions_per_day=2", "deadline=2026-11-21T12:00+00:00", "late=per_day", "late_per_day=0.25")
    hemobench("contest", "rules", *rules, "--why", "as said")
    lms = folder / "lms"
    for when, place, model in (
        ("20T10:00", of_moodle("Eva Horn", 3), GOOD),
        ("20T11:00", of_moodle("Zoë Müller", 1, "b.zip"), f"# 1\n{GOOD}"),
        ("20T12:00", of_moodle("Bo O'Neil", 2), CHATTY),
        ("20T13:00", of_moodle("Zoë Müller", 1, "a.zip"), f"# 2\n{GOOD}"),  # the third of Crimson that day
        ("21T09:00", of_moodle("Jan Novak", 4), GOOD),  # the zip of Blue
        ("21T10:00", of_moodle("Jan Novak", 4, "again.zip"), GOOD),
        ("22T13:00", of_moodle("Bo O'Neil", 2, "late.zip"), f"# 3\n{GOOD}"),
    ):
        hand_in(lms, place, when, model)
    hand_in(lms, of_moodle("Jan Novak", 4, "folder.zip"), "20T08:00", GOOD, "inner/model.py")
    hand_in(lms, of_moodle("Max Nobody", 9), "20T08:00", GOOD)
    (lms / of_moodle("Ann Lee", 5, "report.pdf")).parent.mkdir()
    (lms / of_moodle("Ann Lee", 5, "report.pdf")).write_text("a report")
    said = hemobench("class", "judge", lms, "--json", "--letters", folder / "letters", "--workers", 1, code=1)
    found = {(one["place"].partition("_")[0], one["place"].rpartition("/")[2]): one for one in json.loads(said.stdout)}
    return hemobench, lms, folder / "letters", found, said.stderr


def test_each_zip_ends_as_it_deserves(course):
    *_, found, said = course
    states = {key: (one["team"], one["state"], one.get("outcome")) for key, one in found.items()}
    assert states == {
        ("Max Nobody", "Max Nobody_9_assignsubmission_file_"): ("", "no entry", None),
        ("Ann Lee", "Ann Lee_5_assignsubmission_file_"): ("Violet", "no entry", None),
        ("Jan Novak", "folder.zip"): ("Green", "recorded", "refused"),
        ("Eva Horn", "entry.zip"): ("Blue", "recorded", "scored"),
        ("Zoë Müller", "b.zip"): ("Fox", "recorded", "scored"),
        ("Bo O'Neil", "entry.zip"): ("Fox", "recorded", "predict_failed"),
        ("Zoë Müller", "a.zip"): ("Fox", "over the limits", None),
        ("Jan Novak", "entry.zip"): ("Green", "recorded", "scored"),
        ("Jan Novak", "again.zip"): ("Green", "same zip", None),
        ("Bo O'Neil", "late.zip"): ("Fox", "recorded", "scored"),
    }
    assert found["Jan Novak", "entry.zip"]["equals"] == found["Eva Horn", "entry.zip"]["entry"]
    assert found["Jan Novak", "again.zip"]["entry"] == found["Jan Novak", "entry.zip"]["entry"]
    assert found["Bo O'Neil", "late.zip"]["late"] and found["Bo O'Neil", "late.zip"]["rank"] is None
    assert "private" not in found["Eva Horn", "entry.zip"]["scores"]
    assert "Max Nobody" in said and "10 of 10" in said and re.search(r"s each, \d+ s left", said)


def test_the_board_knows_aliases_and_times_of_hand_in_alone(course):
    hemobench, *_ = course
    rows = json.loads(hemobench("leaderboard", "--all", "--json").stdout)
    assert Counter(row["entry"] for row in rows) == {"Fox": 3, "Green": 2, "Blue": 1}
    assert {row["date"] for row in rows if row["entry"] == "Blue"} == {"2026-11-20T10:00:00+00:00"}
    ledger = (hemobench.workspace / "ledger.jsonl").read_text()
    assert "Crimson" not in ledger and "Müller" not in ledger and "lms" not in ledger
    assert [row["note"] for row in rows if row["date"] > "2026-11-22"] == ["late"]
    hemobench("ledger", "audit")


def test_typed_again_nothing_runs_and_nothing_is_recorded_twice(course):
    hemobench, lms, letters, found, _ = course
    ledger = (hemobench.workspace / "ledger.jsonl").read_bytes()
    before = {path: path.read_bytes() for path in letters.rglob("*") if path.is_file()}
    again = json.loads(hemobench("class", "judge", lms, "--json", "--letters", letters, code=1).stdout)
    states = Counter(one["state"] for one in again)
    assert states == {"known": 6, "same zip": 1, "over the limits": 1, "no entry": 2}
    assert {one["place"]: one["entry"] for one in again} == {one["place"]: one["entry"] for one in found.values()}
    assert (hemobench.workspace / "ledger.jsonl").read_bytes() == ledger
    assert {path: path.read_bytes() for path in letters.rglob("*") if path.is_file()} == before


def test_a_dry_run_says_what_would_be_and_writes_nothing(course, tmp_path):
    hemobench, *_ = course
    hand_in(tmp_path, "Blue.zip", "23T10:00", f"# new\n{GOOD}")
    ledger = (hemobench.workspace / "ledger.jsonl").read_bytes()
    (one,) = json.loads(hemobench("class", "judge", tmp_path, "--dry-run", "--json").stdout)
    assert (one["team"], one["state"], one["handed_in"]) == ("Blue", "new", "2026-11-23T10:00:00+00:00")
    assert (hemobench.workspace / "ledger.jsonl").read_bytes() == ledger
    assert not (hemobench.workspace / "letters").exists()


def test_a_letter_for_each_zip_in_its_team_s_folder(course):
    hemobench, _, letters, *_ = course
    files = Counter(path.parent.name for path in letters.rglob("*.html"))
    assert files == {"Crimson": 4, "Blue": 1, "Green": 2, "Violet": 1}
    for path in letters.rglob("*.md"):
        text, page = path.read_text(), path.with_suffix(".html").read_text()
        assert str(hemobench.workspace.parent) not in text + page and "private" not in text
        assert "<script" not in page and path.stat().st_mode & 0o077 == 0
    (blue,) = (letters / "Blue").glob("*.md")
    text = blue.read_text()
    assert "95 % interval" in text and re.search(r"Rank \d of 3 entries; .* ranks 1–3 open", text)
    texts = [path.read_text() for path in sorted((letters / "Crimson").glob("*.md"))]
    assert "Crimson" not in "".join(texts) and all("| team | Fox |" in one for one in texts)
    assert "over the limits" in texts[2] and "2 a day" in texts[2]
    assert "2026-11-21 12:00 UTC" in texts[3] and "keeps 50 % of its points" in texts[3]
    assert "inner" in sorted((letters / "Green").glob("*.md"))[0].read_text(), "the cause, as the doctor words it"


def test_a_letter_holds_nothing_that_was_made_of_hidden_images(course):
    hemobench, _, letters, *_ = course
    (text,) = (one for one in (path.read_text() for path in letters.rglob("*.md")) if "predict failed" in one)
    card = next(
        card
        for path in hemobench.workspace.glob("cards/small/*.json")
        if (card := json.loads(path.read_text()))["outcome"] == "predict_failed"
    )
    shown, hidden = (re.findall(r"<(\d+)>", card[log]) for log in ("log", "hidden_log"))
    assert len(shown) == 2 and hidden
    assert all(number in text for number in shown)
    assert not any(number in text for number in hidden)


def test_a_run_that_is_killed_goes_on_where_it_was(hemobench, tmp_path):
    lms = tmp_path / "lms"
    for number in range(6):
        hand_in(lms, f"team {number}.zip", f"20T1{number}:00", f"# {number}\n{GOOD}")
    ledger = hemobench.workspace / "ledger.jsonl"
    process = hemobench.start("class", "judge", lms, "--workers", 1)
    try:
        while not ledger.exists() or ledger.read_bytes().count(b"\n") < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    before = ledger.read_bytes()
    done = json.loads(hemobench("class", "judge", lms, "--json", "--workers", 1).stdout)
    assert ledger.read_bytes().startswith(before)
    assert Counter(one["state"] for one in done)["known"] >= 2
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert sorted(row["entry"] for row in rows) == [f"team {number}" for number in range(6)]
    assert [one["entry"] for one in done] == [1, 2, 3, 4, 5, 6], "in the order of hand-in"


def test_the_queue_is_fair_between_teams_and_ranks_are_those_of_hand_in(hemobench, tmp_path):
    hemobench("contest", "rules", "submissions_per_day=2", "--why", "x")
    lms = tmp_path / "lms"
    for team, hour in (("red", 10), ("red", 11), ("red", 12), ("blue", 13), ("blue", 14), ("green", 15)):
        hand_in(lms, f"{team}/{hour}.zip", f"20T{hour}:00", f"# {team if hour == 15 else hour}\n{GOOD}")
    words = ("class", "judge", lms, "--json")
    queue = json.loads(hemobench(*words, "--dry-run").stdout)
    order = ["red/10", "blue/13", "green/15", "red/11", "blue/14"]
    assert [(one["turn"], one["place"], one["expected_s"]) for one in queue if one["state"] == "new"] == [
        (turn, f"{place}.zip", None) for turn, place in enumerate(order, start=1)
    ]
    assert [one["place"] for one in queue if one["state"] == "over the limits"] == ["red/12.zip"]
    for workers in (1, 2):  # and so does who records
        again = CommandLine(tmp_path / f"of {workers}")
        shutil.copytree(hemobench.workspace, again.workspace, symlinks=True)
        again(*words, "--workers", workers)
        rows = json.loads(again("leaderboard", "--json").stdout)
        assert [(row["rank"], row["entry"], row["date"][11:13]) for row in rows] == [
            (1, "red", "10"), (2, "red", "11"), (3, "blue", "13"), (4, "blue", "14"), (5, "green", "15")
        ], "equal scores, the earlier handed in first"  # fmt: skip
        receipts = [json.loads(line) for line in (again.workspace / "ledger.jsonl").read_text().splitlines()]
        recorded = [line["handed_in"][11:13] for line in receipts if line["kind"] == "score"]
        assert recorded == ["10", "13", "15", "11", "14"], "the queue is the ledger's order"
    hand_in(lms, "green/16.zip", "20T16:00", f"# 16\n{GOOD}")
    told = again("class", "judge", lms, "--dry-run")
    assert re.search(r"1 zip to judge, by the entries before in about \d+ s", " ".join(told.stderr.split()))
    assert "place 1 in the queue" in " ".join(told.stderr.split())


def test_failed_entries_are_free_as_far_as_the_rules_say(hemobench, tmp_path):
    hemobench("contest", "rules", "submissions_per_day=1", "failed_free=1", "--why", "x")
    for number, model in enumerate(("raise OSError", "raise OSError(2)", GOOD)):
        hand_in(tmp_path / "lms", f"red/{number}.zip", f"20T1{number}:00", f"# {number}\n{model}")
    done = json.loads(hemobench("class", "judge", tmp_path / "lms", "--json").stdout)
    assert [(one["state"], one.get("outcome")) for one in done] == [
        ("recorded", "import_failed"),
        ("recorded", "import_failed"),
        ("over the limits", None),
    ]


@pytest.mark.parametrize("failed_free", [0, 1])
def test_a_zip_that_was_over_the_limits_may_come_again_another_day(failed_free, hemobench, tmp_path):
    hemobench("contest", "rules", "submissions_per_day=1", f"failed_free={failed_free}", "--why", "x")
    for when, name, number in (("20T10", "a", 1), ("20T11", "b", 2), ("21T10", "c", 2), ("21T11", "d", 2)):
        hand_in(tmp_path / "lms", f"red/{name}.zip", f"{when}:00", f"# {number}\n{GOOD}")
    done = json.loads(hemobench("class", "judge", tmp_path / "lms", "--json", "--workers", 1).stdout)
    assert [one["state"] for one in done] == ["recorded", "over the limits", "recorded", "same zip"]
    assert [one["entry"] for one in done] == [1, None, 2, 2]


def test_what_another_process_put_on_record_meanwhile_is_known(desk, tmp_path):
    place = hand_in(tmp_path, "red.zip", "20T10:00", GOOD)
    given = HandIns((HandIn("red.zip", place, "Red", START, "file"),), (), ())
    both = [plan(desk.workspace, desk.frozen, given) for _ in range(2)]
    ends = [next(judge(desk.workspace, desk.frozen, planned, n_workers=1)) for planned in both]
    assert [(one.state, one.entry) for one in ends] == [("recorded", 1), ("known", 1)]
    assert plan(desk.workspace, desk.frozen, given)[0].told == ""
    moved = HandIns((HandIn("red.zip", place, "Red", START + timedelta(hours=1), "listing"),), (), ())
    assert f"{START:%Y-%m-%d %H:%M} UTC, which counts" in plan(desk.workspace, desk.frozen, moved)[0].told


def test_letters_of_teams_whose_names_are_alike_never_share_a_folder(desk, tmp_path):
    long = "x" * 79
    names = ["a/b", "a_b", "a?b", "con", "=1", f"{long}1", f"{long}2", "\U0001f600", "b.", "b"]
    numbers = {name: desk.record(name, 0.8, number=number) for number, name in enumerate(names)}

    def folder_of(*some):
        ones = [judged(name, numbers[name]) for name in some]
        pages = write_letters(desk.workspace, desk.frozen, ones, Roster(), tmp_path / "out", pytest.fail)
        return {name: page.parent.name for name, page in zip(some, pages, strict=True)}

    together = folder_of(*names)
    assert len({name.casefold() for name in together.values()}) == len(names)
    assert all(folder_of(name)[name] == together[name] for name in reversed(names)), "whatever else a download holds"
    assert together["a_b"] == "a_b" and together["con"] != "con"


def test_an_error_of_the_machine_is_told_to_no_team(desk, tmp_path):
    one = Judged("lms/a.zip", "Red", "not recorded", told=f"{tmp_path}: no room")
    assert write_letters(desk.workspace, desk.frozen, [one], Roster(), tmp_path / "out", pytest.fail) == []


def judged(team, entry, state="known", name="a.zip"):
    given = HandIn(f"lms/{name}", None, team, START, "file")
    return Judged(given.place, team, state, given, "ab" * 32, entry)


def test_a_withheld_score_stands_in_no_letter(desk):
    change_rules(desk.workspace, desk.frozen, {"ladder": True}, "x")
    first, held = desk.record("Red", 0.8), desk.record("Red", 0.82, number=1, withheld=True)
    board = read_board(desk.workspace, desk.frozen, [first, held])
    assert "hidden, public half" in write_letter(judged("Red", first), board)
    text = write_letter(judged("Red", held), board)
    assert "Ladder" in text and "public half" not in text and "shifted validation" in text


def test_what_strangers_wrote_is_text(desk, tmp_path):
    entry = desk.record(ODD, outcome="load_failed", why=f"{ODD} | # no\n\n## heading", log=f"```\n{ODD}\n# loud")
    checkup = Checkup(path="x", target="local", findings=(Finding(code="c", severity=Severity.FAIL, title=ODD),))
    one = judged(ODD, entry, name=f"<b>{'x' * 3}|y.zip")
    (page,) = write_letters(desk.workspace, desk.frozen, [one], Roster(), tmp_path / "out", lambda path: checkup)
    html = page.read_text()
    assert page.parent.parent == tmp_path / "out" and html.count("<h1>") == 1
    assert "<script" not in html and "<img" not in html and "<b>" not in html and "&lt;b&gt;" in html
    before = page.with_suffix(".md").stat().st_mtime_ns
    write_letters(desk.workspace, desk.frozen, [one], Roster(), tmp_path / "out", pytest.fail)
    assert page.with_suffix(".md").stat().st_mtime_ns == before, "a failed entry is examined once"


def test_the_doctor_examines_the_model_that_was_trained_and_not_the_code(desk, tmp_path):
    digest = hashlib.sha256(b"Blue 0").hexdigest()  # nothing came of its training
    entries = [
        desk.record("Red", outcome="predict_failed", trained_from="cd" * 32),
        desk.record("Blue", outcome="refused", trained_from=digest, why="no fit.py"),
    ]
    seen: list[Path] = []

    def examine(path):
        seen.append(path)
        return Checkup(path="x", target="local", findings=())

    items = [judged(team, entry) for team, entry in zip(("Red", "Blue"), entries, strict=True)]
    write_letters(desk.workspace, desk.frozen, items, Roster(), tmp_path / "out", examine)
    assert seen == [desk.workspace.zips() / f"{hashlib.sha256(b'Red 0').hexdigest()}.zip"]


def test_a_closed_contest_tells_its_private_half_in_letters(desk):
    entry = desk.record("Red", 0.8)
    hemobench = CommandLine(desk.workspace.path)
    hemobench("contest", "close", "--yes")
    text = write_letter(judged("Red", entry), read_board(desk.workspace, desk.frozen, [entry]))
    assert "private half" in text and "Rank 1 of 1 entry" in text


def test_why_an_entry_is_disqualified_stands_in_its_letter(desk):
    entry = desk.record("Red", 0.8)
    disqualify(desk.workspace, desk.frozen, entry, "the code | of another")
    text = write_letter(judged("Red", entry), read_board(desk.workspace, desk.frozen, [entry]))
    assert "The reason: the code" in text and "of another" in text and "public half" in text
