"""The starting kit: the rules, a template, a notebook that runs from top to bottom, the lock, the public data."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.freeze.frozen import LOCK, Frozen
from harness.freeze.hashing import hash_file
from harness.freeze.lock import KIT_FILES, Lock, read_lock, write_lock
from harness.freeze.store import put_in_force
from harness.platforms.facts import facts_of, render
from harness.runtimes.runtime import Runtime
from harness.workspace import Workspace

DATA = "data"  # the folder of a kit that holds the public data
CELL = re.compile(r"^# %%(?P<markdown> \[markdown\])?\n", re.MULTILINE)


def write_kit(frozen: Frozen, folder: Path, *, data: bool, runtimes: Sequence[Runtime] = ()) -> None:
    """Write the kit into `folder`, which is made if missing.

    Parameters
    ----------
    frozen : Frozen
    folder : Path
    data : bool
        Whether the public images travel in it; otherwise its pages say where they go.
    runtimes : sequence of Runtime
        Where entries run; none where that is not here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {**facts_of(frozen), "public_data": data, "runtimes": runtimes}
    (folder / "README.md").write_text(render("kit/README.md", **facts), encoding="utf-8")
    (folder / "start.ipynb").write_text(notebook(render("kit/start.py.jinja", **facts)), encoding="utf-8")
    (folder / "submission").mkdir(exist_ok=True)
    (folder / "submission" / "model.py").write_text(render("kit/model.py.jinja", **facts), encoding="utf-8")
    for one in runtimes:
        (folder / "runtimes").mkdir(exist_ok=True)
        pinned = "".join(f"{name}=={version}\n" for name, version in one.packages.items())
        (folder / "runtimes" / f"{one.name}.txt").write_text(f"# Python {one.python}\n{pinned}", encoding="utf-8")
    write_lock(frozen.lock.public_part(frozen.contest, frozen.hidden_ids().tolist()), folder / LOCK)
    if data:
        (folder / DATA).mkdir(exist_ok=True)
        for name in KIT_FILES:
            shutil.copyfile(frozen.folder / name, folder / DATA / Path(name).name)


def read_kit(kit: Path) -> Lock:
    """Return the lock of a kit, as it is where only the kit's files are.

    Raises
    ------
    UsageError
        `kit` is none, or its data are not those of its lock.
    """
    try:
        lock, written = read_lock(kit / LOCK)
    except (OSError, msgspec.MsgspecError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"{kit} is no starting kit: {LOCK} in it cannot be read ({why}).",
            "Give the unzipped folder with README.md, start.ipynb and contest.lock.json.",
        ) from error
    if not lock.from_kit or (lock.digest, lock.rules_digest) != (written.digest, written.rules_digest):
        raise UsageError(f"{kit / LOCK} was changed: its content is not that of its digest.", "Ask for the kit anew.")
    for name, digest in lock.files.items():
        path = kit / DATA / Path(name).name
        if not path.is_file():
            raise UsageError(f"The kit has no {path}.", f"Put it there, from where the organiser gives the {DATA}.")
        if hash_file(path) != digest:
            raise UsageError(f"{path} is not what {LOCK} states, by its SHA-256.", "Ask for that file anew.")
    return lock


def freeze_kit(workspace: Workspace, kit: Path, lock: Lock) -> Frozen:
    """Make a kit, whose `lock` was read, a contest of the workspace, without a hidden test, and the one in force.

    Raises
    ------
    WorkspaceError
        The workspace cannot be written.
    """

    def write(building: Path) -> Lock:
        (building / "public").mkdir()
        for name in lock.files:
            shutil.copyfile(kit / DATA / Path(name).name, building / name)
        write_lock(lock, building / LOCK)
        return lock

    return put_in_force(workspace, lock.contest.name, write)


def notebook(script: str) -> str:
    """Return a Jupyter notebook of a script whose cells begin with ``# %%`` or ``# %% [markdown]``.

    Examples
    --------
    >>> made = json.loads(notebook("# %% [markdown]\\n# # Title\\n# %%\\nx = 1\\n"))
    >>> [(cell["cell_type"], cell["source"]) for cell in made["cells"]]
    [('markdown', ['# Title']), ('code', ['x = 1'])]
    """
    heads = list(CELL.finditer(script))
    ends = [head.start() for head in heads[1:]] + [len(script)]
    cells: list[dict[str, Any]] = []
    for head, end in zip(heads, ends, strict=True):
        text = script[head.end() : end].strip("\n")
        if head["markdown"]:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())
            cells.append({"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)})
        else:
            source = text.splitlines(keepends=True)
            cells.append(
                {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
            )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
