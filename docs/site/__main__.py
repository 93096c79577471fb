"""Build the site: ``python -m docs.site [--lessons] [FOLDER]`` into FOLDER/site, by default build/site.

It takes less than a minute, and with ``--lessons``, which runs them, some more.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from docs.site.pages import DOCS, ROOT, pages
from harness.lessons.course import lessons, write_notebook

NO_SEARCH = ("lessons/teacher",)  # the answers to the exercises: a student is not led there
FILES = ("champion/*.png", "reproduction/*.png", "*.svg")  # that pages show


def lay_out(folder: Path) -> None:
    """Write all that Sphinx reads into the new `folder`."""
    marks = dict.fromkeys(NO_SEARCH, "---\nnosearch: true\n---\n\n")
    texts = {folder / f"{name}.md": (marks.get(name, "") + text).encode() for name, text in pages().items()}
    copies = {folder / path.relative_to(DOCS): path.read_bytes() for each in FILES for path in DOCS.glob(each)}
    for path, content in (texts | copies).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for lesson in lessons():
        write_notebook(lesson, folder / "lessons")


def main(*words: str) -> int:
    """Lay the pages out and have Sphinx build them, warnings as errors."""
    from sphinx.cmd.build import main as build

    if "--lessons" in words:
        os.environ["HEMOBENCH_LESSONS"] = "1"
    home = Path(next((word for word in words if word != "--lessons"), ROOT / "build"))
    source, site, trees = (home / name for name in ("pages", "site", "doctrees"))
    for folder in (source, site, trees):  # each page shows the titles of others: all are made anew
        shutil.rmtree(folder, ignore_errors=True)
    lay_out(source)
    code = build(["-q", "-W", "--keep-going", "-c", str(DOCS), "-d", str(trees), str(source), str(site)])
    if not code:
        sys.stdout.write(f"{site}/index.html is written.\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
