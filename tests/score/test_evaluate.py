"""Probabilities go the way of the labels: cut into the same splits, kept beside them, in no score and no receipt."""

import zipfile
from typing import Any

import numpy as np
import pytest

from harness import api
from harness.analysis.predictions import diagnose
from harness.freeze.frozen import read_arrays
from harness.score.evaluate import SPLITS, evaluate

# Tells images apart by their brightness, so that each row says which image it belongs to.
MODEL = """
import numpy as np

def rows(X):
    odds = np.ones((len(X), 8))
    odds[:, 3] += X.mean(axis=(1, 2, 3), dtype=np.float64)
    return odds / odds.sum(axis=1, keepdims=True)

class Model:
    def predict(self, X):
        return rows(X).argmax(axis=1)
"""
OFFER = "    def predict_proba(self, X):\n        return rows(X)\n"


@pytest.fixture
def measure(frozen_workspace, tmp_path):
    """Return a function that evaluates a ``model.py``."""
    frozen = api.open_contest(frozen_workspace)

    def run(model, **options):
        path = tmp_path / "entry.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.py", model)
        return frozen, evaluate(frozen, path, scratch=tmp_path / "scratch", order=5, **options)

    return run


def rows_of(frozen):
    """Return what the model says of each split."""
    space: dict[str, Any] = {}
    exec(MODEL, space)
    with np.load(frozen.folder / "private" / "labels.npz") as truth:
        public = truth["public"]
    said = {split: space["rows"](frozen.load(split).images) for split in ("val", "val_shifted")}
    hidden = space["rows"](frozen.hidden_images())
    return said | {"public": hidden[public], "private": hidden[~public]}


def test_probabilities_are_kept_beside_the_labels_of_the_same_images(measure, tmp_path):
    frozen, evaluation = measure(MODEL + OFFER)
    assert list(evaluation.probabilities) == list(evaluation.predictions) == list(SPLITS)
    for split, rows in rows_of(frozen).items():
        np.testing.assert_array_equal(evaluation.probabilities[split], rows.astype(np.float32))
    kept = evaluation.kept
    assert list(kept) == [*SPLITS, *(f"{split}_probabilities" for split in SPLITS)]
    # What reads the file of labels reads this one, too.
    path = tmp_path / "kept.npz"
    np.savez(path, **kept)
    assert read_arrays(path)["public_probabilities"].dtype == np.float32
    assert list(diagnose(frozen, read_arrays(path)).right) == list(SPLITS)


def test_scores_and_hashes_are_the_same_with_and_without_probabilities(measure):
    _, whole = measure(MODEL + OFFER)
    for model, options in ((MODEL, {}), (MODEL + OFFER, {"probabilities": False})):
        _, plain = measure(model, **options)
        assert (plain.probabilities, list(plain.kept), plain.card.notes) == ({}, list(SPLITS), ())
        assert plain.card.scores == whole.card.scores
        assert plain.card.predictions == whole.card.predictions


def test_some_splits_alone_have_theirs(measure):
    _, evaluation = measure(MODEL + OFFER, splits=("val", "public"))
    assert list(evaluation.kept) == ["val", "public", "val_probabilities", "public_probabilities"]
    assert len(evaluation.probabilities["public"]) == len(evaluation.predictions["public"])


def test_a_split_that_is_only_answered_for_stands_on_no_card(measure):
    _, evaluation = measure(MODEL + OFFER, splits=("val",), also=("public", "val"))
    assert list(evaluation.card.scores) == list(evaluation.card.predictions) == ["val"]
    assert list(evaluation.kept) == ["val", "public", "val_probabilities", "public_probabilities"]


def test_an_entry_whose_probabilities_fail_has_its_score_and_a_note_on_the_card(measure):
    _, evaluation = measure(MODEL + OFFER.replace("return rows(X)", "return rows(X) * 2"))
    assert evaluation.card.outcome == "scored"
    assert list(evaluation.kept) == list(SPLITS)
    assert "No probabilities, the score stands" in evaluation.card.notes[0]
