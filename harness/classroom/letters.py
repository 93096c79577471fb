"""The letters of a class as files: a folder a team, each letter as Markdown and as HTML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from harness.board.team_name import team_key
from harness.classroom.judge import Judged
from harness.classroom.letter import read_board, write_letter
from harness.classroom.roster import Roster
from harness.doctor.findings import Checkup
from harness.freeze.frozen import Frozen
from harness.report.page import compose_text
from harness.workspace import Workspace, write_atomic

# What the doctor may say more of; the others are said by the card, and would take their whole time once more.
EXAMINED = ("refused", "import_failed", "load_failed", "predict_failed", "bad_output")

LONGEST = 60  # letters of a folder's name: some have four bytes, and file systems take 255
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # by Windows

Examine = Callable[[Path], Checkup]


def write_letters(
    workspace: Workspace, frozen: Frozen, done: Iterable[Judged], roster: Roster, folder: Path, examine: Examine
) -> list[Path]:
    """Write a letter for each zip whose team is known, and return the HTML files, in their order.

    Written anew are those of entries with a score, since ranks move; that of an entry without one stays as it is.

    Parameters
    ----------
    folder : Path
        Holds a folder a team, by its name in the roster.
    examine : callable
        Says what is the matter with a zip that was not scored.
    """
    # What was not recorded met an error of this machine, which is for its owner.
    items = [one for one in done if one.team and one.state not in ("same zip", "new", "not recorded")]
    board = read_board(workspace, frozen, [one.entry for one in items if one.entry])
    folders = _folders(items, roster)
    written = []
    for one in items:
        path = folder / folders[one.team] / f"{_stem(one)}.html"
        written.append(path)
        standing = board.standings.get(one.entry or 0)
        failed = standing is not None and standing.entry.outcome != "scored"
        if failed and path.exists():
            continue
        checkup = None
        if standing and one.hand_in and standing.entry.outcome in EXAMINED and not standing.entry.came_to_nothing:
            # Of what was trained here the model is examined, not the code that was handed in.
            trained = workspace.zips() / f"{standing.entry.zip_sha256}.zip"
            checkup = examine(trained if standing.entry.trained_from else one.hand_in.zip_path)
        text = write_letter(one, board, checkup)
        write_atomic(path.with_suffix(".md"), text.encode(), private=True)
        title = text.partition("\n")[0].lstrip("# ")
        write_atomic(path, compose_text(title, text, {}).encode(), private=True)  # last: it says that both are there
    return written


def _stem(one: Judged) -> str:
    if one.hand_in:
        return f"{one.hand_in.handed_in:%Y-%m-%dT%H%M%S}-{one.digest[:8]}"
    return f"not-judged-{hashlib.sha256(one.place.encode()).hexdigest()[:8]}"


def _folders(items: Iterable[Judged], roster: Roster) -> dict[str, str]:
    """Return the name of a folder for each team, which any file system takes, and no other team ever has."""
    found: dict[str, str] = {}
    for board_name in dict.fromkeys(one.team for one in items):
        students = roster.in_team(board_name)
        team = students[0].team if students else board_name
        name = re.sub(r"[^\w .-]+", "_", team)[:LONGEST].strip(". ")
        if name != team or RESERVED.fullmatch(name):
            name += f"-{hashlib.sha256(team_key(team).encode()).hexdigest()[:6]}"
        found[board_name] = name
    return found
