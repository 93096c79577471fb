"""Calibration, forecasts from confidences, seeds and probing: from kept probabilities and the values of the board."""

import msgspec
import numpy as np
import pytest

from harness.analysis.build import gather
from harness.analysis.calibration import expected_calibration_error, log_loss, reliability
from harness.analysis.forecast import (
    Errors,
    Forecast,
    average_thresholded_confidence,
    difference_of_confidences,
    in_whole_images,
)
from harness.analysis.overfitting import probing
from harness.analysis.preview import (
    DRAWS,
    METHODS,
    ForecastMethod,
    best_method,
    confidence_of,
    generator,
    predict_score,
    preview,
)
from harness.board.ledger import Line, read_lines
from harness.board.recorder import open_to_read
from harness.freeze.frozen import read_arrays
from harness.freeze.hashing import hash_file
from harness.report.page import render
from harness.score.card import share_of
from harness.score.evaluate import labels_of
from tests.report.entries import pairwise_of


@pytest.fixture(scope="module")
def sure(make_desk):
    desk = make_desk()
    for number, accuracy in enumerate((0.9, 0.8, 0.95, 0.7)):
        desk.record(f"team {number}", accuracy, number=number, sure=number != 3)
    return desk


@pytest.fixture(scope="module")
def report(sure):
    return gather(sure.workspace, sure.frozen)


def arrays_of(desk, entry):
    return read_arrays(sorted(desk.workspace.cards(desk.frozen.contest.name).glob("*.npz"))[entry - 1])


def test_calibration_is_that_of_the_kept_probabilities(sure, report):
    for row in report.rows:
        if row.name == "team 3":
            assert row.detail.calibration == {}
            continue
        assert list(row.detail.calibration) == ["val", "val_shifted", "public"]
        for split, found in row.detail.calibration.items():
            probabilities, y_true = arrays_of(sure, row.id)[f"{split}_probabilities"], labels_of(sure.frozen)[split][1]
            bins = reliability(probabilities, y_true, bins=15)
            assert found.bins == bins
            slack = 5.01e-4 if split == "public" else 1e-12
            assert found.ece == pytest.approx(expected_calibration_error(bins), abs=slack)
            assert found.log_loss == pytest.approx(log_loss(probabilities, y_true), abs=slack)


def test_the_log_loss_of_hidden_images_cannot_spell_labels(report):
    for row in report.rows:
        if row.detail.calibration:
            found = row.detail.calibration["public"]
            assert [round(value, 3) for value in (found.ece, found.log_loss, found.brier)] == [
                found.ece,
                found.log_loss,
                found.brier,
            ]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: table[:-1],
        lambda table: table[:, :-1],
        lambda table: table * np.float32(1.01),
        lambda table: np.where(np.arange(len(table))[:, None] == 3, np.float32("nan"), table),
        lambda table: table.astype(np.float64),
        lambda table: table + np.float32([[0.5, -0.5] + [0] * (table.shape[1] - 2)]),
    ],
    ids=["short", "narrow", "sums", "nan", "dtype", "negative"],
)
def test_probabilities_that_are_none_are_left_out_and_labels_stay(desk, spoil):
    desk.record("one", 0.9, sure=True)
    path = next(desk.workspace.cards(desk.frozen.contest.name).glob("*.npz"))
    arrays = read_arrays(path)
    arrays["val_probabilities"] = spoil(arrays["val_probabilities"])
    np.savez(path, **arrays)
    (line,) = read_lines(desk.workspace.ledger)[0]  # as if the entry had answered so
    receipt = msgspec.structs.replace(line.receipt, labels_sha256=hash_file(path))
    desk.workspace.ledger.write_bytes(Line.of(receipt).text + b"\n")
    desk.workspace.board.unlink()
    detail = gather(desk.workspace, desk.frozen).rows[0].detail
    assert list(detail.calibration) == ["val_shifted", "public"]


def test_forecasts_from_confidences_look_at_no_hidden_label(sure, report):
    y_true = labels_of(sure.frozen)["val_shifted"][1]
    for row in report.rows:
        if row.name == "team 3":
            assert row.forecasts["atc"] is None
            assert row.forecasts["doc"] is None
            continue
        arrays = arrays_of(sure, row.id)
        home, away = (arrays[f"{split}_probabilities"].max(axis=1).astype(float) for split in ("val_shifted", "public"))
        right = arrays["val_shifted"] == y_true
        n = len(away)
        assert row.forecasts["doc"] == in_whole_images(difference_of_confidences(home, right, away), n)
        rng = generator(sure.frozen.lock_hash, row.zip_sha256)
        atc = average_thresholded_confidence(home, right, away, rng, draws=DRAWS)
        assert row.forecasts["atc"] == in_whole_images(atc, n)
    assert {method.name: method.errors.n for method in report.methods if method.errors}["atc"] == 3


def test_a_zip_is_predicted_before_it_has_a_row_as_it_is_afterwards(make_desk):
    desk = make_desk()
    for number, accuracy in enumerate((0.9, 0.8, 0.95, 0.7, 0.85, 0.75, 0.88)):
        desk.record(f"team {number}", accuracy, number=number, sure=True)
    before = gather(desk.workspace, desk.frozen)
    said = desk.labels(0.82, 5, 5)
    probabilities = {name.removesuffix("_probabilities"): of for name, of in desk.probabilities(said).items()}
    with open_to_read(desk.workspace) as board:
        found = preview(desk.workspace, board, desk.frozen, said, "ab" * 32, probabilities)
    truth = {split: labels for split, (_, labels) in labels_of(desk.frozen).items()}
    right = {split: said[split] == truth[split] for split in ("val", "val_shifted")}
    earlier = np.array(
        [
            [row.scores[split]["accuracy"].value for split in ("val", "val_shifted", "public")]
            for row in sorted(before.rows, key=lambda row: row.id)
        ]
    )
    assert found.forecasts == predict_score(
        earlier,
        metric="accuracy",
        val=float(right["val"].mean()),
        shifted=share_of(int(right["val_shifted"].sum()), len(right["val_shifted"])),
        n_hidden=len(truth["public"]),
        confidence=confidence_of(said, probabilities, truth["val_shifted"]),
        rng=generator(desk.frozen.lock_hash, "ab" * 32),
    )
    assert all(found.forecasts.values())
    for method, same in zip(found.methods, before.methods, strict=True):
        assert method.errors.n == same.errors.n
        assert method.errors.mean_absolute == pytest.approx(same.errors.mean_absolute)
    assert found.best == best_method(before.methods)
    assert found.forecast == found.forecasts[found.best]


def test_before_the_first_entry_shifted_validation_is_the_forecast(desk):
    with open_to_read(desk.workspace) as board:
        found = preview(desk.workspace, board, desk.frozen, desk.labels(0.9, 0, 0), "cd" * 32)
    assert found.best == "shifted"
    assert found.title == METHODS["shifted"]
    assert found.forecasts["line"] is None


def test_the_best_method_is_one_that_can_predict_and_was_tried_often():
    methods = [
        ForecastMethod("shifted", "", Errors(0.05, 0.9, 10)),
        ForecastMethod("line", "", Errors(0.03, 0.9, 8)),
        ForecastMethod("atc", "", Errors(0.01, 0.9, 2)),
        ForecastMethod("doc", "", None),
    ]
    assert best_method(methods) == "line"
    assert best_method(methods, {"shifted": Forecast(0.9, 0.8, 1.0), "line": None}) == "shifted"
    assert best_method([]) is None


def test_seeds_of_one_recipe_are_pooled_over_the_whole_board(desk):
    for number, (accuracy, recipe) in enumerate(
        [(0.9, "a"), (0.5, "b"), (0.8, "a"), (0.7, ""), (0.85, "a"), (0.6, "")]
    ):
        desk.record(f"team {number}", accuracy, number=number, recipe=recipe, seed_of_recipe=number)
    report = gather(desk.workspace, desk.frozen, top=1)
    (seeds,) = report.seeds
    assert seeds.name == "team 0"
    assert seeds.entries == (1, 3, 5)
    every = {row.id: row for row in gather(desk.workspace, desk.frozen).rows}
    for split, pooled in seeds.scores.items():
        values = [every[number].scores[split]["accuracy"].value for number in seeds.entries]
        assert pooled.mean == pytest.approx(np.mean(values))
        assert pooled.sd == pytest.approx(np.std(values, ddof=1))
        assert pooled.n == 3
    assert {row.id: row.seeds for row in every.values()} == {1: 3, 2: 1, 3: 3, 4: 1, 5: 3, 6: 1}


def test_a_team_with_many_submissions_is_metered_by_itself(desk):
    for number in range(10):
        desk.record("busy", 0.8, number=number)
        if number:
            desk.record("calm", 0.9, number=20 + number)
    report = gather(desk.workspace, desk.frozen)
    (team,) = report.teams
    scores = [row.scores["public"]["accuracy"].value for row in report.rows if row.name == "busy"]
    assert (team.name, team.best, team.shown) == ("busy", max(scores), 10)
    n = next(split.n for split in report.splits if split.name == "public")
    expected = probing(10, n, float(np.mean(scores)), desk.frozen.contest.n_classes)
    assert team.probing.submissions == expected.submissions
    assert team.probing.best_of_k_bias == pytest.approx(expected.best_of_k_bias)
    assert team.probing.boosting_gain == expected.boosting_gain
    assert report.probing.submissions == 19


def test_a_hundred_entries_with_calibration_take_less_than_three_megabytes(report):
    """Nor do they where names and messages are as long as they may be, and the pairs are counted."""
    first = report.rows[0]
    rows = tuple(
        msgspec.structs.replace(first, rank=number + 1, id=number + 1, name="n" * 60, message="m" * 200)
        for number in range(100)
    )
    assert len(first.detail.calibration) == 3
    assert (
        len(render(msgspec.structs.replace(report, rows=rows, pairwise=pairwise_of(100, report)), {}).encode())
        < 2_700_000
    )
