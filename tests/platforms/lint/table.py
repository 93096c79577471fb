"""The table of failures for the documentation: each is made on purpose, and the linter's own words are printed.

python -m tests.platforms.lint.table > table.md
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.platforms.codabench.lint import lint
from harness.platforms.codabench.rule import RULES, Severity
from tests.platforms.lint.cases import CASES, build


def table() -> str:
    """Return the table as Markdown, worst first."""
    order = list(Severity)
    lines = ["| rule | failure made on purpose | what `codabench lint` found | fix |", "|---|---|---|---|"]
    for case in sorted(CASES, key=lambda case: order.index(RULES[case.rule].severity)):
        with tempfile.TemporaryDirectory() as home:
            found = [one for one in lint(build(Path(home) / "bundle", case.change)) if one.rule == case.rule]
        finding = next(one for one in found if case.expected in f"{one.evidence} {one.fix}")
        cells = (f"{finding.rule}, {finding.severity}", case.failure, finding.evidence, finding.fix)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
