"""Runs an entry's ``model.py``: with `answer_checks.py` the only code of the harness in an entrant's process.

Run by path, never with ``-m`` (which would import the whole package), with one argument, a JSON object:

``entry``        folder of the unpacked submission, read only
``work``         writable folder; the submission is copied into a folder of it, which becomes the working directory
``images``       one ``.npy`` file of images for each request; one that comes only when labels were read is waited for
``requests``     for each: ``name``, for messages; ``n``, how many images; ``batches``, sizes into which they are cut in
                 turn, none: all at once; ``needed``, false where a failure is told in the report and ends nothing;
                 ``method``, where something else than ``predict`` is asked for: ``predict_proba``; and then
                 ``begin_within_s``, seconds after which it is not begun
``n_classes``    labels run from 0 to this number less one
``imports``      packages to import before there is anything of the entry: the slow ones that it is sure to import
``predictions``  an existing file: gets all labels, pass after pass, as one ``.npy`` array of int64; -1 where a request
                 that is not needed has not answered
``probabilities``  an existing file, left alone where no pass asks for them: gets what ``predict_proba`` gave in all its
                 requests, as one ``.npy`` array of float32; left empty where any has failed, or there is no such method
``report``       an existing file: gets one line of JSON at each step; the last one counts
``ready``        a descriptor of a socket: a byte comes in when ``entry`` and ``images`` are there, which they are not
                 before, and one line goes out just before the first line of the entrant's code

Nothing written here is trusted by the reader: the entrant's code shares this process and may write it too.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import itertools
import json
import os
import re
import shutil
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":  # run by path, and with -P: what lies beside this file is on no path
    sys.path.insert(0, str(Path(__file__).parent))
    from answer_checks import Failure, check_labels, check_probabilities, describe  # type: ignore[import-not-found]

    del sys.path[0], sys.modules["answer_checks"]  # an entry may have a module of that name
else:
    from harness.sandbox.answer_checks import Failure, check_labels, check_probabilities, describe

# Versions worth keeping beside a score, where the entry imported the package.
PACKAGES = (
    *("tensorflow", "keras", "jax", "torch", "torchvision", "onnxruntime"),
    *("numpy", "scipy", "sklearn", "joblib", "pandas", "PIL", "cv2", "skimage"),
)
HINTS = {
    "syntax_error": "Try it at home first: python -c 'from model import Model'",
    "read_only_images": "X is read-only; work on a copy: X = X.astype('float32')",
    "uint8_arithmetic": "X is uint8; convert it first: X = X.astype('float32')",
}


def print_own_frames(error: BaseException, work: str) -> None:
    """Print the traceback of `error` as far as it runs through the entrant's own files, paths relative."""
    with contextlib.suppress(Exception):
        shown = traceback.TracebackException.from_exception(error, limit=200)
        frames = [frame for frame in shown.stack if frame.filename.startswith(work + os.sep)]
        lines = ["Traceback (your own files only):\n", *traceback.format_list(frames)] if frames else []
        lines += shown.format_exception_only()
        print("".join(lines).replace(work + os.sep, ""), file=sys.stderr, end="", flush=True)


def code_of(error: BaseException) -> tuple[str, str]:
    """Return the code of what an entry's own code raised, and the file or package that it is about, where it says."""
    text = describe(error)
    if isinstance(error, ModuleNotFoundError):
        return "module_missing", str(error.name or "")
    if isinstance(error, SyntaxError):
        return "syntax_error", Path(str(error.filename or "")).name
    if isinstance(error, FileNotFoundError):
        return "file_missing", str(error.filename or "")
    if isinstance(error, ValueError) and "read-only" in text:
        return "read_only_images", ""
    if "UFuncTypeError" in text or "Cannot cast ufunc" in text:
        return "uint8_arithmetic", ""
    modules = {frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)}
    if any(str(module).partition(".")[0] in ("keras", "tf_keras") for module in modules):
        return "keras_error", ""
    return "os_error" if isinstance(error, OSError) else "exception", ""


def hint_for(code: str, subject: str, stage: str) -> str:
    """Return what to do about the faults that entries have most often."""
    if code == "module_missing":
        have = [name for name in PACKAGES if importlib.util.find_spec(name.partition(".")[0])]
        return (
            f"Put {subject}.py into the zip if it is yours; the packages here are {', '.join(have)}, "
            "and there is no network to install others."
        )
    if code == "file_missing":
        there = sorted(path.name for path in Path().iterdir())[:8]
        return f"Paths are relative to the unzipped folder, which holds: {', '.join(there)}."
    if code == "os_error" and stage != "import":
        return "The zip's files and /tmp are all there is: no network, and disk space is limited."
    return HINTS.get(code, "The log holds the traceback; run the same lines at home on a few uint8 images.")


class Run:
    """One entry's way through its stages, told step by step in the report file."""

    def __init__(self, job: dict[str, Any], imported_s: float) -> None:
        self.job = job
        seconds = {"load": imported_s} if imported_s else {}
        self.state: dict[str, Any] = {"stage": "import", "outcome": "", "seconds": seconds, "failed": {}}
        self.environment: dict[str, str] = {}
        self.started = time.perf_counter()

    def requests(self, method: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the file of images and the terms of each pass that asks for `method`."""
        pairs = zip(self.job["images"], self.job["requests"], strict=True)
        return [pair for pair in pairs if pair[1].get("method", "predict") == method]

    def tell(self, **changes: Any) -> None:
        """Append the state to the report, opened anew each time: an entry may close descriptors it does not know."""
        self.state.update(changes, memory_mb=peak_memory_mb())
        with Path(self.job["report"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**self.state, "environment": self.environment}) + "\n")

    @contextlib.contextmanager
    def stage(self, name: str, outcome: str) -> Any:
        """Run a block of the entrant's code; whatever it raises becomes a `Failure` with `outcome`."""
        self.tell(stage=name)
        started = time.perf_counter()
        try:
            yield
        except Failure:
            raise
        except MemoryError as error:
            print_own_frames(error, self.job["work"])
            raise Failure(
                "out_of_memory",
                "memory_error",
                f"{self.doing(name)} ran out of memory ({describe(error)}).",
                "Predict in batches, and keep no copies of all images as float.",
            ) from None
        except BaseException as error:  # SystemExit and KeyboardInterrupt are an entry's own doing, too
            print_own_frames(error, self.job["work"])
            code, subject = code_of(error)
            message = f"{self.doing(name)} failed with {describe(error)}."
            raise Failure(outcome, code, message, hint_for(code, subject, name), subject) from None
        finally:
            seconds = self.state["seconds"]
            key = "load" if name in ("import", "load") else key_of(name)
            seconds[key] = seconds.get(key, 0.0) + time.perf_counter() - started

    @staticmethod
    def doing(name: str) -> str:
        """Return a stage as the line of code that it is."""
        method, _, where = name.partition(" ")
        return {"import": "'from model import Model'", "load": "Model()"}.get(name, f"{method}(X) on {where}")

    def import_model(self) -> Any:
        """Return the entry's class `Model`."""
        with self.stage("import", "import_failed"):
            module = importlib.import_module("model")
            model = getattr(module, "Model", None)
            if model is None:
                others = [name for name in vars(module) if name.casefold() == "model"]
                has = f"but {others[0]!r}; a capital M makes the difference" if others else "expected class Model"
                raise Failure(
                    "import_failed",
                    "no_model_class",
                    f"model.py has no name Model, {has}.",
                    "Begin with hemobench new NAME: class Model with __init__(self) and predict(self, X).",
                )
            return model

    def load(self, model_class: Any) -> Any:
        """Return ``Model()``, whose `predict` can be called."""
        with self.stage("load", "load_failed"):
            needed = []
            with contextlib.suppress(TypeError, ValueError):  # no signature: let the call itself tell
                needed = [
                    name
                    for name, parameter in inspect.signature(model_class).parameters.items()
                    if parameter.default is parameter.empty
                    and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
                ]
            if needed:
                raise Failure(
                    "load_failed",
                    "init_arguments",
                    f"Model() takes no argument here, but yours needs {', '.join(needed)}.",
                    "Give each a default: the working directory is the unzipped folder, so "
                    "def __init__(self, path='.') is enough.",
                    ", ".join(needed),
                )
            model = model_class()
            if not callable(getattr(model, "predict", None)):
                raise Failure(
                    "load_failed",
                    "no_predict",
                    f"Model() gave a {type(model).__name__} without a method predict.",
                    "Add: def predict(self, X), returning one integer label per image.",
                )
            return model

    def predict(self, model: Any, images: NDArray[Any], name: str, batches: list[int]) -> NDArray[np.int64]:
        """Return the labels of one pass."""
        with self.stage(f"predict {name}", "predict_failed"):
            labels = []
            for batch in cut(images, batches):
                returned = model.predict(batch)
                labels.append(check_labels(returned, len(batch), self.job["n_classes"], name))
            return np.concatenate(labels)

    def all_stages(self) -> None:
        """Import, load, predict each pass, and write the labels; then ask for probabilities.

        Labels are written before each pass that is not needed, too: a run stopped in it has then left what counts.
        """
        model = self.load(self.import_model())
        labels: list[NDArray[np.int64]] = []
        for path, job in self.requests("predict"):
            if not Path(path).exists():
                self.wait_for(path, labels)
            elif not job["needed"]:
                self.write(labels)
            images = open_images(path)
            try:
                labels.append(self.predict(model, images, job["name"], job["batches"]))
            except Failure as failure:
                if job["needed"]:
                    raise
                self.state["failed"][job["name"]] = [failure.code, failure.message]
                labels.append(np.full(len(images), -1, np.int64))
        self.write(labels)
        if asked := self.requests("predict_proba"):
            self.ask_for_probabilities(model, asked)

    def wait_for(self, path: str, labels: list[NDArray[np.int64]]) -> None:
        """Leave the answers so far, and wait for what the harness puts there when it has read them."""
        self.environment = self.seen_environment()
        self.tell()
        written = self.write(labels)
        for _ in range(20_000):  # 40 s and more, many times what the harness needs
            if Path(path).exists():
                return
            stands = Path(self.job["predictions"]).read_bytes().partition(b"\n")[2]  # what follows NumPy's header
            if stands != written:  # the harness would look for it in vain
                break
            time.sleep(0.002)
        raise Failure("bad_output", "answers_forged", "The file of labels is none.", "Leave numpy.save alone.")

    def ask_for_probabilities(self, model: Any, asked: list[tuple[str, dict[str, Any]]]) -> None:
        """Write the probabilities of all requests asked for, where the entry offers them; the first failure ends it."""
        stages = [f"predict_proba {job['name']}" for _, job in asked]
        self.tell(stage=stages[0])  # an entry may run code of its own where an attribute is asked for
        if not offers_probabilities(model):
            return
        spent, within = time.perf_counter() - self.started, asked[0][1]["begin_within_s"]
        if spent > within:
            self.state["failed"][key_of(stages[0])] = [
                "not_called",
                f"predict_proba(X) was not called, since {spent:.0f} s had passed by then; it is called within "
                f"{within:.0f} s, so that it can end in time.",
            ]
            return
        found = []
        for (path, job), stage in zip(asked, stages, strict=True):
            try:
                with self.stage(stage, "predict_failed"):
                    returned = model.predict_proba(open_images(path))
                    found.append(check_probabilities(returned, job["n"], self.job["n_classes"], job["name"]))
            except Failure as failure:
                self.state["failed"][key_of(stage)] = [failure.code, failure.message]
                return
        with Path(self.job["probabilities"]).open("r+b") as file:
            np.save(file, np.concatenate(found), allow_pickle=False)

    def write(self, labels: list[NDArray[np.int64]]) -> bytes:
        """Write the labels of the requests so far, and -1 for those to come; return them as they must stand there."""
        missing = [np.full(job["n"], -1, np.int64) for _, job in self.requests("predict")[len(labels) :]]
        written = np.concatenate([*labels, *missing])
        with Path(self.job["predictions"]).open("r+b") as file:
            np.save(file, written, allow_pickle=False)
        return written.tobytes()

    def seen_environment(self) -> dict[str, str]:
        """Return the versions of Python and of the packages the entry imported, and the device it opened."""
        seen = {"python": ".".join(map(str, sys.version_info[:3]))}
        for name in PACKAGES:
            version = getattr(sys.modules.get(name), "__version__", None)
            if isinstance(version, str):
                seen[name] = version[:40]
        opened = []
        with contextlib.suppress(OSError):  # no /proc on some systems
            for fd in Path("/proc/self/fd").iterdir():
                with contextlib.suppress(OSError):
                    opened.append(str(fd.readlink()))
        seen["device"] = "gpu" if any(re.fullmatch(r"/dev/(nvidia\d+|dxg|kfd)", path) for path in opened) else "cpu"
        return seen


def peak_memory_mb() -> float:
    """Return the most memory that this process has held at once, by the kernel's own account.

    Not `getrusage`, whose figure goes on from that of whoever started this process.
    """
    with contextlib.suppress(OSError, ValueError):
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
        return int(found[1]) * 1024 / 1e6 if found else 0.0
    return 0.0


def key_of(stage: str) -> str:
    """Return the name by which seconds and failures of a stage are told.

    Examples
    --------
    >>> key_of("predict val"), key_of("predict_proba val")
    ('val', 'predict_proba val')
    """
    return stage.removeprefix("predict ")


def offers_probabilities(model: Any) -> bool:
    """Return whether an entry has a method for them, whatever it does when that is looked for."""
    try:
        return callable(getattr(model, "predict_proba", None))
    except BaseException:
        return False


def open_images(path: str) -> NDArray[Any]:
    """Return the images as a plain array over the file: no copy in memory, and nothing can make it writable."""
    images: NDArray[Any] = np.load(path, mmap_mode="r").view(np.ndarray)
    return images


def cut(images: NDArray[Any], sizes: list[int]) -> Iterator[NDArray[Any]]:
    """Cut images into batches of these sizes, used in turn; into one batch where there are no sizes.

    Examples
    --------
    >>> [len(batch) for batch in cut(np.zeros(12), [1, 7])]
    [1, 7, 1, 3]
    """
    start = 0
    for size in itertools.cycle(sizes or [max(1, len(images))]):
        yield images[start : start + size]
        start += size
        if start >= len(images):
            return


def import_ahead(names: list[str]) -> float:
    """Import packages, and return the seconds that it took; what is not there or fails is for the entry to meet."""
    started = time.perf_counter()
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    return time.perf_counter() - started if names else 0.0


def main(job: dict[str, Any]) -> None:
    """Run one entry; always leaves with exit code 0 when it could tell how the run ended."""
    imported_s = import_ahead(job["imports"])
    if not os.read(job["ready"], 1):  # nobody is left to hand anything over
        os._exit(1)
    work = Path(job["work"], "submission")
    shutil.copytree(job["entry"], work, copy_function=shutil.copyfile)
    os.chdir(work)
    os.environ["PWD"] = str(work)  # some of what starts this sets it, to another folder
    run = Run({**job, "work": str(work)}, imported_s)
    # The project's own folder may be on the path (an editable install); not the entry's, unless packages lie there.
    ours = Path(__file__).resolve().parent.parent.parent
    sys.path[:] = [str(work), *(at for at in sys.path if Path(at, "numpy").is_dir() or Path(at).resolve() != ours)]
    sys.argv[:] = ["model.py"]
    os.write(job["ready"], b"ready\n")
    os.close(job["ready"])
    try:
        run.all_stages()
    except Failure as failure:
        run.environment = run.seen_environment()
        run.tell(**vars(failure))
    else:
        run.environment = run.seen_environment()
        run.tell(outcome="scored")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(0)  # threads that an entry left running would hold the interpreter open


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
