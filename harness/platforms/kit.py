"""The starting kit: the rules, a template, a notebook that runs from top to bottom, the lock, the public data."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec

from harness.freeze.frozen import LOCK, PUBLIC_SPLITS, Frozen
from harness.freeze.lock import write_lock
from harness.platforms.facts import facts_of, render
from harness.platforms.folder import new_folder

CELL = re.compile(r"^# %%(?P<markdown> \[markdown\])?\n", re.MULTILINE)


def export_kit(frozen: Frozen, target: Path, *, data: bool = True) -> int:
    """Write the kit as the new folder `target`, and return its size in bytes.

    Raises
    ------
    UsageError
        `target` is there already.
    WorkspaceError
        `target` cannot be written.
    """
    with new_folder(target) as folder:
        write_kit(frozen, folder, data=data)
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def write_kit(frozen: Frozen, folder: Path, *, data: bool) -> None:
    """Write the kit into `folder`, which is made if missing.

    Parameters
    ----------
    frozen : Frozen
    folder : Path
    data : bool
        Whether the public images travel in it; otherwise its pages say where they go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {**facts_of(frozen), "public_data": data}
    (folder / "README.md").write_text(render("kit/README.md", **facts), encoding="utf-8")
    (folder / "start.ipynb").write_text(notebook(render("kit/start.py.jinja", **facts)), encoding="utf-8")
    (folder / "submission").mkdir(exist_ok=True)
    (folder / "submission" / "model.py").write_text(render("kit/model.py.jinja", **facts), encoding="utf-8")
    write_lock(msgspec.structs.replace(frozen.lock, contest=frozen.contest), folder / LOCK)  # the rules in force
    if data:
        (folder / "data").mkdir(exist_ok=True)
        for name in (*(f"{split}.npz" for split in PUBLIC_SPLITS), "summary.md", "shifted.png"):
            shutil.copyfile(frozen.folder / "public" / name, folder / "data" / name)


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
