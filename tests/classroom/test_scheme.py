"""A scheme of grades is checked before anybody is graded by it."""

from decimal import Decimal

import pytest

from harness.classroom.grades.numbers import written
from harness.classroom.grades.scheme import EXAMPLE, read_scheme
from harness.errors import ClassError


def read(tmp_path, text):
    path = tmp_path / "grades.toml"
    path.write_text(text)
    return read_scheme(path)


def test_the_example_is_a_scheme(tmp_path):
    scheme = read(tmp_path, EXAMPLE)
    assert scheme.most == 30 and scheme.step_exact == Decimal("0.5") and scheme.score.lift
    assert [written(points) for points in scheme.score_points] == ["18", "14", "8"]


GROUPS = "maximum = 10\n[score]\ngroups = [10, 6, 2]\n"


def test_groups_need_no_bands(tmp_path):
    assert read(tmp_path, GROUPS).score_points == (10, 6, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (EXAMPLE.replace("0.80", "80"), "at_least is 80, expected a number from 0 to 1"),
        (EXAMPLE.replace("maximum = 30", "maximum = 20"), "maximum is 20, but the parts add up to 30"),
        (EXAMPLE.replace("maximum", "max"), "no key 'max'|'maximum' is missing"),
        (EXAMPLE.replace("step = 0.5", "step = 0.005"), "multiple of 0.01"),
        (EXAMPLE.replace("step = 0.5", "step = 4"), "expected a multiple of step"),
        (EXAMPLE.replace("step = 0.5", 'rounding = "nearest"'), "rounding is 'nearest', expected .*'half up'"),
        (EXAMPLE.replace("points = 14", "points = 19"), "from 0.8 has 19, expected more for more"),
        (EXAMPLE.replace("0.80", "0.90"), "expected more for more"),
        (EXAMPLE.replace("[score]", "[score]\ngroups = [18]"), "bands or groups, one of them"),
        ("maximum = 1\n[score]\n", "bands or groups, one of them"),
        (GROUPS.replace("10, 6, 2", "2, 6, 10"), "the best group first"),
        (GROUPS + '[[beats]]\nbaseline = "a"\npoints = 0\n' * 2, "each baseline once"),
        (GROUPS.replace("10, 6", "nan, 6"), "groups"),
        (GROUPS.replace("[10", "[inf"), "groups"),
        (GROUPS.replace("[10", "[-1"), "groups"),
        ("maximum = ", "no scheme of grades"),
    ],
)
def test_what_is_wrong_is_said_with_what_was_expected(text, said, tmp_path):
    with pytest.raises(ClassError, match=said) as refused:
        read(tmp_path, text)
    assert refused.value.hint


def test_a_scheme_that_is_not_there_is_no_traceback(tmp_path):
    with pytest.raises(ClassError, match="cannot be read: No such file"):
        read_scheme(tmp_path / "none.toml")
    (tmp_path / "grades.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ClassError, match="no scheme"):
        read_scheme(tmp_path / "grades.toml")
