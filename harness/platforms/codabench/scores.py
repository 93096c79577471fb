"""What the worker makes of the scores that a scoring program has written."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from harness.errors import UnreadableError
from harness.limited import read
from harness.plain_files import is_plain
from harness.platforms.codabench.bundle import Bundle
from harness.platforms.codabench.yaml_text import YamlFault, load, plain, read_text

SCORES_BYTES = 500_000
NOTED = 20  # keys of no column


def leaderboard_cells(bundle: Bundle, output: Path) -> tuple[dict[str, float | None], list[str]]:
    """Return the leaderboard's cells, and a note for whatever is lost on the way.

    The status is "Finished" before the scores are sent, and nobody looks at the answer.

    Parameters
    ----------
    bundle : Bundle
    output : Path
        What the scoring program left, ``scores.json`` or ``scores.txt`` in it.
    """
    try:
        found = read("The file of scores", read_scores, output)
    except UnreadableError as error:
        found = error.message
    if isinstance(found, str):
        return {}, [f"Finished, but without a score: {found}"]
    keys = [str(column.get("key")) for column in bundle.columns()]
    cells: dict[str, float | None] = dict.fromkeys(keys)
    if bad := [key for key, value in found.items() if not _is_score(value)]:
        said = repr(found[bad[0]])[:80]
        note = f"Finished, but without a score: {bad[0][:80]} is {said}, no finite number; nothing is stored."
        return cells, [note]
    notes = [f"{key[:80]} is no column's key and is dropped." for key in found if key not in cells][:NOTED]
    cells |= {key: value for key, value in found.items() if key in cells}
    return cells, notes + [
        f"{key} is not among the scores: its cell stays empty." for key in keys if cells[key] is None
    ]


def read_scores(output: Path) -> dict[str, Any] | str:
    """Return what ``scores.json`` or else ``scores.txt`` says, or why there are no scores, in the worker's words."""
    for name in ("scores.json", "scores.txt"):
        file = output / name
        if not os.path.lexists(file):
            continue
        if not is_plain(file) or file.stat().st_size > SCORES_BYTES:
            return f"{name} is no plain file of at most {SCORES_BYTES:,} bytes."
        text = read_text(file)
        try:
            found = json.loads(text) if name == "scores.json" else load(text)
        except (ValueError, RecursionError) as error:
            return f"Could not decode scores json properly, it contains an error. {' '.join(str(error).split())[:300]}"
        except YamlFault as fault:
            return f"{name} {fault}"
        if not isinstance(found, dict):
            return f"{name} holds a {type(found).__name__}, expected a flat object of column keys and numbers."
        return {str(key): plain(value) for key, value in found.items()}
    return "Could not find scores file, did the scoring program output it?"


def _is_score(value: object) -> bool:
    """Tell whether a value is a number that a leaderboard can hold.

    Examples
    --------
    >>> _is_score(0.5), _is_score(True), _is_score(10**400)
    (True, False, False)
    """
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False
