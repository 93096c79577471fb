"""Each thing has one word: those of docs/glossary.md are used, and those that they replaced are gone."""

import re

import pytest

from tests.conftest import ROOT

# What each was called before stands left; the changelog alone may still say so.
GONE = {
    r"pictures?": "image",
    r"fore(tell\w*|told)": "forecast, predicted",
    r"mend(s|ed|ing)?": "repair, fix",
    r"(missing[ _])?walls|inmates?|fence": "isolation, missing restrictions, sandbox",
    r"rightness|steadiness|second[ _]look": "accuracy checks, determinism, consistency check",
    r"portrait": "entry view",
    r"(hold|holds|held|holding)[ _]back": "withhold, withheld",
    r"luck|lucky": "chance",
    r"cannot be told from the first|val less public": "not significantly different from rank 1, val − public",
    r"its last words": "last log lines",
}
TEXT = {".py", ".md", ".toml", ".html", ".js", ".css", ".jinja", ".json", ".yml", ".yaml", ".cff", ".sh"}
TOP = ("harness", "baselines", "submissions", "tests", "docs", ".ci", ".github")
SPARED = {"CHANGELOG.md", "tests/test_glossary.py"}


def texts():
    """Give the name and text of every file of the project in which words stand."""
    inside = (path for top in TOP for path in sorted((ROOT / top).rglob("*")) if "__pycache__" not in path.parts)
    for path in (*sorted(ROOT.glob("*")), *inside):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and (path.suffix in TEXT or path.name in ("Makefile", "run")) and name not in SPARED:
            yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("word", GONE)
def test_a_word_that_was_replaced_is_gone(word):
    pattern = re.compile(rf"(?<![^\W_])({word})(?![^\W_])", re.IGNORECASE)
    found = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"use {GONE[word]!r}: {found[:10]}"


def test_the_words_of_the_glossary_are_sorted_and_used():
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| ([\w ()-]+) \|", page, re.MULTILINE)[1:]
    assert words == sorted(words, key=str.lower)
    assert 30 <= len(words) <= 45
    used = " ".join(text for name, text in texts() if name != "docs/glossary.md").lower()
    assert [word for word in words if word.split(" (")[0].lower() not in used] == []
