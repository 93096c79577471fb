"""What the worker makes of the scores that a scoring program has written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import yaml

from harness.codabench.bundle import Bundle

SCORES_BYTES = 1_000_000


class ScoresError(Exception):
    """There are no scores to send; the text is the worker's."""


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
        found = _read_scores(output)
    except ScoresError as error:
        return {}, [f"Finished, but without a score: {error}"]
    keys = [str(column.get("key")) for column in bundle.columns()]
    cells: dict[str, float | None] = dict.fromkeys(keys)
    if bad := [key for key, value in found.items() if not _is_score(value)]:
        said = repr(found[bad[0]])[:80]
        note = f"Finished, but without a score: {bad[0]} is {said}, no finite number; nothing is stored."
        return cells, [note]
    notes = [f"{key} is no column's key and is dropped." for key in found if key not in cells]
    cells |= {key: value for key, value in found.items() if key in cells}
    return cells, notes + [
        f"{key} is not among the scores: its cell stays empty." for key in keys if cells[key] is None
    ]


def _read_scores(output: Path) -> dict[str, Any]:
    """Return what ``scores.json`` or else ``scores.txt`` says."""
    for name in ("scores.json", "scores.txt"):
        file = output / name
        if not file.exists():
            continue
        if file.is_symlink() or not file.is_file() or file.stat().st_size > SCORES_BYTES:
            raise ScoresError(f"{name} is no plain file of at most {SCORES_BYTES:,} bytes.")
        text = file.read_text(encoding="utf-8", errors="replace")
        try:
            found = json.loads(text) if name == "scores.json" else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError, RecursionError) as error:
            what = (
                "Could not decode scores json properly, it contains an error."
                if name == "scores.json"
                else "scores.txt"
            )
            raise ScoresError(f"{what} {' '.join(str(error).split())}") from error
        if not isinstance(found, dict):
            raise ScoresError(
                f"{name} holds a {type(found).__name__}, expected a flat object of column keys and numbers."
            )
        return {str(key): value for key, value in found.items()}
    raise ScoresError("Could not find scores file, did the scoring program output it?")


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
