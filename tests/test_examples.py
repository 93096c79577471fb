"""The examples in README and in the help of each verb do what they say, typed as they are printed."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from harness.cli import hemobench
from harness.cli.group import verbs
from harness.contest import find_contest
from harness.pack import pack
from tests.conftest import ROOT, CommandLine, contest_text, draw

# What is printed and not run here, by how it begins, each with its reason.  None may stand here for nothing.
NOT_RUN = {
    "make submit MODEL=vgg16": "trains for minutes; tests/baselines train",
    "make test": "runs this file",
    "make tune": "installs what a search needs, and trains for minutes",
    "hemobench train scratch-v2 --": "trains for minutes",
    "hemobench tune": "trains for minutes",
    "hemobench reproduce": "trains for hours",
    "hemobench ledger audit --expect": "needs a head that its reader has written down",
    "hemobench runtime add": "fetches packages; tests/runtimes build one of their own wheels",
    "hemobench submit template-onnx": "needs that runtime; tests/sandbox/test_real_runtimes.py",
    "hemobench verify --leaks --train": "needs two folders of one's own; tests/analysis/test_leaks.py has them",
    "hemobench lesson check": "needs an answer in the notebook; tests/lessons give right and wrong ones",
    "hemobench class rehearse": "leads a whole class; tests/classroom/test_rehearse.py do",
    "hemobench class extend": "needs an open contest with a deadline; tests/classroom/test_late.py has one",
    **dict.fromkeys(
        [f"hemobench class {verb}" for verb in ("evidence", "disqualify", "reinstate")],
        "needs an entry of that number; tests/cli/test_teach.py has one",
    ),
    "hemobench serve": "serves until it is stopped; tests/serve do",
}
NEEDS_BUBBLEWRAP = "hemobench codabench rehearse"


@pytest.fixture
def project(tmp_path, small_contest) -> Path:
    """A project's folder as after the first `make`, in which the contests are small."""
    folder = tmp_path / "a project"
    (folder / ".venv").mkdir(parents=True)
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    for name in ("Makefile", "pyproject.toml", "requirements"):
        (folder / name).symlink_to(ROOT / name)
    for device in ("cpu", "cuda"):
        (folder / ".venv" / f"{device}.installed").touch()
    shutil.copytree(ROOT / "submissions", folder / "submissions")
    own = folder / "workspace" / "contests.d"
    own.mkdir(parents=True)
    small = contest_text("blood-cells", "Small blood cells", n_images=480, more="[limits]\ntime_s = 120\n")
    (own / "blood-cells.toml").write_text(small)
    contest = find_contest(str(small_contest))
    images, names = draw(contest.source, contest.class_names, contest.image_shape), contest.class_names
    with zipfile.ZipFile(folder / "cells.zip", "w") as archive:
        for number, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
            Image.fromarray(image).save(encoded := BytesIO(), "PNG")
            archive.writestr(f"cells/{names[label]}/{number}.png", encoded.getvalue())
    pack(ROOT / "submissions" / "random", folder / "entry.zip")  # a reader's own
    (folder / "participants.csv").write_text("name,id,team\nAda Byron,1,one\nBo Chen,2,two\n")
    (folder / "grades.toml").write_text("maximum = 30\n[score]\ngroups = [30, 20, 10]\n")
    (folder / "gradebook.csv").write_text(
        'Student,ID,Section,Cells (7)\n    Points Possible,,,30\n"Byron, Ada",1,A,\n"Chen, Bo",2,A,\n'
    )
    with (folder / "mobilenet.weights.h5").open("wb") as file:  # by what it holds, not by its name
        np.savez(file, kernel=np.ones((8, 8), np.float32))
    (folder / "entries").mkdir()
    for team in ("one", "two"):
        shutil.copy(folder / "entry.zip", folder / "entries" / f"{team}.zip")
    shutil.copytree(folder / "entries", folder / "hand-ins")
    return folder


def type_in(line: str, folder: Path) -> str:
    """Type a line in a shell, and return what it printed; it must end well."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    environment = {name: value for name, value in environment.items() if not name.startswith(("HEMOBENCH_", "MAKE"))}
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False, input="y\n"
    )  # `contest close` asks
    assert done.returncode == 0, f"{line}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_all(lines: list[str], folder: Path) -> None:
    for line in lines:
        if any(line.startswith(start) for start in NOT_RUN):
            continue
        if line.startswith(NEEDS_BUBBLEWRAP) and not shutil.which("bwrap"):
            continue
        program, *words = shlex.split(line)
        if program == "hemobench" and not set(line) & set("|&;<>$*"):
            CommandLine(folder / "workspace", folder)(*words, answer="y\n")  # `close` asks
        else:
            type_in(line, folder)


def of_readme() -> list[str]:
    """Return the lines of README that are to be typed, less their comments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [line.split(" #")[0].strip() for line in re.findall(r"^    ((?:hemobench|make|cp) .*)", text, re.MULTILINE)]


def of_help(command: click.Command = hemobench) -> list[str]:
    """Return the example lines of a verb's help, or of that of all."""
    return re.findall(r"^ *(hemobench .*)", command.help.split("Example:")[1], re.MULTILINE)


def of_verbs() -> list[str]:
    """Return the example lines of all verbs, each line once."""
    return list(dict.fromkeys(line for _, command in verbs(hemobench) for line in of_help(command)))


def test_the_lines_of_the_readme_run(project):
    lines = of_readme()
    assert len(lines) > 10
    run_all(lines, project)
    assert (project / "course-bundle" / "competition.yaml").is_file()
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (project / "example.py").write_text(code)
    assert type_in(f"{shlex.quote(sys.executable)} -P example.py", project).startswith("scored Estimate(value=0.")


def test_images_of_one_s_own_stand_on_a_board_after_the_four_lines_of_their_page(project):
    page = (ROOT / "docs" / "images.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    ((?:hemobench|make) .*)", page, re.MULTILINE)
    assert len(lines) == 4
    run_all(lines, project)
    (row,) = json.loads(type_in("hemobench leaderboard --json", project))
    assert (row["entry"], row["rank"]) == ("nearest-centroid", 1)


def test_a_row_of_one_s_own_stands_on_the_board_after_a_student_s_first_ten_minutes(project):
    page = (ROOT / "docs" / "student.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    ((?:hemobench|cp) .*)", page, re.MULTILINE)
    assert len(lines) > 8
    run_all(lines, project)
    rows = json.loads(type_in("hemobench leaderboard --all --json", project))
    assert {row["entry"] for row in rows} == {"nearest-centroid", "myteam"}


def test_the_lines_of_the_help_run(project):
    first = of_help(hemobench.get_command(None, "freeze"))  # of class folders; then comes the contest of all the others
    run_all([*first, *of_help(), *(line for line in of_verbs() if line not in first)], project)
    for name in ("myteam.zip", "fixed.zip", "report.csv", "course.zip", "site"):
        assert (project / name).exists()


def test_what_is_not_run_is_printed_somewhere():
    printed = [*of_readme(), *of_verbs()]
    for start in (*NOT_RUN, NEEDS_BUBBLEWRAP):
        assert any(line.startswith(start) for line in printed), start
