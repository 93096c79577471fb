"""``hemobench doctor``: what is printed where, within which width, and with which exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.doctor import doctor
from harness.doctor.fit import TargetError, find_target, names
from harness.errors import IsolationError
from tests.doctor.cases import CASES, Case, zipped


@pytest.fixture
def run(kitchen, tmp_path):
    """Return a function that runs the command on a case, in a workspace of its own."""
    workspace = kitchen.frozen.folder.parent.parent.parent

    def start(case: Case, *words: str, code: int):
        path = zipped(case.make(kitchen), tmp_path / "an entry.zip", case.spoil)
        result = CliRunner().invoke(doctor, [str(path), "--workspace", str(workspace), "--contest", "clinic", *words])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return start


def case_of(code: str) -> Case:
    return next(case for case in CASES if case.code == code)


def test_what_would_fail_ends_with_1_and_what_is_merely_wrong_with_0(run):
    assert "1. fail: Model() takes no argument" in run(case_of("init-arguments"), code=1).stdout
    result = run(case_of("input-scale"), code=0)
    assert "1. wrong: " in result.stdout
    assert "divided by 255" in " ".join(result.stdout.split())
    assert "--fix repairs 1." in result.stdout


@pytest.mark.parametrize(
    "code",
    ["absolute-path", "memorised", *(pytest.param(code, marks=pytest.mark.slow) for code in ("class-order", "output"))],
)
def test_no_line_is_wider_than_80_columns(run, code):
    case = case_of(code)
    result = run(case, code=1 if case.severity == "fail" else 0)
    assert max(len(line) for line in result.output.splitlines()) <= 80
    assert "Loading it" not in result.stdout, "progress goes to stderr"


def test_json_is_one_document_with_every_field_of_a_finding(run):
    document = json.loads(run(case_of("class-order"), "--json", code=0).stdout)
    finding = document["findings"][0]
    assert set(finding) == {"code", "severity", "title", "cause", "evidence", "fix", "subject", "fixable"}
    assert finding["code"] == "class-order"
    assert document["target"] == "local"
    assert {"val", "train", "divided by 255"} - {"train"} <= set(document["accuracy"])


def test_fix_writes_beside_the_zip_where_no_name_is_given(run, tmp_path):
    result = run(case_of("class-name"), "--fix", code=1)
    assert (tmp_path / "an entry-fixed.zip").is_file()
    assert "Repaired (1): " in result.stdout


def test_an_output_without_fix_and_an_unknown_target_are_refused(run):
    assert "--fix" in run(case_of("class-name"), "-o", "x.zip", code=2).output
    result = run(case_of("class-name"), "--target", "codabench", code=1)
    assert isinstance(result.exception, TargetError)
    assert "codabench-4430" in result.exception.hint


def test_every_target_can_be_read_and_says_where_its_facts_come_from():
    assert set(names()) == {"local", "codabench-4430"}
    for name in names():
        target = find_target(name)
        assert target.name == name
        assert target.stated
        assert set(target.follows) <= set(target.packages)
        assert set(target.assumed) <= {*target.packages, *target.__struct_fields__}


def test_the_process_of_the_doctor_never_loads_keras(kitchen, tmp_path):
    path = zipped(
        kitchen.nearest("class Model:", "def build():\n    import keras\n\nclass Model:"), tmp_path / "entry.zip"
    )
    workspace = kitchen.frozen.folder.parent.parent.parent
    words = [str(path), "--workspace", str(workspace), "--contest", "clinic", "--target", "codabench-4430"]
    code = (
        "import sys\nfrom harness.cli.doctor import doctor\n"
        f"try:\n    doctor({words!r})\nexcept SystemExit:\n    pass\n"
        "print(' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "Looked at" in done.stderr
    assert "numpy" in loaded and not loaded & {"keras", "tensorflow", "h5py", "torch", "jax"}


def test_without_a_zip_it_says_what_the_machine_can_do_for_entries(hemobench):
    (found,) = json.loads(hemobench("doctor", "--isolation", "--json").stdout)
    assert found["isolation"] in ("bubblewrap", "namespaces") and not found["reason"] and found["n_at_once"] >= 1
    told = hemobench("doctor", "--isolation").stdout
    assert found["isolation"] in told
    hemobench("doctor", code=2)


def test_a_machine_that_builds_no_isolation_runs_no_entry(hemobench, monkeypatch):
    monkeypatch.setattr("harness.sandbox.bubblewrap.Bubblewrap.command", cannot)
    (found,) = json.loads(hemobench("doctor", "--isolation", "bubblewrap", "--json", code=1).stdout)
    assert found["isolation"] == "" and "no bubblewrap here" in found["reason"] and found["hint"]


def cannot(*words):
    raise IsolationError("no bubblewrap here")
