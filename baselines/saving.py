"""A saved model whose bytes follow from the model alone, so that the same training gives the same zip in any folder.

Between machines with other processors, or another number of cores, the weights themselves differ in their last digits.
"""

from __future__ import annotations

import itertools
import json
import shutil
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import keras

from harness.pack import plain_member


def save_model(model: keras.Model, path: Path) -> None:
    """Write a ``.keras`` file, without what Keras notes of the moment: the date, and addresses in its memory.

    Keras first writes a folder, because the weights in its archive are laid out by how much memory is free.
    """
    folder = path.with_name(f"{path.name}.folder")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        model.save(folder, zipped=False)
        for name, change in (("config.json", number_shared_objects), ("metadata.json", forget_date)):
            content = json.loads((folder / name).read_text(encoding="utf-8"))
            change(content)
            (folder / name).write_text(json.dumps(content), encoding="utf-8")
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                member = plain_member(file.relative_to(folder).as_posix())
                member.file_size = file.stat().st_size  # whether its header has to hold more than 4 GB
                with file.open("rb") as source, archive.open(member, "w") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def number_shared_objects(config: Any) -> None:
    """Replace the addresses by which Keras knows objects that are used twice by 1, 2, ... in order of appearance.

    Examples
    --------
    >>> config = {"layers": [{"shared_object_id": 1406}, {"shared_object_id": 99}, {"shared_object_id": 1406}]}
    >>> number_shared_objects(config)
    >>> [layer["shared_object_id"] for layer in config["layers"]]
    [1, 2, 1]
    """
    numbers: defaultdict[int, int] = defaultdict(itertools.count(1).__next__)
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "shared_object_id" in part:
                part["shared_object_id"] = numbers[part["shared_object_id"]]
            waiting.extend(reversed(part.values()))
        elif isinstance(part, list):
            waiting.extend(reversed(part))


def forget_date(metadata: dict[str, str]) -> None:
    """Put the earliest date that a zip can state, as its members have it; no reader asks for it."""
    metadata["date_saved"] = "1980-01-01@00:00:00"
