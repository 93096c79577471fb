"""Whatever is changed by hand is found, named, and mended where a second copy proves what it was."""

import sqlite3
from contextlib import closing

import msgspec
import pytest

from harness.board import rows
from harness.board.audit import audit
from harness.board.ledger import Line, read_lines
from harness.board.migrations import MIGRATIONS, backup_of
from harness.board.recorder import open_to_read
from harness.board.restore import restore
from harness.errors import AuditError, UsageError

LOCK = "ab" * 32
NAMES = ("one", "two", "three")


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
        return [entry.name for entry in rows.read_entries(board, "blood-cells", LOCK)]


def test_nothing_is_found_where_nothing_was_changed(three):
    found = audit(three)
    assert found.findings == () and found.notes == ()
    assert (found.receipts, found.rows, found.rows_before) == (3, 3, 0)
    assert found.head == read_lines(three.ledger)[0][-1].sha256
    assert restore(three) is None


def test_an_empty_workspace_has_nothing_to_audit(desk):
    found = audit(desk.workspace)
    assert (found.receipts, found.rows, found.findings) == (0, 0, ())
    assert restore(desk.workspace) is None
    assert not desk.workspace.path.exists(), "and leaves no trace"


ON_THE_BOARD = {
    "a name": ("UPDATE entries SET name = 'evil' WHERE id = 2", "row 2 (two): name", "evil"),
    "a message": ("UPDATE entries SET message = 'better' WHERE id = 2", "row 2 (two): message", "better"),
    "a date": ("UPDATE entries SET created_at = '2020-01-01' WHERE id = 2", "row 2 (two): created_at", "2020-01-01"),
    "an outcome": ("UPDATE entries SET outcome = 'killed' WHERE id = 2", "row 2 (two): outcome", "killed"),
    "a zip": ("UPDATE entries SET zip_sha256 = 'ff' WHERE id = 2", "row 2 (two): zip_sha256", "ff"),
    "a contest": ("UPDATE entries SET contest = 'other' WHERE id = 2", "row 2 (two): contest", "other"),
    "a score": ("UPDATE scores SET value = 0.99 WHERE entry = 2", "row 2 (two): scores.public.accuracy.value", "0.99"),
    "an interval": ("UPDATE scores SET low = 0.4 WHERE entry = 2", "row 2 (two): scores.public.accuracy.low", "0.4"),
    "a score removed": ("DELETE FROM scores WHERE entry = 2", "row 2 (two): scores.public", "nothing"),
    "a score added": (
        "INSERT INTO scores VALUES (2, 'private', 'accuracy', 1, 1, 1, 9)",
        "row 2 (two): scores.private",
        "another value",  # the contest is open: not which
    ),
    "a card": ("UPDATE entries SET card = '{}' WHERE id = 2", "row 2 (two): card", None),
    "a card that is no JSON": ("UPDATE entries SET card = 'x' WHERE id = 2", "row 2 (two): card", "no JSON"),
    "the copy of a receipt": ("UPDATE entries SET line = 'x' WHERE id = 2", "row 2 (two): copy of its receipt", None),
    "a row removed": ("DELETE FROM entries WHERE id = 2", "row 2 (two)", "removed"),
    "the last row removed": ("DELETE FROM entries WHERE id = 3", "row 3 (three)", "removed"),
    "a row added": (
        "INSERT INTO entries SELECT 9, 'evil', message, contest, lock, outcome, zip_sha256, weights, created_at, card, "
        "NULL, NULL, recipe, seed, held FROM entries WHERE id = 2",
        "row 9 (evil)",
        "no receipt",
    ),
    "a row added with a receipt's number": (
        "INSERT INTO entries SELECT 9, 'evil', message, contest, lock, outcome, zip_sha256, weights, created_at, card, "
        "4, line, recipe, seed, held FROM entries WHERE id = 2",
        "row 9 (evil)",
        "receipt 4, which is not in the chain",
    ),
    "a row without its receipt": ("UPDATE entries SET receipt = NULL WHERE id = 2", "row 2 (two): receipt", "none"),
    "another receipt": ("UPDATE entries SET receipt = 7 WHERE id = 2", "row 2 (two): receipt", "7"),
    "an id": ("UPDATE entries SET id = 8 WHERE id = 2", "row 8 (two): entry", "8"),
}


@pytest.mark.parametrize("case", ON_THE_BOARD)
def test_a_change_on_the_board_is_found_and_mended(three, case):
    statement, what, got = ON_THE_BOARD[case]
    head = audit(three).head
    execute(three, statement)
    found = {finding.what: finding for finding in audit(three).findings}
    assert what in found
    assert got is None or found[what].got == got
    assert "hemobench restore" in found[what].hint
    restored = restore(three)
    assert restored is not None and restored.left == ()
    assert len(list(three.path.glob("board.damaged-*.sqlite3"))) == 1, "what was there is kept"
    assert names(three) == list(NAMES)
    assert audit(three, expect=head).findings == ()


IN_THE_LEDGER = {
    "a score": (lambda lines: [lines[0], lines[1].replace(b"0.5", b"0.9"), lines[2]], "receipt 2 (two): scores"),
    "a name": (lambda lines: [lines[0], lines[1].replace(b'"two"', b'"owt"'), lines[2]], "receipt 2 (two): name"),
    "the first": (lambda lines: [lines[0].replace(b"0.5", b"0.9"), *lines[1:]], "receipt 1 (one): scores"),
    "the last": (lambda lines: [*lines[:2], lines[2].replace(b"0.5", b"0.9")], "receipt 3 (three): scores"),
    "a removed line": (lambda lines: [lines[0], lines[2]], "receipt 2 (two)"),
    "a removed last line": (lambda lines: lines[:2], "receipt 3 (three)"),
    "two lines in turn": (lambda lines: [lines[0], lines[2], lines[1]], "ledger, line 2"),
    "a line twice": (lambda lines: [lines[0], lines[1], lines[1], lines[2]], "ledger, line 3"),
    "a line of nonsense": (lambda lines: [lines[0], b"\xff\x00", lines[2]], "ledger, line 2"),
    "an empty ledger": (lambda lines: [], "receipt 3 (three)"),
    "white space": (lambda lines: [lines[0], lines[1] + b" ", lines[2]], "receipt 2 (two): bytes"),
    "a whole chain forged anew": (lambda lines: forged(lines, 2, scores={}), "receipt 2 (two): scores"),
    "a name in a chain forged anew": (lambda lines: forged(lines, 2, outcome="killed"), "receipt 2 (two): outcome"),
}


@pytest.mark.parametrize("case", IN_THE_LEDGER)
def test_a_change_in_the_ledger_is_found_and_mended_from_the_board(three, case):
    change, what = IN_THE_LEDGER[case]
    before, head = three.ledger.read_bytes(), audit(three).head
    rewrite(three, change)
    findings = audit(three).findings
    assert [finding for finding in findings if finding.what.startswith(what)], findings
    restored = restore(three)
    assert restored is not None and restored.left == ()
    assert three.ledger.read_bytes() == before
    assert len(list(three.path.glob("ledger.damaged-*.jsonl"))) == 1
    assert audit(three, expect=head).findings == ()
    assert names(three) == list(NAMES)


def test_a_ledger_and_a_board_forged_together_are_found_by_a_head_written_down(three):
    head = audit(three).head
    rewrite(three, lambda lines: forged(lines, 1, message="better"))
    lines, _ = read_lines(three.ledger)
    with closing(sqlite3.connect(three.board)) as board:
        for line in lines:
            board.execute(
                "UPDATE entries SET line = ?, message = ? WHERE receipt = ?",
                (line.text.decode(), line.receipt.message, line.receipt.number),
            )
        board.commit()
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


def test_a_head_decides_which_of_two_chains_is_the_true_one(three):
    """A message stands on no card: without the head, nothing tells which of the last receipts is the true one."""
    head = audit(three).head
    rewrite(three, lambda lines: forged(lines, 3, message="better"))
    restored = restore(three, expect=head)
    assert restored is not None and restored.receipts_mended == 1
    assert audit(three, expect=head).findings == ()


def test_a_head_that_is_in_no_chain_stops_a_restore(three):
    execute(three, "UPDATE entries SET name = 'evil' WHERE id = 1")
    with pytest.raises(AuditError, match="rewritten"):
        restore(three, expect="0123456789ab")
    assert audit(three).findings


def test_what_cannot_be_mended_is_said_and_the_board_is_left_in_its_place(three):
    next(three.path.glob("zips/*.zip")).unlink()
    before = three.board.read_bytes()
    restored = restore(three)
    assert restored is not None and len(restored.left) == 1 and restored.aside == ()
    assert three.board.read_bytes() == before


def test_a_receipt_lost_on_both_sides_is_said_and_nothing_is_invented(three):
    rewrite(three, lambda lines: [lines[0], lines[1].replace(b"0.5", b"0.9"), lines[2]])
    execute(three, "UPDATE entries SET line = replace(line, '0.5', '0.8') WHERE id = 2")
    (finding,) = [finding for finding in audit(three).findings if finding.what == "receipt 2"]
    assert "copy of the workspace" in finding.hint
    before = three.ledger.read_bytes(), three.board.read_bytes()
    with pytest.raises(AuditError, match="receipt 2"):
        restore(three)
    assert (three.ledger.read_bytes(), three.board.read_bytes()) == before


def test_a_changed_card_is_mended_from_the_board(three):
    card = three.path / "cards" / "blood-cells" / "2.json"
    before = card.read_bytes()
    for change in (lambda: card.write_bytes(before.replace(b"0.5", b"0.9")), card.unlink):
        change()
        (finding,) = audit(three).findings
        assert finding.what == "cards/blood-cells/2.json (receipt 2)" and finding.hint == "hemobench restore"
        restored = restore(three)
        assert restored is not None and restored.cards_mended == 1
        assert card.read_bytes() == before


def test_a_card_changed_in_both_places_is_not_taken_for_the_true_one(three):
    card = three.path / "cards" / "blood-cells" / "2.json"
    card.write_bytes(card.read_bytes().replace(b"0.5", b"0.9"))
    execute(three, "UPDATE entries SET card = replace(card, '0.5', '0.9') WHERE id = 2")
    restored = restore(three)
    assert restored is not None
    assert {finding.what for finding in restored.left} == {"cards/blood-cells/2.json (receipt 2)", "row 2 (two): card"}


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
    for at in range(4096, len(content), 97):
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
def test_a_damaged_board_is_made_again(three, case):
    head = audit(three).head
    DAMAGES[case](three.board)
    assert audit(three).findings
    restored = restore(three)
    assert restored is not None and restored.left == ()
    assert names(three) == list(NAMES)
    assert audit(three, expect=head).findings == ()


def board_of_version_1(workspace):
    workspace.path.mkdir(parents=True)
    with closing(sqlite3.connect(workspace.board)) as board:
        board.executescript(MIGRATIONS[0][1])
        for number in (1, 2):
            board.execute(
                "INSERT INTO entries (name, message, contest, lock, outcome, zip_sha256, weights, created_at, card) "
                "VALUES (?, '', 'blood-cells', ?, 'killed', '00', 'none', '2026-01-01T00:00:00+00:00', '{}')",
                (f"old-{number}", LOCK),
            )
        board.execute("PRAGMA user_version = 1")
        board.commit()


def test_rows_from_before_the_ledger_are_said_to_be_so_and_guarded_from_the_first_receipt_on(desk):
    board_of_version_1(desk.workspace)
    found = audit(desk.workspace)
    assert (found.rows, found.rows_before, found.findings) == (2, 2, ())
    assert "from before the ledger" in found.notes[0]
    desk.record("new")
    assert audit(desk.workspace).findings == ()
    execute(desk.workspace, "UPDATE entries SET name = 'evil' WHERE id = 1")
    (finding,) = audit(desk.workspace).findings
    assert finding.what == "rows from before the ledger"
    restored = restore(desk.workspace)
    assert restored is not None and restored.left == () and "v1.backup" in restored.notes[0]
    assert names(desk.workspace) == ["old-1", "old-2", "new"]


def test_a_damaged_board_with_old_rows_is_made_again_from_the_backup_and_the_ledger(desk):
    board_of_version_1(desk.workspace)
    desk.record("new")
    desk.workspace.board.write_bytes(b"x" * 9000)
    restored = restore(desk.workspace)
    assert restored is not None and restored.left == ()
    assert names(desk.workspace) == ["old-1", "old-2", "new"]


def test_a_damaged_board_without_ledger_or_backup_says_that_the_cards_are_left(desk):
    board_of_version_1(desk.workspace)
    desk.workspace.board.write_bytes(b"x" * 9000)
    with pytest.raises(AuditError) as refused:
        restore(desk.workspace)
    assert "cards" in refused.value.hint
    assert not backup_of(desk.workspace.board, 1).exists()


def test_a_restore_that_is_stopped_half_way_is_completed_by_the_next(three, monkeypatch):
    from harness.board import restore as module

    rewrite(three, lambda lines: [lines[0], lines[1].replace(b"0.5", b"0.9"), lines[2]])
    execute(three, "UPDATE scores SET value = 0.99 WHERE entry = 3")
    head = audit(three).head
    for step in ("write_atomic", "_make_board", "_copy_aside", "move_durably"):

        def stop(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(module, step, stop)
            restore(three)
        assert audit(three).findings
        assert audit(three).head == head
    restored = restore(three)
    assert restored is not None and restored.left == ()
    assert audit(three, expect=head).findings == ()
    assert names(three) == list(NAMES)
