"""Every lesson runs from top to bottom, as a notebook."""

import pytest

from harness.lessons.course import lessons
from tests.lessons.execute import execute

nbformat = pytest.importorskip("nbformat", reason="make lessons installs it")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all lie, so that images are frozen once."""
    return tmp_path_factory.mktemp("lessons")


@pytest.mark.slow
@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_a_lesson_runs_and_ends_at_an_open_exercise(lesson, folder):
    execute(lesson, folder)
    cells = nbformat.read(folder / lesson.file, nbformat.NO_CONVERT).cells
    (output,) = cells[-1].outputs
    assert output.data["text/plain"] == f"Lesson {lesson.number}: not yet. It is not answered yet."
    streams = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs if "name" in output]
    assert [output.text for output in streams if output.name == "stderr"] == []
