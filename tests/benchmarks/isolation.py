"""Time ``hemobench score`` against a bare script that loads the same model and predicts the same images.

Run by ``python -m tests.benchmarks.isolation ZIP``, with the contest frozen in the workspace.  Both start cold, a fresh
process each, in turn, so that a machine that slows down slows both; what is printed are ratios.  The consistency check
of a sample is the harness's own and not the cost of isolation: its seconds stand apart.  A benchmark, never a test.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from harness import api

ROUNDS = 5
BARE = """
import sys
import numpy as np
sys.path.insert(0, "")
from model import Model
model = Model()
for path in sys.argv[1:]:
    labels = np.asarray(model.predict(np.load(path)))
"""


def seconds(command: list[str], folder: str = ".") -> tuple[float, str]:
    """Return how long a command took, and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return time.perf_counter() - started, done.stdout


def main(zip_path: Path) -> None:
    workspace = Path(os.environ.get("HEMOBENCH_WORKSPACE", "workspace")).resolve()
    frozen = api.open_contest(workspace)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for split in ("val", "val_shifted", "hidden"):
            images = frozen.hidden_images() if split == "hidden" else frozen.load(split).images
            paths.append(str(Path(folder, f"{split}.npy")))
            np.save(paths[-1], images)
        entry = Path(folder, "entry")
        with zipfile.ZipFile(zip_path) as archive:
            archive.extractall(entry)
        script = [sys.executable, "-c", BARE, *paths]
        score = [sys.executable, "-m", "harness.cli", "score", str(zip_path), "--json", "--workspace", str(workspace)]
        seconds(score), seconds(script, str(entry))  # files into the cache
        ratios, looks = [], []
        for _ in range(ROUNDS):
            bare, _ = seconds(script, str(entry))
            walled, printed = seconds(score)
            card = json.loads(printed)
            looks.append(card["seconds"]["again"])
            ratios.append((walled - looks[-1]) / bare)
            print(
                f"bare {bare:.2f} s, score {walled:.2f} s, of which the consistency check {looks[-1]:.2f} s", flush=True
            )
    ordered = ", ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
    print(f"behind {card['isolation']}: ratio {statistics.median(ratios):.2f} ({ordered}),", end=" ")
    print(f"consistency check {statistics.median(looks):.2f} s more; medians of {ROUNDS}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
