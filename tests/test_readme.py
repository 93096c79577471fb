"""What the README promises is what there is."""

import html
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import hemobench
from harness.cli.group import VerbGroup, verbs
from harness.contest import contest_files
from harness.sandbox.outcome import Outcome
from tests.readme_boards import with_boards
from tests.terminal_recording import LINES, RECORDING

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
VERBS = {words[1:]: command for words, command in verbs(hemobench)}
GROUPS = {words for words, command in VERBS.items() if isinstance(command, VerbGroup)}


def test_the_table_of_verbs_is_the_list_of_verbs():
    named = re.findall(r"^\| `hemobench ([\w ]+)` \|", README, re.MULTILINE)
    assert [tuple(words.split()) for words in named] == [words for words in VERBS if words not in GROUPS]


def test_every_command_named_exists_with_its_options():
    commands = re.findall(r"^    hemobench ([^#\n]+)", README, re.MULTILINE)
    assert commands
    for command in commands:
        words = command.split()
        verb = next(VERBS[at] for n in (2, 1) if (at := tuple(words[:n])) in VERBS)
        known = {name for parameter in verb.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, command


def test_both_boards_are_those_that_were_measured():
    assert README.count("<!-- board: ") == 2
    assert with_boards(README) == README, "type: make leaderboard-readme"


def test_every_make_target_and_variable_named_exists():
    for line in re.findall(r"^    make ([^#\n]+)", README, re.MULTILINE):
        target, *variables = line.split()
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
        for variable in variables:
            assert re.search(rf"^{variable.split('=')[0]} *\?=", MAKEFILE, re.MULTILINE), variable


def test_the_table_of_contests_is_the_list_of_contests():
    assert set(re.findall(r"^\| `(blood-cells[\w-]*)` \|", README, re.MULTILINE)) == set(contest_files())


def test_every_outcome_is_named():
    assert set(re.findall(r"`(\w+)`", README)) >= {str(outcome) for outcome in Outcome}


def test_the_python_example_uses_names_that_exist():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    compile(example, "README.md", "exec")
    from harness import api

    assert all(hasattr(api, name) for name in re.findall(r"\bapi\.(\w+)", example))


def test_paths_named_in_the_flow_exist():
    for name in ("submissions/template", "submissions/majority", "submissions/random", "submissions/nearest-centroid"):
        assert (ROOT / name / "model.py").is_file()


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_has_help_with_a_worked_example(words):
    shown = CliRunner().invoke(hemobench, [*words, "--help"])
    assert shown.exit_code == 0
    assert f"hemobench {' '.join(words)}" in shown.output.split("Example:")[1]
    assert max(map(len, shown.output.splitlines())) <= 80


def test_make_help_lists_the_verbs_in_flow_order():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^  make ([\w-]+)", shown, re.MULTILINE)
    flow = [words[0] for words in VERBS if len(words) == 1 and words[0] in targets]
    assert [target for target in targets if (target,) in VERBS] == flow
    assert "submit" in flow
    (others,) = re.findall(r"^On the code itself: (.*)$", shown, re.MULTILINE)
    (phony,) = re.findall(r"^\.PHONY: (help .*)$", MAKEFILE, re.MULTILINE)
    assert [*targets, *others.split()] == phony.split(), "each target is named once"


def test_make_names_the_missing_model():
    shown = subprocess.run(["make", "need-model"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert "MODEL=vgg16" in shown.stdout


def test_the_recording_is_of_lines_that_run_and_asks_no_other_site_for_anything():
    text = RECORDING.read_text(encoding="utf-8")
    shown = html.unescape(re.sub(r"<[^>]*>", "", text)).replace("\xa0", " ")
    assert all(f"$ hemobench {line}" in shown for line in LINES)
    assert "Ranked by accuracy" in shown
    assert not re.search(r"url\((?!#)|href=|@import|/home/|/tmp/", text)
