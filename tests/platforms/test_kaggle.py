"""The Kaggle-style folder: the metric file gives the scores of the house, and says what is wrong with a table."""

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness.freeze.frozen import read_arrays
from harness.platforms.kaggle import export_kaggle
from harness.score.card import score_split
from harness.score.evaluate import labels_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory, frozen):
    target = tmp_path_factory.mktemp("kaggle") / "cells"
    export_kaggle(frozen, target)
    return target


@pytest.fixture(scope="module")
def metric(folder):
    spec = importlib.util.spec_from_file_location("kaggle_metric", folder / "host" / "metric.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["kaggle_metric"] = module
    spec.loader.exec_module(module)
    return module


def test_images_and_labels_are_those_of_the_contest(folder, frozen):
    table = pd.read_csv(folder / "data" / "train.csv")
    for split in ("train", "val", "val_shifted"):
        part, rows = frozen.load(split), table[table["split"] == split]
        assert rows["label"].tolist() == part.labels.tolist()
        assert rows["class"].tolist() == [frozen.contest.class_names[label] for label in part.labels]
        for row in (0, len(rows) - 1):
            image = np.asarray(Image.open(folder / "data" / "train" / f"{rows['id'].iloc[row]}.png"))
            assert np.array_equal(image, part.images[row])
    hidden = frozen.hidden_images()
    solution = pd.read_csv(folder / "host" / "solution.csv")
    for row in (0, 17, len(hidden) - 1):
        image = np.asarray(Image.open(folder / "data" / "test" / f"{solution['id'][row]}.png"))
        assert np.array_equal(image, hidden[row])


def test_the_solution_stays_with_the_host(folder, frozen):
    kept = read_arrays(frozen.folder / "private" / "labels.npz")
    solution = pd.read_csv(folder / "host" / "solution.csv")
    assert solution["label"].tolist() == kept["labels"].tolist()
    assert (solution["Usage"] == "Public").tolist() == kept["public"].tolist()
    sample = pd.read_csv(folder / "data" / "sample_submission.csv")
    assert sample["id"].tolist() == solution["id"].tolist() and set(sample["label"]) == {0}
    assert {path.name for path in (folder / "data").iterdir()} == {
        "train", "test", "train.csv", "sample_submission.csv"
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["constant", "random", "nearly right"])
def test_the_same_labels_get_the_same_score_here_and_there(kind, metric, folder, frozen):
    rng = np.random.default_rng(11)
    solution = pd.read_csv(folder / "host" / "solution.csv")
    truth = solution["label"].to_numpy()
    labels = {
        "constant": np.full(len(truth), 6),
        "random": rng.integers(0, 8, len(truth)),
        "nearly right": np.where(rng.random(len(truth)) < 0.1, 0, truth),
    }[kind]
    submission = pd.DataFrame({"id": solution["id"], "label": labels}).sample(frac=1, random_state=3)
    for usage, split in (("Public", "public"), ("Private", "private")):
        rows, y_true = labels_of(frozen)[split]
        here = score_split(frozen.contest, y_true, labels[rows]).metrics["accuracy"].value
        half = solution[solution["Usage"] == usage]
        assert repr(metric.score(half, submission, "id")) == repr(here)
        assert repr(metric.score(half.drop(columns="Usage"), submission, "id")) == repr(here)


def test_what_is_wrong_with_a_table_is_said_to_its_owner(metric, folder):
    solution = pd.read_csv(folder / "host" / "solution.csv")
    sample = pd.read_csv(folder / "data" / "sample_submission.csv")
    broken = {
        "no column 'label'": sample.rename(columns={"label": "Label"}),
        "stands twice": pd.concat([sample, sample.head(1)]),
        "have no label": sample.iloc[1:],
        "not names": sample.assign(label="basophil"),
        "must hold integers": sample.assign(label=0.5),
        "Labels run from 8 to 8": sample.assign(label=8),
    }
    for said, table in broken.items():
        with pytest.raises(metric.ParticipantVisibleError, match=said):
            metric.score(solution, table, "id")
    assert metric.score(solution, sample, "id") == (solution["label"] == 0).mean()


def test_the_verb_writes_it(hemobench, tmp_path):
    assert "for the host alone" in hemobench("kaggle", "export", tmp_path / "cells").stdout
    assert (tmp_path / "cells" / "README.md").is_file()
