"""Counts agree with their nouns, and a stranger's name breaks no table of Markdown."""

import ast
import re

import msgspec
import numpy as np
import pytest
from PIL import Image

from baselines.reproduce.page import write_page
from baselines.reproduce.table import Summary
from harness import api
from harness.platforms.kit import write_kit
from harness.words import counted, markdown
from tests.conftest import ROOT

NAME = "a|b `c` *d* [e](f) <i> \\"
CELL = re.compile(r"(?<!\\)\|")


def columns(line):
    return len(CELL.split(re.sub(r"\\\\", "", line)))


def tables(text):
    """Give the tables of a page, each as its lines."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if re.fullmatch(r"\|(:?-+:?\|)+", line.replace(" ", "")):
            end = next((n for n in range(at, len(lines)) if not lines[n].startswith("|")), len(lines))
            yield lines[at - 1 : end]


@pytest.fixture(scope="module")
def odd_workspace(tmp_path_factory):
    """A frozen contest whose title and one of whose classes hold every mark of Markdown."""
    folder = tmp_path_factory.mktemp("odd")
    quoted = msgspec.json.encode(NAME).decode()
    (folder / "odd.toml").write_text(
        f"name = 'odd'\ntitle = {quoted}\nversion = 1\nclass_names = [{quoted}, 'platelet']\n"
        "image_shape = [16, 16, 3]\n[source]\nkind = 'folder'\n"
    )
    for number, name in enumerate((NAME, "platelet")):
        (folder / "images" / name).mkdir(parents=True)
        for image in range(60):
            pixels = np.random.default_rng([number, image]).integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "images" / name / f"{image}.png")
    api.freeze(folder / "workspace", str(folder / "odd.toml"), folder / "images")
    return folder / "workspace"


def test_every_table_that_is_written_keeps_its_columns_whatever_a_class_is_called(odd_workspace, tmp_path):
    write_kit(api.open_contest(odd_workspace), tmp_path / "kit", data=False)
    api.export_codabench(odd_workspace, tmp_path / "bundle", None)
    summary = msgspec.json.decode((ROOT / "docs" / "reproduction.json").read_bytes(), type=Summary)
    rows = tuple(msgspec.structs.replace(row, name=NAME) for row in summary.rows)
    write_page(msgspec.structs.replace(summary, rows=rows, claims=(), optimizers=()), tmp_path / "page" / "r.md")
    pages = [*tmp_path.rglob("*.md"), *odd_workspace.rglob("*.md")]
    found = {page.name: list(tables(page.read_text(encoding="utf-8"))) for page in pages}
    for name, seen in found.items():
        for lines in seen:
            assert {columns(line) for line in lines} == {columns(lines[1])}, name
    with_name = {
        name for name, seen in found.items() if any(markdown(NAME) in line for lines in seen for line in lines)
    }
    assert {"summary.md", "data.md", "r.md"} <= with_name
    for page in pages:
        assert NAME not in page.read_text(encoding="utf-8"), page.name


def test_what_markdown_escapes_a_reader_sees_as_it_was():
    for text in (NAME, "_a_ b_c", "~~x~~", "line\nline", "\x1b[31m"):
        shown = markdown(text)
        assert "\n" not in shown and shown.isprintable()
        assert columns(f"| {shown} |") == 3
    assert markdown("immature_granulocyte") == "immature_granulocyte"


@pytest.mark.parametrize("noun", ["finding", "entry", "class", "day", "box"])
def test_one_of_a_thing_is_told_in_the_singular(noun):
    plurals = {"finding": "findings", "entry": "entries", "class": "classes", "day": "days", "box": "boxes"}
    assert counted(1, noun) == f"1 {noun}"
    assert counted(0, noun) == f"0 {plurals[noun]}"
    assert counted(1234, noun) == f"1,234 {plurals[noun]}"


NEVER_ONE = {  # ways to hand images over, leaderboards of which one is read, classes of a contest, many names
    "harness/doctor/behaviour.py",
    "harness/platforms/codabench/rules/leaderboards.py",
    "harness/sources/folder.py",
    "harness/analysis/entry.py",
}
LIMIT = re.compile("at most|at least|takes? |of {}|many")  # what is compared with a limit is more than one


def test_no_sentence_writes_the_length_of_a_list_before_a_plural():
    """``f"{len(found)} findings"`` says "1 findings"; `counted` does not."""
    wrong = set()
    for file in [*(ROOT / "harness").rglob("*.py"), *(ROOT / "baselines").rglob("*.py")]:
        for text in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(text, ast.JoinedStr):
                continue
            whole = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in text.values)
            for part, after in zip(text.values, text.values[1:], strict=False):
                if isinstance(part, ast.FormattedValue) and isinstance(after, ast.Constant):
                    length = isinstance(part.value, ast.Call) and getattr(part.value.func, "id", "") == "len"
                    plural = re.match(r" (?:other )?[a-z]+s\b(?! is| has| was)", str(after.value))
                    if length and plural and not LIMIT.search(whole):
                        wrong.add(file.relative_to(ROOT).as_posix())
    assert wrong <= NEVER_ONE
