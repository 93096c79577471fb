"""The page of benchmarks is what its results say, and says of each aim what was measured or how to measure it."""

import re

import msgspec
import pytest

from tests.benchmarks.__main__ import MODULES
from tests.benchmarks.page import PAGE, TOPICS, Measured, Session, measured, read_results, render, write

ITEMS = {topic.name: [item.name for item in topic.items] for topic in TOPICS}
ROWS = [(topic, item) for topic in TOPICS for item in topic.items]


def rows_of(page: str) -> list[list[str]]:
    found = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [cells for cells in found if cells[0] != "aim"]


def test_the_page_is_made_of_its_results_and_of_nothing_else():
    assert render(read_results()) == PAGE.read_text(encoding="utf-8"), "Type: make bench ONLY=startup"


def test_every_result_is_of_something_that_is_measured():
    for name, session in read_results().items():
        assert {row.item for row in session.rows} <= set(ITEMS[name])


def test_each_item_is_named_once_and_measured_by_a_function():
    assert set(MODULES) == set(ITEMS)
    for names in ITEMS.values():
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("results", [{}, read_results()], ids=["nothing measured", "as committed"])
def test_each_aim_has_a_figure_or_its_command(results):
    page = rows_of(render(results))
    assert len(page) == len(ROWS)
    for (topic, item), cells in zip(ROWS, page, strict=True):
        assert cells[:2] == [item.name, item.aim or "–"]
        assert re.match(r"\d", cells[2]) or cells[-1], "neither a figure nor a reason"
        if topic.name not in results:
            assert cells[-1] == f"not measured: `make bench ONLY={topic.name}`"


def test_a_part_measured_anew_keeps_the_rest(tmp_path):
    rows = (measured("`hemobench --help`", [90.0, 110.0, 100.0], "a note"),)
    before = {"startup": Session("2026-05-04", "abc", "2 cores", 0.5, rows)}
    freeze = Session("2026-05-05", "def", "4 cores", 0.1, (Measured("the embedded contest", note="broken"),))
    write({**before, "freeze": freeze}, tmp_path / "results.json", tmp_path / "page.md")
    assert read_results(tmp_path / "results.json") == {**before, "freeze": freeze}
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| `hemobench --help` | ≤ 150 | 100 ms | 90.0–110 | 3 | a note |" in text
    assert "| the embedded contest | ≤ 1.5 | – | – | – | broken |" in text
    assert "2026-05-04, version abc: 2 cores; load before it 0.5" in text
    assert "2026-05-05, version def: 4 cores" in text


def test_results_of_another_form_are_refused(tmp_path):
    (tmp_path / "results.json").write_text('{"startup": {"rows": []}}')
    with pytest.raises(msgspec.ValidationError):
        read_results(tmp_path / "results.json")
