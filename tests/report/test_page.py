"""The page: whole in one file, the same bytes, nothing private, and names that stay text."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest

from harness.analysis.build import gather
from harness.analysis.document import Report
from harness.report.images import thumbnails
from harness.report.page import as_csv, as_json, render
from harness.report.write import write_report
from tests.report.entries import ODD, pairwise_of


def page_of(desk, **options) -> str:
    report = gather(desk.workspace, desk.frozen, **options)
    return render(report, thumbnails(desk.frozen, report))


@pytest.fixture(scope="module")
def page(full):
    return page_of(full)


class Reader(HTMLParser):
    """Collects tags, and the text inside scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.inside, self.scripts = [], None, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self.inside = tag

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data


def test_the_same_board_gives_the_same_bytes(full, tmp_path):
    report = gather(full.workspace, full.frozen)
    one, other = (
        write_report(full.frozen, report, tmp_path / name / "report.html", csv=True, json=True)
        for name in ("one", "other")
    )
    assert [path.suffix for path in one] == [".html", ".csv", ".json"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def json_of(desk, **options) -> bytes:
    return as_json(gather(desk.workspace, desk.frozen, **options))


def csv_of(desk, **options) -> str:
    return as_csv(gather(desk.workspace, desk.frozen, **options))


@pytest.mark.parametrize("form", [page_of, json_of, csv_of])
def test_the_private_half_does_not_change_a_byte_until_it_is_revealed(full, other_private_half, form):
    assert form(full) == form(other_private_half)
    assert form(full, reveal_private=True) != form(other_private_half, reveal_private=True)


def test_the_corruptions_of_private_images_do_not_change_a_byte(full, desk, page):
    """Nor do their labels: the files of the private half are made nonsense."""
    import numpy as np

    from harness.freeze.frozen import read_arrays

    desk.fill()
    folder = desk.frozen.folder / "private"
    arrays = read_arrays(folder / "labels.npz")
    hidden = ~arrays["public"]
    chains = json.loads((folder / "shift.json").read_text())
    for row in np.flatnonzero(hidden):
        chains[row] = [{"group": "light", "family": "eclipse", "severity": 5}]
    for name in ("labels.npz", "shift.json"):
        (folder / name).chmod(0o600)
    (folder / "shift.json").write_text(json.dumps(chains))
    arrays["labels"][hidden] = 0
    np.savez(folder / "labels.npz", **arrays)
    assert page_of(desk) == page
    assert "eclipse" in page_of(desk, reveal_private=True)


def test_names_and_messages_of_strangers_stay_text(page):
    read = Reader(page)
    assert [tag for tag, _ in read.tags].count("script") == 2
    assert "img" not in {tag for tag, _ in read.tags}
    assert not [name for _, attrs in read.tags for name in attrs if name.startswith("on")]
    facts = json.loads(read.scripts[0])
    assert f"{ODD} #7" in [entry["name"] for entry in facts["entries"]]
    assert "<b>is missing</b>" not in page
    assert "&lt;b&gt;is missing" in page


def test_the_policy_lets_in_only_what_is_in_the_file(page):
    import base64
    import hashlib

    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_nothing_is_asked_of_a_network(page):
    assert "http://www.w3.org/2000/svg" in page  # the name of a language, never fetched
    assert not re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", page)


def test_ids_are_unique_and_links_lead_somewhere(page):
    read = Reader(page)
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {attrs["href"].removeprefix("#") for tag, attrs in read.tags if tag == "a"}
    assert links <= set(ids)


def test_the_json_reads_back_as_the_report(full):
    report = gather(full.workspace, full.frozen, reveal_private=True)
    assert msgspec.json.decode(as_json(report), type=Report) == report


def test_the_csv_holds_unrounded_values(full):
    report = gather(full.workspace, full.frozen)
    rows = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert [row["entry"] for row in rows] == [row.name for row in report.rows]
    assert [float(row["public"]) for row in rows] == [row.scores["public"]["accuracy"].value for row in report.rows]
    assert not [name for name in rows[0] if "private" in name]


def test_only_public_images_are_shown(full, page):
    shown = set(re.findall(r"\.p-([a-z_]+)-\d+ \{", page))
    assert shown <= {"val", "val_shifted"}
    assert shown


def test_a_hundred_entries_take_less_than_three_megabytes_and_grow_evenly(full):
    report = gather(full.workspace, full.frozen)
    images = thumbnails(full.frozen, report)

    def size(entries: int) -> int:
        rows = [
            msgspec.structs.replace(report.rows[number % 7], rank=number + 1, id=number + 1)
            for number in range(entries)
        ]
        pairwise = pairwise_of(entries, report)
        return len(render(msgspec.structs.replace(report, rows=tuple(rows), pairwise=pairwise), images).encode())

    assert size(100) < 3_000_000
    # What grows with the square, the pairs, is the smaller part up to the hundred that can be compared.
    assert size(100) - size(60) < 1.3 * (size(60) - size(20))


def test_pages_of_small_boards_can_be_made(desk):
    assert "No entry was scored yet" in page_of(desk)
    desk.record("only", 0.9)
    assert "only" in page_of(desk)


def test_the_verb_writes_all_three(full, hemobench, tmp_path):
    done = type(hemobench)(full.workspace.path)("report", "-o", tmp_path / "board.html", "--csv", "--json")
    assert [line.split(":")[0][-5:] for line in done.stdout.splitlines()] == [".html", "d.csv", ".json"]
    assert (tmp_path / "board.html").read_text(encoding="utf-8").startswith("<!doctype html>")


class Places(HTMLParser):
    """Collects the texts of what may name an entry: cells, options, headings, list items, and labels of tables."""

    KINDS = ("td", "th", "option", "h3", "li")

    def __init__(self, text):
        super().__init__()
        self.open, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.texts += [value for key, value in attrs if key == "aria-label"]
        if tag in self.KINDS:
            self.open.append("")

    def handle_endtag(self, tag):
        if tag in self.KINDS and self.open:
            self.texts.append(self.open.pop())

    def handle_data(self, data):
        if self.open:
            self.open[-1] += data


def test_entries_of_one_name_can_be_told_apart_wherever_the_page_lists_them(desk):
    for number in range(4):
        desk.record("twin", 0.9 - number / 10, number=number, sure=True)
    desk.record("other", 0.5, number=9)
    page = page_of(desk, reveal_private=True)
    places = [re.sub(r"\s+", " ", text) for text in Places(page).texts if "twin" in text]
    assert len(places) > 30, "the board, the blend, pairs, agreement, choices, entries and their tables"
    for text in places:
        assert text.count("twin") == len(re.findall(r"twin #\d+", text)), text
    facts = json.loads(next(script for script in Reader(page).scripts if '"entries"' in script))
    names = [entry["name"] for entry in facts["entries"]]
    assert len(set(names)) == len(names) == 5
