"""No cell of a CSV is run by a spreadsheet, and numbers stay numbers: of every CSV that is written."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.spreadsheet import as_csv, read_csv

RUN = ("=", "+", "-", "@", "\t", "\r", "\n")
FORMULAS = ("=1+1", "@SUM(A1)", "+cmd", "-2+3", "＝1+1", " =1+1", '=HYPERLINK("http://example.org")')


def unsafe(text):
    """The cells that a spreadsheet runs; a number is none, whatever its sign."""

    def is_number(cell):
        try:
            float(cell)
        except ValueError:
            return False
        return True

    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    starts = (*RUN, "＝", "＋", "－", "＠")
    return [cell for cell in cells if cell.lstrip(" \xa0").startswith(starts) and not is_number(cell)]


@given(st.lists(st.text() | st.sampled_from(FORMULAS) | st.floats() | st.integers() | st.none(), min_size=1))
def test_no_text_is_run_and_numbers_read_as_they_were(cells):
    text = as_csv(["=head"], [cells])
    assert unsafe(text) == []
    head, row = csv.reader(io.StringIO(text, newline=""))
    assert head == ["'=head"]
    for cell, written in zip(cells, row, strict=True):
        if isinstance(cell, str):
            assert written in (cell, f"'{cell}")
        else:
            assert written == ("" if cell is None else repr(cell))


def test_names_and_messages_are_no_formulas_in_any_csv_of_the_board(hemobench, tmp_path):
    messages = ("first", "@now", '=HYPERLINK("http://example.org")')
    for name, message in zip(("=1+1", "@SUM(A1)", "-2"), messages, strict=True):
        hemobench("submit", "majority", f"--name={name}", f"--message={message}")
    hemobench("report", "-o", tmp_path / "report.html", "--csv")
    shown, written = hemobench("leaderboard", "--format", "csv").stdout, (tmp_path / "report.csv").read_text()
    for text in (shown, written):
        assert unsafe(text) == []
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["entry"] for row in rows] == ["'=1+1", "'@SUM(A1)", "'-2"]
        assert [row["message"] for row in rows] == ["first", "'@now", f"'{messages[2]}"]
        assert all(float(row["gap"]) <= 1 for row in rows)
    assert [row["entry"] for row in json.loads(hemobench("leaderboard", "--json").stdout)] == ["=1+1", "@SUM(A1)", "-2"]


@pytest.mark.parametrize("start", RUN)
def test_classes_are_no_formulas_in_the_tables_of_a_kaggle_export(start, tmp_path):
    from harness.platforms.kaggle import _write_table

    _write_table(tmp_path / "t.csv", ("id", "class"), [("train_00000", f"{start}cell")])
    assert unsafe((tmp_path / "t.csv").read_bytes().decode()) == []


@pytest.mark.parametrize(
    "data",
    [
        b"sep=;\r\nname;id\r\nA, B;1\r\n",
        "name;id\nA, B;1\n".encode("utf-16"),
        b'\xef\xbb\xbfname,id\r\n"A, B",1',
        b"name\tid\rA, B\t1\r",
    ],
)
def test_a_table_is_read_as_spreadsheets_write_it(data):
    assert [row for row in read_csv(data) if row] == [["name", "id"], ["A, B", "1"]]


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04 ...", b"\xd0\xcf\x11\xe0...", b"%PDF-1.7", b"<!DOCTYPE html>\n<html>", b"<?xml?>"]
)
def test_what_is_no_table_of_text_is_called_what_it_is(data):
    with pytest.raises(csv.Error, match=r"it is a (spreadsheet|PDF|web page)"):
        list(read_csv(data))
