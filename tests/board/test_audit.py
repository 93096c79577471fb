"""Whatever is changed by hand is found, named, and told of with what puts it right."""

import sqlite3
from contextlib import closing

import msgspec
import pytest

from harness.board import cache, rows
from harness.board.audit import audit
from harness.board.ledger import Line, read_lines
from harness.board.recorder import open_recorder, open_to_read
from harness.errors import BoardError, UsageError

NAMES = ("one", "two", "three")
ASIDE = "board.damaged.sqlite3"


@pytest.fixture
def three(desk):
    """Three entries; no connection is open, so that the board is one file."""
    for name in NAMES:
        desk.record(name)
    return desk.workspace


def execute(workspace, *statements):
    with closing(sqlite3.connect(workspace.board)) as board:
        for statement in statements:
            board.execute(statement)
        board.commit()


def rewrite(workspace, change):
    """Let `change` have its way with the lines of the ledger."""
    lines = [line.text for line in read_lines(workspace.ledger)[0]]
    workspace.ledger.write_bytes(b"".join(line + b"\n" for line in change(lines)))


def forged(lines, number, **facts):
    """The lines with one receipt changed, and every later one bound to it anew."""
    receipts = [Line(text).receipt for text in lines]
    receipts[number - 1] = msgspec.structs.replace(receipts[number - 1], **facts)
    for at in range(number, len(receipts)):
        previous = Line.of(receipts[at - 1]).sha256
        receipts[at] = msgspec.structs.replace(receipts[at], previous=previous)
    return [Line.of(receipt).text for receipt in receipts]


def names(workspace):
    with open_to_read(workspace) as board:
        return [entry.name for entry in rows.read_all(board)]


def test_nothing_is_found_where_nothing_was_changed(three):
    found = audit(three)
    assert found.findings == () and found.notes == ()
    assert (found.receipts, found.rows) == (3, 3)
    assert found.head == read_lines(three.ledger)[0][-1].sha256


def test_an_empty_workspace_has_nothing_to_audit(desk):
    found = audit(desk.workspace)
    assert (found.receipts, found.rows, found.findings) == (0, 0, ())
    assert not desk.workspace.path.exists(), "and leaves no trace"


ON_THE_BOARD = {
    "a name": ("UPDATE entries SET name = 'evil' WHERE id = 2", "row 2 (two): name", "evil"),
    "a message": ("UPDATE entries SET message = 'better' WHERE id = 2", "row 2 (two): message", "better"),
    "a date": ("UPDATE entries SET created_at = '2020-01-01' WHERE id = 2", "row 2 (two): created_at", "2020-01-01"),
    "who was first": ("UPDATE entries SET came = '2020-01-01' WHERE id = 2", "row 2 (two): came", "2020-01-01"),
    "an outcome": ("UPDATE entries SET outcome = 'killed' WHERE id = 2", "row 2 (two): outcome", "killed"),
    "a zip": ("UPDATE entries SET zip_sha256 = 'ff' WHERE id = 2", "row 2 (two): zip_sha256", "ff"),
    "a contest": ("UPDATE entries SET contest = 'other' WHERE id = 2", "row 2 (two): contest", "other"),
    "a score": ("UPDATE scores SET value = 0.99 WHERE entry = 2", "row 2 (two): scores.public.accuracy.value", "0.99"),
    "an interval": ("UPDATE scores SET low = 0.4 WHERE entry = 2", "row 2 (two): scores.public.accuracy.low", "0.4"),
    "a score removed": ("DELETE FROM scores WHERE entry = 2", "row 2 (two): scores.public", "nothing"),
    "a score added": (
        "INSERT INTO scores VALUES (2, 'private', 'accuracy', 1, 1, 1, 9, 0)",
        "row 2 (two): scores.private",
        "another value",  # the contest is open: not which
    ),
    "a row removed": ("DELETE FROM entries WHERE id = 2", "row 2 (two)", "removed"),
    "the last row removed": ("DELETE FROM entries WHERE id = 3", "row 3 (three)", "removed"),
    "a row added": (
        "INSERT INTO entries SELECT 9, 4, 'evil', message, contest, lock, outcome, zip_sha256, weights, created_at, "
        "came, recipe, seed, precision, content, trained_from, n_changed, verified, withheld, baseline, "
        "disqualified, rescored FROM entries WHERE id = 2",
        "row 9 (evil)",
        "no receipt",
    ),
    "a recipe": ("UPDATE entries SET recipe = 'r' WHERE id = 2", "row 2 (two): recipe", "r"),
    "a seed": ("UPDATE entries SET seed = 5 WHERE id = 2", "row 2 (two): seed", "5"),
    "withheld": ("UPDATE entries SET withheld = 1 WHERE id = 2", "row 2 (two): withheld", "True"),
    "another receipt": ("UPDATE entries SET receipt = 7 WHERE id = 2", "row 2 (two): receipt", "7"),
    "an id": ("UPDATE entries SET id = 8 WHERE id = 2", "row 8 (two)", "no receipt"),
}


@pytest.mark.parametrize("case", ON_THE_BOARD)
def test_a_change_on_the_board_is_found_and_gone_when_the_board_is_made_anew(three, case):
    statement, what, got = ON_THE_BOARD[case]
    head = audit(three).head
    execute(three, statement)
    found = {finding.what: finding for finding in audit(three).findings}
    assert what in found
    assert got is None or found[what].got == got
    assert "Remove board.sqlite3" in found[what].hint
    three.board.unlink()
    assert names(three) == list(NAMES)
    assert audit(three, expect=head).findings == ()


IN_THE_LEDGER = {
    "a score": (
        lambda lines: [lines[0], lines[1].replace(b"0.5", b"0.9"), lines[2]],
        {"receipt 2 (two)", "receipt 2 (two): scores.public.accuracy.value"},
        {"receipt 2 (two)", "receipt 2 (two), beside its card: scores.public.accuracy.value"},
    ),
    "a name": (
        lambda lines: [lines[0], lines[1].replace(b'"two"', b'"owt"'), lines[2]],
        {"receipt 2 (owt)", "receipt 2 (owt): name"},
        {"receipt 2 (owt)"},
    ),
    "the first": (
        lambda lines: [lines[0].replace(b"0.5", b"0.9"), *lines[1:]],
        {"receipt 1 (one)"},
        {"receipt 1 (one)"},
    ),
    "the last": (
        lambda lines: [*lines[:2], lines[2].replace(b"0.5", b"0.9")],
        {"receipt 3", "receipt 3 (three): scores.public.accuracy.value"},
        {"receipt 3 (three), beside its card: scores.public.accuracy.value"},
    ),
    "a removed line": (lambda lines: [lines[0], lines[2]], {"ledger, line 2", "row 2 (two)"}, {"ledger, line 2"}),
    "a removed last line": (lambda lines: lines[:2], {"receipt 3", "row 3 (three)"}, set()),
    "two lines in turn": (lambda lines: [lines[0], lines[2], lines[1]], {"ledger, line 2"}, {"ledger, line 2"}),
    "a line twice": (
        lambda lines: [lines[0], lines[1], lines[1], lines[2]],
        {"ledger, line 3"},
        {"ledger, line 3"},
    ),
    "a line of nonsense": (
        lambda lines: [lines[0], b"\xff\x00", lines[2]],
        {"ledger, line 2", "row 2 (two)"},
        {"ledger, line 2"},
    ),
    "an empty ledger": (lambda lines: [], {"receipt 3", "row 3 (three)"}, set()),
    "white space": (
        lambda lines: [lines[0], lines[1] + b" ", lines[2]],
        {"receipt 2 (two)"},
        {"receipt 2 (two)"},
    ),
    "a whole chain forged anew": (
        lambda lines: forged(lines, 2, scores={}),
        {"receipt 3", "receipt 2 (two): scores.public"},
        {"receipt 2 (two), beside its card: scores.public"},
    ),
    "an outcome in a chain forged anew": (
        lambda lines: forged(lines, 2, outcome="killed"),
        {"receipt 3", "receipt 2 (two): outcome"},
        {"receipt 2 (two), beside its card: outcome"},
    ),
    "a message in a chain forged anew": (
        lambda lines: forged(lines, 2, message="better"),
        {"receipt 3", "receipt 2 (two): message"},
        set(),  # it stands on no card: a head that was written down finds it
    ),
}


@pytest.mark.parametrize("board", ["as it was", "removed"])
@pytest.mark.parametrize("case", IN_THE_LEDGER)
def test_a_change_in_the_ledger_is_found_and_gone_with_a_copy_put_back(three, case, board):
    change, beside_board, alone = IN_THE_LEDGER[case]
    before, head = three.ledger.read_bytes(), audit(three).head
    rewrite(three, change)
    if board == "removed":
        three.board.unlink()
    found = {finding.what: finding for finding in audit(three).findings}
    assert found.keys() >= (alone if board == "removed" else beside_board), found
    assert all("copy" in one.hint for what, one in found.items() if not what.startswith("row"))
    assert {finding.what for finding in audit(three, expect=head).findings} - found.keys() <= {"head"}
    # A line twice, or in turn, leaves every receipt there; all else lacks the one that was written down.
    assert audit(three, expect=head).findings
    three.ledger.write_bytes(before)
    assert audit(three, expect=head).findings == ()
    assert names(three) == list(NAMES)


def test_a_receipt_that_was_changed_is_not_taken_for_the_true_one(three):
    """What the board says of it is told, and nobody is sent to throw the board away."""
    rewrite(three, lambda lines: [lines[0], lines[1].replace(b"0.5", b"0.9"), lines[2]])
    findings = {finding.what: finding for finding in audit(three).findings}
    found = findings["receipt 2 (two): scores.public.accuracy.value"]
    assert (found.got, found.expected) == ("0.9", "0.5")
    assert not any("board.sqlite3" in finding.hint for finding in findings.values())


def test_a_ledger_and_a_board_forged_together_are_found_by_a_head_written_down(three):
    head = audit(three).head
    rewrite(three, lambda lines: forged(lines, 1, message="better"))
    three.board.unlink()
    assert names(three) == list(NAMES)
    assert audit(three).findings == (), "consistent in itself"
    (finding,) = audit(three, expect=head).findings
    assert finding.what == "head" and head[:12] in finding.expected


def test_an_earlier_head_is_in_the_chain_of_today(three):
    for line in read_lines(three.ledger)[0]:
        assert audit(three, expect=line.sha256).findings == ()
        assert audit(three, expect=line.sha256[:12].upper()).findings == ()
    assert audit(three, expect="0" * 64).findings
    for text in ("", "xyz" * 20, "abc"):
        with pytest.raises(UsageError, match="no head"):
            audit(three, expect=text)


def test_a_changed_card_is_found(three):
    card = three.path / "cards" / "blood-cells" / "2.json"
    before = card.read_bytes()
    for change in (lambda: card.write_bytes(before.replace(b"0.5", b"0.9")), card.unlink):
        change()
        (finding,) = audit(three).findings
        assert finding.what == "cards/blood-cells/2.json (receipt 2)" and "copy of the workspace" in finding.hint
    card.write_bytes(before)
    assert audit(three).findings == ()


@pytest.mark.parametrize("name", ["zips/*.zip", "cards/*/2.npz"])
def test_a_changed_zip_or_file_of_predictions_is_found(three, name):
    path = sorted(three.path.glob(name))[0]
    before = path.read_bytes()
    for change, got in ((lambda: path.write_bytes(b"other"), None), (path.unlink, "missing")):
        change()
        (finding,) = audit(three).findings
        assert finding.what.startswith(path.relative_to(three.path).as_posix())
        assert got is None or finding.got == got
        path.write_bytes(before)
    assert audit(three).findings == ()


def damage_flip(path):
    content = bytearray(path.read_bytes())
    for at in range(100, len(content), 97):
        content[at] ^= 0xFF
    path.write_bytes(content)


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = {
    "flipped bytes": damage_flip,
    "cut in half": damage_truncate,
    "cut to nothing": lambda path: path.write_bytes(b""),
    "no database": lambda path: path.write_bytes(b"x" * 9000),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_board_is_made_again_without_a_question(three, case):
    head = audit(three).head
    DAMAGES[case](three.board)
    found = audit(three)
    assert found.findings == () and found.rows == 0
    assert "board.sqlite3 is " in found.notes[0]
    with open_recorder(three) as recorder:
        assert ["damaged" in note for note in recorder.notes] == [True] * three.path.joinpath(ASIDE).exists()
    assert names(three) == list(NAMES)
    assert audit(three, expect=head).findings == ()
    assert [ASIDE in note for note in audit(three).notes] == [True] * three.path.joinpath(ASIDE).exists()
    assert three.path.joinpath(ASIDE).exists() == (case not in ("missing", "cut to nothing"))


def test_a_page_that_is_damaged_where_only_some_read_it_is_told_of_and_the_next_command_works(three):
    content = bytearray(three.board.read_bytes())
    with closing(sqlite3.connect(three.board)) as board:
        (page,) = board.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'scores'").fetchone()
        (size,) = board.execute("PRAGMA page_size").fetchone()
    content[(page - 1) * size : page * size] = b"\xff" * size
    three.board.write_bytes(content)
    assert "is damaged" in audit(three).notes[0]
    with pytest.raises(BoardError, match="cannot be used") as refused:
        names(three)
    assert "Type it again" in refused.value.hint
    assert names(three) == list(NAMES)


def test_making_the_board_is_done_anew_by_the_next_when_it_was_stopped_half_way(three, monkeypatch):
    head = audit(three).head
    three.board.write_bytes(b"x" * 9000)
    for step in ("move_durably", "follow", "_fill"):

        def stop(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(cache, step, stop)
            names(three)
    (three.path / ".board.sqlite3.part").write_bytes(b"left by a process that was killed")
    assert names(three) == list(NAMES)
    assert not list(three.path.glob(".board*"))
    assert audit(three, expect=head).findings == ()
