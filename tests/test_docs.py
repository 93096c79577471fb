"""The committed page of the reproduction is what its data say, and what README and `train --list` promise is there."""

import re
from pathlib import Path

import msgspec
import pytest

from baselines.baseline import Reported
from baselines.entries import BASELINES, ROWS
from baselines.reproduce.page import GALLERY, write_page
from baselines.reproduce.table import Summary
from tests.benchmarks.champion import with_tables
from tests.readme_boards import board

DOCS = Path(__file__).parent.parent / "docs"
README = (DOCS.parent / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def summary():
    return msgspec.json.decode((DOCS / "reproduction.json").read_bytes(), type=Summary)


def test_the_page_is_made_of_its_data_and_of_nothing_else(summary, tmp_path):
    write_page(summary, tmp_path / "reproduction.md", [GALLERY])
    for suffix in ("md", "html"):
        file = f"reproduction.{suffix}"
        assert (tmp_path / file).read_text(encoding="utf-8") == (DOCS / file).read_text(encoding="utf-8")


def test_the_tables_of_the_champion_are_made_of_its_measurements():
    page = (DOCS / "champion.md").read_text(encoding="utf-8")
    found = msgspec.json.decode((DOCS / "champion.json").read_bytes())
    assert with_tables(page, found) == page
    assert all((DOCS / name).is_file() for name in re.findall(r"\]\((\S+\.png)\)", page))


def test_every_figure_of_the_page_is_there_and_small():
    names = re.findall(r"\]\((\S+\.png)\)", (DOCS / "reproduction.md").read_text(encoding="utf-8"))
    assert len(names) >= 4
    for name in names:
        assert (DOCS / name).read_bytes().startswith(b"\x89PNG")
        assert (DOCS / name).stat().st_size < 200_000


def test_every_row_of_the_report_s_table_was_measured(summary):
    measured_rows = {row.name for row in summary.rows}
    assert {row.name for row in BASELINES if row.reported != Reported()} <= measured_rows
    assert not summary.failed
    assert len(summary.claims) >= 6
    assert {result.name for result in summary.optimizers} >= {"adamw", "lion", "ranger"}
    assert all(result.n >= 3 for result in summary.optimizers)


def test_a_row_that_was_not_measured_yet_is_named_and_no_other_is_on_the_page(summary):
    known, on_page = {row.name for row in BASELINES}, {row.name for row in summary.rows}
    assert on_page <= known
    if waiting := sorted(known - on_page):
        pytest.skip(f"not measured yet: {', '.join(waiting)}; type: make reproduce")


def test_what_train_list_expects_is_what_the_page_says(summary):
    by_name = {row.name: row for row in summary.rows}
    for row in (row for row in ROWS if row.name in by_name):
        (expected,) = [one for one in row.expected if one["contest"] == summary.contest]
        assert expected["val"]["value"] == pytest.approx(by_name[row.name].val.value, abs=0.003)
        assert expected["public"]["value"] == by_name[row.name].hidden.value


def test_the_leaderboard_of_the_readme_is_of_the_page_s_contest(summary):
    cells = board(summary.contest)
    assert cells in README
    rows = re.findall(r"^\| \d+ \| ([\w-]+) \| ([\d.]+) \(([\d.]+)–([\d.]+)\) \| ([\d.]+) \|", cells, re.MULTILINE)
    by_name = {row.name: row for row in summary.rows}
    known = [row for row in rows if row[0] in by_name]
    assert len(known) >= 3
    for name, public, low, high, _ in known:
        hidden = by_name[name].hidden
        assert [public, low, high] == [
            f"{100 * hidden.value:.2f}",
            f"{100 * hidden.low:.1f}",
            f"{100 * hidden.high:.1f}",
        ]


def test_a_page_of_nothing_measured_has_no_empty_place(summary, tmp_path):
    nothing = {"rows": (), "claims": (), "optimizers": (), "device": "", "versions": {}, "n_hidden": 0, "seconds": 0.0}
    nothing |= {"rank_correlation": None, "rank_correlation_val": None, "missing": ("vgg16",)}
    write_page(msgspec.structs.replace(summary, **nothing), tmp_path / "r.md")
    for suffix in ("md", "html"):
        text = re.sub(r"<style.*?</style>|<[^>]*>", "", (tmp_path / f"r.{suffix}").read_text(), flags=re.DOTALL)
        assert "Nothing has been measured" in text and "vgg16: not run yet" in text
        assert not re.search(r"[,:]\s*[.,]|n = 0|\b0 minutes", text)
        assert "What made each gap" not in text and "| model |" not in text
