"""Who sees what of an entry: every state, every role, every door, and the private half in no byte that is written."""

import hashlib
import json
import re
import shutil
import sqlite3
import zipfile
from contextlib import closing as closed_after

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from harness import api, submit
from harness.analysis.build import BoardSource
from harness.board import replay
from harness.board.audit import audit
from harness.board.closing import close
from harness.board.disqualification import disqualify
from harness.board.ledger import disqualified, scores_newest_first
from harness.board.rows import entry_of
from harness.board.visibility import ALL, Role, State, Visibility, visible_to
from harness.cli import hemobench
from harness.errors import UsageError, WorkspaceError
from harness.report.live import LiveBoard
from harness.score.evaluate import SPLITS, Evaluation, labels_of
from harness.workspace import Workspace, write_atomic
from tests.report.entries import Desk

HOME = {"val", "val_shifted"}
HALF = HOME | {"public"}
EVERY = HALF | {"private"}
# Written down a second time, on purpose: a change of who sees what is a change of this table, too.
SHOWN: dict[State, tuple[set[str], ...]] = {
    #                owner   team  everybody entry
    State.OPEN:     (EVERY, HALF, HALF, set()),
    State.WITHHELD: (EVERY, HOME, HOME, set()),
    State.CLOSED:   (EVERY, EVERY, EVERY, set()),
    State.LATE:     (EVERY, EVERY, EVERY, set()),
    State.DISQUALIFIED: (EVERY, HALF, HOME, set()),
}  # fmt: skip
ROLES = (Role.OWNER, Role.TEAM, Role.EVERYBODY, Role.ENTRY)
SUBJECT = "the subject"


def record_subject(desk, state, better):
    """Record the entry that is looked at; on the splits of `better` it answers otherwise, and better."""
    worse, good = (desk.labels(accuracy, 4, 4) for accuracy in (0.5, 1.1))
    said = {split: (good if split in better else worse)[split] for split in SPLITS}
    # Without probabilities: a forecast tells of those on hidden images, though of no label.
    desk.record(SUBJECT, number=4, said=said, withheld=state == State.WITHHELD)
    keep_zip(desk, SUBJECT, 4)


def keep_zip(desk, name, number):
    """Keep what a `Desk` names as the zip of an entry."""
    content = f"{name} {number}".encode()
    write_atomic(desk.workspace.zips() / f"{hashlib.sha256(content).hexdigest()}.zip", content)


def subject_of(desk):
    receipt = next(one for one in scores_newest_first(desk.workspace.ledger) if one.name == SUBJECT)
    return entry_of(receipt, receipt.entry in disqualified(desk.workspace.ledger))


@pytest.fixture(scope="module")
def worlds(frozen_workspace, tmp_path_factory):
    """Return a function that gives two workspaces that differ in what an entry in a state answered on one split."""
    made = {}

    def world(state, better):
        if (state, better) not in made:
            home = tmp_path_factory.mktemp("world") / "workspace"
            shutil.copytree(frozen_workspace, home, symlinks=True)
            desk = Desk(Workspace(home))
            for number, accuracy in enumerate((0.9, 0.8), start=1):
                desk.record(f"team {number}", accuracy, number=number)
            if state == State.LATE:
                close(desk.workspace, desk.frozen)
            record_subject(desk, state, better)
            if state == State.CLOSED:
                close(desk.workspace, desk.frozen)
            if state == State.DISQUALIFIED:
                disqualify(desk.workspace, desk.frozen, subject_of(desk).id, "it was copied")
            made[state, better] = desk
        return made[state, better]

    return lambda state, split: (world(state, ()), world(state, (split,)))


def type_in(desk, *words):
    done = CliRunner().invoke(hemobench, [*map(str, words), "--workspace", str(desk.workspace.path)])
    assert done.exit_code == 0, done.output
    return done.output


def flag(role):
    return ["--reveal-private"] if role == Role.OWNER else []


def leaderboard(desk, role, tmp_path):
    forms = (("--all",), ("--json",), ("--format", "csv"))
    return [type_in(desk, "leaderboard", *form, *flag(role)) for form in forms]


def leaderboard_of_the_api(desk, role, tmp_path):
    board = api.leaderboard(desk.workspace.path, reveal_private=role == Role.OWNER)
    rows = [(one.entry, one.public, one.private, one.rank) for one in board.standings]
    return rows, api.frame(board).to_csv()


def show(desk, role, tmp_path):
    number = subject_of(desk).id
    return [type_in(desk, "show", number, *more, *flag(role)) for more in ((), ("--full",), ("--json",))]


def compare(desk, role, tmp_path):
    number = subject_of(desk).id
    return [type_in(desk, "compare", number, 1, *more, *flag(role)) for more in ((), ("--full",), ("--json",))]


def report(desk, role, tmp_path):
    type_in(desk, "report", "-o", tmp_path / "page.html", "--csv", "--json", *flag(role))
    return [(tmp_path / f"page.{form}").read_bytes() for form in ("html", "csv", "json")]


def serve(desk, role, tmp_path):
    live = LiveBoard(BoardSource(desk.workspace, "small", top=100, reveal_private=role == Role.OWNER))
    live.refresh()
    return live.shown.content.csv, live.shown.content.json


def audited(desk, role, tmp_path):
    """What an audit says of rows whose scores were all changed."""
    copy = Workspace(tmp_path / "copy")
    shutil.copytree(desk.workspace.path, copy.path, symlinks=True)
    with closed_after(sqlite3.connect(copy.board)) as board:
        board.execute("UPDATE scores SET value = 0.125")
        board.commit()
    return audit(copy).findings


def replayed(desk, role, tmp_path):
    """What a replay says of an entry that scores otherwise on every split."""
    entry, frozen = subject_of(desk), desk.frozen
    card = next(
        msgspec.json.decode(path.read_bytes(), type=replay.ScoreCard)
        for path in desk.workspace.cards("small").glob("*.json")
        if entry.zip_sha256[:12] in path.name
    )
    scores = {
        split: msgspec.structs.replace(
            score,
            metrics={name: msgspec.structs.replace(one, value=0.125) for name, one in score.metrics.items()},
        )
        for split, score in card.scores.items()
    }
    found = Evaluation(msgspec.structs.replace(card, scores=scores), {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "evaluate", lambda *_, **__: found)
        assert frozen.lock_hash == entry.lock
        return replay.replay(desk.workspace, entry.id).results


def submitted(desk, role, tmp_path):
    """What `submit` says of the entry: its scores, and, to another team with the same zip, that there was one."""
    entry, visible = subject_of(desk), visible_to(role, desk.workspace, desk.frozen)
    return submit._equal_to(entry, entry.zip_sha256, "accuracy", visible), visible.shown(entry).scores


def selected(desk, role, tmp_path):
    return type_in(desk, "select", "--json")


def published(desk, role, tmp_path):
    api.publish(desk.workspace.path, tmp_path / "site")
    return {path.name: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}


seen: dict[tuple[object, ...], object] = {}


def look(door, desk, role, tmp_path):
    """Look through a door once: one of the two worlds is the same whichever split the other differs in."""
    key = (door, desk.workspace.path, role)
    if key not in seen:
        seen[key] = door(desk, role, tmp_path)
    return seen[key]


# Who looks through each door, and whether scores are shown there at all.
BOTH = (Role.OWNER, Role.EVERYBODY)
DOORS = {
    leaderboard: BOTH, leaderboard_of_the_api: BOTH, show: BOTH, compare: BOTH, report: BOTH, serve: BOTH,
    audited: (Role.EVERYBODY,), replayed: (Role.EVERYBODY,), submitted: ROLES,
    selected: (Role.EVERYBODY,), published: (Role.EVERYBODY,),
}  # fmt: skip
SILENT = {selected}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("state", State)
def test_the_table_says_what_is_shown_to_whom(worlds, state, role):
    desk, _ = worlds(state, "public")
    entry = subject_of(desk)
    visible = visible_to(role, desk.workspace, desk.frozen)
    assert visible.state(entry) == state
    assert set(visible.scores(entry)) == SHOWN[state][ROLES.index(role)]
    assert {split for split, _ in visible.shown(entry).scores} == SHOWN[state][ROLES.index(role)]
    open_ = State.OPEN if state in (State.WITHHELD, State.DISQUALIFIED) else state
    assert visible.private == ("private" in SHOWN[open_][ROLES.index(role)])
    assert visible.reasons == (role in (Role.OWNER, Role.TEAM))
    at_home = set() if role == Role.ENTRY else EVERY if role == Role.OWNER else HOME
    assert set(visible.predictions) == at_home, "single hidden images stay hidden, closed or not"
    assert visible.log(ALL) == (role == Role.OWNER), "an entry can print the hidden images that it sees"
    assert visible.log(("val", "val_shifted")) == (role in (Role.OWNER, Role.TEAM))


@pytest.mark.parametrize("split", ["public", "private"])
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(
    ("door", "role"),
    [(door, role) for door, roles in DOORS.items() for role in roles],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_door_shows_an_answer_only_to_whom_the_table_allows(worlds, tmp_path, door, role, state, split):
    """Two worlds differ in what one entry answered on one split: whatever is shown differs, or not a byte of it."""
    one, other = (look(door, desk, role, tmp_path / str(number)) for number, desk in enumerate(worlds(state, split)))
    shown = split in SHOWN[state][ROLES.index(role)] and door not in SILENT
    assert (one != other) == shown


@pytest.mark.parametrize("ladder", [False, True])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("closed", [False, True])
def test_a_zip_is_scored_without_a_submission_only_where_the_table_allows(worlds, closed, role, ladder):
    desk, _ = worlds(State.CLOSED if closed else State.OPEN, "public")
    visible = Visibility(role, visible_to(role, desk.workspace, desk.frozen).closing, ladder)
    allowed = SHOWN[State.CLOSED if closed else State.WITHHELD if ladder else State.OPEN][ROLES.index(role)]
    for split in SPLITS:
        if split in allowed:
            visible.check_unrecorded("small", (split,))
        else:
            with pytest.raises(UsageError, match="not told without a submission"):
                visible.check_unrecorded("small", (split,))


@pytest.mark.parametrize("state", State)
def test_single_hidden_images_are_diagnosed_for_the_owner_alone(worlds, state):
    desk, _ = worlds(state, "public")
    card = next(desk.workspace.cards("small").glob("*.json"))
    assert set(api.diagnose(desk.workspace.path, card).right) == HOME
    for split in ("public", "private"):
        with pytest.raises(UsageError, match="are not shown"):
            api.diagnose(desk.workspace.path, card, splits=("val", split))
    assert set(api.diagnose(desk.workspace.path, card, splits=SPLITS, reveal_private=True).right) == EVERY
    with pytest.raises(WorkspaceError, match="the card of no entry"):
        api.diagnose(desk.workspace.path, card.with_name("other.json"))


def test_a_log_of_hidden_images_is_shown_to_the_owner_alone(frozen_workspace, tmp_path):
    shutil.copytree(frozen_workspace, tmp_path / "workspace", symlinks=True)
    desk, words, before = Desk(Workspace(tmp_path / "workspace")), "pixel 17 of image 4 is 203", "epoch 7 of my weights"
    desk.record("good", 0.9, log=before, hidden_log=words)
    number = desk.record("talks", number=1, outcome="predict_failed", why="It failed.", log=before, hidden_log=words)
    for role in BOTH:
        told = [show_of(desk, number, role), *leaderboard(desk, role, tmp_path), *report(desk, role, tmp_path)]
        for said in (words, before):
            assert [said in str(one) for one in told] == [role == Role.OWNER] + [False] * 6
    for role in ROLES:
        (path,) = (path for path in desk.workspace.cards("small").glob("*.json") if b"It failed." in path.read_bytes())
        card = Visibility(role).card(msgspec.json.decode(path.read_bytes(), type=replay.ScoreCard), SPLITS)
        assert (words in str(card)) == (role == Role.OWNER)
        assert (before in str(card)) == (role in (Role.OWNER, Role.TEAM)), "no hidden image was there to be printed"


def show_of(desk, number, role):
    return type_in(desk, "show", number, "--json", *flag(role))


def private_needles(desk):
    """Values of the private half as they would be written, but for those that something else may come to."""
    scores = [entry_of(one).scores for one in scores_newest_first(desk.workspace.ledger)]
    values = {half: {one.value for of in scores for (split, _), one in of.items() if (split == "private") == half}
              for half in (True, False)}  # fmt: skip
    written = {
        half: {form for value in values[half] for form in (repr(value), f"{100 * value:.2f}")} for half in values
    }
    return written[True] - written[False]


def test_an_open_contest_writes_no_score_and_no_label_of_the_private_half(frozen_workspace, tmp_path):
    """In all that is not the owner's alone: terminal, page, CSV, JSON, kit, and the rest of the workspace."""
    home = tmp_path / "workspace"
    shutil.copytree(frozen_workspace, home, symlinks=True)
    desk, out = Desk(Workspace(home)), tmp_path / "out"
    for number, accuracy in enumerate((0.93, 0.87, 0.71, 0.64)):
        desk.record(f"team {number % 3}", accuracy, number=number, sure=True, withheld=number == 3)
        keep_zip(desk, f"team {number % 3}", number)
    needles = private_needles(desk)
    assert len(needles) > 4
    told = ["\n".join(leaderboard(desk, Role.EVERYBODY, out))]
    told += [type_in(desk, "show", number, *more) for number in (1, 4) for more in (("--full",), ("--json",))]
    told += [type_in(desk, "compare", 1, 2, *more) for more in (("--full",), ("--json",))]
    told += [
        type_in(desk, "report", "-o", out / "page.html", "--csv", "--json"),
        type_in(desk, "ledger", "audit", "--json"),
    ]
    told += [type_in(desk, "leaderboard", "--format", "markdown"), type_in(desk, "contest", "rules", "--json")]
    api.publish(home, out / "site")
    zipfile.ZipFile(out / "site" / "kit.zip").extractall(out / "kit")
    owners = ("cards", "zips", "ledger.jsonl", "board.sqlite3", "private")  # for the owner alone, whatever the umask
    files = [
        path for path in (*home.rglob("*"), *out.rglob("*")) if path.is_file() and not set(owners) & set(path.parts)
    ]
    assert {"page.html", "page.csv", "page.json", "val.npz"} <= {path.name for path in files}
    content = [text.encode() for text in told] + [path.read_bytes() for path in files]
    for needle in needles:
        digits = needle.encode()
        pattern = re.compile(rb"(?<![\d.])" + re.escape(digits) + rb"(?!\d)")
        assert not [found for found in content if digits in found and pattern.search(found)], needle
    for labels in (truth := labels_of(desk.frozen)["private"][1], desk.labels(0.93, 6, 6)["private"]):
        forms = [labels.astype(kind).tobytes() for kind in (np.int64, np.int32, np.uint8)]
        forms += [json.dumps(labels.tolist()).encode(), str(labels.tolist()[:40]).strip("[]").encode()]
        assert not [form for form in forms if any(form in found for found in content)]
    for path in files:
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                assert not [key for key in arrays.files if np.array_equal(arrays[key], truth)], path
