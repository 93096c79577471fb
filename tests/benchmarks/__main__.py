"""Measure all topics but those that are to be asked for, or some, and write ``docs/benchmarks.md``.

Run by ``make bench``.  A benchmark, never a test: no figure fails anything.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from datetime import UTC, datetime

from tests.benchmarks.page import TOPICS, Session, machine, read_results, version, write

# Late imports, so that light topics are measured in a process without Keras.
MODULES = {
    "startup": "verbs", "board": "verbs", "freeze": "data", "duplicates": "data", "million": "data",
    "train": "throughput", "augment": "throughput", "precision": "throughput", "peak": "throughput",
    "predict": "throughput", "features": "throughput", "gpu": "throughput", "score": "many", "readers": "readers",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="names of topics, with commas")
    parser.add_argument("--try", dest="small", action="store_true", help="small and once, written nowhere")
    options = parser.parse_args()
    asked = [name for name in options.only.split(",") if name]
    if unknown := sorted(set(asked) - {topic.name for topic in TOPICS}):
        sys.exit(f"Got {', '.join(unknown)}, expected some of {', '.join(topic.name for topic in TOPICS)}.")
    version()
    for topic in TOPICS:
        if topic.name not in asked if asked else topic.asked:
            continue
        began, load = time.monotonic(), os.getloadavg()[0]
        print(f"{topic.title} ...", flush=True)
        module = importlib.import_module(f"tests.benchmarks.{MODULES[topic.name]}")
        rows = []
        for row in getattr(module, topic.name)(small=options.small):
            rows.append(row)
            figure = "" if row.value is None else f"{row.value:g} ({row.low:g}–{row.high:g}, n = {row.n}) "
            print(f"  {row.item}: {figure}{row.note}", flush=True)
        print(f"  {time.monotonic() - began:.0f} s", flush=True)
        if rows and not options.small:
            today = datetime.now(UTC).date().isoformat()
            write({**read_results(), topic.name: Session(today, version(), machine(), load, tuple(rows))})


if __name__ == "__main__":
    main()
