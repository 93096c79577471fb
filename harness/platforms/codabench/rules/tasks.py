"""Tasks: their index, their files, and whether labels stay with the scoring program."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness.errors import BundleError
from harness.plain_files import plain_files
from harness.platforms.codabench.bundle import Bundle, is_uuid
from harness.platforms.codabench.rule import Found, Severity, name_of, rule, shown, text_fault

FILES = ("scoring_program", "ingestion_program", "input_data", "reference_data")
MOST_LABELS = 5_000_000  # values of an array that may be labels
LABELS = re.compile(
    r"(?<!train[_-])(?<!train)(labels?|solutions?|answers?|ground.?truth|y_test|targets?)\b", re.IGNORECASE
)


@rule("K1", Severity.REFUSED, "there are no tasks", "No tasks listed in this competition")
def tasks(bundle: Bundle) -> Found:
    found = bundle.config.get("tasks")
    if not isinstance(found, list) or not found:
        yield (
            f"tasks is {'missing' if found is None else repr(found)}",
            ("add one: tasks: [{index: 0, name: …, scoring_program: scoring_program}]"),
        )


@rule("K2", Severity.REFUSED, "a task has no index", "ERROR: No index for task: …")
def task_index(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        if "index" not in task:
            yield f"task {name_of(task, place)} has no index", f"add: index: {place}"


@rule("K3", Severity.REFUSED, "two tasks have one index", "ERROR: Duplicate task indexes. Index: …")
def doubled_task(bundle: Bundle) -> Found:
    counts = Counter(str(task["index"]) for task in bundle.items("tasks") if "index" in task)
    for index, n in counts.items():
        if n > 1:
            yield (
                f"{n} tasks have index {index}",
                "number the tasks 0, 1, 2 …, and correct the tasks of phases and solutions",
            )


@rule("K4", Severity.REFUSED, "a task has no scoring program", 'ERROR: Task "…" does not have a scoring program')
def scoring_program(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        if "key" not in task and "scoring_program" not in task:
            yield f"task {name_of(task, place)}", "add: scoring_program: scoring_program"


@rule("K5", Severity.REFUSED, "a file of a task is not there", 'Cannot find dataset: "…"')
def task_files(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        for key in FILES:
            value = task.get(key)
            if "key" in task or value is None or is_uuid(value):
                continue
            path = bundle.file(value)
            if path is None:
                yield (
                    f"task {name_of(task, place)}: {key} {value!r} is not in the bundle",
                    ("add the folder or zip, relative to competition.yaml, or write the UUID of a dataset"),
                )
            elif path.is_file() and path.suffix != ".zip":
                yield (
                    f"task {name_of(task, place)}: {key} {value!r} is neither a zip nor a folder",
                    ("name its folder, or zip it"),
                )


@rule("K6", Severity.REFUSED, "the key of a task is no UUID", "Task with key … does not exist")
def task_key(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        if "key" in task and not is_uuid(task["key"]):
            yield (
                f"task {name_of(task, place)} has key {task['key']!r}",
                ("key names a task that is on the server already; for a new one write name and scoring_program"),
            )


@rule("K7", Severity.SILENT, "a task with a key has more", "Everything beside index and key is ignored.")
def task_key_and_more(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        if more := sorted(set(task) - {"index", "key"}) if "key" in task else []:
            yield f"task {name_of(task, place)}: {shown(more)}", "remove key, or the rest"


@rule(
    "K8",
    Severity.REFUSED,
    "the name of a task is missing or too long",
    "name: This field is required. / at most 256 characters.",
)
def task_name(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        if "key" not in task and (fault := text_fault(task.get("name"), 256)):
            yield f"task {name_of(task, place)}: name {fault}", "give it a name of at most 256 characters"


@rule(
    "K9",
    Severity.LEAK,
    "submissions can read the labels: ingestion runs during scoring",
    "/app/input/ref is mounted into the container in which ingestion imports the submission.",
)
def during_scoring(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        if task.get("ingestion_only_during_scoring"):
            yield (
                f"task {name_of(task, place)}: ingestion_only_during_scoring is set",
                ("set it to false: ingestion then runs in a step of its own, without reference data"),
            )


@rule("K10", Severity.LEAK, "labels lie in input_data", "input_data is mounted where submissions run.")
def labels_in_input(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        kept = _contents(bundle, task.get("reference_data"))
        given = _contents(bundle, task.get("input_data"))
        if _nothing_is_secret(given, kept):
            continue
        for digest, name in given.items():
            if digest in kept:
                yield (
                    f"task {name_of(task, place)}: {name} of input_data is {kept[digest]} of reference_data",
                    ("remove it from input_data"),
                )


@rule(
    "K13",
    Severity.ADVICE,
    "reference_data is input_data",
    "Submissions see all that the scoring program compares with.",
)
def nothing_secret(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        given, kept = (_contents(bundle, task.get(key)) for key in ("input_data", "reference_data"))
        if _nothing_is_secret(given, kept):
            yield (
                f"task {name_of(task, place)}: both hold {shown(sorted(set(given.values())))}",
                "nothing, where scores are computed from the problems alone; labels belong into reference_data only",
            )


@rule(
    "K11", Severity.ADVICE, "a file of input_data is named like labels", "input_data is mounted where submissions run."
)
def label_names(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        names = _contents(bundle, task.get("input_data")).values()
        if found := sorted({name for name in names if LABELS.search(name)}):
            yield (
                f"task {name_of(task, place)}: {shown(found)}",
                "see whether these are the test labels; if so, remove them",
            )


@rule(
    "K12",
    Severity.ADVICE,
    "input_data without an ingestion program",
    "Only submissions with a command of their own see it.",
)
def unused_input(bundle: Bundle) -> Found:
    for place, task in enumerate(bundle.items("tasks")):
        if task.get("input_data") and not task.get("ingestion_program") and "key" not in task:
            yield f"task {name_of(task, place)}", "add an ingestion_program, or leave input_data out"


def _nothing_is_secret(given: dict[str, str], kept: dict[str, str]) -> bool:
    """Tell whether both are the same as a whole, as problems of optimisation are, and nothing is named like labels."""
    return bool(kept) and given.keys() == kept.keys() and not any(map(LABELS.search, given.values()))


def _contents(bundle: Bundle, value: object) -> dict[str, str]:
    """Return what a data set holds: names of files, and of arrays in them, by a hash of the content."""
    source = bundle.file(value)
    found: dict[str, str] = {}
    if source is None:
        return found
    with contextlib.suppress(BundleError):  # of a damaged zip another rule tells
        for name, path in plain_files(bundle.part(source), follow=True).plain.items():
            if not path.stat().st_size:
                continue
            with path.open("rb") as file:
                found.setdefault(hashlib.file_digest(file, "sha256").hexdigest(), str(name))
            for array, digest in _arrays(path):
                found.setdefault(digest, f"{name}{array}")
    return found


def _arrays(path: Path) -> list[tuple[str, str]]:
    """Return the arrays of a NumPy file that may be labels, by name and hash of their values, whatever their dtype."""
    from harness.sources.npz import DAMAGED

    found: list[tuple[str, str]] = []
    with contextlib.suppress(*DAMAGED, struct.error):
        if path.suffix == ".npy":
            with path.open("rb") as file:
                found += [("", digest) for digest in _digest(file)]
        elif path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    with archive.open(name) as member:
                        found += [(f"[{name.removesuffix('.npy')}]", digest) for digest in _digest(member)]
    return found


def _digest(file: IO[bytes]) -> Iterator[str]:
    """Yield the hash of an array's values, where it may hold labels; larger ones are not read."""
    import numpy as np

    from harness.sources.npz import read_header

    shape, _, dtype = read_header(file)
    n = math.prod(shape)
    if dtype.kind in "biuf" and len(shape) <= 2 and 1 < n <= MOST_LABELS:
        values = np.frombuffer(file.read(n * dtype.itemsize), dtype)
        if len(values) == n:
            yield hashlib.sha256(values.astype(np.float64).tobytes()).hexdigest()
