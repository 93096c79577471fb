"""The rows: named without Keras, each once, each as it says."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from baselines.baseline import Reported
from baselines.entries import BASELINES, by_name, find, names, with_variants
from harness.errors import UsageError


def test_the_names_are_told_without_loading_keras():
    code = "import sys, baselines.entries as e; print(e.names()); assert not {'keras', 'tensorflow'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "scratch-v1" in done.stdout


def test_two_rows_of_one_name_are_refused_and_of_two_names_accepted():
    row = BASELINES[0]
    with pytest.raises(ValueError, match="two baselines are called 'scratch-v1'"):
        by_name([row, row])
    assert list(by_name([row, replace(row, name="other")])) == ["scratch-v1", "other"]


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError) as raised:
        find("vgg61")
    assert "Did you mean vgg16?" in raised.value.hint
    assert find("vgg16").name == "vgg16"


def test_only_a_model_that_the_report_had_has_a_row_as_the_team_had_it():
    row = find("vgg16")
    assert [one.name for one in with_variants([row])] == ["vgg16", "vgg16-report"]
    assert [one.name for one in with_variants([replace(row, reported=Reported())])] == ["vgg16"]
    with pytest.raises(UsageError, match="scratch-v1 has no report variant"):
        find("scratch-v1-report")


# As the team had it, a backbone is the same graph once more; VGG16's has its preprocessing as a layer.  Of the other
# backbones, which differ in a name and a number, the quickest stands for all.
SLOW = {row.name for row in BASELINES if row.pretrained and row.name not in ("mobilenet", "vgg16", "vgg16-report")}


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row.name, marks=[pytest.mark.slow] if row.name in SLOW else []) for row in BASELINES],
)
def test_each_row_builds_a_model_of_as_many_parameters_as_it_says(row):
    recipe = row.preset("full", has_weights=False).recipe
    model = row.build(recipe, (96, 96, 3), 8, None, 0)
    assert model.count_params() == row.parameters
    depthwise = any(type(layer).__name__ == "DepthwiseConv2D" for layer in model.layers)
    assert depthwise == row.depthwise


@pytest.mark.parametrize("row", BASELINES, ids=names())
def test_what_a_quick_preset_leaves_out_is_said(row):
    for has_weights in (False, True):
        preset = row.preset("quick", has_weights=has_weights)
        assert f"{preset.recipe.epochs} epochs" in preset.cuts
        if preset.recipe.train_limit:
            assert f"{preset.recipe.train_limit:,}" in preset.cuts
        if preset.recipe.input_size:
            assert f"{preset.recipe.input_size}×{preset.recipe.input_size}" in preset.cuts


def test_nothing_is_frozen_in_a_model_that_starts_from_nothing():
    for row in BASELINES:
        for name in ("quick", "full"):
            assert row.preset(name, has_weights=False).recipe.frozen_layers == 0


def test_the_list_fits_80_columns_and_its_json_is_one_document():
    command = [sys.executable, "-m", "harness.cli", "train", "--list"]
    narrow = os.environ | {"COLUMNS": "80"}
    table = subprocess.run(command, capture_output=True, text=True, check=True, env=narrow).stdout
    assert max(map(len, table.splitlines())) <= 80
    assert all(name in table for name in names())
    rows = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert [row["name"] for row in rows] == list(names())
