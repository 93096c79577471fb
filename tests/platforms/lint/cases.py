"""Every failure of a bundle that is documented, made on purpose: a sound bundle, and one change for each."""

from __future__ import annotations

import datetime as dt
import io
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

Config = dict[str, Any]
Change = Callable[[Config, Path], None]

FACT = {
    "key": "weights", "type": "text", "title": "Which weights?", "selection": "", "is_required": "false",
    "is_on_leaderboard": "false",
}  # fmt: skip
SCORING = 'import json\njson.dump({"accuracy": 1.0, "macro_f1": 1.0}, open("/app/output/scores.json", "w"))\n'


def sound() -> Config:
    """Return a ``competition.yaml`` without fault."""
    task = {
        "scoring_program": "scoring_program", "ingestion_program": "ingestion_program",
        "input_data": "input_data", "reference_data": "reference_data",
    }  # fmt: skip
    return {
        "version": 2,
        "title": "Blood cells",
        "image": "logo.png",
        "terms": "terms.md",
        "docker_image": "codalab/codalab-legacy:py312",
        "contact_email": "teacher@example.org",
        "fact_sheet": {"weights": dict(FACT)},
        "pages": [{"title": "Overview", "file": "overview.md"}],
        "tasks": [{"index": 0, "name": "Public half", **task}, {"index": 1, "name": "Private half", **task}],
        "solutions": [{"index": 0, "name": "majority", "path": "majority.zip", "tasks": [0, 1]}],
        "phases": [
            {
                "index": 0, "name": "Development", "start": "2026-11-01T00:00:00", "end": "2026-11-30T23:59:59",
                "tasks": [0],
            },
            {
                "index": 1, "name": "Final", "start": "2026-12-01T00:00:00", "tasks": [1],
                "auto_migrate_to_this_phase": True, "max_submissions": 2, "execution_time_limit": 600,
                "starting_kit": "kit",
            },
        ],
        "leaderboards": [
            {
                "title": "Results",
                "key": "results",
                "primary_index": 0,
                "submission_rule": "Force_Best",
                "columns": [
                    {"index": 0, "key": "accuracy", "title": "Accuracy", "sorting": "desc", "precision": 6},
                    {"index": 1, "key": "macro_f1", "title": "Macro F1", "sorting": "desc", "precision": 6},
                    {
                        "index": 2, "key": "mean", "title": "Mean", "precision": 6, "computation": "avg",
                        "computation_indexes": [0, 1],
                    },
                ],
            }
        ],
    }  # fmt: skip


def build(folder: Path, change: Change | None = None) -> Path:
    """Write the sound bundle into a new folder, changed in one thing, and return the folder."""
    for name, command in (("ingestion_program", "python3 ingestion.py"), ("scoring_program", "python3 scoring.py")):
        (folder / name).mkdir(parents=True)
        (folder / name / "metadata.yaml").write_text(f"command: {command}\n")
    (folder / "ingestion_program" / "ingestion.py").write_text("print('ingesting')\n")
    (folder / "scoring_program" / "scoring.py").write_text(SCORING)
    for name in ("input_data", "reference_data", "kit"):
        (folder / name).mkdir()
    rng = np.random.default_rng(3)
    np.save(folder / "input_data" / "images.npy", rng.integers(0, 256, (20, 4, 4, 3), np.uint8))
    np.save(folder / "reference_data" / "labels.npy", rng.integers(0, 8, 20))
    (folder / "kit" / "README.md").write_text("Start here.\n")
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "terms.md").write_text("Be fair.\n")
    (folder / "overview.md").write_text("# Blood cells\n")
    (folder / "majority.zip").write_bytes(zipped({"model.py": "class Model: ...\n"}))
    config = sound()
    if change:
        change(config, folder)
    if config:  # a change that writes the file itself empties it
        (folder / "competition.yaml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return folder


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def zip_of(folder: Path, zip_path: Path, *, top: str = "") -> Path:
    """Zip a folder by its content, or below a folder `top`, as zipping the folder itself does."""
    with zipfile.ZipFile(zip_path, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{top}{path.relative_to(folder).as_posix()}")
    return zip_path


# --- changes -----------------------------------------------------------------------------------------------------


def put(path: str, value: Any) -> Change:
    """Set a value, by a path such as ``phases.0.end``."""

    def change(config: Config, folder: Path) -> None:
        *above, last = path.split(".")
        item: Any = config
        for step in above:
            item = item[int(step)] if isinstance(item, list) else item[step]
        item[int(last) if isinstance(item, list) else last] = value

    return change


def drop(path: str) -> Change:
    """Remove a key, by such a path."""

    def change(config: Config, folder: Path) -> None:
        *above, last = path.split(".")
        item: Any = config
        for step in above:
            item = item[int(step)] if isinstance(item, list) else item[step]
        del item[last]

    return change


def write(name: str, text: str) -> Change:
    def change(config: Config, folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    return change


def remove(name: str) -> Change:
    return lambda config, folder: (folder / name).unlink()


def both(*changes: Change) -> Change:
    def change(config: Config, folder: Path) -> None:
        for one in changes:
            one(config, folder)

    return change


def nest_yaml(config: Config, folder: Path) -> None:
    inner = folder / "course"
    inner.mkdir()
    for path in list(folder.iterdir()):
        if path != inner:
            shutil.move(path, inner / path.name)
    (inner / "competition.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    config.clear()


def nest_program(config: Config, folder: Path) -> None:
    """Zip a program with its folder, as a file manager does."""
    program = folder / "scoring_program"
    zip_of(program, folder / "scoring_program.zip", top="scoring_program/")
    for task in config["tasks"]:
        task["scoring_program"] = "scoring_program.zip"


def pipe(config: Config, folder: Path) -> None:
    os.mkfifo(folder / "queue")


def no_yaml(config: Config, folder: Path) -> None:
    (folder / "Competition.yml").write_text(yaml.safe_dump(config))
    config.clear()


def singular(config: Config, folder: Path) -> None:
    config["leaderboard"] = config.pop("leaderboards")


def copy_labels(config: Config, folder: Path) -> None:
    shutil.copyfile(folder / "reference_data" / "labels.npy", folder / "input_data" / "y.npy")


def one_folder(config: Config, folder: Path) -> None:
    """What is scored is the answer to the problems themselves."""
    for task in config["tasks"]:
        task["reference_data"] = task["input_data"]


def labels_in_archive(config: Config, folder: Path) -> None:
    """The labels again, but as another dtype, beside the images of one file."""
    labels = np.load(folder / "reference_data" / "labels.npy")
    images = np.load(folder / "input_data" / "images.npy")
    np.savez(folder / "input_data" / "test.npz", images=images, y=labels.astype(np.uint8))


def damage_zip(config: Config, folder: Path) -> None:
    content = zip_of(folder / "scoring_program", folder / "scoring.zip").read_bytes()
    (folder / "scoring.zip").write_bytes(content[: len(content) // 2])
    for task in config["tasks"]:
        task["scoring_program"] = "scoring.zip"


def doubled_title(config: Config, folder: Path) -> None:
    (folder / "competition.yaml").write_text(yaml.safe_dump(config, sort_keys=False) + "title: Another\n")
    config.clear()


def broken_text(config: Config, folder: Path) -> None:
    (folder / "competition.yaml").write_text("version: 2\ntitle: Blood cells: the course\n")
    config.clear()


@dataclass(frozen=True)
class Case:
    """A failure, the rule that must find it, and the change that makes it."""

    rule: str
    failure: str
    change: Change
    expected: str = ""  # a word that the finding must say


CASES = (
    Case("L1", "the folder was zipped, not its content", nest_yaml, "course/competition.yaml"),
    Case("L1", "the file is called Competition.yml", no_yaml, "rename Competition.yml"),
    Case("L2", "a title with a colon, without quotes", broken_text, "mapping values are not allowed"),
    Case("L3", "title stands twice", doubled_title, "title, again in line"),
    Case("L4", "zipped on a Mac", write("__MACOSX/._logo.png", "x"), "__MACOSX"),
    Case("L5", "a pipe lies in the folder", pipe, "queue: a pipe"),
    Case("T1", "no version", drop("version"), "version: 2"),
    Case("T2", "version: 1.5", put("version", 1.5), "CodaLab"),
    Case("T2", "version: 3", put("version", 3), "none that the server knows"),
    Case("T3", "no title", drop("title"), "missing"),
    Case("T3", "a title of 257 characters", put("title", "x" * 257), "257"),
    Case("T4", "no image", drop("image"), "no key image"),
    Case("T4", "the image's file is missing", remove("logo.png"), "logo.png"),
    Case("T5", "no terms", drop("terms"), "no key terms"),
    Case("T5", "the terms are empty", write("terms.md", ""), "is empty"),
    Case("T6", "no pages", drop("pages"), "pages is missing"),
    Case("T7", "a page's file is missing", remove("overview.md"), "not in the bundle"),
    Case("T7", "a page is empty", write("overview.md", ""), "is empty"),
    Case("T8", "the image's name has 129 characters", put("docker_image", "a/" + "x" * 127), "129"),
    Case("T9", "no docker_image", drop("docker_image"), "py312"),
    Case("T9", "an image without a tag", put("docker_image", "tensorflow/tensorflow"), "no tag"),
    Case("T10", "contact_email is a name", put("contact_email", "the teacher"), "the teacher"),
    Case("T11", "competition_type: challenge", put("competition_type", "challenge"), "benchmark"),
    Case("T12", "queue by its name", put("queue", "our GPUs"), "Vhost"),
    Case("T13", "accepts_only_result_submissions", put("accepts_only_result_submissions", True)),
    Case("T14", "a misspelt key", put("enable_detailed_result", True), "Did you mean enable_detailed_results?"),
    Case("T15", "a fact sheet's question without selection", drop("fact_sheet.weights.selection"), "selection"),
    Case("T15", "is_required as a boolean", put("fact_sheet.weights.is_required", True), "string"),
    Case("T15", "a key that is not its own", put("fact_sheet.weights.key", "w"), "write key: weights"),
    Case("T15", "a select without answers", put("fact_sheet.weights.type", "select"), "list of answers"),
    Case("K1", "no tasks", drop("tasks"), "tasks is missing"),
    Case("K2", "a task without index", drop("tasks.1.index"), "add: index: 1"),
    Case("K3", "two tasks with index 0", put("tasks.1.index", 0), "2 tasks have index 0"),
    Case("K4", "a task without scoring program", drop("tasks.0.scoring_program")),
    Case("K5", "input_data names a folder that is not there", put("tasks.0.input_data", "input"), "'input'"),
    Case(
        "K5",
        "reference_data is a plain file",
        both(write("y.csv", "0\n"), put("tasks.0.reference_data", "y.csv")),
        "zip",
    ),
    Case("K6", "a task by a key that is no UUID", put("tasks.1", {"index": 1, "key": "my task"}), "my task"),
    Case(
        "K7",
        "a task with key and files",
        put("tasks.1", {"index": 1, "key": "123e4567-e89b-12d3-a456-426614174000", "name": "Private"}),
        "name",
    ),
    Case("K8", "a task without name", drop("tasks.0.name"), "missing"),
    Case("K9", "ingestion_only_during_scoring", put("tasks.0.ingestion_only_during_scoring", True), "false"),
    Case("K10", "the file of labels lies in input_data, too", copy_labels, "y.npy"),
    Case("K10", "the labels lie in an .npz of input_data, as uint8", labels_in_archive, "test.npz[y]"),
    Case("K13", "one folder of problems is input_data and reference_data", one_folder, "images.npy"),
    Case("K11", "input_data holds a test_labels.csv", write("input_data/test_labels.csv", "0\n"), "test_labels.csv"),
    Case("K12", "input_data without an ingestion program", drop("tasks.0.ingestion_program")),
    Case("S1", "a solution without tasks", drop("solutions.0.tasks"), "no tasks"),
    Case("S2", "a solution for task 7", put("solutions.0.tasks", [7]), "task 7"),
    Case("S3", "a solution's zip is missing", remove("majority.zip"), "majority.zip"),
    Case(
        "S4",
        "a result zip with a stray metadata file",
        lambda config, folder: (folder / "majority.zip").write_bytes(
            zipped({"metadata": "description: mine\n", "predictions.csv": "0\n"})
        ),
        "remove metadata",
    ),
    Case("P1", "no phases", drop("phases"), "phases is missing"),
    Case("P2", "a phase without tasks", drop("phases.1.tasks"), "add: tasks: [0]"),
    Case("P3", "a phase with task 5", put("phases.0.tasks", [5]), "task 5"),
    Case("P4", "a phase without start", drop("phases.0.start"), "no start"),
    Case("P4", "a phase without name", drop("phases.0.name"), "no name"),
    Case("P5", "a date in words", put("phases.0.end", "after the holidays"), "after the holidays"),
    Case("P6", "a date with a time, without quotes", put("phases.0.end", dt.datetime(2026, 11, 30, 18, 0)), "00:00"),
    Case("P7", "end: 8-12-2026", put("phases.1.end", "8-12-2027"), "12 August 2027"),
    Case("P8", "a time zone that is not UTC", put("phases.0.end", "2026-11-30 18:00:00+01:00"), "17:00:00+00:00"),
    Case("P9", "phases overlap", put("phases.1.start", "2026-11-15T00:00:00"), "before"),
    Case("P9", "the second starts when the first ends", put("phases.1.start", "2026-11-30T23:59:59"), "when"),
    Case("P9", "the first phase has no end", drop("phases.0.end"), "no end"),
    Case("P10", "a phase ends before it starts", put("phases.1.end", "2025-12-24T00:00:00"), "exchange"),
    Case("P11", "auto_migrate on the first phase", put("phases.0.auto_migrate_to_this_phase", True), "remove it"),
    Case("P12", "max_submissions_per_person", put("phases.0.max_submissions_per_person", 9), "write max_submissions"),
    Case("P12", "execution_time_limit_ms", put("phases.0.execution_time_limit_ms", 9000), "in seconds"),
    Case("P13", "a limit of 1,800 s on the default queue", put("phases.0.execution_time_limit", 1800), "600"),
    Case("P14", "a starting kit that is not there", put("phases.0.starting_kit", "starting"), "starting"),
    Case("P15", "five submissions a day, in words", put("phases.0.max_submissions_per_day", "five"), "whole number"),
    Case("B1", "leaderboard, in the singular", singular, "plural"),
    Case("B1", "no leaderboards", drop("leaderboards"), "missing"),
    Case("B2", "a leaderboard without columns", drop("leaderboards.0.columns")),
    Case("B3", "a board's title of 65 characters", put("leaderboards.0.title", "x" * 65), "65"),
    Case("B3", "a board without key", drop("leaderboards.0.key"), "key is missing"),
    Case("B4", "primary_index: 3 of columns 0 to 2", put("leaderboards.0.primary_index", 3), "is 3"),
    Case("B5", "a column's title of 37 characters", put("leaderboards.0.columns.0.title", "x" * 37), "37"),
    Case("B5", "a column without index", drop("leaderboards.0.columns.0.index"), "number the columns"),
    Case("B6", "two columns with index 0", put("leaderboards.0.columns.1.index", 0), "2 columns have index 0"),
    Case("B6", "two columns with one key", put("leaderboards.0.columns.1.key", "accuracy"), "key accuracy"),
    Case(
        "B7",
        "Add and Delete Multiple",
        put("leaderboards.0.submission_rule", "Add and Delete Multiple"),
        "write Add_And_Delete_Multiple",
    ),
    Case("B7", "Force_Bets", put("leaderboards.0.submission_rule", "Force_Bets"), "Force_Best"),
    Case("B8", "no submission_rule", drop("leaderboards.0.submission_rule"), "so it is Add"),
    Case("B9", "no precision", drop("leaderboards.0.columns.0.precision"), "so it is 2"),
    Case("B9", "precision: 2", put("leaderboards.0.columns.0.precision", 2), "is 2"),
    Case("B10", "sorting: descending", put("leaderboards.0.columns.0.sorting", "descending"), "desc"),
    Case("B11", "a computation of column 9", put("leaderboards.0.columns.2.computation_indexes", [9]), "names 9"),
    Case("B11", "a computation of itself", put("leaderboards.0.columns.2.computation_indexes", [2]), "names 2"),
    Case("B11", "computation: median", put("leaderboards.0.columns.2.computation", "median"), "median"),
    Case(
        "B12",
        "two leaderboards",
        lambda config, folder: config["leaderboards"].append({**config["leaderboards"][0], "key": "second"}),
        "2 leaderboards",
    ),
    Case("R1", "the zip of a program is cut short", damage_zip, "scoring.zip"),
    Case("R2", "a program was zipped with its folder", nest_program, "scoring_program/metadata.yaml"),
    Case("R2", "ingestion without metadata", remove("ingestion_program/metadata.yaml"), "python3 ingestion.py"),
    Case(
        "R3", "metadata without a command", write("scoring_program/metadata.yaml", "description: mine\n"), "description"
    ),
    Case(
        "R4",
        "a command with &&",
        write("scoring_program/metadata.yaml", "command: pip install x && python3 scoring.py\n"),
        "bash -c",
    ),
    Case(
        "R5",
        "a command names another file",
        write("scoring_program/metadata.yaml", "command: python3 score.py\n"),
        "scoring.py",
    ),
    Case(
        "R6",
        "ingestion is sought in /app/ingestion_program",
        write("ingestion_program/metadata.yaml", "command: python3 /app/ingestion_program/ingestion.py\n"),
        "/app/program",
    ),
    Case(
        "R7", "scores go to result.json", write("scoring_program/scoring.py", "open('/app/output/result.json', 'w')\n")
    ),
    Case(
        "R9",
        "a quote is not closed",
        write("scoring_program/metadata.yaml", "command: python3 'scoring.py\n"),
        "No closing quotation",
    ),
    Case(
        "R10",
        "a column whose key may be made at run time",
        both(
            put("leaderboards.0.columns.1.key", "set1_f1"),
            write("scoring_program/scoring.py", 'print("set%d_f1: 0.9, accuracy: 0.8" % 1, file="scores.txt")\n'),
        ),
        "set1_f1",
    ),
    Case("R8", "a column that the program does not write", put("leaderboards.0.columns.1.key", "f1_macro"), "f1_macro"),
)
