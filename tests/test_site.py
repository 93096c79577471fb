"""The pages of the site say what the code says, before Sphinx makes HTML of them."""

import re
import shlex
from posixpath import dirname, normpath

import click
import msgspec
import pytest

from baselines.recipe import Plateau, Recipe
from docs.site.fields import SECTIONS as FIELD_SECTIONS
from docs.site.fields import SOURCES, comments, tables
from docs.site.pages import DOCS, SECTIONS, descriptions, pages
from harness.cli import hemobench
from harness.cli.group import VerbGroup, verbs
from harness.contest import Contest
from harness.contest_rules import HandInRules

PAGES = pages()
VERBS = dict(verbs(hemobench))
COMMANDS = [
    (name, line)
    for name in sorted(path.stem for path in DOCS.glob("*.md"))
    if name in PAGES
    for line in re.findall(r"^    (hemobench .*)", PAGES[name], re.MULTILINE)
]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_each_verb_has_a_page_with_all_its_options_and_its_example(words):
    page, command = PAGES[f"verbs/{'-'.join(words)}"], VERBS[words]
    assert page.startswith(f"# {' '.join(words)}\n")
    for line in re.findall(r"^ *(hemobench .*)", command.help.split("Example:")[1], re.MULTILINE):
        assert f"\n    {line}\n" in page
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    for option in options:
        assert re.search(rf"^\| `[^`]*{option.opts[-1]}\b[^`]*` \| \S", page, re.MULTILINE), option.opts
    if isinstance(command, VerbGroup):
        assert all(f"{'-'.join(words)}-{name}.md" in page for name in command.list_commands(click.Context(command)))


def test_the_list_of_verbs_leads_to_each_page():
    top = [words for words in VERBS if len(words) == 2]
    assert [words for words in top if f"](verbs/{'-'.join(words)}.md)" not in PAGES["verbs"]] == []


@pytest.mark.parametrize("kind", [Recipe, Plateau, Contest, *SOURCES, *FIELD_SECTIONS.values()])
def test_each_field_has_a_row_with_what_it_may_hold(kind):
    page = PAGES["recipe" if kind in (Recipe, Plateau) else "contest-file"]
    for field in msgspec.structs.fields(kind):
        if kind is Contest and field.name in ("source", *FIELD_SECTIONS):
            assert f"\n## {field.name}" in page
        else:
            assert re.search(rf"^\| `{field.name}` \| [^|]+ \| [^|]+ \| .* \|$", page, re.MULTILINE), field.name


def test_what_stands_beside_a_field_in_the_code_stands_on_its_page():
    assert (
        "| `warmup` | number ≥ 0, < 1 | `0.0` | share of the training in which the rate rises from 0, with cosine |"
        in (tables(Recipe).splitlines())
    )
    assert "## The optimizer, by name, and its learning rate" in tables(Recipe)
    notes, headings = comments(HandInRules)
    assert notes["late"].startswith("none: nothing is late") and not headings


class Small(msgspec.Struct):
    # One
    a: int = 1  # the first
    b: str = "#"

    # Others, that come later
    # on two lines
    c: int = 2
    # of d
    d: int = 3


def test_comments_are_of_their_field_or_a_heading():
    assert comments(Small) == ({"a": "the first", "d": "of d"}, {"c": "Others, that come later on two lines"})


def test_each_page_stands_in_one_section_and_is_described_in_the_index():
    placed = [name for names in SECTIONS.values() for name in names]
    own = {path.stem for path in DOCS.glob("*.md")} - {"README", "index"}
    assert len(placed) == len(set(placed)) and own <= set(placed)
    assert sorted(set(placed) - set(descriptions())) == []


def test_links_between_pages_lead_to_pages():
    found = [
        (name, link) for name, text in PAGES.items() for link in re.findall(r"\]\((?!https?:)([^)#\s]+\.md)", text)
    ]
    assert len(found) > 100
    lost = [(name, link) for name, link in found if normpath(f"{dirname(name)}/{link}").strip("/")[:-3] not in PAGES]
    assert lost == []


def parsed(line: str) -> click.Context:
    """Read a line as the command line does, without running it."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = hemobench
    while isinstance(command, VerbGroup):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found
    if "--example" in words:  # it prints, and asks for nothing else
        return click.Context(command)
    return command.make_context(line, words)


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_each_command_on_a_page_can_be_typed(page, line):
    try:
        parsed(line)
    except click.BadParameter as error:
        assert "does not exist" in error.message  # the reader's own file


def test_a_command_that_cannot_be_typed_is_found():
    with pytest.raises(click.UsageError):
        parsed("hemobench leaderboard --tpo 3")


def test_each_question_is_answered_by_what_to_type():
    parts = re.split(r"^### ", PAGES["faq"], flags=re.MULTILINE)[1:]
    assert len(parts) > 40
    assert [part.splitlines()[0] for part in parts if not re.search(r"^    \w", part, re.MULTILINE)] == []
