"""What entrants get of a contest: its rules as a page, the starting kit, and the board as it stands."""

from __future__ import annotations

from pathlib import Path

from harness.analysis.build import gather
from harness.freeze.frozen import Frozen
from harness.platforms.folder import new_folder, zip_folder
from harness.platforms.kit import write_kit
from harness.report.page import compose_text
from harness.report.write import BOARD, write_report
from harness.runtimes.runtime import Runtimes
from harness.tree import temporary_folder
from harness.workspace import Workspace

KIT = "kit.zip"


def publish(workspace: Workspace, frozen: Frozen, target: Path, *, data: bool = True) -> int:
    """Write the new folder `target`, for any web server or platform, and return its size in bytes.

    It holds ``index.html``, the rules; ``kit.zip``, with or without the public `data`, which lists the runtimes of the
    workspace that the contest allows; and the board, which `harness.report.write.watch` keeps as it stands.

    Raises
    ------
    UsageError
        `target` is there already.
    WorkspaceError
        `target` cannot be written.
    """
    frozen.must_have_hidden()
    runtimes = Runtimes(workspace.runtimes, frozen.contest.runtimes).all()
    with new_folder(target) as folder:
        with temporary_folder(".kit-", folder) as building:
            kit = building / f"{frozen.contest.name}-kit"
            write_kit(frozen, kit, data=data, runtimes=runtimes)
            zip_folder(building, folder / KIT, private=False)
            rules = (kit / "README.md").read_text(encoding="utf-8")
        size = f"{(folder / KIT).stat().st_size / 1e6:.1f} MB"
        links = {f"Starting kit ({KIT}, {size})": KIT, "Board": BOARD}
        page = compose_text(f"{frozen.contest.title}: rules", rules, links)
        (folder / "index.html").write_text(page, encoding="utf-8")
        write_report(frozen, gather(workspace, frozen), folder / BOARD, csv=True, json=True)
        return sum(path.stat().st_size for path in folder.iterdir())
