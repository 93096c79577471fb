"""All pages that Sphinx reads, by name: those of docs/, those of the top folder, and those made from the code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from docs.site.fields import field_pages
from docs.site.verbs import verb_pages
from harness.lessons.course import lessons
from tests.readme_boards import with_boards

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FROM_TOP = {"contributing": "CONTRIBUTING.md", "changes": "CHANGELOG.md", "reporting": "SECURITY.md"}
MADE = {
    "verbs": "everybody: what `--help` says, a page for each",
    "recipe": "teams: how a model is trained",
    "contest-file": "teachers: data, split, shift, limits, rules",
    "reporting": "everybody: how to report a way out of the sandbox",
}
# In the order of the site; what each is for stands in docs/README.md, or above.
SECTIONS = {
    "Start": ("student", "teacher", "researcher", "contributor"),
    "Guide": ("how", "teach", "images", "leaks", "board", "doctor", "runtimes", "scale", "faq"),
    "Reference": ("verbs", "recipe", "contest-file", "api", "statistics", "glossary"),
    "Results": ("reproduction", "champion", "benchmarks", "security"),
    "Develop": ("contributing", "architecture", "changes", "reporting"),
}


def pages() -> dict[str, str]:
    """Return the text of every page of the site, Markdown, by its name without suffix."""
    own = {path.stem: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md") if path.name != "README.md"}
    own |= {f"lessons/{path.stem}": path.read_text(encoding="utf-8") for path in (DOCS / "lessons").glob("*.md")}
    notebooks = [lesson.path.stem for lesson in lessons()]
    more = sorted(name.removeprefix("lessons/") for name in own if name.startswith("lessons/"))
    more.remove("README")
    own["lessons/index"] = own.pop("lessons/README").replace(".py)", ".ipynb)") + _toctree([*notebooks, *more])
    top = {name: (ROOT / file).read_text(encoding="utf-8") for name, file in FROM_TOP.items()}
    found = (
        {name: with_boards(_arrows_as_table(_within(text))) for name, text in (own | top).items()}
        | verb_pages()
        | field_pages()
    )
    return found | {title.lower(): _section(title, names, found) for title, names in SECTIONS.items()}


def _arrows_as_table(text: str) -> str:
    """Return a page with its Mermaid drawing, which needs a script of another site, as a table of what it shows."""

    def table(found: re.Match[str]) -> str:
        arrows: dict[str, list[str]] = {}
        for one, other in re.findall(r"(\w+) --> (\w+)", found[0]):
            arrows.setdefault(one, []).append(other)
        return "\n".join(["| room | imports |", "|---|---|", *(f"| {a} | {', '.join(b)} |" for a, b in arrows.items())])

    return re.sub(r"```mermaid\n.*?```", table, text, flags=re.DOTALL)


def descriptions() -> dict[str, str]:
    """Return for whom each page is and what for, as docs/README.md has it."""
    rows = re.findall(r"^\| \[.*?\]\((\S+)\) \| (.*) \|$", (DOCS / "README.md").read_text("utf-8"), re.MULTILINE)
    name_of = {file: name for name, file in FROM_TOP.items()}
    return MADE | {name_of.get(Path(file).name, Path(file).stem): text for file, text in rows}


def _within(text: str) -> str:
    """Return a page with its links to files of the top folder led to their pages of the site."""
    for name, file in FROM_TOP.items():
        text = re.sub(rf"\]\((\.\./)?{file}", f"]({name}.md", text)
    text = text.replace("](lessons/README.md", "](lessons/index.md")
    return re.sub(r"\]\((\.\./README|docs/README)\.md", "](index.md", text).replace("](docs/", "](")


def _section(title: str, names: tuple[str, ...], found: dict[str, str]) -> str:
    """Return the page of a section: its pages, each with what it is for."""
    about = descriptions()
    lines = [f"# {title}", ""]
    for name in names:
        heading = found[name].splitlines()[0].removeprefix("# ")
        whom, _, what = about[name].partition(": ")
        lines.append(f"- [{heading}]({name}.md), for {whom}: {what}")
    return "\n".join(lines) + _toctree(names)


def _toctree(names: Sequence[str]) -> str:
    """Return what makes pages the next ones below a page, without showing them there."""
    return "\n".join(["", "", "```{toctree}", ":hidden:", *names, "```", ""])
