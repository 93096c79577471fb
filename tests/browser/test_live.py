"""What a person sees of a page that is served while scores come in."""

import shutil
from importlib.resources import files

import pytest

from harness.analysis.build import BoardSource
from harness.report.live import LiveBoard
from harness.report.server import listening
from harness.workspace import Workspace
from tests.report.entries import ODD, Desk

pytestmark = pytest.mark.browser
SOON = 60_000  # ms: two questions of the page, and the time to load it on a busy machine


@pytest.fixture
def desk(frozen_workspace, tmp_path) -> Desk:
    shutil.copytree(frozen_workspace, tmp_path / "workspace", symlinks=True)
    made = Desk(Workspace(tmp_path / "workspace"))
    for number in range(6):
        made.record(f"team {number}", 0.95 - 0.12 * number, number=number, weights="imagenet" if number % 2 else "none")
    return made


@pytest.fixture
def live(desk) -> LiveBoard:
    made = LiveBoard(BoardSource(desk.workspace, "small"))
    made.refresh()
    return made


@pytest.fixture
def open_live(chromium):
    """Opens the page of a server; at the end nothing may have gone wrong, and nothing but the server was asked."""
    contexts, wrong = [], []

    def open_with(address, **options):
        context = chromium.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"} | options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith(address) else wrong.append(request.url)
        )  # fmt: skip
        page.goto(address)
        return page

    yield open_with
    for context in contexts:
        context.close()
    assert [text for text in wrong if "net::ERR_CONNECTION_" not in text] == []


@pytest.fixture
def server(live):
    with listening(live, 0) as made:
        yield made


def shown(page) -> list[str]:
    return page.locator("#board tbody tr:not([hidden]) a").all_inner_texts()


def wait_for_update(page) -> str:
    """Wait until the page says that it was updated, and return what it says."""
    page.locator("#live", has_text="Updated at").wait_for(timeout=SOON)
    return page.locator("#live").inner_text()


def test_a_new_entry_appears_and_nothing_is_lost(open_live, desk, live, server):
    page = open_live(server.address)
    page.locator("#theme").click()
    page.get_by_label("Name or message").fill("team")
    page.get_by_label("Weights").select_option("imagenet")
    page.locator("#board thead").get_by_role("button", name="val %", exact=True).click()
    page.locator("#board thead").get_by_role("button", name="val %", exact=True).click()
    page.locator("#one").select_option("2")  # the second entry that came, of team 1
    page.locator("#two").select_option("4")
    page.locator("#entry-4 > summary").click()
    page.locator("#forecast").evaluate("head => head.scrollIntoView()")
    before = shown(page)
    assert set(before) == {"team 1", "team 3", "team 5"}
    top = page.evaluate("document.querySelector('#forecast').getBoundingClientRect().top")

    desk.record("team of the evening", 0.8, number=9, weights="imagenet")
    desk.record(f"{ODD} team", 0.7, number=10, weights="none")
    assert live.refresh()
    said = wait_for_update(page)
    assert "New: team of the evening" in said
    assert ODD in said, "as text"
    assert [name for name in shown(page) if name != "team of the evening"] == before
    values = page.locator("#board tbody tr:not([hidden])").evaluate_all(
        "rows => rows.map(row => row.cells[document.querySelector('#board [aria-sort]').cellIndex].dataset.value)"
    )
    assert len(values) == 4
    assert sorted(map(float, values)) == list(map(float, values))
    assert page.locator("#board tr.fresh:not([hidden])").count() == 1
    assert page.get_by_label("Name or message").input_value() == "team"
    assert page.get_by_label("Weights").input_value() == "imagenet"
    assert page.locator("#board [aria-sort]").get_attribute("aria-sort") == "ascending"
    assert page.locator("#board [aria-sort]").inner_text().strip() == "val %"
    assert page.locator("#said").inner_text() == "", "nobody sorted now"
    chosen = [page.locator(f"{side} option:checked").inner_text().split(" · ")[1] for side in ("#one", "#two")]
    assert chosen == ["team 1 #2", "team 3 #4"], "though their ranks have moved"
    assert page.locator("#verdict").inner_text().count("team 1") == 1
    assert page.eval_on_selector_all("details[open]", "found => found.map(each => each.id)") == ["entry-4"]
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.wait_for_timeout(200)
    now = page.evaluate("document.querySelector('#forecast').getBoundingClientRect().top")
    assert now == pytest.approx(top, abs=2)


def test_who_reads_an_entry_by_its_link_stays_there_and_keeps_the_focus(open_live, desk, live, server):
    page = open_live(server.address)
    page.get_by_role("link", name="team 4").first.click()
    focus = "document.activeElement.parentElement.id"
    opened = page.evaluate(focus)
    assert opened.startswith("entry-")
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(300)
    top = page.evaluate(f"document.querySelector('#{opened}').getBoundingClientRect().top")
    desk.record("late team", 0.95, number=9)
    live.refresh()
    wait_for_update(page)
    page.wait_for_timeout(200)
    assert page.evaluate(focus) == opened
    assert page.evaluate(f"document.querySelector('#{opened}').getBoundingClientRect().top") == pytest.approx(
        top, abs=2
    )
    page.locator(f"#{opened} summary").first.click()
    desk.record("later team", 0.95, number=10)
    live.refresh()
    page.locator("#live", has_text="later team").wait_for(timeout=SOON)
    assert page.locator("details.entry[open]").count() == 0, "closed by hand, though the address still names it"


def test_it_waits_while_somebody_types(open_live, desk, live, server):
    page = open_live(server.address)
    page.get_by_label("Name or message").click()
    desk.record("late team", 0.95, number=9)
    live.refresh()
    for letter in "late team yes":
        page.keyboard.type(letter)
        page.wait_for_timeout(180)
    assert page.get_by_text("The board has changed; it is shown when you pause.").is_visible()
    assert page.get_by_label("Name or message").input_value() == "late team yes"
    wait_for_update(page)
    assert page.evaluate("document.activeElement.id") == "search"
    assert page.get_by_label("Name or message").input_value() == "late team yes"
    page.keyboard.type("!")
    assert page.get_by_label("Name or message").input_value().endswith("yes!")


def test_when_the_server_is_gone_it_says_so_and_goes_on_asking(open_live, desk, live):
    with listening(live, 0) as server:
        page = open_live(server.address)
        page.get_by_label("Name or message").fill("team")
        page.get_by_text("Live: the board of").wait_for()
    page.get_by_text("The server has not answered since").wait_for(timeout=SOON)
    assert shown(page) == [f"team {number}" for number in range(6)]
    desk.record("late team", 0.95, number=9)
    live.refresh()
    with listening(live, server.server_port):
        assert "late team" in wait_for_update(page)
        assert page.get_by_label("Name or message").input_value() == "team"


def test_a_ledger_that_breaks_and_a_board_that_was_never_whole_are_told_of(open_live, desk, live, server):
    page = open_live(server.address)
    whole = desk.workspace.ledger.read_bytes()
    desk.workspace.ledger.write_bytes(b"no receipt\n" + whole)
    desk.workspace.board.unlink()
    live.refresh()
    page.locator("#live.trouble", has_text="hemobench ledger audit").wait_for(timeout=SOON)
    assert len(shown(page)) == 6
    fresh = LiveBoard(BoardSource(desk.workspace, "small"))
    fresh.refresh()
    with listening(fresh, 0) as other:
        wrong = open_live(other.address + "state").context.new_page()  # beside: a page that is an error is one
        wrong.goto(other.address)
        assert wrong.get_by_role("heading", name="No board to show").is_visible()
        assert "hemobench ledger audit" in wrong.locator("#live").inner_text()
        desk.workspace.ledger.write_bytes(whole)
        fresh.refresh()
        wrong.locator("#board").wait_for(timeout=SOON)
    live.refresh()
    page.locator("#live:not(.trouble)", has_text="Live").wait_for(timeout=SOON)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation_on_a_phone(open_live, desk, live, server, scheme):
    page = open_live(server.address, viewport={"width": 375, "height": 812}, color_scheme=scheme)
    desk.record("late team", 0.95, number=9)
    live.refresh()
    wait_for_update(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert [
        (violation["id"], [node["html"][:120] for node in violation["nodes"][:3]])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ] == []
