"""Cells of a stranger's table are written anew, and every other byte stays."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.classroom.grades.cells import Cells
from harness.errors import ClassError

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\r\n"), max_size=6) | st.sampled_from(
    ["", '"', ",", ";", "a,b", 'say "so"', "two\nlines", "two\r\nlines", "Zoë", "12,50", " x "]
)
TABLES = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=2, max_size=6)
)


def as_file(rows, separator, end, quote, encoding, last):
    text = io.StringIO(newline="")
    if end == "\r":  # Python's writer puts no quotes around a line feed then
        quote = csv.QUOTE_ALL
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=quote).writerows(rows)
    return (text.getvalue() if last else text.getvalue().removesuffix(end)).encode(encoding)


@settings(max_examples=40)
@given(
    rows=TABLES,
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quote=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    last=st.booleans(),
    data=st.data(),
)
def test_only_the_cells_that_are_written_differ(rows, separator, end, quote, encoding, last, data):
    rows = [[f"column {number}" for number in range(len(rows[0]))], *rows]
    file = as_file(rows, separator, end, quote, encoding, last)
    table = Cells.read("x.csv", file)
    filled = [row for row in rows if len(row) > 1 or row[0]]
    assert [[cell.text for cell in row] for row in table.rows] == filled
    assert table.changed({}) == file
    places = st.tuples(st.integers(1, len(filled) - 1), st.integers(0, len(rows[0]) - 1))
    new = data.draw(st.dictionaries(places, WORDS, max_size=4))
    expected = [[new.get((row, at), text) for at, text in enumerate(cells)] for row, cells in enumerate(filled)]
    changed = table.changed(new)
    assert [[cell.text for cell in row] for row in Cells.read("x.csv", changed).rows] == expected
    # What lies between the cells that were written is there, byte for byte and in its order.
    pieces, at = [table.text[start:stop].encode(table.encoding) for start, stop in gaps(table, new)], 0
    for piece in pieces:
        at = changed.index(piece, at) + len(piece)
    assert changed.startswith(pieces[0]) and changed.endswith(pieces[-1])


def gaps(table, new):
    """Where the text between the cells of `new` begins and ends."""
    edges = [0]
    for row, column in sorted(new):
        edges += [table.rows[row][column].start, table.rows[row][column].end]
    return zip(edges[::2], [*edges[1::2], len(table.text)], strict=True)


@settings(max_examples=40)
@given(rows=TABLES)
def test_what_python_reads_is_what_is_read(rows):
    rows = [[f"column {number}" for number in range(len(rows[0]))], *rows]
    file = as_file(rows, ",", "\r\n", csv.QUOTE_MINIMAL, "utf-8", True)
    read = list(csv.reader(io.StringIO(file.decode(), newline="")))
    assert [[cell.text for cell in row] for row in Cells.read("x.csv", file).rows] == [row for row in read if row]


def test_an_empty_cell_keeps_its_quotes_and_a_short_row_is_filled_up():
    table = Cells.read("x.csv", b'a,b,c\n"1","","3"\n4\n\n5,6,7')
    assert table.changed({(1, 1): "9"}) == b'a,b,c\n"1","9","3"\n4\n\n5,6,7'
    assert table.changed({(2, 2): "9"}) == b'a,b,c\n"1","","3"\n4,,9\n\n5,6,7'
    assert table.changed({(3, 1): "6,5"}) == b'a,b,c\n"1","","3"\n4\n\n5,"6,5",7'


def test_windows_letters_stay_as_they_are():
    file = "Name;Note\r\nMüller – Ø;\r\n".encode("cp1252")
    table = Cells.read("x.csv", file)
    assert table.rows[1][0].text == "Müller – Ø"
    assert table.changed({(1, 1): "1,0"}) == file.replace(b";\r\n", b";1,0\r\n")
    undefined = b"Name;Note\n\x81\x8d;\n"
    assert Cells.read("x.csv", undefined).changed({}) == undefined


@pytest.mark.parametrize(
    ("file", "said"),
    [(b'a,b\n1,"2\n3,4\n', "line 2 opens a quote"), (b"\xff\xfea", "begins as UTF-16")],
)
def test_what_is_no_table_is_said(file, said):
    with pytest.raises(ClassError, match=said):
        _ = Cells.read("x.csv", file).rows


def test_a_spreadsheet_in_place_of_a_table_is_called_so():
    with pytest.raises(ClassError, match="a spreadsheet"):
        Cells.read("grades.xlsx", b"PK\x03\x04...")
