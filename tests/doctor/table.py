"""The table of failures for the documentation: each is made on purpose, and the doctor's own words are printed.

python -m tests.doctor.table > table.md
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.doctor.cases import CASES
from tests.doctor.kitchen import examined, finding_of, freeze_clinic, open_kitchen, save_keras_files

HEAD = ("failure made on purpose", "what `doctor` said", "fix", "`--fix`")


def table() -> str:
    """Return the table as Markdown, in the order of the questions: will it load, is it right, will it fit?"""
    lines = [row(HEAD), "|---" * len(HEAD) + "|"]
    with tempfile.TemporaryDirectory() as folder:
        home, saved = Path(folder, "clinic"), Path(folder, "saved")
        for one, fill in ((home, freeze_clinic), (saved, save_keras_files)):
            one.mkdir()
            fill(one)
        kitchen = open_kitchen(home, lambda: saved)
        for number, case in enumerate(CASES):
            print(f"{number + 1} of {len(CASES)}: {case.failure}", file=sys.stderr)
            checkup = examined(kitchen, case, Path(folder, str(number)))
            finding = finding_of(case, checkup)
            if finding is None:
                raise SystemExit(f"The doctor did not find: {case.failure}")
            fixed = "yes" if finding.fixable and checkup.repaired else ""
            said = f"{finding.severity}: {finding.title}" + (f" ({finding.evidence})" if finding.evidence else "")
            lines.append(row((case.failure, said, finding.fix, fixed)))
    return "\n".join(lines) + "\n"


def row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(table(), end="")
