"""Write the report's files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from harness.analysis.document import Report
from harness.freeze.frozen import Frozen
from harness.report.images import thumbnails
from harness.report.live import LiveBoard
from harness.report.page import as_csv, as_json, render
from harness.workspace import write_atomic

BOARD = "board.html"  # the page's name where the board is published


def write_report(frozen: Frozen, report: Report, path: Path, *, csv: bool = False, json: bool = False) -> list[Path]:
    """Write the page to `path`, and beside it the board as ``.csv`` and all facts as ``.json``; return the files.

    What tells of the private half of an open contest is for its owner alone.

    Raises
    ------
    WorkspaceError
        A file cannot be written.
    """
    files = {path: render(report, thumbnails(frozen, report)).encode()}
    if csv:
        files[path.with_suffix(".csv")] = as_csv(report).encode()
    if json:
        files[path.with_suffix(".json")] = as_json(report)
    for file, content in files.items():
        write_atomic(file, content, private=report.revealed and not report.closed)
    return list(files)


def watch(live: LiveBoard, folder: Path) -> Iterator[str]:
    """Keep the board in `folder`, for any web server, as it stands; yield after each change what is amiss, or "".

    While the board cannot be read, what was written last stays.

    Raises
    ------
    WorkspaceError
        A file cannot be written.
    """
    live.refresh()
    written = None
    for shown in itertools.chain([live.shown], live.changes()):
        content = shown.content
        if content and content.version != written:
            files = {"": render(content.report, content.images).encode(), ".csv": content.csv, ".json": content.json}
            for suffix, of in files.items():
                path = folder / BOARD
                write_atomic(path.with_suffix(suffix) if suffix else path, of)
            written = content.version
        yield shown.trouble
