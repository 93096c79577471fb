"""``--fix``: what can be repaired, the entrant's ``model.py`` under another name, and a new one before it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.contest import Contest
from harness.errors import PackError
from harness.pack import leftover, plain_member
from harness.plain_files import plain_files
from harness.sandbox.outcome import EntryRun, Outcome

# Of ImageNet's images, RGB; the values that Keras's `imagenet_utils.preprocess_input` and torchvision subtract.
CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR, 0-255
TORCH_MEAN, TORCH_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, 0-1


@dataclass(frozen=True)
class Input:
    """One way to hand over images.

    Attributes
    ----------
    name : str
        For people, after "when inputs are".
    trained : str
        What it means when this way is the right one, after "your model".
    code : str
        The same as a line of Python that makes `X`, float32 of 0-255, into it; it may use ``np``.
    remedy : str
        What to do by hand.
    """

    name: str
    trained: str
    code: str
    remedy: str

    def show(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return images of shape (n, height, width, 3) as this way has them, by the very line that is written."""
        scope = {"np": np, "X": images.astype(np.float32)}
        exec(self.code, scope)
        shown: NDArray[np.float32] = np.ascontiguousarray(scope["X"], dtype=np.float32)
        return shown


DO = "In predict, before the network: "
INPUTS = (
    Input("float32, 0–255", "computes in uint8, where 200 + 100 is 44", "X = X", DO + "X = X.astype('float32')"),
    Input("divided by 255", "was trained on 0–1", "X = X / 255", DO + "X = X.astype('float32') / 255"),
    Input(
        "scaled to −1..1",
        "was trained on −1..1",
        "X = X / 127.5 - 1",
        DO + "X = X.astype('float32') / 127.5 - 1",
    ),
    Input(
        "BGR",
        "was trained on BGR, as OpenCV reads images",
        "X = X[..., ::-1]",
        DO + "X = X[..., ::-1]",
    ),
    Input(
        "standardised image by image",
        "was trained on images with mean 0 and standard deviation 1",
        "X = (X - X.mean((1, 2, 3), keepdims=True)) / np.maximum(X.std((1, 2, 3), keepdims=True), 1e-6)",
        DO + "X = (X - X.mean((1, 2, 3), keepdims=True)) / X.std((1, 2, 3), keepdims=True), in float32",
    ),
    Input(
        "BGR less ImageNet's mean",
        "was trained behind Keras's preprocess_input of VGG16 or ResNet50",
        f"X = X[..., ::-1] - np.float32({CAFFE_MEAN})",
        DO + "X = keras.applications.vgg16.preprocess_input(X.astype('float32'))",
    ),
    Input(
        "standardised by ImageNet's mean and deviation",
        "was trained on images standardised as torchvision does",
        f"X = (X / 255 - np.float32({TORCH_MEAN})) / np.float32({TORCH_SD})",
        DO + f"X = (X / 255 - {TORCH_MEAN}) / {TORCH_SD}",
    ),
    Input(
        "multiplied by 255",
        "divides by 255 twice, in model.py and again inside the network",
        "X = X * 255",
        "Take the division by 255 out of model.py: the network holds one already.",
    ),
    Input(
        "brought from −1..1 back to 0–255",
        "scales to −1..1 twice, in model.py and again inside the network",
        "X = (X + 1) * 127.5",
        "Take the scaling out of model.py: the network holds one already.",
    ),
)


def find_input(name: str) -> Input:
    """Return the way called `name`.

    Examples
    --------
    >>> find_input("divided by 255").show(np.full((1, 1, 1, 3), 255, np.uint8)).tolist()
    [[[[1.0, 1.0, 1.0]]]]
    """
    return next(way for way in INPUTS if way.name == name)


@dataclass(frozen=True)
class Output:
    """One fault of what is returned.

    Attributes
    ----------
    name : str
    code : str
        Of the outcome ``bad_output``, as `harness.sandbox.answer_checks.check_labels` gives it.
    cause, remedy : str
    line : str
        A line of Python that makes the array `labels` right; it may use ``np``.
    """

    name: str
    code: str
    cause: str
    remedy: str
    line: str


OUTPUTS = (
    Output(
        "one-hot rows",
        "one_hot",
        "Labels were encoded one-hot for the training, and predict returns them so.",
        "Return the place of the 1 in each row: labels.argmax(axis=1)",
        "labels = labels.argmax(axis=1)",
    ),
    Output(
        "scores for each class",
        "class_scores",
        "The network's softmax is returned as it is; the contest wants the class alone.",
        "Return the place of the largest: scores.argmax(axis=1)",
        "labels = labels.argmax(axis=1)",
    ),
    Output(
        "a column of labels",
        "column",
        "The labels have a second axis, as the training file has it.",
        "Drop it: labels.ravel()",
        "labels = labels.ravel()",
    ),
    Output(
        "labels counted from 1",
        "counted_from_1",
        "The classes were counted from 1; the contest counts from 0.",
        "Return labels - 1",
        "labels = labels - 1",
    ),
    Output(
        "labels as fractions",
        "fractions",
        "The labels are stored as floating-point numbers.",
        "Cast them: labels.astype(int). If they are no whole numbers, a regression was trained in place of a "
        "classification.",
        "labels = np.rint(labels).astype(int)",
    ),
    Output(
        "names of classes",
        "class_names",
        "The class is returned by its name; the contest wants its number.",
        "Return the number of the class, in the contest's order.",
        "labels = np.array([NAMES.index(str(label).replace(' ', '_').casefold()) for label in labels])",
    ),
)


def output_of(run: EntryRun) -> Output | None:
    """Return what was returned instead of labels, where it is one of the usual things."""
    if run.outcome is not Outcome.BAD_OUTPUT:
        return None
    return next((output for output in OUTPUTS if output.code == run.code), None)


def find_output(name: str) -> Output:
    return next(output for output in OUTPUTS if output.name == name)


@dataclass(frozen=True)
class Edit:
    """A literal in a Python file of the submission that is to be another: on one line, columns in bytes of UTF-8."""

    file: str
    line: int
    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Plan:
    """What is to be repaired; an empty plan repairs nothing.

    Attributes
    ----------
    entry_class : str
        What the entrant's class is called.
    takes_path : bool
        Whether its ``__init__`` wants the folder.
    input, output : str
        Names of an `Input` and an `Output`.
    order : tuple of int
        The true class for each class that the entry says; empty: as it says.
    edits : tuple of Edit
    files : tuple of (str, str)
        Files of the submission, each with the path of a repaired copy.
    """

    entry_class: str = "Model"
    takes_path: bool = False
    input: str = ""
    output: str = ""
    order: tuple[int, ...] = ()
    edits: tuple[Edit, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def wraps(self) -> bool:
        """Whether a ``model.py`` is to stand in front of the entrant's."""
        return replace(self, edits=(), files=()) != Plan()


def repair(folder: Path, plan: Plan, contest: Contest, building: Path, zip_path: Path) -> None:
    """Zip the submission in `folder`, repaired, as `zip_path`: the same bytes each time.

    Parameters
    ----------
    folder : Path
        The unpacked submission, which stays as it is.
    building : Path
        A folder for the copy, which must not exist.
    """
    shutil.copytree(folder, building)
    for name, repaired in plan.files:
        shutil.copyfile(repaired, building / name)
    for name in {edit.file for edit in plan.edits}:
        path = building / name
        path.write_bytes(edited(path.read_bytes(), [edit for edit in plan.edits if edit.file == name]))
    if plan.wraps:
        inner = free_name(building)
        (building / "model.py").rename(building / f"{inner}.py")
        (building / "model.py").write_text(wrapper(plan, inner, contest), encoding="utf-8")
    write_zip(building, sorted(path for path in building.rglob("*") if path.is_file()), zip_path)


def edited(source: bytes, edits: Sequence[Edit]) -> bytes:
    """Return Python source with literals replaced; the rest keeps every byte.

    Examples
    --------
    >>> edited(b"a = 'x'\\nb = 'y'\\n", [Edit("model.py", 2, 4, 7, "'z'")])
    b"a = 'x'\\nb = 'z'\\n"
    """
    lines = source.splitlines(keepends=True)
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.start), reverse=True):
        line = lines[edit.line - 1]
        lines[edit.line - 1] = line[: edit.start] + edit.new.encode() + line[edit.end :]
    return b"".join(lines)


def free_name(folder: Path) -> str:
    """Return a module's name that no file of `folder` has."""
    names = {path.stem for path in folder.iterdir()}
    return next(name for name in ("entry_model", *(f"entry_model_{n}" for n in range(2, 9999))) if name not in names)


def wrapper(plan: Plan, inner: str, contest: Contest) -> str:
    """Return a ``model.py`` that hands images to the entry as it wants them, and its labels on as the contest does.

    Examples
    --------
    >>> from harness.contest import find_contest
    >>> print(wrapper(Plan(input="divided by 255"), "entry_model", find_contest("blood-cells")))
    \"\"\"Written by hemobench doctor --fix; the model itself is entry_model.py, unchanged.\"\"\"
    <BLANKLINE>
    import numpy as np
    from entry_model import Model as Entry
    <BLANKLINE>
    <BLANKLINE>
    class Model:
        def __init__(self):
            self.entry = Entry()
    <BLANKLINE>
        def predict(self, X):
            X = np.asarray(X).astype(np.float32)
            X = X / 255  # it was trained on 0–1
            labels = np.asarray(self.entry.predict(X))
            return labels
    <BLANKLINE>
    """
    lines = [
        f'"""Written by hemobench doctor --fix; the model itself is {inner}.py, unchanged."""',
        "",
        *(["from pathlib import Path", ""] if plan.takes_path else []),
        "import numpy as np",
        f"from {inner} import {plan.entry_class} as Entry",
        "",
    ]
    if "NAMES" in (find_output(plan.output).line if plan.output else ""):
        lines += [f"NAMES = {[name.replace(' ', '_').casefold() for name in contest.class_names]!r}"]
    if plan.order:
        lines += [f"TRUE_CLASS = np.array({list(plan.order)})  # by the class that the entry says"]
    if lines[-1]:
        lines += [""]
    folder = "str(Path(__file__).resolve().parent)" if plan.takes_path else ""
    lines += [
        "",
        "class Model:",
        "    def __init__(self):",
        f"        self.entry = Entry({folder})",
        "",
        "    def predict(self, X):",
    ]
    if plan.input:
        way = find_input(plan.input)
        lines += ["        X = np.asarray(X).astype(np.float32)"]
        lines += [f"        {way.code}  # it {way.trained}"] if way.code != "X = X" else []
    lines += ["        labels = np.asarray(self.entry.predict(X))"]
    if plan.output:
        lines += [f"        {find_output(plan.output).line}"]
    lines += ["        return TRUE_CLASS[labels]" if plan.order else "        return labels", ""]
    return "\n".join(lines)


def zip_of(folder: Path, zip_path: Path) -> list[str]:
    """Zip a folder without its hidden files, links and caches, as `harness.pack.pack` does, and refuse no content.

    Returns
    -------
    list of str
        What is no plain file and was left out, with the reason.

    Raises
    ------
    PackError
        The folder is empty, or cannot be read.
    """
    try:
        found = plain_files(folder, skip=leftover)
        if not found.plain:
            raise PackError(f"{folder} holds no file.", "hemobench new NAME writes one to start from.")
        write_zip(folder, found.plain.values(), zip_path)
    except OSError as error:
        raise PackError(f"{folder} cannot be read: {error}.", "Change its rights, or take that file away.") from error
    return [f"{name}: {reason}" for name, reason in found.left_out.items() if not leftover(name)]


def write_zip(folder: Path, files: Iterable[Path], zip_path: Path) -> None:
    """Write `files` of `folder` into a zip, stored and with one fixed date, and ask no questions."""
    with zipfile.ZipFile(zip_path, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            archive.writestr(plain_member(path.relative_to(folder).as_posix()), path.read_bytes())
