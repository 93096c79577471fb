"""The site in a real browser, from its files alone: nobody serves it, and it asks nobody for anything."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

import pytest

from tests.conftest import ROOT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_spec("sphinx") is None, reason="no Sphinx: make test-browser installs it"),
]
PAGES = ("index", "verbs/hemobench-submit", "recipe", "api", "statistics", "faq", "how", "lessons/1-leak")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site, warnings as errors."""
    folder = tmp_path_factory.mktemp("built")
    done = subprocess.run([sys.executable, "-m", "docs.site", folder], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture
def open_site(chromium, site):
    """Opens a page of the site; at the end no script may have failed, and nothing outside the site been asked for."""
    contexts, wrong = [], []

    def open_with(name, **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith((site.as_uri(), "data:")) else wrong.append(request.url),
        )
        page.goto((site / f"{name}.html").as_uri())
        return page

    yield open_with
    for context in contexts:
        context.close()
    assert wrong == []


class Links(HTMLParser):
    """What a page names: places in it, what it leads to, and what a browser fetches for it."""

    def __init__(self, text):
        super().__init__()
        self.places, self.leads, self.fetched = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        has = {name: value or "" for name, value in attrs}
        self.places |= {has[name] for name in ("id", "name") if name in has}
        if tag == "a" and "href" in has:
            self.leads.append(has["href"])
        self.fetched += [has[name] for name in ("src", "data", "poster") if name in has]
        if tag == "link" and "href" in has:
            self.fetched.append(has["href"])


def test_every_link_leads_to_a_place_that_is_there(site):
    read = {
        path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html") if "_static" not in path.parts
    }
    found, lost = 0, []
    for path, links in read.items():
        for link in (*links.leads, *links.fetched):
            to = urlsplit(link)
            if to.scheme or not link:
                assert link not in links.fetched or to.scheme == "data", f"{path.name} has {link} fetched"
                continue
            found += 1
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            there = target.is_file() and (not to.fragment or unquote(to.fragment) in read[target].places)
            lost += [] if there else [(path.name, link)]
    assert found > 5000 and lost == []


def test_no_style_or_drawing_names_another_site(site):
    for path in (*site.rglob("*.css"), *site.rglob("*.svg")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"""(url\(\s*["']?|@import\s*["'])https?:""", text), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_violation_and_a_phone_scrolls_in_one_direction(open_site, name, scheme):
    page = open_site(name, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({preload: false})")  # it would fetch the styles, which a browser refuses of files
    assert len(found["passes"]) > 20
    assert [
        (violation["id"], [node["html"][:160] for node in violation["nodes"][:3]])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ] == []


def test_it_is_read_and_searched_by_keyboard(open_site):
    page = open_site("index")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main-content"
    page.keyboard.press("Control+k")
    page.keyboard.type("McNemar")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=McNemar*")
    first = page.locator("#search-results li a", has_text="Statistics").first
    first.wait_for()
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/statistics.html*")
    assert page.get_by_text("exact McNemar test").first.is_visible()


def test_its_colours_are_chosen_and_kept(open_site):
    page = open_site("index", color_scheme="light")
    page.get_by_role("button", name="Color mode").first.click()
    page.get_by_role("button", name="Dark").first.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto(page.url.replace("index", "faq"))
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_without_scripts_all_is_there_but_the_search(open_site):
    page = open_site("faq", java_script_enabled=False)
    assert page.get_by_text("hemobench doctor entry.zip").first.is_visible()
    assert page.locator("nav").get_by_text("Reference").first.is_visible()
