"""Write the report's files."""

from __future__ import annotations

from pathlib import Path

from harness.analysis.build import TOP, gather
from harness.freeze.frozen import Frozen
from harness.report.images import thumbnails
from harness.report.page import as_csv, as_json, render
from harness.workspace import Workspace, write_atomic


def write_report(
    workspace: Workspace,
    frozen: Frozen,
    path: Path,
    *,
    top: int = TOP,
    csv: bool = False,
    json: bool = False,
    reveal_private: bool = False,
) -> list[Path]:
    """Write the page to `path`, and beside it the board as ``.csv`` and all facts as ``.json``; return the files.

    Raises
    ------
    BoardError, WorkspaceError
        Board or contest cannot be read, or a file cannot be written.
    """
    report = gather(workspace, frozen, top=top, reveal_private=reveal_private)
    files = {path: render(report, thumbnails(frozen, report)).encode()}
    if csv:
        files[path.with_suffix(".csv")] = as_csv(report).encode()
    if json:
        files[path.with_suffix(".json")] = as_json(report)
    for file, content in files.items():
        write_atomic(file, content, private=reveal_private)
    return list(files)
