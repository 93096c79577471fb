"""Rules of a contest change while it runs: the board stays, the ledger tells of it, and no hand can rewrite it."""

import json
import shutil

import msgspec
import pytest

from harness import api
from harness.board import cache
from harness.board.audit import audit
from harness.board.in_force import in_force, open_in_force
from harness.board.ledger import Line, events, read_lines
from harness.board.receipts import Change, RulesChanged
from harness.board.recorder import open_recorder, open_to_read
from harness.board.rule_change import adopt_rules, change_rules, read_settings
from harness.board.rules import check_limits
from harness.contest import BoardRules, HandInRules, Limits, read_contest, rules_of, with_rules
from harness.errors import BoardError, UsageError
from harness.freeze.frozen import open_frozen
from harness.workspace import Workspace
from tests.board.conftest import NOW

WHY = "the machines of the class are slow"


@pytest.fixture
def workspace(frozen_workspace, tmp_path):
    """A workspace of the test's own, with the small contest frozen in it."""
    shutil.copytree(frozen_workspace, tmp_path / "workspace", symlinks=True)
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def running(workspace, desk):
    """The small contest with three entries of team a and one of b."""
    here = type(desk)(workspace)
    lock = open_frozen(workspace).lock_hash
    for name, public in (("a", 0.5), ("b", 0.75), ("a", 0.25), ("a", 0.75)):
        here.record(name, public, contest="small", lock=lock)
    return workspace


def change(workspace, why=WHY, **settings):
    return change_rules(workspace, open_in_force(workspace), settings, why)


def standings(workspace):
    return [(row.rank, row.entry.id, row.entry.name) for row in api.leaderboard(workspace.path).standings]


def test_a_time_limit_a_title_and_a_quota_change_and_the_board_stays(running):
    before, lock = standings(running), open_frozen(running).lock_hash
    receipt = change(running, time_s=1800, title="The second week", submissions_per_day=3)
    assert receipt.number == 5 and receipt.why == WHY and receipt.by == "command"
    assert {rule: (one.old, one.new) for rule, one in receipt.changes.items()} == {
        "title": ("A small contest", "The second week"),
        "time_s": (120, 1800),
        "submissions_per_day": (100, 3),
    }
    assert standings(running) == before
    frozen = open_in_force(running)
    assert frozen.lock_hash == lock
    assert (frozen.contest.title, frozen.contest.limits.time_s) == ("The second week", 1800)
    found = audit(running)
    assert (found.findings, found.receipts, found.rows) == ((), 5, 4)
    with open_to_read(running) as board:
        with pytest.raises(BoardError, match="3 a day"):
            check_limits(board, frozen, "a", NOW)
        check_limits(board, frozen, "b", NOW)
        check_limits(board, open_frozen(running), "a", NOW)  # as it was frozen: 100 a day


def test_the_last_change_is_in_force_and_what_changes_nothing_is_no_event(running):
    assert change(running, time_s="120") is None
    change(running, time_s="1800", ladder="yes")
    change(running, time_s="60")
    assert change(running, time_s=60, ladder="on") is None
    contest = open_in_force(running).contest
    assert (contest.limits.time_s, contest.board.ladder) == (60, True)
    assert [one.number for one in events(running.ledger, RulesChanged)] == [5, 6]


def test_rules_of_another_contest_or_another_freeze_are_not_in_force_here(running):
    with open_recorder(running) as recorder:
        for contest, lock in (("other", open_frozen(running).lock_hash), ("small", "cd" * 32)):
            recorder.record_event(
                RulesChanged,
                created_at=NOW.isoformat(),
                contest=contest,
                lock=lock,
                changes={"time_s": Change(120, 5)},
                why="there",
                by="command",
            )
    assert open_in_force(running).contest.limits.time_s == 120
    assert audit(running).findings == ()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tim_s": "5"}, "No rule is called 'tim_s'"),
        ({"time_s": "0"}, "time_s=0"),
        ({"time_s": "soon"}, "time_s=soon"),
        ({"time_s": "1e999"}, "time_s=1e999"),
        ({"ladder": "maybe"}, "ladder=maybe"),
        ({"finals": None}, "finals=None"),
        ({"title": ""}, "title"),
        ({"title": "red\x1b[31m"}, "title"),
        ({"metrics": ["macro_f1", "accuracy"]}, "another contest"),
        ({"metrics": []}, "another contest"),
        ({"metrics": ["accuracy", "accuracy"]}, "each once"),
        ({"metrics": ["accuracy", "speed"]}, "speed"),
        ({"seed": "7"}, "another contest"),
        ({"n_images": "7"}, "another contest"),
        ({"class_names": "a"}, "another contest"),
        ({"name": "mine"}, "another contest"),
    ],
)
def test_what_is_no_rule_or_none_that_can_be_is_refused_and_changes_nothing(running, settings, said):
    before = running.ledger.read_bytes()
    with pytest.raises(UsageError) as refused:
        change_rules(running, open_in_force(running), {"memory_mb": 100, **settings}, WHY)
    assert said in refused.value.message and refused.value.hint
    assert running.ledger.read_bytes() == before


@pytest.mark.parametrize("why", ["", "  ", "red\x1b[31m", "x" * 201])
def test_a_change_without_a_reason_that_can_be_kept_is_refused(running, why):
    with pytest.raises(UsageError, match="reason"):
        change(running, why, time_s=60)


@pytest.mark.parametrize(
    ("words", "said"), [(["time_s"], "RULE=VALUE"), (["=5"], "RULE=VALUE"), (["a=1", "a=2"], "twice")]
)
def test_words_that_say_no_setting_are_refused(words, said):
    with pytest.raises(UsageError, match=said):
        read_settings(words)


def test_a_closed_contest_keeps_its_rules(running):
    change(running, finals=1)
    closed = api.close(running.path)
    assert closed.finals == {"b": (2,), "a": (4,)}, "one final a team: the rule in force at the close"
    with pytest.raises(BoardError, match="was closed at"):
        change(running, time_s=60)
    assert audit(running).findings == ()


def forge(workspace, number, was, now):
    """Change one line of the ledger by hand."""
    lines = [line.text for line in read_lines(workspace.ledger)[0]]
    assert was in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(was, now)
    workspace.ledger.write_bytes(b"".join(line + b"\n" for line in lines))


@pytest.mark.parametrize("last", [True, False])
def test_an_event_that_was_changed_by_hand_is_found(running, desk, last):
    receipt = change(running, time_s=1800)
    if not last:
        type(desk)(running).record("c", 0.1, contest="small", lock=receipt.lock)
    head, before = audit(running).head, running.ledger.read_bytes()
    forge(running, 5, b'"to":1800', b'"to":9999')
    found = [finding.what for finding in audit(running, expect=head).findings]
    assert "receipt 5" in found if last else "receipt 5 (rules of small)" in found
    assert ("head" in found) == last
    running.ledger.write_bytes(before)
    assert audit(running, expect=head).findings == ()
    assert open_in_force(running).contest.limits.time_s == 1800


def test_a_change_that_does_not_follow_from_the_rules_before_is_found(running):
    change(running, time_s=1800)
    with open_recorder(running) as recorder:
        facts = msgspec.structs.asdict(next(events(running.ledger, RulesChanged)))
        facts = {key: facts[key] for key in ("created_at", "contest", "lock", "why", "by")}
        recorder.record_event(RulesChanged, changes={"time_s": Change(120, 60)}, **facts)
    (finding,) = audit(running).findings
    assert finding.what == "receipt 6 (rules of small): time_s, changed from"
    assert (finding.got, finding.expected) == ("120", "1800, in force before")


def test_a_card_of_rules_that_were_never_in_force_is_found(running, desk):
    lock, frozen = open_frozen(running).lock_hash, rules_of(open_frozen(running).contest)
    here = type(desk)(running)
    here.record("c", 0.1, contest="small", lock=lock, rules=frozen)
    change(running, time_s=1800)
    here.record("c", 0.2, contest="small", lock=lock, rules=frozen)  # it was running when the rules changed
    here.record("c", 0.3, contest="small", lock=lock, rules=frozen | {"time_s": 1800})
    assert audit(running).findings == ()
    here.record("c", 0.4, contest="small", lock=lock, rules=frozen | {"time_s": 7})
    (finding,) = audit(running).findings
    assert finding.what == "cards/small/8.json (receipt 9): rules.time_s"
    assert (finding.got, finding.expected) == ("7", "1800")


def test_a_board_that_is_gone_is_made_again_past_its_events(running):
    change(running, time_s=1800)
    before = standings(running)
    running.board.unlink()
    assert standings(running) == before
    assert audit(running).findings == () == audit(running).notes


def test_an_event_whose_process_was_killed_before_the_board_knew_is_completed(running, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(cache, "add", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            change(running, time_s=1800)
    assert open_in_force(running).contest.limits.time_s == 1800, "the ledger is the truth"
    (note,) = audit(running).notes
    assert "1 receipt is not on the board yet" in note
    standings(running)
    assert audit(running).notes == () == audit(running).findings


def test_an_event_may_be_the_first_line_of_a_ledger(workspace, desk):
    change(workspace, time_s=1800)
    type(desk)(workspace).record("a", 0.5, contest="small", lock=open_frozen(workspace).lock_hash)
    found = audit(workspace)
    assert (found.findings, found.receipts, found.rows) == ((), 2, 1)
    assert standings(workspace) == [(1, 1, "a")]


def test_words_of_an_entry_are_never_taken_for_an_event(running, desk):
    trap = json.dumps({"kind": "rules", "changes": {}})
    nested = {"kind": "rules", "z": "c"}
    type(desk)(running).record(trap, 0.5, contest="small", lock=open_frozen(running).lock_hash, environment=nested)
    assert b'{"kind":"rules",' in running.ledger.read_bytes()
    assert list(events(running.ledger, RulesChanged)) == []


def test_a_torn_event_at_the_end_is_not_in_force(running):
    change(running, time_s=1800)
    change(running, time_s=60)
    running.ledger.write_bytes(running.ledger.read_bytes()[:-10])
    assert open_in_force(running).contest.limits.time_s == 1800


def test_a_value_that_no_rule_can_have_is_a_sentence(running):
    change(running, time_s=1800)
    forge(running, 5, b'"to":1800', b'"to":"x"')
    with pytest.raises(BoardError, match="none can be"):
        open_in_force(running)


def test_a_file_frozen_again_changes_what_it_states_otherwise_and_nothing_else(running):
    frozen = open_frozen(running)
    contest = frozen.contest
    assert adopt_rules(running, frozen, contest) is None
    change(running, time_s=1800, memory_mb=100)
    assert adopt_rules(running, frozen, contest) is None, "what was typed stays while the file says what it said"
    stated = with_rules(contest, {"time_s": 300, "finals": 5})
    receipt = adopt_rules(running, frozen, stated)
    assert {rule: (one.old, one.new) for rule, one in receipt.changes.items()} == {
        "time_s": (1800, 300),
        "finals": (2, 5),
    }
    assert receipt.by == "contest file"
    assert adopt_rules(running, frozen, stated) is None
    ruled = in_force(running, frozen).contest
    assert (ruled.limits.time_s, ruled.limits.memory_mb, ruled.board.finals) == (300, 100, 5)
    assert audit(running).findings == ()


def test_freezing_the_same_data_under_other_rules_keeps_freeze_and_board(running, small_contest, tmp_path):
    frozen, before = open_frozen(running), standings(running)
    other = tmp_path / "small.toml"
    other.write_text(small_contest.read_text().replace("time_s = 120", "time_s = 240").replace("A small", "Another"))
    seen: list[RulesChanged] = []
    again = api.freeze(running.path, str(other), rules_changed=seen.append)
    assert again.folder == frozen.folder and again.lock == frozen.lock
    assert [sorted(one.changes) for one in seen] == [["time_s", "title"]]
    assert (again.contest.title, again.contest.limits.time_s) == ("Another contest", 240)
    assert standings(running) == before
    assert api.verify(running.path) == []
    assert audit(running).findings == ()
    # A damaged freeze is made again with the rules that it was frozen with: the ledger tells the rest.
    (again.folder / "public" / "val.npz").write_bytes(b"")
    repaired = api.freeze(running.path, str(other), rules_changed=seen.append)
    assert repaired.folder != frozen.folder and repaired.lock.contest == frozen.lock.contest
    assert repaired.contest.limits.time_s == 240 and len(seen) == 1
    assert api.verify(running.path) == [] and audit(running).findings == ()


def leaves(document, at=()):
    """The path and value of everything in a nested document that is no dictionary."""
    if isinstance(document, dict):
        return [leaf for key, value in document.items() for leaf in leaves(value, (*at, key))]
    return [(at, document)]


def replaced(document, path, value):
    key, *rest = path
    return document | {key: replaced(document[key], rest, value) if rest else value}


def another(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value / 2 if isinstance(value, float) and value else value + 1
    if isinstance(value, str):
        return {"accuracy": "macro_f1", "group": "drop"}.get(value, f"{value}x")
    if value is None:
        return 7
    return (*value, value[0]) if value and isinstance(value[0], int) else (*value, "new")


def test_every_rule_keeps_the_digest_and_all_else_changes_it(workspace, small_contest):
    """Over every value of a contest file, found by walking it: a new field is identity until it is called a rule."""
    lock = open_frozen(workspace).lock
    contest = lock.contest
    document = msgspec.to_builtins(contest)
    rules = set(rules_of(contest))
    kept: set[str] = set()
    changed: set[str] = set()
    for path, value in leaves(document):
        name = path[-1]
        if name == "metrics":
            new = document["metrics"][:1]
        elif path[0] == "image_shape":
            new = (64, 64, 3)
        elif name == "chain":
            new = (2, 3)
        elif name == "kind":
            continue  # another source has other keys
        elif name == "near_duplicates":
            new = "drop"
        elif name in ("deadline", "late_until"):
            new = "2026-12-01T23:59:00+01:00"
        elif name in ("late", "transductive"):
            new = {"late": "none", "transductive": "apart"}[name]
        else:
            new = another(value)
        if name in ("public", "val", "hidden", "clean"):
            new = 0.3
        other = msgspec.convert(replaced(document, path, new), type(contest))
        assert other != contest, path
        digest = msgspec.structs.replace(lock, contest=other).digest
        (kept if digest == lock.digest else changed).add(name)
        assert (digest == lock.digest) == (name in rules), path
    named = {"title", "version", "metrics", "runtimes"}
    sections = (Limits, BoardRules, HandInRules)
    assert kept == rules == {*named, *(name for one in sections for name in one.__struct_fields__)}
    assert {"name", "class_names", "image_shape", "seed", "n_images", "mass_copies", "hidden", "chain"} <= changed
    primary = replaced(document, ["metrics"], [{"name": "macro_f1"}, {"name": "accuracy"}])
    assert msgspec.structs.replace(lock, contest=msgspec.convert(primary, type(contest))).digest != lock.digest
    told = msgspec.structs.replace(lock, source=lock.source | {"licence": "other", "citation": "other"})
    assert told.digest == lock.digest != msgspec.structs.replace(lock, source=lock.source | {"images": "9"}).digest


def test_licence_and_citation_of_a_folder_are_rules(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\ntitle = "Mine"\nversion = 1\nclass_names = ["a", "b"]\nimage_shape = [64, 64, 3]\n'
        '[source]\nkind = "folder"\nlicence = "CC BY 4.0"\n'
    )
    contest = read_contest(path)
    other = with_rules(contest, {"licence": "CC0", "citation": "Us, 2026"})
    assert (other.source.licence, other.source.citation) == ("CC0", "Us, 2026")
    assert other.identity == contest.identity
    assert "resize" in contest.identity["source"]


def test_a_line_of_each_kind_reads_as_it_was_written(running):
    change(running, time_s=1800)
    kinds = [type(line.receipt).__name__ for line in read_lines(running.ledger)[0]]
    assert kinds == ["Scored"] * 4 + ["RulesChanged"]
    assert all(Line.of(line.receipt).text == line.text for line in read_lines(running.ledger)[0])
