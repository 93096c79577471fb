"""What a person does with the page, in a real browser."""

import json
from importlib.resources import files
from itertools import permutations

import numpy as np
import pytest

from tests.report.entries import ODD

pytestmark = pytest.mark.browser


def column(page, number: int) -> list[str]:
    """The unrounded values of a column of the board, as its rows stand."""
    return page.eval_on_selector_all(
        "#board tbody tr:not([hidden])", f"rows => rows.map(row => row.cells[{number}].dataset.value)"
    )


def press_head(page, name: str) -> None:
    page.locator("#board thead").get_by_role("button", name=name, exact=True).click()


def place(page, name: str) -> int:
    return page.eval_on_selector_all(
        "#board thead th", f"heads => heads.findIndex(head => head.textContent.trim() === {name!r})"
    )


@pytest.mark.parametrize(("name", "best_first"), [("public %", True), ("val %", True), ("shifted %", True)])
def test_a_column_sorts_by_its_unrounded_values_and_turns_round(page, name, best_first):
    press_head(page, name)
    values = [float(value) for value in column(page, place(page, name))]
    assert values == sorted(values, reverse=best_first)
    press_head(page, name)
    turned = [float(value) for value in column(page, place(page, name))]
    assert turned == sorted(values, reverse=not best_first)
    head = page.locator("#board thead th").nth(place(page, name))
    assert head.get_attribute("aria-sort") == "ascending"
    assert page.locator("#board [aria-sort]").count() == 1
    assert page.locator("#said").inner_text() == f"Sorted by {name}, ascending."


def test_names_sort_as_text(page):
    press_head(page, "entry")
    assert [name for name in column(page, place(page, "entry")) if name.startswith("team")] == [
        f"team {number}" for number in range(6)
    ]


def test_filters_leave_what_fits_and_say_how_many(page):
    page.get_by_label("Name or message").fill("ATTEMPT 3")
    assert column(page, 2) == ["team 3"]
    assert page.locator("#count").inner_text() == "1 of 7 entries"
    page.get_by_label("Name or message").fill("nobody")
    assert page.get_by_text("No entry fits.").is_visible()
    page.get_by_label("Name or message").fill("")
    page.get_by_label("Weights").select_option("imagenet")
    assert sorted(column(page, 2)) == ["team 1", "team 3", "team 5"]
    page.get_by_label("Weights").select_option("")
    page.get_by_label("may be first").check()
    level = json.loads(page.locator("#facts").text_content())["entries"]
    left = column(page, 0)
    assert left[0] == "1"
    assert 1 < len(left) < len(level)


def test_the_comparison_says_what_python_says(page, written):
    facts = json.loads(written.with_suffix(".json").read_text(encoding="utf-8"))
    pairs, entries = facts["pairwise"], len(facts["pairwise"]["rows"])
    one, other = np.triu_indices(entries, 1)
    order = {pair: number for number, pair in enumerate(zip(one.tolist(), other.tolist(), strict=True))}
    for first, second in permutations(range(entries), 2):
        page.locator("#one").select_option(index=first)
        page.locator("#two").select_option(index=second)
        number = order[min(first, second), max(first, second)]
        rows = page.locator("#comparison table").first.locator("tbody tr")
        for row, split in enumerate(("val", "val_shifted", "public")):
            cells = rows.nth(row).locator("td")
            counts = [pairs["gained"][split][number], pairs["lost"][split][number]]
            expected = counts if first < second else counts[::-1]
            assert [int(cells.nth(column).get_attribute("data-value")) for column in (3, 4)] == expected
            assert float(cells.nth(5).get_attribute("data-value")) == pytest.approx(pairs["p"][split][number], rel=1e-6)
            limits = [pairs[end][split][number] for end in ("low", "high")]
            limits = limits if first < second else [-limits[1], -limits[0]]
            shown = [float(end) for end in cells.nth(2).get_attribute("data-value").split()[1:]]
            assert shown == pytest.approx(limits, abs=0.00051)
        assert float(page.locator("#verdict").get_attribute("data-adjusted")) == pairs["adjusted"][number]


def test_swapping_turns_the_difference_round(page):
    def difference():
        cell = page.locator("#comparison table").first.locator("tbody tr").nth(2).locator("td").nth(2)
        return [float(number) for number in cell.get_attribute("data-value").split()]

    by, low, high = difference()
    page.get_by_role("button", name="Swap").click()
    assert difference() == pytest.approx([-by, -high, -low])


def test_an_entry_with_itself_is_no_comparison(page):
    page.locator("#two").select_option(index=0)
    assert page.get_by_text("Choose two different entries.").is_visible()


@pytest.mark.parametrize("system", ["light", "dark"])
def test_colours_follow_the_system_until_the_button_is_used(open_page, system):
    page = open_page(color_scheme=system)

    def brightness() -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return int(colour.removeprefix("rgb(").split(",")[0])

    assert (brightness() > 128) == (system == "light")
    page.locator("#theme").click()
    assert (brightness() > 128) == (system == "dark")
    page.reload()
    assert (brightness() > 128) == (system == "dark")
    page.locator("#theme").click()
    assert (brightness() > 128) == (system == "light")


def test_a_phone_scrolls_the_page_in_one_direction_only(open_page):
    page = open_page(viewport={"width": 375, "height": 812}, has_touch=True)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    board = page.locator("#board")
    assert board.evaluate("table => table.offsetWidth <= table.parentElement.clientWidth"), "the board itself fits"


def test_everything_can_be_done_by_keyboard(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the board"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#board-title"

    def tab_to(selector: str) -> None:
        for _ in range(60):
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} was not reached")

    tab_to("#search")
    page.keyboard.type("team")
    assert page.locator("#count").inner_text() == "6 of 7 entries"
    tab_to("#board th:nth-child(5) button, #board th:nth-child(4) button")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    assert page.locator("#board [aria-sort]").inner_text().strip() == "public %"
    tab_to("#board tbody a")
    page.keyboard.press("Enter")
    opened = page.locator("details.entry[open]")
    opened.wait_for()  # the browser tells of the new address a moment later
    assert opened.count() == 1
    assert page.evaluate("document.activeElement === document.querySelector('details.entry[open] summary')")
    page.keyboard.press("Space")
    assert opened.count() == 0


def test_a_link_to_an_entry_opens_it_again_after_it_was_closed(page):
    link = page.locator("#board tbody a").first
    entry = page.locator(link.get_attribute("href"))
    for _ in range(2):
        link.click()
        entry.locator(".inside").wait_for()
        entry.locator("summary").first.click()
        assert not entry.evaluate("details => details.open")


def test_a_strangers_name_is_shown_as_it_was_typed(page):
    page.get_by_label("Name or message").fill("alert(1)")
    assert page.locator("#board tbody tr:not([hidden]) a").inner_text() == ODD
    names = page.locator("#one option").all_inner_texts()
    index = next(number for number, name in enumerate(names) if f"{ODD} #" in name)
    page.locator("#one").select_option(index=index)
    page.locator("#two").select_option(index=(index + 1) % len(names))
    assert ODD in page.locator("#verdict").inner_text()


def test_what_needs_no_script_is_there_without_it(open_page):
    page = open_page(java_script_enabled=False)
    assert page.locator("#board tbody tr").count() == 7
    page.locator("details.entry summary").first.click()
    assert page.get_by_text("From validation to the hidden test").first.is_visible()
    assert page.get_by_text("comparing need JavaScript").is_visible()
    assert not page.locator("#theme").is_visible()


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(open_page, width, scheme):
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 20
    _no_serious(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nor_on_the_page_of_a_closed_contest_which_fits_a_phone(open_page, written_closed, scheme):
    page = open_page(written_closed, viewport={"width": 375, "height": 900}, color_scheme=scheme)
    for word in ("Shake-up", "Is it right as often as it says?", "Seeds", "late", "Closed"):
        assert word in page.content(), word
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    _no_serious(page.evaluate("axe.run()"))


def _no_serious(found):
    assert [
        (violation["id"], [node["html"][:120] for node in violation["nodes"][:3]])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ] == []
