"""Build the site: ``python -m docs.site`` into build/site, in under a minute; with ``--lessons`` it runs them, too."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from docs.site.pages import DOCS, ROOT, pages

BUILD = ROOT / "build"
FILES = ("champion/*.png", "reproduction/*.png", "lessons/*.py", "*.svg")  # that pages show


def lay_out(folder: Path) -> None:
    """Write all that Sphinx reads into `folder`; what did not change keeps its date, and is not read again."""
    texts = {folder / f"{name}.md": text.encode() for name, text in pages().items()}
    copies = {folder / path.relative_to(DOCS): path.read_bytes() for each in FILES for path in DOCS.glob(each)}
    wanted = texts | copies
    for path in folder.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def main(*words: str) -> int:
    """Lay the pages out and have Sphinx build them, warnings as errors."""
    from sphinx.cmd.build import main as build

    if "--lessons" in words:
        os.environ["HEMOBENCH_LESSONS"] = "1"
    source, site = BUILD / "pages", BUILD / "site"
    lay_out(source)
    code = build(["-q", "-W", "--keep-going", "-c", str(DOCS), "-d", str(BUILD / "doctrees"), str(source), str(site)])
    if not code:
        sys.stdout.write(f"{site.relative_to(ROOT)}/index.html\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
