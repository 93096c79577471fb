"""Record docs/terminal.svg, what a terminal shows of the first verbs, from a real run of them.

    python -m tests.terminal_recording [WORKSPACE]

In a workspace that is given, one without entries, what is frozen is not frozen again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
RECORDING = ROOT / "docs" / "terminal.svg"
BEFORE = ("freeze --contest blood-cells --if-missing", 'submit majority -m "the share to beat"')
LINES = ('submit nearest-centroid -m "average colours of each class"', "leaderboard")
COLUMNS = 80
# Rich names a font of another site; without it the reader's own is taken, and nothing is asked for.
FORMAT = re.sub(r"\s*@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def run(line: str, workspace: Path) -> str:
    """Type a line of ``hemobench`` as at a terminal of 80 columns, and return what it shows, with its colours."""
    terminal = {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(COLUMNS)}
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | terminal
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -P -m harness.cli {line}'],
        cwd=ROOT,
        env=environment | {"HEMOBENCH_WORKSPACE": str(workspace)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def drawn(shown: list[tuple[str, str]]) -> str:
    """Return lines that were typed, and what each showed, as SVG."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), highlight=False, force_terminal=True)
    for line, text in shown:
        console.print(Text(f"$ hemobench {line}", style="bold green"), soft_wrap=True)
        console.print(Text.from_ansi(text.strip("\n") + "\n"))
    return console.export_svg(title="hemobench", code_format=FORMAT, unique_id="terminal")


def main(*words: str) -> None:
    """Type the lines and write what they show."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(words[0] if words else folder).resolve()
        for line in BEFORE:
            run(line, workspace)
        RECORDING.write_text(drawn([(line, run(line, workspace)) for line in LINES]), encoding="utf-8")
    sys.stdout.write(f"{RECORDING.relative_to(ROOT)} is written.\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
