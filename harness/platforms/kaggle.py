"""A folder in the shape of a Kaggle competition: images and tables for participants, solution and metric apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.freeze.frozen import PUBLIC_SPLITS, Frozen
from harness.platforms.facts import facts_of, render
from harness.platforms.folder import new_folder
from harness.progress import Track, silent
from harness.score import metrics
from harness.spreadsheet import as_csv


def export_kaggle(frozen: Frozen, target: Path, *, track: Track = silent) -> None:
    """Write ``data`` and ``host`` into the new folder `target`.

    Tables are the same bytes each time; of PNG files the pixels are, and the bytes with the same Pillow.

    Raises
    ------
    UsageError
        `target` is there already.
    WorkspaceError
        The frozen contest is damaged, or `target` cannot be written.
    """
    frozen.must_have_hidden()
    names = frozen.contest.class_names
    with new_folder(target, private=True) as folder:
        data, host = folder / "data", folder / "host"
        host.mkdir()
        rows: list[Sequence[object]] = []
        for split in PUBLIC_SPLITS:
            part = frozen.load(split)
            ids = [f"{split}_{number:05d}" for number in range(len(part.labels))]
            _write_images(data / "train", ids, part.images, f"Images of {split}", track)
            rows += [(one, label, names[label], split) for one, label in zip(ids, part.labels.tolist(), strict=True)]
        _write_table(data / "train.csv", ("id", "label", "class", "split"), rows)
        ids = [f"test_{number:05d}" for number in range(frozen.lock.arrays["private/labels.npz"]["labels"].shape[0])]
        _write_images(data / "test", ids, frozen.hidden_images(), "Hidden images", track)
        _write_table(data / "sample_submission.csv", ("id", "label"), ((one, 0) for one in ids))
        labels, public = frozen.hidden_labels()
        usage = np.where(public, "Public", "Private").tolist()
        _write_table(host / "solution.csv", ("id", "label", "Usage"), zip(ids, labels.tolist(), usage, strict=True))
        facts = facts_of(frozen)
        code = Path(metrics.__file__).read_text(encoding="utf-8")
        (host / "metric.py").write_text(code + render("kaggle/metric.py.jinja", **facts), encoding="utf-8")
        (folder / "README.md").write_text(render("kaggle/README.md", **facts), encoding="utf-8")


def _write_images(folder: Path, ids: Sequence[str], images: NDArray[np.uint8], what: str, track: Track) -> None:
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for name, image in track(zip(ids, images, strict=True), what, len(ids)):
        Image.fromarray(image).save(folder / f"{name}.png")


def _write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    path.write_text(as_csv(head, rows), encoding="utf-8", newline="")
