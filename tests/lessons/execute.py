"""Run the lessons as notebooks, one after the other: ``python -m tests.lessons.execute FOLDER``."""

import sys
import time
from pathlib import Path

from harness.lessons.course import Lesson, lessons, write_notebook


def execute(lesson: Lesson, folder: Path) -> float:
    """Run a lesson's notebook in `folder`, where it and its figure then lie, and return the seconds.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell has failed.
    """
    import nbformat
    from nbclient import NotebookClient

    path, _ = write_notebook(lesson, folder)
    document = nbformat.read(path, nbformat.NO_CONVERT)
    begin = time.monotonic()
    NotebookClient(document, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    nbformat.write(document, path)
    assert (folder / f"{lesson.path.stem}.png").is_file(), "a lesson has a figure"
    return time.monotonic() - begin


if __name__ == "__main__":
    place = Path(sys.argv[1])
    for one in lessons():
        (place / one.file).unlink(missing_ok=True)  # of an earlier text
        sys.stdout.write(f"{place / one.file}: {execute(one, place):.0f} s\n")
        sys.stdout.flush()
