"""The page in Debian's Chromium, or in whatever HEMOBENCH_CHROMIUM names."""

import os
import shutil
from pathlib import Path

import pytest

from harness.analysis.build import gather
from harness.board.closing import close
from harness.report.write import write_report
from harness.workspace import Workspace
from tests.report.entries import Desk

CHROMIUM = os.environ.get("HEMOBENCH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def written(frozen_workspace, tmp_path_factory) -> Path:
    """The page of a small board, its JSON beside it."""
    folder = tmp_path_factory.mktemp("browser")
    shutil.copytree(frozen_workspace, folder / "workspace", symlinks=True)
    desk = Desk(Workspace(folder / "workspace"))
    desk.fill()
    write_report(desk.frozen, gather(desk.workspace, desk.frozen), folder / "report.html", json=True)
    return folder / "report.html"


@pytest.fixture(scope="session")
def written_closed(frozen_workspace, tmp_path_factory) -> Path:
    """The page of a closed contest with all that a page may tell: calibration, seeds, shake-up, late and held ones."""
    folder = tmp_path_factory.mktemp("closed")
    shutil.copytree(frozen_workspace, folder / "workspace", symlinks=True)
    desk = Desk(Workspace(folder / "workspace"))
    for number in range(36):
        desk.record(
            f"team {number % 3}",
            0.6 + 0.01 * number,
            number=number,
            sure=number != 33,
            recipe=f"recipe{number % 4}",
            seed_of_recipe=number,
            withheld=number % 5 == 4,
        )
    close(desk.workspace, desk.frozen)
    desk.record("late", 0.9, number=40)
    write_report(desk.frozen, gather(desk.workspace, desk.frozen), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("no chromium: apt install chromium")
    with sync_playwright() as playwright:
        # As root Chromium's own sandbox does not start; it opens nothing here but a file that we wrote.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, written):
    """Opens the page with options of a browser context; at the end nothing may have gone wrong on the way."""
    contexts, wrong = [], []

    def open_with(path=written, **options):
        context = chromium.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"} | options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append("a dialog opened"))
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.on(
            "request",
            lambda request: None if request.url in (path.as_uri(), page.url) or request.url.startswith("data:")
            else wrong.append(f"asked for {request.url}"),
        )  # fmt: skip
        page.goto(path.as_uri())
        return page

    yield open_with
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(open_page):
    return open_page()
