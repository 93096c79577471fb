"""Folders that can be named: the reader's own below ``submissions/``, and the examples to begin with."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness import plugins
from harness.contest import NAME
from harness.errors import UsageError, did_you_mean, writing_to

SUBMISSIONS = Path("submissions")  # of the current folder: the reader's own
_INSTALLED = Path(__file__).parent / "submissions"
# What comes with the harness: in the package where a wheel was installed, in the repository beside it.
EXAMPLES = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parent.parent / "submissions"


def submission_names(*folders: Path) -> tuple[str, ...]:
    """Return the folders of `folders`, by default the reader's own and the examples, that hold a ``model.py``."""
    found = {path.parent.name for folder in folders or (SUBMISSIONS, EXAMPLES) for path in folder.glob("*/model.py")}
    return tuple(sorted(found))


def new_entry(name: str, like: str = "template", *, folder: Path = SUBMISSIONS) -> Path:
    """Copy the example `like` to the new folder `name` of `folder`, and return that.

    Raises
    ------
    UsageError
        There is no such example, `name` is no name of a folder, or means something already.
    WorkspaceError
        The folder cannot be written.
    """
    if like not in submission_names(EXAMPLES):
        raise UsageError(f"No example is called {like!r}.", did_you_mean(like, submission_names(EXAMPLES)))
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of an entry's folder.", "Take a-z, 0-9 and -, as in my-team-2.")
    home = folder / name
    if home.exists() or name in plugins.model_names():
        what = f"a folder {home}" if home.exists() else f"a model {name} that can be trained"
        raise UsageError(f"There is {what} already.", "Choose another name.")
    with writing_to(home):
        shutil.copytree(EXAMPLES / like, home, ignore=shutil.ignore_patterns("__pycache__"))
    return home
