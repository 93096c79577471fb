"""What docs/teach.md tells a teacher to type runs as it is printed, from the first line to the last."""

import re
import shlex
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harness.cli import hemobench as program
from harness.cli.group import VerbGroup, verbs
from tests.conftest import ROOT, CommandLine

PAGE = (ROOT / "docs" / "teach.md").read_text(encoding="utf-8")
REHEARSAL = "class rehearse"  # of minutes: tests/classroom/test_rehearse.py type it
LINES = re.findall(r"^    hemobench (.+)$", PAGE, re.MULTILINE)
COMMANDS = [shlex.split(line) for line in LINES if not line.startswith(REHEARSAL)]
VERBS = [words[1:] for words, verb in verbs(program) if not isinstance(verb, VerbGroup)]


@pytest.fixture
def teacher(tmp_path) -> CommandLine:
    """An empty workspace, in a folder with what the page says that a teacher has."""
    (tmp_path / "submissions").symlink_to(ROOT / "submissions")  # it is typed in the project's folder
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        for label, name in enumerate(("disc", "square", "cross")):
            for number in range(40):
                pixels = np.random.default_rng([label, number]).integers(0, 200, (16, 16, 3), np.uint8)
                pixels[4:12, 4:12] += np.uint8(20 * label)
                file = BytesIO()
                Image.fromarray(pixels).save(file, "PNG")
                archive.writestr(f"{name}/{number}.png", file.getvalue())
    (scheme,) = re.findall(r"```toml\n(maximum.*?)```", PAGE, re.DOTALL)
    (tmp_path / "grades.toml").write_text(scheme)
    (tmp_path / "written.csv").write_text("id,points\n1001,6.5\n")
    (tmp_path / "gradebook.csv").write_text(
        'Student,ID,SIS User ID,Section,Blood cells (77)\n    Points Possible,,,,30\n"Lovelace, Ada",9001,1001,A,\n'
    )
    (tmp_path / "participants.csv").write_text(
        "First name,Surname,ID number,Email address\n"
        "Ada,Lovelace,1001,ada@example.org\nAlan,Turing,1002,alan@example.org\n",
        encoding="utf-8",
    )
    entry = tmp_path / "hand-ins" / "Ada Lovelace_4001_assignsubmission_file_" / "entry.zip"
    entry.parent.mkdir(parents=True)
    with zipfile.ZipFile(entry, "w") as archive:
        archive.writestr("model.py", "class Model:\n    def predict(self, X):\n        return X[:, 0, 0, 0] % 3\n")
    return CommandLine(tmp_path / "a workspace", tmp_path)


def test_what_the_page_prints_is_what_runs(teacher):
    said = {" ".join(words): teacher(*words) for words in COMMANDS}
    assert len(said) == len(COMMANDS), "each command stands there once"


def test_a_step_is_a_verb():
    first = [next(verb for n in (2, 1) if (verb := tuple(words[:n])) in VERBS) for words in COMMANDS]
    assert len(first) == len(set(first)), "no step needs a verb twice"
