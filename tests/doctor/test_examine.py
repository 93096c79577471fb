"""Each failure made on purpose is found, said in the words it deserves, and repaired where that is promised."""

import shutil
from pathlib import Path

import pytest

from harness.doctor.examine import examine
from harness.doctor.findings import Severity
from harness.doctor.fit import find_target
from harness.errors import UsageError
from tests.doctor.cases import CASES, Case, zipped
from tests.doctor.kitchen import examined, finding_of

pytestmark = pytest.mark.usefixtures("reads_in_one_process")
RIGHT = 0.95  # of an entry that remembers every public image


FIRST = {case.code: case for case in reversed(CASES) if case.repaired}  # one of each kind is examined again
# `make test` examines the first that brings about each finding, `make test-slow` what differs in the answers alone.
KINDS = {(case.code, case.severity, case.repaired): case for case in reversed(CASES)}
ALL = [
    pytest.param(case, id=case.failure, marks=[pytest.mark.slow] if case.slow or case not in KINDS.values() else [])
    for case in CASES
]


@pytest.mark.parametrize("case", ALL)
def test_a_failure_made_on_purpose_is_found_and_repaired_where_that_is_promised(case: Case, kitchen, tmp_path):
    checkup = examined(kitchen, case, tmp_path / "first")
    finding = finding_of(case, checkup)
    assert finding, checkup
    assert checkup.fails == (case.severity == "fail"), checkup.findings
    assert finding.severity == checkup.findings[0].severity, "nothing worse is found beside it"
    assert finding.fix or finding.severity is Severity.NOTE
    if not case.repaired:
        return
    assert finding.fixable
    assert checkup.accuracy.get("repaired", checkup.accuracy["val"]) > RIGHT
    if FIRST[case.code] is not case:
        return
    again = examine(
        Path(checkup.repaired), kitchen.frozen, find_target(case.target), scratch=tmp_path, fix=tmp_path / "twice.zip"
    )
    assert not [one for one in again.findings if one.severity in (Severity.FAIL, Severity.WRONG)], again.findings
    assert again.accuracy["val"] > RIGHT
    assert not again.repaired, "what is healthy is not repaired"


def test_a_healthy_entry_has_no_finding_as_zip_and_as_folder(kitchen, tmp_path):
    files = kitchen.nearest()
    folder = tmp_path / "team"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "model.pyc").write_bytes(b"x")
    for path in (zipped(files, tmp_path / "team.zip"), folder):
        checkup = examine(path, kitchen.frozen, find_target("local"), scratch=tmp_path / "scratch")
        assert checkup.findings == ()
        assert not checkup.fails
        assert [fit.verdict for fit in checkup.fits] == ["pass"] * 3
        assert checkup.accuracy["val"] > RIGHT
    assert list((tmp_path / "scratch").glob("run-*")) == []


def test_the_same_entry_gets_the_same_findings_and_the_same_repaired_zip(kitchen, tmp_path):
    case = next(case for case in CASES if case.code == "input-scale")
    first, second = (examined(kitchen, case, tmp_path / name) for name in ("first", "second"))
    assert first.findings == second.findings
    assert Path(first.repaired).read_bytes() == Path(second.repaired).read_bytes()
    # The model of the entrant is in it as it was.
    shutil.unpack_archive(first.repaired, tmp_path / "repaired")
    assert (tmp_path / "repaired" / "entry_model.py").read_bytes() == case.make(kitchen)["model.py"]
    assert first.accuracy["repaired"] > RIGHT
    assert first.n["repaired"] > 100


def test_a_repaired_zip_never_takes_the_place_of_the_zip_itself(kitchen, tmp_path):
    path = zipped(kitchen.nearest(), tmp_path / "entry.zip")
    with pytest.raises(UsageError, match="overwrite"):
        examine(path, kitchen.frozen, find_target("local"), scratch=tmp_path, fix=path)
    with pytest.raises(UsageError, match="There is no zip or folder"):
        examine(tmp_path / "none.zip", kitchen.frozen, find_target("local"), scratch=tmp_path)
