"""Every failure that the doctor knows, made on purpose, beside what it is to say.

The entries are small and real: they answer with the label of the nearest image that they remember, as thumbnails, so
that another scale, order of channels or type of the input costs them what it costs a network.
"""

from __future__ import annotations

import io
import textwrap
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.doctor.repair import INPUTS
from harness.freeze.frozen import Frozen

Files = dict[str, bytes]
KERAS_2 = Path(__file__).parent / "keras2"

NEAREST = """
import numpy as np

def thumbnails(X):
    n, height, width, _ = X.shape
    return X.reshape(n, 8, height // 8, 8, width // 8, 3).mean(axis=(2, 4), dtype=np.float32).reshape(n, -1)

class Model:
    def __init__(self):
        known = np.load("known.npz")
        self.seen, self.labels = known["seen"], known["labels"]

    def scores(self, X):
        far = (self.seen ** 2).sum(axis=1) - 2 * thumbnails(X) @ self.seen.T
        return -np.stack([far[:, self.labels == label].min(axis=1) for label in range(8)], axis=1)

    def predict(self, X):
        return self.scores(X).argmax(axis=1)
"""
CONSTANT = "import numpy as np\nclass Model:\n    def predict(self, X):\n        return np.full(len(X), 3)\n"


def thumbnails(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the entries remember of images: mean colours on an 8 × 8 grid."""
    n, height, width, _ = X.shape
    return X.reshape(n, 8, height // 8, 8, width // 8, 3).mean(axis=(2, 4), dtype=np.float32).reshape(n, -1)


@dataclass(frozen=True)
class Kitchen:
    """What entries are made of: the public images of a contest, and real files of Keras."""

    frozen: Frozen
    keras_files: Callable[[], Path] = lambda: Path()

    def remembered(
        self,
        show: Callable[[NDArray[np.uint8]], NDArray[np.float32]] = lambda X: X.astype(np.float32),
        splits: tuple[str, ...] = ("train", "val"),
    ) -> bytes:
        """Return ``known.npz``: thumbnails of images as `show` has them, and their labels."""
        loaded = [self.frozen.load(split) for split in splits]
        seen = np.concatenate([thumbnails(show(split.images)) for split in loaded])
        buffer = io.BytesIO()
        np.savez(buffer, seen=seen, labels=np.concatenate([split.labels for split in loaded]))
        return buffer.getvalue()

    def nearest(self, old: str = "", new: str = "", **remembered: object) -> Files:
        """Return the files of an entry that answers by the nearest image, with one piece of its code replaced."""
        assert old in NEAREST, old
        model = NEAREST.replace(old, new) if old else NEAREST
        return {"model.py": model.encode(), "known.npz": self.remembered(**remembered)}

    def loading(self, name: str) -> Files:
        """Return an entry that loads a file saved by Keras."""
        model = (
            "import keras\nclass Model:\n    def __init__(self):\n"
            f"        self.network = keras.saving.load_model({name!r})\n"
            "    def predict(self, X):\n        return self.network.predict_on_batch(X).argmax(axis=1)\n"
        )
        return {"model.py": model.encode(), name: (self.keras_files() / name).read_bytes()}


@dataclass(frozen=True)
class Case:
    """A failure.

    Attributes
    ----------
    failure : str
        For the table.
    make : callable
        Returns the members of the zip.
    code, severity : str
        Of the finding that is expected.
    says : str
        Stands in it.
    repaired : bool
        Whether ``--fix`` is to write a zip that is as right as the healthy one.
    target : str
    spoil : callable, optional
        Changes the bytes of the zip.
    time_s : int
        What the contest allows.
    slow : bool
        Whether Keras is needed.
    """

    failure: str
    make: Callable[[Kitchen], Files]
    code: str
    severity: str
    says: str
    repaired: bool = False
    target: str = "local"
    spoil: Callable[[bytes], bytes] = field(default=lambda content: content)
    time_s: int = 60
    slow: bool = False


def zipped(files: Files, path: Path, spoil: Callable[[bytes], bytes] = lambda content: content) -> Path:
    """Write an entry as a zip."""
    path.write_bytes(spoil(bytes_of(files)))
    return path


def bytes_of(files: Files) -> bytes:
    """Return an entry as the bytes of a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def inside(folder: str, files: Files) -> Files:
    return {f"{folder}/{name}": content for name, content in files.items()}


def renamed(files: Files, old: str, new: str) -> Files:
    return {new if name == old else name: content for name, content in files.items()}


def model_py(text: str) -> Callable[[Kitchen], Files]:
    return lambda kitchen: {"model.py": textwrap.dedent(text).encode()}


def returning(expression: str) -> Callable[[Kitchen], Files]:
    """Return a maker of nearest-image entries that return something else than labels."""
    return lambda kitchen: kitchen.nearest("return self.scores(X).argmax(axis=1)", f"return {expression}")


OLDER = (
    NEAREST.replace("class Model:", "class model:")
    .replace("def __init__(self):", "def __init__(self, path):")
    .replace('np.load("known.npz")', 'np.load(path + "/known.npz")')
)

DOOR = (
    Case(
        "model.py one folder too deep",
        lambda kitchen: inside("team", kitchen.nearest()),
        *("refused", "fail", "model.py lies in the folder 'team'"),
        repaired=True,
    ),
    Case(
        "the entry in a zip in the zip",
        lambda kitchen: {"submission.zip": bytes_of(kitchen.nearest())},
        *("refused", "fail", "it holds a zip"),
        repaired=True,
    ),
    Case(
        "backslashes between folders",
        lambda kitchen: {f"team\\{name}": content for name, content in kitchen.nearest().items()},
        *("refused", "fail", "has a backslash"),
        repaired=True,
    ),
    Case(
        "Model.py",
        lambda kitchen: renamed(kitchen.nearest(), "model.py", "Model.py"),
        *("refused", "fail", "Did you mean model.py?"),
        repaired=True,
    ),
    Case(
        "no model.py",
        lambda kitchen: {"network.ipynb": b"{}"},
        *("refused", "fail", "no model.py at its root"),
    ),
    Case(
        "leftovers of a Mac",
        lambda kitchen: kitchen.nearest() | {"__MACOSX/._model.py": b"x", ".DS_Store": b"x"},
        *("zip-note", "note", "__MACOSX/ ignored"),
    ),
    Case(
        "a zip cut short",
        lambda kitchen: kitchen.nearest(),
        *("refused", "fail", "cut short"),
        spoil=lambda content: content[:-100],
    ),
    Case(
        "a path that leads out of the zip",
        lambda kitchen: kitchen.nearest() | {"../elsewhere.txt": b"x"},
        *("refused", "fail", "leads out of the submission"),
    ),
    Case(
        "a pickle in the zip",
        lambda kitchen: kitchen.nearest() | {"scaler.pkl": b"\x80\x04K\x01."},
        *("zip-note", "note", "Holds pickles"),
    ),
)

LOADING = (
    Case("model.py is not Python", model_py("class Model\n    pass"), "syntax", "fail", "line 1"),
    Case("model.py is a notebook", model_py('{"cells": []}'), "syntax", "fail", "a Jupyter notebook"),
    Case(
        "model.py in UTF-16, as a shell's > writes it",
        lambda kitchen: kitchen.nearest() | {"model.py": NEAREST.encode("utf-16")},
        *("syntax", "fail", "a text in UTF-16"),
        repaired=True,
    ),
    Case(
        "lines of a notebook in model.py",
        lambda kitchen: kitchen.nearest("import numpy as np", "%matplotlib inline\nimport numpy as np"),
        *("notebook-lines", "fail", "%matplotlib inline"),
        repaired=True,
    ),
    Case(
        "weights that are a Git-LFS pointer",
        lambda kitchen: kitchen.nearest() | {"known.npz": b"version https://git-lfs.github.com/spec/v1\n"},
        *("wrong-file", "fail", "known.npz is a Git-LFS pointer"),
    ),
    Case(
        "class model, in small letters",
        lambda kitchen: kitchen.nearest("class Model:", "class model:"),
        *("class-name", "fail", "The class is called model"),
        repaired=True,
    ),
    Case(
        "the older contract: class model, __init__(self, path)",
        lambda kitchen: {"model.py": OLDER.encode(), "known.npz": kitchen.remembered()},
        *("older-contract", "fail", "class model, __init__(self, path)"),
        repaired=True,
    ),
    Case(
        "Model(path)",
        lambda kitchen: {
            "model.py": OLDER.replace("class model", "class Model").encode(),
            "known.npz": kitchen.remembered(),
        },
        *("init-arguments", "fail", "yours needs path"),
        repaired=True,
    ),
    Case(
        "Model(path, size)",
        model_py(
            "class Model:\n    def __init__(self, path, size): pass\n    def predict(self, X): return [0] * len(X)"
        ),
        *("init-arguments", "fail", "yours needs path, size"),
    ),
    Case("no class at all", model_py("def predict(X):\n    return [0] * len(X)\n"), "no-model", "fail", "no class"),
    Case(
        "no method predict",
        model_py("class Model:\n    def predicts(self, X): return [0] * len(X)\n"),
        *("no-predict", "fail", "Rename predicts to predict"),
    ),
    Case(
        "predict(X, y)",
        model_py("class Model:\n    def predict(self, X, y): return [0] * len(X)\n"),
        *("predict-arguments", "fail", "predict(self, X, y)"),
    ),
    Case(
        "weights that are not in the zip",
        lambda kitchen: {"model.py": NEAREST.encode()},
        *("file-absent", "fail", "known.npz"),
    ),
    Case(
        "known.npz in the code, Known.npz in the zip",
        lambda kitchen: renamed(kitchen.nearest(), "known.npz", "Known.npz"),
        *("file-case", "fail", "in other letters"),
        repaired=True,
    ),
    Case(
        "a path of Google Drive",
        lambda kitchen: kitchen.nearest('"known.npz"', '"/content/drive/MyDrive/known.npz"'),
        *("absolute-path", "fail", "/content/drive/MyDrive/known.npz"),
        repaired=True,
    ),
    Case(
        "a path of Codabench's container",
        lambda kitchen: kitchen.nearest('"known.npz"', '"/app/ingested_program/known.npz"'),
        *("absolute-path", "fail", "On Codabench that folder exists"),
        repaired=True,
    ),
    Case(
        "a package that is not installed",
        lambda kitchen: kitchen.nearest("import numpy as np", "import numpy as np\nimport no_such_package"),
        *("import", "fail", "no_such_package is not installed"),
    ),
    Case(
        "a package that the course's image is not known to have",
        lambda kitchen: kitchen.nearest("import numpy as np", "import numpy as np\nimport pandas"),
        *("import", "warning", "pandas is not known to be on Codabench"),
        target="codabench-4430",
    ),
    Case(
        "a layer that came after the course's Keras",
        lambda kitchen: kitchen.nearest(
            "def scores(",
            "def build(self):\n        import keras\n        return keras.layers.RandAugment()\n\n    def scores(",
        ),
        *("newer-name", "fail", "Keras 3.4.1 has no keras.layers.RandAugment"),
        target="codabench-4430",
    ),
    Case(
        "a function of NumPy 2",
        lambda kitchen: kitchen.nearest("def scores(self, X):", "def scores(self, X):\n        X = np.concat([X])"),
        *("newer-name", "fail", "NumPy 1.26 has no numpy.concat"),
        target="codabench-4430",
    ),
    Case(
        "a model saved by a later Keras than the course's",
        lambda kitchen: (
            kitchen.nearest(
                "def __init__(self):",
                "def __init__(self):\n        import keras\n        keras.saving.load_model('tiny.keras')",
            )
            | {"tiny.keras": (kitchen.keras_files() / "tiny.keras").read_bytes()}
        ),
        *("saved-newer", "fail", "Keras 3.4.1 does not know"),
        target="codabench-4430",
        repaired=True,
        slow=True,
    ),
    Case(
        "a Lambda layer",
        lambda kitchen: kitchen.loading("lambda.keras"),
        *("saved-lambda", "fail", "safe_mode=False"),
        slow=True,
    ),
    Case(
        "a custom layer whose class is not in the zip",
        lambda kitchen: kitchen.loading("custom.keras"),
        *("saved-custom", "fail", "team>Half"),
        slow=True,
    ),
    Case(
        "a .keras file cut short",
        lambda kitchen: kitchen.nearest() | {"model.keras": b"PK\x03\x04 not whole"},
        *("saved-damaged", "warning", "not a whole Keras file"),
    ),
    Case(
        "a functional network in a .keras file of Keras 2",
        lambda kitchen: kitchen.nearest() | {"old.keras": (KERAS_2 / "functional.keras").read_bytes()},
        *("saved-keras-2", "fail", "saved by Keras 2.17.0"),
        target="codabench-4430",
    ),
)

RUNNING = (
    Case("X /= 255 on uint8", returning("np.divide(X.copy(), 255, out=X)"), "predict-failed", "fail", "read-only"),
    Case(
        "one-hot rows",
        returning("np.eye(8, dtype=int)[self.scores(X).argmax(axis=1)]"),
        "output",
        "fail",
        "one-hot",
        True,
    ),
    Case("probabilities", returning("self.scores(X)"), "output", "fail", "softmax", True),
    Case("a column", returning("self.scores(X).argmax(axis=1)[:, None]"), "output", "fail", "second axis", True),
    Case("classes from 1 to 8", returning("self.scores(X).argmax(axis=1) + 1"), "output", "fail", "from 1", True),
    Case("labels as floats", returning("self.scores(X).argmax(axis=1) * 1.0"), "output", "fail", "floating", True),
    Case(
        "names of classes",
        returning(
            "np.array('basophil eosinophil erythroblast immature_granulocyte lymphocyte monocyte neutrophil platelet'"
            ".split())[self.scores(X).argmax(axis=1)]"
        ),
        *("output", "fail", "by its name"),
        repaired=True,
    ),
    Case("no return", returning("None"), "bad-output", "fail", "returned None"),
    Case(
        "a few images take longer than the limit",
        returning("[__import__('time').sleep(60)] * len(X)"),
        *("timed-out", "fail", "Stopped after"),
        time_s=3,
    ),
)

TRAINED = {
    "divided by 255": "trained on 0–1, fed 0–255",
    "scaled to −1..1": "trained on −1..1, fed 0–255",
    "BGR": "trained on BGR, fed RGB",
    "standardised image by image": "trained on standardised images, fed 0–255",
    "BGR less ImageNet's mean": "trained behind VGG16's preprocess_input, fed 0–255",
    "standardised by ImageNet's mean and deviation": "trained as torchvision does, fed 0–255",
}
RIGHT = (
    *(
        Case(
            TRAINED[way.name],
            # A network saturates on what is far too large; so do these.
            lambda kitchen, way=way: kitchen.nearest(  # type: ignore[misc]
                *(("thumbnails(X) @", "np.clip(thumbnails(X), -4, 4) @") if "image by" in way.name else ()),
                show=way.show,
            ),
            *("input-scale", "wrong", f"when inputs are {way.name}"),
            repaired=True,
        )
        for way in INPUTS
        if way.name in TRAINED
    ),
    Case(
        "divided by 255 twice",
        lambda kitchen: kitchen.nearest("def scores(self, X):", "def scores(self, X):\n        X = X / 255"),
        *("input-scale", "wrong", "divides by 255 twice"),
        repaired=True,
    ),
    Case(
        "scaled to −1..1 twice",
        lambda kitchen: kitchen.nearest("def scores(self, X):", "def scores(self, X):\n        X = X / 127.5 - 1"),
        *("input-scale", "wrong", "scales to −1..1 twice"),
        repaired=True,
    ),
    Case(
        "arithmetic that wraps in uint8",
        lambda kitchen: kitchen.nearest(
            "def scores(self, X):", "def scores(self, X):\n        X = X * 2", show=lambda X: X.astype(np.float32) * 2
        ),
        *("input-scale", "wrong", "computes in uint8"),
        repaired=True,
    ),
    Case(
        "classes one off, in a circle",
        returning("(self.scores(X).argmax(axis=1) + 1) % 8"),
        *("class-order", "wrong", "one too high"),
        repaired=True,
    ),
    Case(
        "two classes exchanged",
        returning("np.array([0, 6, 2, 3, 4, 5, 1, 7])[self.scores(X).argmax(axis=1)]"),
        *("class-order", "wrong", "eosinophil for neutrophil"),
        repaired=True,
    ),
    Case(
        "classes out of order, and trained on 0–1",
        lambda kitchen: kitchen.nearest(
            "return self.scores(X).argmax(axis=1)",
            "return (self.scores(X).argmax(axis=1) + 7) % 8",
            show=lambda X: X.astype(np.float32) / 255,
        ),
        *("class-order", "wrong", "one too low"),
        repaired=True,
    ),
    Case(
        "a class left out of the training",
        returning("np.where(np.arange(8) == 6, -np.inf, self.scores(X)).argmax(axis=1)"),
        *("class-never-said", "warning", "neutrophil"),
    ),
    Case("always the same class", model_py(CONSTANT), "one-answer", "wrong", "immature granulocyte"),
    Case(
        "weights that were never trained",
        model_py(
            """
            import numpy as np
            class Model:
                def predict(self, X):
                    rng = np.random.default_rng(0)
                    weights = rng.normal(size=(3 * 64, 8))
                    small = X[:, ::12, ::12].reshape(len(X), -1) / 255
                    return ((small - small.mean(axis=1, keepdims=True)) @ weights).argmax(axis=1)
            """
        ),
        *("no-better-than-majority", "warning", "not better than the most frequent class"),
    ),
    Case(
        "dropout alive at prediction",
        returning("self.scores(X * (np.random.random((len(X), 1, 1, 3)) > 0.5) * 2).argmax(axis=1)"),
        *("random", "wrong", "shown twice"),
    ),
    Case(
        "labels in another order than the images",
        returning("np.sort(self.scores(X).argmax(axis=1))"),
        *("order-dependent", "wrong", "its place among the others"),
    ),
    Case(
        "standardised over the batch, as batch normalisation does in training mode",
        lambda kitchen: kitchen.nearest(
            "def scores(self, X):",
            "def scores(self, X):\n        X = (X - X.mean(axis=0)) / (X.std(axis=0) + 1)",
            show=lambda X: ((X - X.mean(axis=0)) / (X.std(axis=0) + 1)).astype(np.float32),
        ),
        *("batch-dependent", "wrong", "images beside it"),
    ),
    Case(
        "no batch of one",
        returning("self.scores(X).squeeze().argmax(axis=1)"),
        *("batch-size", "warning", "one by one"),
    ),
    Case(
        "uint8 alone",
        lambda kitchen: kitchen.nearest("def scores(self, X):", "def scores(self, X):\n        X = X ^ 0"),
        *("float-input", "warning", "not uint8"),
    ),
    Case(
        "training images learnt by heart",
        lambda kitchen: kitchen.nearest(splits=("train",)),
        *("memorised", "warning", "training images better"),
    ),
)

FIT = (
    Case(
        "a zip near the limit",
        lambda kitchen: kitchen.nearest() | {"ballast.bin": np.random.default_rng(0).bytes(1_500_000)},
        *("fit-zip", "warning", "Size of the zip: 1.8 MB of 2"),
    ),
    Case(
        "too slow for all images",
        lambda kitchen: kitchen.nearest(
            "def scores(self, X):",
            "def scores(self, X):\n        __import__('time').sleep(len(X) / 50 if len(X) > 100 else 0)",
        ),
        *("fit-time", "fail", "Time to load and predict"),
        time_s=7,
    ),
)

CASES = (*DOOR, *LOADING, *RUNNING, *RIGHT, *FIT)
