"""Write the README's boards from the committed ones, ``docs/boards/CONTEST.json``.

    hemobench leaderboard --contest CONTEST --format json > docs/boards/CONTEST.json
    make leaderboard-readme

A test compares the two, so that no figure of the README is typed by hand.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness.format import interval, percent, points

ROOT = Path(__file__).parent.parent
README, BOARDS = ROOT / "README.md", ROOT / "docs" / "boards"
WEIGHTS = {"imagenet": "ImageNet"}


def board(contest: str) -> str:
    """Return the committed board of `contest` as a Markdown table, one row a name: its best."""
    rows, seen = [], set()
    for row in json.loads((BOARDS / f"{contest}.json").read_text(encoding="utf-8")):
        if row["rank"] is None or row["entry"] in seen:
            continue
        seen.add(row["entry"])
        low_high = interval(row["public_low"], row["public_high"])
        cells = (str(len(seen)), row["entry"], f"{percent(row['public'])} ({low_high})", percent(row["val"]))
        rows.append((*cells, points(row["gap"]), WEIGHTS.get(row["weights"], row["weights"])))
    lines = ["| # | entry | public % (95 %) | val % | gap | weights |", "|--:|---|---|--:|--:|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def with_boards(text: str) -> str:
    """Return the README's `text` with each board between its two marks written anew."""
    return re.sub(
        r"(<!-- board: ([\w-]+) -->\n).*?(\n<!-- end -->)",
        lambda found: f"{found[1]}{board(found[2])}{found[3]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    README.write_text(with_boards(README.read_text(encoding="utf-8")), encoding="utf-8")
