"""Train the row `speedrun` from several seeds and print how good it gets in how many seconds.

Run by ``make speedrun``, each training in a process of its own, as ``hemobench train`` is.  Seconds go from the first
batch to the last, with the validation after each epoch; compiling stands apart.  It is a benchmark, never a test.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import Any

SEEDS = 5
AIM = 97.0  # percent of the clean validation images


def run(seed: int, options: list[str]) -> dict[str, Any]:
    """Train anew and return what ``train --format json`` says of it, with the seconds of compiling."""
    command = [sys.executable, "-m", "harness.cli", "train", "speedrun", "--preset", "quick", "--seed", str(seed)]
    done = subprocess.run(
        [*command, "--retrain", "--format", "json", *options], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def told(name: str, values: list[float], unit: str) -> str:
    return f"{name} {statistics.mean(values):.2f} ± {statistics.stdev(values):.2f} {unit}"


def main() -> None:
    runs = []
    for seed in range(SEEDS):
        runs.append(run(seed, sys.argv[1:]))
        one = runs[-1]
        low, high = (100 * end for end in one["val_interval"])
        print(
            f"seed {seed}: val {100 * one['val_accuracy']:.2f} % ({low:.1f}–{high:.1f}, n = {one['val_n']:,}), "
            f"{one['step_seconds']:.1f} s of {one['seconds']:.1f} s, {one['epochs']} epochs",
            flush=True,
        )
    accuracies = [100 * one["val_accuracy"] for one in runs]
    print(told("validation accuracy", accuracies, f"% (mean ± sd, n = {SEEDS} seeds); aim {AIM:g}"))
    print(told("first batch to last", [one["step_seconds"] for one in runs], f"s on {os.cpu_count()} cores"))
    print(told("with compiling, loading and figures", [one["seconds"] for one in runs], "s"))


if __name__ == "__main__":
    main()
