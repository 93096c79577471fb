"""Every value that a field of the recipe may have, from its annotation: a new field is in the table by being there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec import inspect

from baselines.augment.catalogue import AUGMENTATIONS
from baselines.baseline import Baseline
from baselines.job import Job, plan
from baselines.recipe import Recipe
from baselines.tune.space import label, set_fields
from baselines.weights import NONE, Weights
from harness.errors import UsageError
from harness.freeze.frozen import LabelledImages
from tests.baselines.conftest import TinyContest

COUNTS = {"train": 4, "val": 2, "public": 2, "private": 2}  # images of a class
NAMES = {"augment": tuple(AUGMENTATIONS)}  # of the fields that are text

# What a value needs beside itself to have an effect, by field or by setting.
BESIDE: dict[str, tuple[str, ...]] = {
    "early_stopping": ("epochs=4",),
    "reduce_on_plateau": ("epochs=4", "cosine=false", "warmup=0"),
    "head_epochs": ("epochs=2",),
    "head_learning_rate": ("epochs=2", "head_epochs=1"),
    "cosine=false": ("warmup=0",),
    "warmup": ("cosine=true",),
    "optimizer=adamw": ("weight_decay=0.01",),
    "frozen_layers": ("frozen_share=0",),
    "frozen_share": ("frozen_layers=0",),
    "frozen_share=1.0": ("frozen_layers=0", "head_epochs=0"),
    "frozen_share=0.0": ("features_once=false",),
    "features_once": ("frozen_share=0.5", "augment=none"),
    "augment": ("features_once=false",),
    "augment=none": (),
}


class FewImages(TinyContest):
    """One batch to train on, and a few to validate on."""

    lock = SimpleNamespace(
        **{
            **vars(TinyContest.lock),
            "counts": {split: {"red": n, "green": n, "blue": n} for split, n in COUNTS.items()},
        }
    )

    def load(self, split: str) -> LabelledImages:
        whole, n = super().load(split), 3 * COUNTS.get(split, 2)
        return LabelledImages(whole.images[:n], whole.labels[:n])


def values(kind: inspect.Type, name: str) -> Iterator[Any]:
    """Yield what a field of a type may hold: every name, and of numbers the least, or the greatest, and one between.

    Examples
    --------
    >>> [*values(inspect.type_info(bool | None), "")]
    [False, True, None]
    """
    match kind:
        case inspect.UnionType():
            for one in kind.types:
                yield from values(one, name)
        case inspect.NoneType():
            yield None
        case inspect.BoolType():
            yield from (False, True)
        case inspect.LiteralType():
            yield from kind.values
        case inspect.StrType():
            yield from NAMES[name]
        case inspect.IntType():
            assert kind.ge is not None
            yield from (kind.ge, kind.ge + 1)
        case inspect.FloatType():
            least = kind.ge if kind.ge is not None else kind.gt
            greatest = kind.le if kind.le is not None else kind.lt
            assert least is not None
            if kind.ge is not None:
                yield float(least)
            yield (least + greatest) / 2 if greatest is not None else least + 1e-3
            if kind.le is not None:
                yield float(greatest)
        case inspect.StructType():
            yield kind.cls()
        case _:
            raise TypeError(f"{name}: {kind}")


def fields() -> dict[str, list[Any]]:
    """Return every field of the recipe with its values."""
    info = inspect.type_info(Recipe)
    assert isinstance(info, inspect.StructType)
    return {field.name: [*values(field.type, field.name)] for field in info.fields}


def once(recipe: Recipe, batch_size: int = 16) -> Recipe:
    """Return one epoch of a row's own recipe, on what the tiny contest has."""
    return msgspec.structs.replace(
        recipe,
        epochs=2 if recipe.head_epochs else 1,
        head_epochs=1 if recipe.head_epochs else 0,
        early_stopping=None,
        reduce_on_plateau=None,
        batch_size=batch_size,
        train_limit=None,
        input_size=None,
        init_images=recipe.init_images and 16,
    )


def trainings(
    row: Baseline, starts: Sequence[Weights], names: Collection[str]
) -> tuple[list[Job], dict[tuple[str, str], str]]:
    """Return few jobs that have every value of these fields among them, and why the row refuses those that none has.

    As many values as go together go into one job, since each training costs seconds and there are a hundred values.
    The refusals are keyed by field and value in the words of ``--set``.
    """
    left = [(name, value) for name, may in fields().items() if name in names for value in may]
    jobs = []
    while left:
        found = [_with_many(row, weights, left) for weights in starts]
        job, had = max(found, key=lambda one: len(one[1]))
        if not had:
            break
        jobs.append(job)
        left = [one for one in left if one not in had]
    return jobs, {(name, label(value)): _reason(row, starts[-1], name, value) for name, value in left}


def _planned(row: Baseline, weights: Weights, settings: Sequence[str]) -> Job:
    start = once(row.preset("quick", has_weights=weights.label != NONE).recipe, batch_size=8)
    _, needed, _ = set_fields(start, settings)
    return plan(row, FewImages((row.smallest, row.smallest, 3)), "quick", weights, 3, needed, start)


def _with_many(row: Baseline, weights: Weights, left: Sequence[tuple[str, Any]]) -> tuple[Job, list[tuple[str, Any]]]:
    """Return a job of the row that has as many of the values as go together, and which."""
    settings: list[str] = []
    job = _planned(row, weights, settings)
    had: dict[str, Any] = {}
    for name, value in left:
        if name in had:
            continue
        more = settings if getattr(job.recipe, name) == value else _and(settings, name, value)
        try:
            tried = _planned(row, weights, more)
        except UsageError:
            continue
        if all(getattr(tried.recipe, other) == kept for other, kept in (*had.items(), (name, value))):
            job, settings, had[name] = tried, more, value
    return job, [*had.items()]


def _and(settings: Sequence[str], name: str, value: Any) -> list[str]:
    """Return the settings with one more, and what it needs beside it."""
    setting = f"{name}={label(value)}"
    beside = BESIDE.get(setting, () if value in (None, False, 0) else BESIDE.get(name, ()))
    return [f"{one}={text}" for one, text in dict(one.split("=", 1) for one in (*settings, *beside, setting)).items()]


def _reason(row: Baseline, weights: Weights, name: str, value: Any) -> str:
    try:
        _planned(row, weights, _and((), name, value))
    except UsageError as refused:
        return refused.message
    return ""


def weights_of(application: str, folder: Path) -> Weights:
    """Return a file of weights that fits a backbone, each value as the network itself starts with."""
    import keras

    path = folder / f"{application}_notop.weights.h5"
    getattr(keras.applications, application)(include_top=False, weights=None).save_weights(path)
    return Weights("sha256:0123", path, "0123")
