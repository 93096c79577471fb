"""The page of a rehearsal: what was planted and how it ended, what was typed, and what it left."""

from __future__ import annotations

from collections.abc import Sequence

from harness.classroom.rehearse.deserve import Verdict
from harness.classroom.rehearse.lead import Round
from harness.report.page import compose_text
from harness.words import counted, markdown

LINKS = {
    "board": "board.html",
    "what students get": "site/index.html",
    "evidence": "evidence/README.md",
    "all that was said": "transcript.txt",
}


def summary(found: Round, told: Sequence[Verdict]) -> str:
    """Say in two sentences what was rehearsed and how it went."""
    course = found.course
    good, seconds = sum(one.ok for one in told), sum(step.seconds for step in found.steps)
    teams = len({one.team for one in course.students})
    n_zips = sum(one.kind != "no zip" for one in course.sent)
    files = sum(path.is_file() for path in (found.folder / "grades").rglob("*result*.json")) + len(
        list((found.folder / "grades").glob("*-graded.csv"))
    )
    return (
        f"{counted(len(course.students), 'student')} in {counted(teams, 'team')} handed in {counted(n_zips, 'zip')} in "
        f"{counted(course.n_days, 'day')}: {counted(len(found.rows), 'row')} on the board, "
        f"{counted(len(found.letters), 'letter')}, {counted(files, 'file')} of grades, {seconds:.0f} s. "
        f"{good} of {len(told)} ended as they deserve."
    )


def compose(found: Round, told: Sequence[Verdict]) -> str:
    """Return the page as HTML."""
    title = f"{found.frozen.contest.title}: a class rehearsed"
    lines = [
        f"# {markdown(title)}",
        "",
        markdown(summary(found, told)),
        "",
        "## What was planted, and how it ended",
        "",
    ]
    lines += ["| | planted | expected | what happened | |", "|---|---|---|---|---|"]
    for one in told:
        code = f"planted/{one.name.replace(' ', '_')}/model.py"
        name = f"[{markdown(one.name)}]({code})" if (found.folder / code).is_file() else markdown(one.name)
        cells = (name, *map(markdown, (one.planted, one.expected, one.happened)))
        lines.append(f"| {' | '.join(cells)} | {'ok' if one.ok else '**not ok**'} |")
    lines += ["", "## What was typed", "", "| s | |", "|--:|---|"]
    lines += [f"| {step.seconds:.1f} | {markdown(step.command)} |" for step in found.steps]
    lines += ["", "## Letters", "", "| team | letters |", "|---|---|"]
    teams: dict[str, list[str]] = {}
    for path in found.letters:
        teams.setdefault(path.parent.name, []).append(path.relative_to(found.folder).as_posix())
    for team, paths in teams.items():
        links = ", ".join(f"[{number}](<{path}>)" for number, path in enumerate(paths, start=1))
        lines.append(f"| {markdown(team)} | {links} |")
    return compose_text(title, "\n".join(lines) + "\n", LINKS)
