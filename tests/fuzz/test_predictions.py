"""What an entry leaves: any labels, any file and any report become an outcome, never a fault of ours."""

from __future__ import annotations

import io
import json

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness.contest import Limits
from harness.sandbox.answer_checks import Failure, check_labels, check_probabilities
from harness.sandbox.outcome import Outcome, RequestFailure
from harness.sandbox.prediction_plan import PREDICT_PROBA, PredictionRequest
from harness.sandbox.resolve_outcome import read_report, resolve_outcome
from harness.sandbox.untrusted import read_predictions, read_probabilities
from harness.sandbox.watch import Watched
from tests.fuzz.mutations import DEEP, TEXT, damaged, other_document, values

N, N_AGAIN, N_CLASSES = 6, 3, 4
PASSES = [
    PredictionRequest("hidden", np.zeros((N, 2, 2, 3), np.uint8)),
    PredictionRequest("again", np.zeros((N_AGAIN, 2, 2, 3), np.uint8), (1, 2), needed=False),
]
ASKED = [*PASSES, PredictionRequest("hidden", PASSES[0].images, needed=False, method=PREDICT_PROBA)]


def npy(labels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, labels)
    return buffer.getvalue()


WHOLE = npy(np.array([0, 1, 2, 3, 0, 1, 2, -1, -1]))
FILES = st.one_of(
    damaged(WHOLE),
    damaged(WHOLE, keep=128),
    st.lists(st.integers(-2, 5), min_size=7, max_size=10).map(lambda labels: npy(np.array(labels))),
    st.sampled_from(
        [npy(np.zeros(9)), npy(np.zeros(9, ">i8")), npy(np.array([{}] * 9, object)), npy(np.zeros((9, 1)))]
    ),
    st.binary(max_size=40),
)


LIKELY = np.full((N, N_CLASSES), 0.2, np.float32)
LIKELY[np.arange(N), [0, 1, 2, 3, 0, 1]] = 0.4
ODD = st.sampled_from([np.nan, np.inf, -np.inf, -1e-9, -0.0, 1e-45, 0.5, 1.0, 1.5, 3e38])
PROBABILITIES = st.one_of(
    damaged(npy(LIKELY)),
    damaged(npy(LIKELY), keep=128),
    arrays.arrays(np.float32, (N, N_CLASSES), elements=st.floats(0, 1, width=32)).map(npy),
    arrays.arrays(np.float32, (N, N_CLASSES), elements=ODD.map(np.float32)).map(npy),
    arrays.arrays(np.uint8, N * N_CLASSES * 4).map(lambda data: npy(data.view("<f4").reshape(N, N_CLASSES))),
    st.sampled_from([npy(LIKELY.astype(float)), npy(LIKELY.T), npy(LIKELY.astype(">f4")), npy(np.array([{}] * N))]),
    st.binary(max_size=40),
)


def check_predictions(labels: np.ndarray) -> None:
    assert labels.dtype == np.int64
    assert labels.shape == (N + N_AGAIN,)
    assert labels.max() < N_CLASSES
    assert labels[:N].min() >= 0
    assert labels.min() >= -1


@given(content=FILES)
def test_any_file_of_predictions_is_labels_or_a_sentence(target, content):
    with target.case():
        found = read_predictions(io.BytesIO(content), N + N_AGAIN, N_CLASSES, n_needed=N)
        if isinstance(found, str):
            assert found.isprintable()
        else:
            check_predictions(found)


def check_rows(rows: np.ndarray) -> None:
    assert type(rows) is np.ndarray
    assert rows.dtype == np.float32
    assert rows.shape == (N, N_CLASSES)
    assert 0 <= rows.min() <= rows.max() <= 1.001
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1.1e-3)


@given(content=PROBABILITIES)
def test_any_file_of_probabilities_is_rows_or_a_sentence(target, content):
    with target.case():
        found = read_probabilities(io.BytesIO(content), N, N_CLASSES)
        if isinstance(found, str):
            assert found.isprintable()
        else:
            check_rows(found)


class Lazy:
    """An object that becomes an array when asked, or does something else."""

    def __init__(self, content: object) -> None:
        self.content = content

    def __array__(self, dtype=None, copy=None):
        if isinstance(self.content, BaseException):
            raise self.content
        return self.content

    def __repr__(self) -> str:
        raise RuntimeError("no name")


class Evil(np.ndarray):
    """An array that lies about itself to whoever asks it."""

    dtype = property(lambda self: np.dtype("i8"))
    shape = property(lambda self: (N,))
    __len__ = lambda self: N  # noqa: E731
    min = lambda self, *a, **k: 0  # type: ignore[assignment]  # noqa: E731
    max = lambda self, *a, **k: 0  # type: ignore[assignment]  # noqa: E731
    astype = lambda self, *a, **k: self  # noqa: E731

    def __array_finalize__(self, other):
        pass

    def __array_function__(self, *args, **kwargs):
        return self

    def __array_ufunc__(self, *args, **kwargs):
        return self


SHAPES = st.one_of(
    st.sampled_from([(N,), (N, 1), (N, N_CLASSES), (), (0,), (N, N_CLASSES, 1), (1, N)]),
    arrays.array_shapes(max_side=7),
)
ARRAYS = st.tuples(
    st.one_of(arrays.scalar_dtypes(), arrays.nested_dtypes(max_leaves=3), st.just(np.dtype(object))), SHAPES
).flatmap(lambda kind: arrays.arrays(kind[0], kind[1], elements=values() if kind[0].hasobject else None))
RETURNED = st.one_of(
    ARRAYS,
    ARRAYS.map(lambda array: array.view(Evil)),
    ARRAYS.map(Lazy),
    st.sampled_from([ValueError("x\n\x1b[2J"), RecursionError(), Exception("y" * 9999)]).map(Lazy),
    values().map(Lazy),
    values(),
    st.lists(st.integers(-1, N_CLASSES), min_size=N, max_size=N),
    st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=N),
    st.integers(0, 3).map(lambda label: np.broadcast_to(np.int64(label), (N,))),
    st.sampled_from([np.ma.masked_array(range(N), [1] * N), np.zeros(N).view(np.recarray), range(N), {1, 2}, object()]),
    st.sampled_from([np.broadcast_to(np.int8(0), (2**40,)), np.broadcast_to(np.float64(0), (2**40, N_CLASSES))]),
)


@given(returned=RETURNED)
def test_whatever_predict_returns_is_labels_or_named(target, returned):
    with target.case(Failure):
        try:
            labels = check_labels(returned, N, N_CLASSES)
        except Failure as failure:
            assert failure.outcome == "bad_output"
            assert len(failure.message) < 2000
            assert failure.hint
            raise
        assert type(labels) is np.ndarray
        assert labels.dtype == np.int64
        assert labels.shape == (N,)
        assert 0 <= labels.min() <= labels.max() < N_CLASSES
        assert not np.shares_memory(labels, returned) if isinstance(returned, np.ndarray) else True


@np.errstate(all="ignore")
def narrowed(rows: np.ndarray, dtype: str) -> np.ndarray:
    return rows.astype(dtype)


WIDE = st.one_of(
    arrays.arrays(np.float64, (N, N_CLASSES), elements=ODD),
    st.permutations([0.25, 0.25, 0.5, -0.0]).map(lambda row: np.array([row] * N)),
)
ROWS = st.builds(narrowed, WIDE, st.sampled_from(["f2", "f4", "f8", ">f4", "g"]))


@given(returned=st.one_of(RETURNED, ROWS, ROWS.map(lambda rows: rows.view(Evil)), ROWS.map(Lazy)))
def test_whatever_predict_proba_returns_is_probabilities_or_named(target, returned):
    with target.case(Failure):
        try:
            rows = check_probabilities(returned, N, N_CLASSES)
        except Failure as failure:
            assert failure.outcome == "bad_output"
            assert len(failure.message) < 2000
            raise
        check_rows(rows)
        if isinstance(returned, np.ndarray):
            assert not np.shares_memory(rows, returned.view(np.ndarray))


REPORT = json.dumps(
    {
        "stage": "predict hidden",
        "outcome": "scored",
        "code": "",
        "message": "",
        "hint": "",
        "subject": "",
        "seconds": {"load": 1.5, "hidden": 2.5},
        "failed": {"again": ["no_array", "no labels"], "predict_proba hidden": ["wrong_sums", "no rows"]},
        "environment": {"python": "3.11.7", "numpy": "2.3.0", "device": "cpu"},
    }
).encode()
LINES = st.one_of(
    other_document(REPORT),
    damaged(REPORT),
    st.sampled_from(["hidden", "again"]).map(
        lambda name: REPORT.replace(b"predict hidden", f"predict {name}".encode())
    ),
    st.just(REPORT.replace(b"predict hidden", b"predict_proba hidden").replace(b"scored", b"")),
    st.just(REPORT.replace(b"predict_proba hidden", b"x")),
    st.sampled_from(Outcome).map(lambda outcome: REPORT.replace(b"scored", outcome.encode())),
    values().map(lambda value: json.dumps(value).encode()),
    DEEP.map(lambda deep: REPORT[:-1] + b', "more": ' + b"[" * deep),
    DEEP.map(lambda deep: b'{"seconds": ' + b'{"a":' * deep),
    TEXT.map(
        lambda text: json.dumps({"stage": f"predict {text}", "message": text, "environment": {text: text}}).encode()
    ),
    st.integers(60_000, 70_000).map(lambda size: b" " * size),
)


@given(
    lines=st.lists(LINES, max_size=3),
    predictions=FILES,
    probabilities=PROBABILITIES,
    stopped=st.sampled_from(["", "", "", "time", "memory", "processes", "files"]),
    returncode=st.integers(-70, 260),
    log=TEXT,
)
def test_any_report_beside_any_answers_ends_in_one_outcome(
    target, lines, predictions, probabilities, stopped, returncode, log
):
    seen = {"told": (), "ready": True, "stopped": stopped, "returncode": returncode, "log": log}
    watched = Watched(**seen, wall_s=1.0, peak_memory_mb=9.0)
    with target.case():
        report = read_report(io.BytesIO(b"".join(line + b"\n" for line in lines)))
        files = io.BytesIO(predictions), io.BytesIO(probabilities)
        run = resolve_outcome(watched, report, *files, ASKED, N_CLASSES, Limits())
        failed = [text for one in run.failed.values() for text in (one.code, one.message)]
        told = [
            run.code,
            run.subject,
            run.message,
            run.hint,
            *failed,
            *run.environment,
            *run.environment.values(),
            *run.seconds,
        ]
        assert all(text.isprintable() for text in told)
        assert sum(map(len, told)) < 80_000
        assert bool(run.predictions) == (run.outcome is Outcome.SCORED)
        assert run.outcome is Outcome.SCORED or run.message
        assert run.outcome is not Outcome.SCORED or not run.code
        if run.probabilities:
            assert run.outcome is Outcome.SCORED
            assert list(run.probabilities) == ["hidden"]
            assert "predict_proba hidden" not in run.failed
            check_rows(run.probabilities["hidden"])
        for one in PASSES[: len(run.predictions)]:
            assert run.predictions[one.name].shape == (len(one.images),)
        # A card that keeps these numbers can be read again.
        facts = {"seconds": run.seconds, "environment": run.environment}
        assert msgspec.json.decode(msgspec.json.encode(facts)) == facts


@pytest.mark.parametrize("n_missing", [0, 1, 2, 3])
def test_whole_predictions_with_a_report_are_scored(n_missing):
    """The counterpart of the cases above."""
    labels = np.array([0, 1, 2, 3, 0, 1, 2, 2, 2])
    labels[len(labels) - n_missing :] = -1
    seen = {"told": (), "ready": True, "stopped": "", "returncode": 0, "log": ""}
    watched = Watched(**seen, wall_s=1.0, peak_memory_mb=9.0)
    report = read_report(io.BytesIO(REPORT + b"\n"))
    run = resolve_outcome(watched, report, io.BytesIO(npy(labels)), io.BytesIO(), PASSES, N_CLASSES, Limits())
    assert run.outcome is Outcome.SCORED
    assert list(run.predictions) == ["hidden", *([] if n_missing else ["again"])]
    assert list(run.failed) == (["again"] if n_missing else [])


@pytest.mark.parametrize(("told", "kept"), [(-1e9, 9.0), (8.5, 9.0), (31.5, 31.5), (1e308, 6000.0)])
def test_what_an_entry_tells_of_its_memory_is_held_between_what_was_seen_and_its_limit(told, kept):
    watched = Watched(told=(), ready=True, stopped="", returncode=0, log="", wall_s=1.0, peak_memory_mb=9.0)
    report = read_report(io.BytesIO(msgspec.json.encode({"outcome": "scored", "memory_mb": told}) + b"\n"))
    run = resolve_outcome(watched, report, io.BytesIO(), io.BytesIO(), PASSES, N_CLASSES, Limits())
    assert run.peak_memory_mb == kept


@pytest.mark.parametrize(("told", "kept"), [("no rows", False), ("", True)])
def test_whole_probabilities_are_kept_where_the_report_does_not_take_them_back(told, kept):
    labels = np.array([0, 1, 2, 3, 0, 1, 2, 2, 2])
    watched = Watched(told=(), ready=True, stopped="", returncode=0, log="", wall_s=1.0, peak_memory_mb=9.0)
    report = read_report(io.BytesIO(REPORT.replace(b"no rows", told.encode()) + b"\n"))
    run = resolve_outcome(watched, report, io.BytesIO(npy(labels)), io.BytesIO(npy(LIKELY)), ASKED, N_CLASSES, Limits())
    assert run.outcome is Outcome.SCORED
    assert run.failed == ({} if kept else {"predict_proba hidden": RequestFailure("wrong_sums", "no rows")})
    assert list(run.probabilities) == (["hidden"] if kept else [])
    if kept:
        np.testing.assert_array_equal(run.probabilities["hidden"], LIKELY)
