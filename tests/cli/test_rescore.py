"""A board is scored again after a repaired freeze: from what entries had answered, and nothing of before is lost."""

import json
import os
import shutil
import signal

import msgspec
import numpy as np
import pytest

from harness import api
from harness.analysis.build import gather
from harness.board import ledger, recorder, rescore
from harness.board.again import match
from harness.board.artifacts import read_artifacts
from harness.board.audit import audit
from harness.board.closing import read_closing, read_selection
from harness.board.in_force import open_in_force, read_rescorings
from harness.board.ledger import Line, newest_lines, read_lines
from harness.board.receipts import Rescored
from harness.board.recorder import open_to_read
from harness.board.rows import read_all
from harness.board.visibility import Role
from harness.errors import BoardError, UsageError
from harness.freeze.hashing import hash_array, hash_file
from harness.freeze.lock import write_lock
from harness.freeze.store import put_in_force
from harness.score.evaluate import labels_of
from tests.conftest import CommandLine

WHY = "three labels were wrong"
FILES = ("public/train.npz", "public/val.npz", "public/val_shifted.npz", "private/hidden.npz", "private/labels.npz")


def repaired(desk, edit, **contest):
    """Freeze the contest of a desk anew, its arrays as `edit` leaves them, by file, then by key."""
    old = desk.frozen

    def write(building):
        shutil.copytree(old.folder, building, dirs_exist_ok=True)
        arrays = {name: dict(np.load(building / name)) for name in FILES}
        edit(arrays)
        for name, content in arrays.items():
            np.savez(building / name, allow_pickle=False, **content)
        lock = msgspec.structs.replace(
            old.lock,
            contest=msgspec.structs.replace(old.lock.contest, **contest),
            arrays=old.lock.arrays
            | {name: {key: hash_array(one) for key, one in of.items()} for name, of in arrays.items()},
            files=old.lock.files | {name: hash_file(building / name) for name in FILES},
        )
        write_lock(lock, building / "contest.lock.json")
        return lock

    return put_in_force(desk.workspace, old.contest.name, write)


def three_wrong(arrays):
    """Three public hidden images, one of each of the first classes, get the label of the next class."""
    labels, public = arrays["private/labels.npz"]["labels"], arrays["private/labels.npz"]["public"]
    rows = np.flatnonzero(public)[:3]
    labels[rows] = (labels[rows] + 1) % 8


@pytest.fixture
def board(desk):
    """Two entries: the first is right by the labels of today, the second by those that are wrong in three images."""
    truth = {split: y_true for split, (_, y_true) in labels_of(desk.frozen).items()}
    right = truth | {"public": truth["public"].copy()}
    right["public"][:3] = (right["public"][:3] + 1) % 8
    desk.record("ada", said=right, number=1)
    desk.record("bob", said=truth, number=2)
    desk.record("cy", number=3, outcome="load_failed", why="no file")
    return desk


def found_by_audit(desk):
    """What an audit finds; entries of a desk have no zips."""
    return [one.what for one in audit(desk.workspace).findings if not one.what.startswith("zips/")]


def ranks(desk, **terms):
    return [(one.rank, one.entry.id, one.note) for one in api.leaderboard(desk.workspace.path, **terms).standings]


def test_entries_are_carried_over_to_repaired_labels_and_the_better_one_leads(board):
    before = ranks(board)
    assert before == [(1, 2, ""), (2, 1, ""), (None, 3, "not scored")]
    repaired(board, three_wrong)
    assert ranks(board) == []
    hemobench = CommandLine(board.workspace.path)
    receipts, cards = board.workspace.ledger.read_bytes(), sorted(board.workspace.path.rglob("cards/*/*"))
    told = hemobench("contest", "rescore", "--why", WHY, "--dry-run")
    assert "3 hidden images" in told.stdout and "ada" in told.stdout
    assert board.workspace.ledger.read_bytes() == receipts
    assert sorted(board.workspace.path.rglob("cards/*/*")) == cards and ranks(board) == []
    done = msgspec.json.decode(hemobench("contest", "rescore", "--why", WHY, "--json").stdout)
    n = len(labels_of(board.frozen)["public"][1])
    assert [(one["entry"], one["rank"], one["how"]) for one in done["changed"]] == [
        (1, [2, 1], "kept predictions"),
        (2, [1, 2], "kept predictions"),
        (3, [None, None], "kept predictions"),
    ]
    assert done["changed"][0]["score"] == [pytest.approx(1 - 3 / n), 1.0]
    assert ranks(board) == [(1, 1, ""), (2, 2, ""), (None, 3, "not scored")]
    assert all(path.exists() for path in cards)
    assert found_by_audit(board) == []
    board.workspace.board.unlink()
    assert ranks(board) == [(1, 1, ""), (2, 2, ""), (None, 3, "not scored")]
    assert found_by_audit(board) == []
    assert "nothing to rescore" in hemobench("contest", "rescore", "--why", WHY).stderr


def rescored(desk, why=WHY, **terms):
    return rescore.rescore(desk.workspace, open_in_force(desk.workspace), why, **terms)


def scores_of(desk, entry, split="public"):
    with open_to_read(desk.workspace) as board:
        (found,) = [one for one in read_all(board) if one.id == entry]
    return found.scores[split, "accuracy"]


def backwards(arrays):
    """The same images in another order, of hidden ones those of the other half first."""
    for name in ("public/val.npz", "public/val_shifted.npz"):
        arrays[name] = {key: array[::-1] for key, array in arrays[name].items()}
    arrays["private/hidden.npz"]["images"] = arrays["private/hidden.npz"]["images"][::-1]
    arrays["private/labels.npz"] = {key: array[::-1] for key, array in arrays["private/labels.npz"].items()}


def report_of(desk):
    return gather(desk.workspace, open_in_force(desk.workspace))


def halves_changed(arrays):
    arrays["private/labels.npz"]["public"] = ~arrays["private/labels.npz"]["public"]


def one_gone(arrays):
    """The first hidden image of the public half, of which only the second entry has the label on record."""
    row = int(np.flatnonzero(arrays["private/labels.npz"]["public"])[0])
    for name in ("private/hidden.npz", "private/labels.npz"):
        arrays[name] = {key: np.delete(array, row, axis=0) for key, array in arrays[name].items()}


def renumbered(arrays):
    """Classes 2 and 5 change places, everywhere."""
    for of in arrays.values():
        if "labels" in of:
            of["labels"] = np.choose(of["labels"], [0, 1, 5, 3, 4, 2, 6, 7])


REPAIRS = {  # what both entries have right of the public half then: n less these
    "order": (backwards, (3, 0), ""),
    "halves": (halves_changed, (0, 0), ""),
    "one gone": (one_gone, (2, 0), "1 hidden image is gone"),
    "renumbered": (renumbered, (3, 0), "2 → 5, 5 → 2"),
    "labels": (three_wrong, (0, 3), "3 hidden images"),
}


@pytest.mark.parametrize("case", REPAIRS)
def test_what_was_answered_is_scored_again_without_a_run(board, case):
    edit, misses, told = REPAIRS[case]
    new = repaired(board, edit)
    done = rescored(board)
    assert told in " ".join(done.differences)
    assert [one.how for one in done.changed] == ["kept predictions"] * 3
    n = {split: len(y_true) for split, (_, y_true) in labels_of(new).items()}
    for entry, missed in zip((1, 2), misses, strict=True):
        assert scores_of(board, entry).value == pytest.approx(1 - missed / n["public"])
        assert scores_of(board, entry, "val").value == 1
    total = [scores_of(board, 1, half).value * n[half] for half in ("public", "private")]
    hidden_misses = 2 if case == "one gone" else 0 if case == "labels" else 3
    assert sum(total) == pytest.approx(n["public"] + n["private"] - hidden_misses)
    assert found_by_audit(board) == []


def test_before_the_rescoring_and_since_both_are_on_record(board):
    board.record("dee", 0.8, number=4, sure=True)
    before = {entry.id: entry for entry in everything(board)}
    old = read_artifacts(board.workspace, list(before.values()))
    repaired(board, renumbered)
    rescored(board)
    now = {entry.id: entry for entry in everything(board)}
    kept = read_artifacts(board.workspace, list(now.values()))
    for number, entry in now.items():
        assert (entry.receipt, entry.created_at, entry.name) == (
            before[number].receipt, before[number].created_at, before[number].name
        )  # fmt: skip
        assert entry.rescored == 5 and before[number].rescored == 0
        for split, said in old[number].labels.items():
            assert (kept[number].labels[split] == np.choose(said, [0, 1, 5, 3, 4, 2, 6, 7])).all()
    likely = kept[4].probabilities["public"]
    assert (likely.argmax(axis=1) == kept[4].labels["public"]).all()
    states = [one for one in ledger.states_newest_first(board.workspace.ledger) if len(one) == 2]
    assert len(states) == 4
    for now_, then in states:
        assert (board.workspace.path / then.scored.card).exists() and then.scored.card != now_.scored.card
        assert then.scored.lock == before[1].lock and now_.scored.lock == board.frozen.lock_hash
    first = states[-1][1].scored
    found = api.diagnose(board.workspace.path, board.workspace.path / states[-1][0].scored.card)
    assert found.right["val"].all() and first.entry == 1


def everything(desk):
    with open_to_read(desk.workspace) as board:
        return read_all(board)


def test_choice_close_rules_and_reasons_outlast_a_repair(board):
    board.record("bob", 0.5, number=5)
    hemobench = CommandLine(board.workspace.path)
    hemobench("select", "4")
    hemobench("class", "disqualify", "1", "--why", "to try")
    hemobench("contest", "rules", "finals=1", "time_s=77", "--why", "slow machines")
    old = board.frozen.lock_hash
    closing = None
    repaired(board, three_wrong)
    assert api.rules(board.workspace.path)[0]["finals"] == 2
    done = rescored(board)
    assert done.rules == {"finals": 1, "time_s": 77} and done.before == old
    rules, history = api.rules(board.workspace.path)
    assert (rules["finals"], rules["time_s"], history[-1].why) == (1, 77, WHY)
    assert read_selection(board.workspace, "small", board.frozen.lock_hash) == {"bob": (4,)}
    assert (None, 1, "disqualified") in ranks(board)
    hemobench("class", "reinstate", "1", "--why", "it was a try")
    hemobench("class", "disqualify", "1", "--why", "to try again")
    assert found_by_audit(board) == []
    closing = api.close(board.workspace.path)
    assert closing.finals == {"bob": (4,)}
    repaired(board, lambda arrays: three_wrong(arrays) or backwards(arrays))
    assert read_closing(board.workspace, "small", board.frozen.lock_hash) is None
    done = rescored(board, source=closing.lock)
    assert read_closing(board.workspace, "small", board.frozen.lock_hash) == closing
    assert (done.by, ranks(board)[0]) == ("private", (1, 4, ""))
    assert api.leaderboard(board.workspace.path, top=1).n_ranked == 1
    with pytest.raises(BoardError, match="was closed at"):
        api.select(board.workspace.path, [4])
    late = board.record("eve", 0.9, number=6)
    assert (None, late, "late") in ranks(board)
    assert found_by_audit(board) == []


def test_while_the_contest_is_open_the_list_tells_no_private_score(board):
    board.record("dee", 0.8, number=4, withheld=True)
    repaired(board, three_wrong)
    hemobench = CommandLine(board.workspace.path)
    everybody = rescored(board, dry_run=True)
    assert everybody.by == "public"
    assert {one.entry: one.score for one in everybody.changed}[4] == (None, None), "withheld by the Ladder"
    owner = rescored(board, dry_run=True, role=Role.OWNER)
    assert owner.by == "private" and {one.entry: one.score for one in owner.changed}[1] == (1.0, 1.0)
    table = hemobench("contest", "rescore", "--why", WHY)
    assert "private" not in table.stdout + table.stderr
    assert max(map(len, table.stdout.splitlines())) <= 80
    told = hemobench("leaderboard")
    assert WHY in told.stderr and "private" not in told.stdout
    facts = json.loads(hemobench("show", "2", "--json").stdout)
    assert {split: of["accuracy"]["value"] for split, of in facts["before"].items()} == {
        "val": 1, "val_shifted": 1, "public": 1
    }  # fmt: skip
    assert "Before it was rescored: val 100.00, shifted val 100.00, public 100.00." in hemobench("show", "2").stdout
    assert json.loads(hemobench("show", "4", "--json").stdout)["before"].keys() == {"val", "val_shifted"}, "withheld"
    (page,) = report_of(board).rescored
    assert (page.why, page.receipt, page.entries) == (WHY, 5, 4)


def test_a_rescoring_that_is_stopped_leaves_the_board_as_it_was_or_rescored_as_a_whole(board, monkeypatch):
    repaired(board, three_wrong)
    before, cards = everything(board), sorted(board.workspace.path.rglob("cards/*/*"))

    def stop(*words, **facts):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recorder.ledger, "append", stop)
        with pytest.raises(KeyboardInterrupt):
            rescored(board)
    assert everything(board) == before and sorted(board.workspace.path.rglob("cards/*/*")) == cards
    with monkeypatch.context() as patch:
        patch.setattr(recorder.cache, "add", stop)  # as a kill between receipt and board
        with pytest.raises(KeyboardInterrupt):
            rescored(board)
    assert ranks(board) == [(1, 1, ""), (2, 2, ""), (None, 3, "not scored")]
    assert found_by_audit(board) == [] and rescored(board).receipt is None


@pytest.mark.parametrize(
    ("place", "whole"),
    [("_insert_scores", True), ("add", True), ("append", False), ("keep", False)],
)
def test_a_rescoring_that_is_killed_leaves_the_board_as_it_was_or_rescored_as_a_whole(board, place, whole):
    repaired(board, three_wrong)
    before = everything(board)
    if not (child := os.fork()):
        home = {"_insert_scores": rescore.rows, "add": recorder.cache, "append": recorder.ledger, "keep": rescore}[
            place
        ]
        true, calls = getattr(home, place), []

        def killed(*words, **facts):
            calls.append(words)
            if len(calls) == (1 if place in ("add", "append") else 2):
                os.kill(os.getpid(), signal.SIGKILL)
            return true(*words, **facts)

        setattr(home, place, killed)
        try:
            rescored(board)
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    if not whole:
        assert everything(board) == before
        assert rescored(board).receipt == 4
    assert ranks(board) == [(1, 1, ""), (2, 2, ""), (None, 3, "not scored")]
    assert found_by_audit(board) == []
    assert rescored(board).receipt is None


FORGERIES = {
    "a score": (lambda one: {"scores": {**one.scores, "public": one.scores["val"]}}, "public"),
    "labels of another": (lambda one: {"predictions": {**one.predictions, "val": "ab" * 32}}, "labels"),
    "an entry that is none": (lambda one: {"entry": 9}, "entry 9"),
}


@pytest.mark.parametrize("case", FORGERIES)
def test_an_audit_finds_a_rescoring_that_does_not_follow_from_the_answers(board, case):
    """The receipt is forged with the chain, so that no hash tells: the answers do."""
    forge, told = FORGERIES[case]
    repaired(board, three_wrong)
    rescored(board)
    lines, _ = read_lines(board.workspace.ledger)
    receipt = lines[-1].receipt
    assert isinstance(receipt, Rescored)
    first = msgspec.structs.replace(receipt.entries[0], **forge(receipt.entries[0]))
    forged = Line.of(msgspec.structs.replace(receipt, entries=(first, *receipt.entries[1:])))
    board.workspace.ledger.write_bytes(b"".join(line.text + b"\n" for line in (*lines[:-1], forged)))
    board.workspace.board.unlink()
    assert any(told in what for what in found_by_audit(board))


def test_an_audit_finds_a_changed_card_of_before_and_of_now(board):
    repaired(board, three_wrong)
    rescored(board)
    states = next(one for one in ledger.states_newest_first(board.workspace.ledger) if one[0].scored.entry == 1)
    for state in states:
        path = board.workspace.path / state.scored.card
        content = path.read_bytes()
        path.write_bytes(content.replace(b"0123456789ab", b"0123456789ac") + b" ")
        assert any(state.scored.card in what for what in found_by_audit(board))
        path.write_bytes(content)


def test_of_several_earlier_freezes_one_is_named(board):
    first = board.frozen.lock_hash
    repaired(board, three_wrong)
    board.record("dee", 0.8, number=4)
    second = board.frozen.lock_hash
    repaired(board, backwards)
    with pytest.raises(UsageError, match=f"{second[:12]}.*1 entry|1 entry"):
        rescored(board)
    assert [one.entry for one in rescored(board, source=second[:12]).changed] == [4]
    assert sorted(one.entry for one in rescored(board, source=first[:12]).changed) == [1, 2, 3, 4]
    assert [one.before for one in read_rescorings(board.workspace, open_in_force(board.workspace))] == [second, first]
    assert found_by_audit(board) == []


def test_metrics_and_scorer_of_today_reach_entries_of_yesterday(board, monkeypatch):
    hemobench = CommandLine(board.workspace.path)
    assert rescored(board).receipt is None, "another scorer that gives the same scores changes nothing"
    hemobench("contest", "rules", "metrics=accuracy,balanced_accuracy", "--why", "asked for")
    done = rescored(board)
    assert len(done.changed) == 2 and done.receipt
    with open_to_read(board.workspace) as found:
        assert ("public", "balanced_accuracy") in read_all(found)[0].scores
    assert found_by_audit(board) == []


def test_a_why_that_cannot_be_kept_is_refused(board):
    with pytest.raises(UsageError, match="cannot be kept"):
        rescored(board, why=" ")
    assert next(newest_lines(board.workspace.ledger)).score


def test_an_image_that_nobody_has_seen_matches_nothing(board):
    def one_new(arrays):
        arrays["private/hidden.npz"]["images"][0] ^= 1

    old = board.frozen
    assert match(old, repaired(board, one_new)) is None
    done = rescored(board)
    assert {(one.how, one.why) for one in done.changed} == {("not rescored", "it needs a new run, and its zip is gone")}
    assert done.receipt is None and ranks(board) == []


def test_a_zip_runs_again_where_an_image_is_new(board, tmp_path):
    folder = tmp_path / "brightest"
    folder.mkdir()
    (folder / "model.py").write_text("class Model:\n    def predict(self, X):\n        return X[:, 0, 0, 0] % 8\n")
    hemobench = CommandLine(board.workspace.path)
    hemobench("submit", folder, "--name", "dee", "-m", "first")
    repaired(board, three_wrong)
    assert rescored(board, "only labels").changed[-1].how == "kept predictions"
    assert json.loads(hemobench("ledger", "replay", "4", "--json").stdout)["equal"], "as it was run"
    before = scores_of(board, 4).value

    def one_new(arrays):
        arrays["private/hidden.npz"]["images"][np.flatnonzero(arrays["private/labels.npz"]["public"])] ^= 1

    new = repaired(board, one_new)
    dry = {one.entry: one for one in rescored(board, dry_run=True).changed}
    assert "a dry run leaves out" in dry[4].why
    done = {one.entry: one for one in rescored(board).changed}
    assert (done[4].how, done[1].how) == ("new run", "not rescored")
    where, y_true = labels_of(new)["public"]
    said = new.hidden_images()[where][:, 0, 0, 0] % 8
    assert scores_of(board, 4).value == pytest.approx((said == y_true).mean()) != before
    assert [state.ran for state in next(ledger.states_newest_first(board.workspace.ledger))] == [True, False, True]
    assert found_by_audit(board) == []
    assert json.loads(hemobench("ledger", "replay", "4", "--json").stdout)["equal"]


def test_a_repair_that_is_taken_back_leads_to_the_board_of_before(board):
    lock, before = board.frozen.lock_hash, ranks(board)

    def taken_back(arrays):
        labels, public = arrays["private/labels.npz"]["labels"], arrays["private/labels.npz"]["public"]
        rows = np.flatnonzero(public)[:3]
        labels[rows] = (labels[rows] - 1) % 8

    repaired(board, three_wrong)
    rescored(board)
    repaired(board, taken_back)
    assert board.frozen.lock_hash == lock and ranks(board) == []
    rescored(board, "it was right before")
    assert ranks(board) == before and found_by_audit(board) == []
    api.close(board.workspace.path)
    assert api.leaderboard(board.workspace.path).by == "private" and found_by_audit(board) == []


def test_another_metric_ranks(board):
    metrics = board.frozen.contest.metrics
    repaired(board, lambda arrays: None, metrics=(metrics[1], metrics[0], *metrics[2:]))
    done = rescored(board)
    assert done.metrics == ("accuracy", "macro_f1") and done.differences[-1].endswith("the first one ranks.")
    assert api.leaderboard(board.workspace.path).metric == "macro_f1" and found_by_audit(board) == []


def test_images_that_the_contest_file_relabels_are_rescored_without_a_run(board, small_contest, tmp_path):
    """The whole way, as docs/teach.md has it: the freeze moves no image, and the better one of two leads."""
    hemobench = CommandLine(board.workspace.path)
    with np.load(board.frozen.folder / "private" / "labels.npz") as arrays:
        rows = np.flatnonzero(arrays["public"])[:3]
        names = board.frozen.contest.class_names
        wrong = [(arrays["ids"][row], names[(arrays["labels"][row] + 1) % 8]) for row in rows]
    contest = tmp_path / "small.toml"
    lines = "\n".join(f'"{image}" = "{label}"' for image, label in wrong)
    contest.write_text(f"{small_contest.read_text()}[cleaning.relabel]\n{lines}\n")
    assert "contest rescore" in " ".join(hemobench("freeze", "--contest", contest).stderr.split())
    told = hemobench("contest", "rescore", "--why", WHY)
    assert "3 hidden images of 88 have another label." in told.stdout
    assert ranks(board) == [(1, 1, ""), (2, 2, ""), (None, 3, "not scored")]
    assert scores_of(board, 1).value == 1
