"""Make a contest of each kind of source as a person does, and write the table of ``docs/images.md``.

Run by ``python -m tests.benchmarks.sources``, in about ten minutes.  All images are drawn but scikit-learn's digits.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.format import percent
from harness.medmnist_sets import SETS
from tests.benchmarks.page import ROOT, machine

PAGE = ROOT / "docs" / "images.md"
TABLE = re.compile(r"(<!-- sources -->\n).*?(<!-- end -->\n)", re.DOTALL)
PER_CLASS = 30
CELLS = ("basophil", "eosinophil", "erythroblast", "ig", "lymphocyte", "monocyte", "neutrophil", "platelet")
SHAPES = ("cross", "disc", "square")

Files = Callable[[Path], Path]


def drawn(n_classes: int, height: int, width: int, channels: int = 3) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw ellipses on grainy grounds; a class has its own proportions and ink.  In a mixed order."""
    rng = np.random.default_rng([n_classes, height, width, channels])
    labels = rng.permutation(np.repeat(np.arange(n_classes), PER_CLASS))
    images = rng.integers(150, 250, (len(labels), height, width, channels), dtype=np.uint8)
    y, x = np.ogrid[:height, :width]
    for image, label in zip(images, labels, strict=True):
        across, down = rng.uniform(0.35, 0.65, 2) * (width, height)
        wide, high = width * (0.1 + 0.3 * label / n_classes), height * (0.4 - 0.3 * label / n_classes)
        ink = rng.integers(0, 30, channels) + 100 * label // n_classes
        image[((x - across) / wide) ** 2 + ((y - down) / high) ** 2 < 1] = ink.astype(np.uint8)
    return images, labels


def arrays(path: Path, **of: NDArray) -> Path:
    np.savez_compressed(path, **of)
    return path


def medmnist(n_classes: int, *, grey: bool) -> Files:
    def write(home: Path) -> Path:
        images, labels = drawn(n_classes, 28, 28, 1 if grey else 3)
        cuts = dict(
            zip(
                ("train", "val", "test"),
                np.split(np.arange(len(labels)), [len(labels) // 2, -len(labels) // 3]),
                strict=True,
            )
        )
        of = {f"{split}_images": (images[..., 0] if grey else images)[rows] for split, rows in cuts.items()}
        return arrays(home / "set.npz", **of, **{f"{split}_labels": labels[rows, None] for split, rows in cuts.items()})

    return write


def digits(home: Path) -> Path:
    from sklearn.datasets import load_digits

    found = load_digits()
    return arrays(home / "digits.npz", images=found.images, labels=found.target)


def keras(home: Path) -> Path:
    images, labels = drawn(3, 32, 32)
    words = np.array(SHAPES)[labels]
    return arrays(home / "set.npz", x_train=images[:60], y_train=words[:60], x_test=images[60:], y_test=words[60:])


def folder(
    suffix: str,
    form: str = "{name}/{n}",
    names: tuple[str, ...] = SHAPES,
    size: tuple[int, int] = (64, 64),
    mode: str = "",
) -> Files:
    def write(home: Path) -> Path:
        images, labels = drawn(len(names), *size, channels=3)
        for n, (pixels, label) in enumerate(zip(images, labels, strict=True)):
            split = "test" if n % 3 == 0 else "train"
            path = home / "own" / f"{form.format(name=names[label], n=n, split=split)}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257 if mode == "I;16" else pixels)
            (image if mode in ("", "I;16") else image.convert(mode)).save(path)
        if form == "all/{n}":
            rows = [f"{n}.{suffix},{names[label]},p{n // 2}" for n, label in enumerate(labels)]
            (home / "own" / "labels.csv").write_text("\n".join(["file,label,patient", *rows]))
        return home / "own"

    return write


def packed(kind: str) -> Files:
    return lambda home: Path(shutil.make_archive(str(home / "own"), kind, folder("png")(home)))


KINDS: dict[str, Files] = {
    **{f"{one.title}, drawn in its shape": medmnist(len(one.class_names), grey=one.grey) for one in SETS},
    "scikit-learn's digits, `.npz`, 0 to 16": digits,
    "Keras' `x_train`, labels as words": keras,
    "blood cells in the published layout": folder("jpg", "PBC_dataset_normal_DIB/{name}/{n}", CELLS, size=(363, 360)),
    "class folders, PNG": folder("png"),
    "class folders, grey JPEG": folder("jpg", mode="L"),
    "class folders, TIFF of 16 bits": folder("tif", mode="I;16"),
    "class folders, transparent PNG": folder("png", mode="RGBA"),
    "class folders, BMP": folder("BMP"),
    "one folder and a CSV with patients": folder("png", "all/{n}"),
    "train and test above the classes": folder("png", "{split}/{name}/{n}"),
    "zip": packed("zip"),
    "tar.gz": packed("gztar"),
}


def typed(home: Path, *words: object) -> tuple[float, str]:
    """Run ``hemobench`` in a process of its own; return seconds and what it printed."""
    began = time.monotonic()
    command = [sys.executable, "-m", "harness.cli", *map(str, words)]
    environment = os.environ | {"HEMOBENCH_WORKSPACE": str(home / "workspace")}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return time.monotonic() - began, done.stdout


def row(kind: str, write: Files) -> str:
    with tempfile.TemporaryDirectory(prefix="hemobench-sources-") as folder_name:
        home = Path(folder_name)
        new, out = typed(home, "contest", "new", "own", "--source", write(home), "--json")
        made = json.loads(out)
        freeze, _ = typed(home, *made["freeze"].split()[1:])
        submit, _ = typed(home, "submit", "nearest-centroid", "-m", "first")
        (entry,) = json.loads(typed(home, "leaderboard", "--json")[1])
    size = f"{made['height']} × {made['width']}{', grey' if made['grey'] else ''}"
    cells = (
        kind,
        sum(made["classes"].values()),
        len(made["classes"]),
        size,
        f"{new:.1f}",
        f"{freeze:.1f}",
        f"{submit:.1f}",
    )
    return "| " + " | ".join(map(str, cells)) + f" | {percent(entry['public'])} (n = {entry['public_n']}) |"


def main() -> None:
    rows = []
    for kind, write in KINDS.items():
        rows.append(row(kind, write))
        print(rows[-1], flush=True)
    head = (
        "| source | images | classes | contest | `contest new`, s | `freeze`, s | `submit`, s | public % |",
        "|---|--:|--:|---|--:|--:|--:|---|",
    )
    text = "\n".join([*head, *rows, "", f"{machine()}; load {os.getloadavg()[0]:.0f}.", ""])
    PAGE.write_text(
        TABLE.sub(lambda found: found[1] + text + found[2], PAGE.read_text(encoding="utf-8")), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
