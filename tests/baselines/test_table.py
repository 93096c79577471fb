"""Every row with every value of every field of a recipe: it trains a step and submits, or is refused with a reason."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from baselines.entries import BASELINES, find
from baselines.models.pretrained import Backbone
from baselines.run_folder import RunFolder
from baselines.train import train
from baselines.tune.space import label
from baselines.weights import NONE, Weights
from tests.baselines.conftest import eagerly, small_backbone
from tests.baselines.table import fields, trainings, weights_of

# Refused on every row, for what the images of these tests are.
NOWHERE = {("input_size", "32"), ("val_share", "0.25")}
# A row as the team had it is its own row with preprocessing=report, which is a value of the table.
ROWS = [row for row in BASELINES if row.report_of is None]


def train_each(jobs, folder) -> None:
    for number, job in enumerate(jobs):
        home = RunFolder(folder / f"run-{number}")
        said = f"{job.baseline.name} from {job.weights.label} with {job.cuts}"
        try:
            with eagerly():
                run = train(job, home, tell=lambda line: None)
        except Exception as error:
            raise AssertionError(said) from error
        assert np.isfinite([row.train_loss for row in home.read_history()]).all(), said
        assert home.model.is_file(), said
        assert f"\nVIEWS = {job.recipe.views} " in (home.submission / "model.py").read_text(), said
        assert run.precision == job.precision.policy, said


def test_each_value_is_trained_on_some_row_and_where_it_is_refused_a_reason_is_given():
    every = {(name, label(value)) for name, may in fields().items() for value in may}
    refused_by = []
    for row in ROWS:
        starts = [Weights(NONE), *([Weights("sha256:0123", None, "0123")] if row.pretrained else [])]
        _, refused = trainings(row, starts, fields())
        assert all(refused.values()), (row.name, refused)
        refused_by.append(refused.keys())
    assert set.intersection(*map(set, refused_by)) == NOWHERE
    assert every >= NOWHERE


# The catalogue of augmentations has a test of its own.
def test_each_value_of_each_field_trains_a_step_on_a_small_network(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.applications, "MobileNet", small_backbone)
    row, starts = find("mobilenet"), [Weights(NONE), weights_of("MobileNet", tmp_path)]
    jobs, refused = trainings(row, starts, fields().keys() - {"augment"})
    assert refused.keys() == NOWHERE | {("standardise", "true")}, refused
    train_each(jobs, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_each_value_of_each_field_trains_a_step_on_each_row(name, tmp_path):
    row, starts = find(name), [Weights(NONE)]
    if isinstance(row.build, Backbone):
        starts.append(weights_of(row.build.application, tmp_path))
    jobs, _ = trainings(row, starts, fields())
    train_each(jobs, tmp_path)
