"""The prediction step on the server: runs an entry's ``model.py`` on images and leaves labels and how it went.

    python3 ingestion.py INPUT_DATA OUTPUT INGESTED_PROGRAM

The entry's code runs in a process of its own, through the same ``child.py`` as at home.  The worker does not look at
the exit code of this program, so the end is told in ``status.json``, and the scoring program repeats it.  No label is
in reach of this step.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from harness.sandbox.untrusted import newest_lines, read_predictions
from harness.tree import remove, temporary_folder

HERE = Path(__file__).resolve().parent
CHILD = HERE / "harness" / "sandbox" / "child.py"
STOPPED = {
    "outcome": "killed",
    "message": "The prediction step was stopped before it ended.",
    "hint": "Its time ran out, or it took more memory than the worker has: predict in batches, with a smaller model.",
}


def empty(folder: Path) -> None:
    """Remove whatever the worker has copied here: the entry's own files, which may bear the names of results."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        remove(path)


def write_status(output: Path, **status: Any) -> None:
    (output / "status.json").write_text(json.dumps(status, indent=1) + "\n", encoding="utf-8")


def missing_model(entry: Path) -> dict[str, str] | None:
    """Return what to say of an entry without ``model.py`` at its root."""
    if (entry / "model.py").is_file():
        return None
    found = sorted(
        path.relative_to(entry).as_posix() for path in entry.rglob("model.py") if "__MACOSX" not in path.parts
    )
    if found:
        folder = found[0].rpartition("/")[0]
        message = f"model.py lies in the folder {folder!r} of the zip, expected at its root."
        hint = f"Zip the content of the folder, not the folder: cd {folder} && zip -r ../submission.zip ."
    else:
        names = sorted(path.name for path in entry.iterdir() if path.name != "__MACOSX")[:8]
        message = f"The zip has no model.py at its root; it holds {', '.join(names) or 'nothing'}."
        hint = "Start from the template in the starting kit; mind small and capital letters."
    return {"outcome": "refused", "message": message, "hint": hint}


def run_child(entry: Path, images: Path, contest: dict[str, Any], home: Path) -> tuple[int, Path, Path]:
    """Run the entry in another process and return its exit code, its file of labels and its report."""
    predictions, report, work = home / "predictions.npy", home / "report.jsonl", home / "work"
    for file in (predictions, report):
        file.touch()
    work.mkdir()
    ours, theirs = socket.socketpair()
    ours.sendall(b"!")  # at home this says that the entry is there; here it is from the start
    job = {
        "entry": str(entry),
        "work": str(work),
        "images": [str(images)],
        "requests": [{"name": "the test images", "batches": [], "needed": True}],
        "n_classes": len(contest["class_names"]),
        "predictions": str(predictions),
        "report": str(report),
        "imports": [],
        "ready": theirs.fileno(),
    }
    command = [sys.executable, "-P", "-s", "-B", str(CHILD), json.dumps(job)]
    # As at home: the order of sets is part of an entry's result.
    environment = {"PYTHONHASHSEED": "0", "TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}
    process = subprocess.Popen(command, env=environment, pass_fds=(theirs.fileno(),), start_new_session=True)
    theirs.close()
    try:
        return process.wait(), predictions, report
    finally:
        ours.close()
        with contextlib.suppress(ProcessLookupError):  # what the entry left running
            os.killpg(process.pid, signal.SIGKILL)


def read_report(path: Path) -> dict[str, Any]:
    """Return the last whole line of a report that the entry may have written; empty where there is none."""
    with path.open("rb") as file:
        for line in newest_lines(file):
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict):
                    return found
    return {}


def resolve_outcome(code: int, report: dict[str, Any]) -> dict[str, Any]:
    """Return outcome, message and hint of a run, from what its report says, else from how its process ended."""
    if report.get("outcome"):
        return {key: report.get(key) for key in ("outcome", "message", "hint", "seconds", "environment")}
    doing = {"": "the start", "import": "'from model import Model'", "load": "Model()"}
    stage = str(report.get("stage", ""))
    where = doing.get(stage, "predict(X)")
    if code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            hint = "Native code may have crashed; see the log."
            if name == "SIGKILL":
                hint = "Most often the memory ran out: predict in batches, and keep no copies of all images as float."
            return {"outcome": "killed", "message": f"Ended by signal {name} during {where}.", "hint": hint}
    outcome = {"": "import_failed", "import": "import_failed", "load": "load_failed"}.get(stage, "predict_failed")
    message = f"The process ended with exit code {code} during {where}, without an answer."
    return {"outcome": outcome, "message": message, "hint": "Do not call exit; return the labels from predict(X)."}


def main(input_data: Path, output: Path, entry: Path) -> int:
    """Run the step; the exit code is for whoever looks at it."""
    empty(output)
    write_status(output, **STOPPED)
    if sys.version_info < (3, 11):  # noqa: UP036 - the image is not ours to choose
        found = ".".join(map(str, sys.version_info[:2]))
        write_status(
            output,
            outcome="killed",
            message=f"The image of this competition has Python {found}, expected 3.11 or newer.",
            hint="Nothing is wrong with the entry; tell the organiser, who can set another docker_image.",
        )
        return 1
    contest = json.loads((HERE / "contest.json").read_text(encoding="utf-8"))
    images = input_data / "images.npy"
    status = missing_model(entry)
    if status is None:
        with temporary_folder("hemobench-") as home:
            code, predictions, report = run_child(entry, images, contest, home)
            status = resolve_outcome(code, read_report(report))
            if status["outcome"] == "scored":
                n = len(np.load(images, mmap_mode="r"))
                with predictions.open("rb") as file:
                    labels = read_predictions(file, n, len(contest["class_names"]))
                if isinstance(labels, str):
                    message = f"The entry wrote into files that are not its own: {labels}."
                    status |= {"outcome": "bad_output", "message": message, "hint": "Return labels from predict(X)."}
                else:
                    np.save(output / "predictions.npy", labels, allow_pickle=False)
    write_status(output, **status)
    if status["outcome"] != "scored":
        print(f"Not scored, {status['outcome']}: {status['message']}\n{status['hint']}", file=sys.stderr)
        return 1
    print(f"Labels written for {n} images.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
