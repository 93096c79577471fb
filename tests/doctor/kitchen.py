"""A small contest for the doctor's tests, and real files of Keras, each made once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from harness.contest import EmbeddedSource, read_contest
from harness.doctor.examine import examine
from harness.doctor.findings import Checkup, Finding
from harness.doctor.fit import find_target
from harness.freeze.frozen import Frozen, open_frozen
from harness.freeze.store import freeze
from harness.workspace import Workspace
from tests.conftest import contest_text, draw
from tests.doctor.cases import Case, Kitchen, zipped

# Many images of val: what is to be told apart is told apart by them.
CONTEST = contest_text(
    "clinic",
    "A contest for the doctor",
    n_images=480,
    more="[split]\nhidden = 0.2\nval = 0.4\n[limits]\ntime_s = 60\nzip_mb = 2\n",
)

# `Half` is registered by a package that the entry does not have.
SAVE = """
import keras
@keras.saving.register_keras_serializable("team")
class Half(keras.layers.Layer):
    def call(self, x):
        return x / 2
def network(*layers):
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(8)]
    return keras.Sequential([keras.Input((96, 96, 3)), *layers, *head])
network(keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization()).save("tiny.keras")
network(keras.layers.Lambda(lambda x: x / 2)).save("lambda.keras")
network(Half()).save("custom.keras")
network(keras.layers.Conv2D(2, 3)).save("tiny.h5")
"""


def open_kitchen(home: Path, keras_files: Callable[[], Path]) -> Kitchen:
    """Open what was frozen in `home`; a file of Keras is made when one is first asked for."""
    return Kitchen(open_frozen(Workspace(home / "workspace")), cache(keras_files))


def freeze_clinic(home: Path) -> None:
    path = home / "clinic.toml"
    path.write_text(CONTEST)
    contest = read_contest(path)
    source = contest.source
    assert isinstance(source, EmbeddedSource)
    images = draw(source, contest.class_names, contest.image_shape)
    freeze(Workspace(home / "workspace"), contest, images)


def save_keras_files(folder: Path) -> None:
    """Save small networks with the Keras that is installed, in a process of its own."""
    subprocess.run([sys.executable, "-c", SAVE], cwd=folder, check=True, capture_output=True)


def examined(kitchen: Kitchen, case: Case, home: Path) -> Checkup:
    """Have the doctor examine a failure, with ``--fix``."""
    home.mkdir(parents=True, exist_ok=True)
    return examine(
        zipped(case.make(kitchen), home / "entry.zip", case.spoil),
        Frozen(kitchen.frozen.folder, {"time_s": case.time_s}),
        find_target(case.target),
        scratch=home / "scratch",
        fix=home / "fixed.zip",
    )


def finding_of(case: Case, checkup: Checkup) -> Finding | None:
    """Return the finding that a failure was to bring about, if it did."""
    found = (one for one in checkup.findings if (one.code, one.severity) == (case.code, case.severity))
    return next((one for one in found if case.says in f"{one.title} {one.cause} {one.evidence} {one.fix}"), None)
