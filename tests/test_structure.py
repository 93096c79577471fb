"""The house keeps its one direction, and its front door promises what runs."""

import subprocess
import sys

import pytest

from tests.architecture import MODULES as ALL
from tests.architecture import PAGE, ROOT, circles, imports_of, module_links, name_of, page_with_map

FLOW = (
    "sources", "freeze", "pack", "runtimes", "sandbox", "cluster", "entry_source", "score",
    "closed_division", "board", "analysis", "report", "submit", "doctor", "platforms",
    "classroom", "records", "api", "lessons", "cli",
)  # fmt: skip
MODULES = [path for path in ALL if path.is_relative_to(ROOT / "harness")]
NO_LONGER = 400  # lines: a file that a stranger still reads to its end


def step(module: str) -> int | None:
    """Place in the flow of ``harness.<step>...``; None for the ground all steps stand on."""
    parts = module.split(".")
    return FLOW.index(parts[1]) if parts[0] == "harness" and len(parts) > 1 and parts[1] in FLOW else None


def test_a_step_imports_only_steps_before_it():
    for path in MODULES:
        own = step(name_of(path))
        for module in imports_of(path):
            other = step(module)
            if other is not None:
                assert own is not None, f"{path.name} is ground for all steps, but imports {module}"
                assert other <= own, f"{path.name} imports {module}, a later step"


def test_the_harness_imports_no_baseline_and_no_model_library():
    for path in MODULES:
        tops = {module.split(".")[0] for module in imports_of(path)}
        assert not tops & {"baselines", "keras", "tensorflow", "torch", "jax"}, path


def test_no_module_reaches_itself_through_others():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]
    assert circles(module_links()) == []


def test_no_file_is_too_long_to_be_read():
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in ALL}
    assert not {name: n for name, n in lengths.items() if n > NO_LONGER}


def test_the_map_of_the_house_is_that_of_its_imports():
    text = PAGE.read_text(encoding="utf-8")
    assert page_with_map(text) == text, "Type: .venv/bin/python -m tests.architecture"
    assert "submit -->" in text


NAMES = ("Failure", "check_labels", "check_probabilities", "describe")
CHECKS = {"harness.sandbox.answer_checks", *(f"harness.sandbox.answer_checks.{name}" for name in NAMES)}


@pytest.mark.parametrize("name", ["child", "answer_checks", "restrict"])
def test_what_runs_in_the_sandbox_imports_only_the_standard_library_and_numpy(name):
    found = imports_of(ROOT / "harness" / "sandbox" / f"{name}.py")
    assert {module for module in found if module.startswith("harness")} <= CHECKS
    tops = {module.split(".")[0] for module in found}
    assert tops - set(sys.stdlib_module_names) <= {"__future__", "numpy", "answer_checks", "harness"}


def loaded_after(code: str) -> set[str]:
    """Top-level modules loaded in a fresh interpreter after `code`."""
    code += "\nimport sys; print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_help_lists_and_leaderboard_load_nothing_heavy(frozen_workspace):
    heavy = {"numpy", "scipy", "sklearn", "pandas", "PIL", "keras", "tensorflow", "pooch"}
    board = ["leaderboard", "--workspace", str(frozen_workspace)]
    for words in (
        ["--help"],
        ["codabench", "--help"],
        ["contest", "list"],
        ["lesson", "list"],
        board,
        [*board, "--format", "csv"],
    ):
        loaded = loaded_after(
            f"import harness.cli, sys\nsys.argv = {['hemobench', *words]}\n"
            "try:\n    harness.cli.main()\nexcept SystemExit as done:\n    assert not done.code"
        )
        assert not loaded & heavy, words


def test_the_public_functions_load_no_model_library():
    assert not loaded_after("import harness.api") & {"numpy", "keras", "tensorflow"}


def test_no_file_is_a_drawer_without_a_name():
    drawers = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py"}
    assert not [
        path for folder in ("harness", "baselines") for path in (ROOT / folder).rglob("*.py") if path.name in drawers
    ]
