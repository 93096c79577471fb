"""Probabilities are an extra: whole and in order, or absent with a reason, and no entry ends otherwise for them."""

from __future__ import annotations

import io
import pickle
import textwrap
from typing import Any

import numpy as np
import pytest

from harness.contest import Limits
from harness.sandbox.answer_checks import Failure, check_probabilities
from harness.sandbox.outcome import Outcome
from harness.sandbox.run import run_entry
from harness.sandbox.untrusted import read_probabilities
from tests.sandbox.conftest import ASLEEP

N, N_CLASSES = 4, 8
EVEN = np.full((N, N_CLASSES), 1 / N_CLASSES, np.float32)

# Both answers are read from the first pixel; no two images with different pixels get the same probabilities.
HONEST = """
import json, os, signal, sys, threading, time
import numpy as np

def honest(X):
    first = X[:, 0, 0, 0].astype(int)
    rows = np.full((len(X), 8), 1.0)
    rows[np.arange(len(X)), first % 8] += 1 + first / 7
    return rows / rows.sum(axis=1, keepdims=True)

class Model:
    def predict(self, X):
        return X[:, 0, 0, 0].astype(int) % 8

    def predict_proba(self, X):
"""
RETURN = "return honest(X)"


def honest(batch):
    space: dict[str, Any] = {}
    exec(HONEST + "        pass", space)
    return space["honest"](batch).astype(np.float32)


@pytest.fixture
def ask(zipped, images, tmp_path):
    """Return a function that runs the lines of a `predict_proba` and asks for probabilities."""

    def start(lines=RETURN, model=HONEST, isolation="auto", probabilities=True, **limits):
        model += textwrap.indent(textwrap.dedent(lines), " " * 8)
        return run_entry(
            zipped(model),
            images,
            N_CLASSES,
            Limits(**limits),
            scratch=tmp_path / "scratch",
            order=1,
            probabilities=probabilities,
            isolation=isolation,
        )

    return start


def scored_without(done, words):
    """Say whether a run kept its labels and its consistency check, and gave one note with these words for the rest."""
    assert done.outcome is Outcome.SCORED, done
    assert (done.message, done.hint) == ("", "")
    assert list(done.predictions) == ["val", "public", "again"][: len(done.predictions)]
    assert done.repeat is not None and done.repeat.n_changed == 0
    assert done.probabilities == {}
    (note,) = done.notes
    assert note.startswith("No probabilities, the score stands: ")
    assert note.isprintable()
    assert words in note, note
    return True


def test_honest_probabilities_arrive_unchanged_in_the_images_own_order(ask, images, isolation):
    done = ask(isolation=isolation)
    assert done.outcome is Outcome.SCORED, done
    assert done.notes == ()
    assert list(done.probabilities) == ["val", "public"]
    for split, batch in images.items():
        assert done.probabilities[split].dtype == np.float32
        np.testing.assert_array_equal(done.probabilities[split], honest(batch))
        np.testing.assert_array_equal(done.predictions[split], batch[:, 0, 0, 0] % 8)
    assert {"predict_proba val", "predict_proba public"} <= set(done.seconds)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", ">f4"])
def test_floats_of_any_width_are_probabilities(dtype):
    rows = np.random.default_rng(3).dirichlet(np.ones(N_CLASSES), N)
    found = check_probabilities(rows.astype(dtype), N, N_CLASSES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, rows, atol=1e-3)
    np.testing.assert_array_equal(check_probabilities(EVEN.tolist(), N, N_CLASSES), EVEN)


def test_they_are_asked_for_only_where_somebody_wants_them(ask):
    done = ask("print('asked'); return honest(X)", probabilities=False)
    assert (done.outcome, done.probabilities, done.notes, done.log) == (Outcome.SCORED, {}, (), "")
    assert ask("print('asked'); return honest(X)").log == "asked\nasked\n"


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "    predict_proba = None\n",
        "    @property\n    def predict_proba(self): raise SystemExit(3)\n",
    ],
)
def test_an_entry_that_offers_none_gets_no_note(ask, offer):
    model = "class Model:\n    def predict(self, X):\n        return X[:, 0, 0, 0].astype(int) % 8\n"
    done = ask("", model + offer)
    assert (done.outcome, done.probabilities, done.notes, done.failed) == (Outcome.SCORED, {}, (), {})


@pytest.mark.parametrize(
    ("returned", "code"),
    [
        (None, "returned_none"),
        (EVEN[:3], "wrong_shape"),
        (EVEN[:, :7], "wrong_shape"),
        (EVEN[:, 0], "wrong_shape"),
        (np.eye(8, dtype=int)[:N], "wrong_shape"),
        (np.eye(8, dtype=bool)[:N], "wrong_shape"),
        (EVEN.astype(complex), "wrong_shape"),
        (EVEN.astype(str), "wrong_shape"),
        (EVEN.astype(object), "wrong_shape"),
        (np.where(np.eye(N, N_CLASSES), np.nan, EVEN), "not_finite"),
        (np.where(np.eye(N, N_CLASSES), np.inf, EVEN), "not_finite"),
        (EVEN * 8 * (np.arange(N_CLASSES) - 3), "out_of_range"),
        (EVEN - np.where(np.eye(N, N_CLASSES), 0.126, -0.126 / 7).astype("f4"), "out_of_range"),
        (EVEN * 1.01, "wrong_sums"),
        (EVEN * 0, "wrong_sums"),
        (EVEN * 100, "out_of_range"),
        ([[0.5, 0.5], [1.0]], "no_array"),
        (np.broadcast_to(0.5, (2**40, N_CLASSES)), "too_many_values"),
        ((row for row in EVEN), "wrong_shape"),
    ],
)
def test_anything_else_is_named_with_what_was_expected(returned, code):
    with pytest.raises(Failure) as caught:
        check_probabilities(returned, N, N_CLASSES, "public")
    assert (caught.value.outcome, caught.value.code) == ("bad_output", code)
    assert "predict_proba(X) on public returned" in caught.value.message
    assert "expected floats of shape (4, 8) from 0 to 1 in rows that sum to 1." in caught.value.message


def test_an_array_that_lies_about_itself_is_looked_at_as_it_is():
    class Liar(np.ndarray):
        def __array_function__(self, *args, **kwargs):
            return True

        def __array_ufunc__(self, *args, **kwargs):
            return EVEN

        min = max = sum = lambda self, *args, **kwargs: 1.0  # type: ignore[assignment]

    with pytest.raises(Failure) as caught:
        check_probabilities((EVEN * 2).view(Liar), N, N_CLASSES)
    assert caught.value.code == "wrong_sums"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            "return honest(X)[:, :7]",
            "predict_proba(X) on val returned float64 of shape (20, 7), expected floats of shape",
        ),
        ("return honest(X) if len(X) == 20 else honest(X) / 2", "predict_proba(X) on public returned float64"),
        ("raise ValueError('\\x1b[2J no softmax')", "predict_proba(X) on val failed with ValueError: ?[2J no softmax."),
        ("sys.exit(3)", "predict_proba(X) on val failed with SystemExit: 3."),
        ("raise MemoryError", "predict_proba(X) on val ran out of memory"),
        ("os._exit(0)", "exit code 0 during predict_proba(X) on val"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "Ended by signal SIGSEGV during predict_proba(X) on val."),
    ],
)
def test_a_failure_when_asked_leaves_the_score_and_one_note(ask, lines, words):
    assert scored_without(ask(lines), words)


@pytest.mark.parametrize(
    ("lines", "words", "limits"),
    [
        (ASLEEP, "Not done within 100 s.", {"time_s": 100}),
        (
            "kept = []\nwhile True: kept.append(np.ones(2_000_000)); time.sleep(.01)",
            "MB of memory during predict_proba(X) on val; it may use 200 MB.",
            {"memory_mb": 200},
        ),
        (
            "for _ in range(400): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
            "time.sleep(600)",
            "predict_proba(X) on val",
            {"processes": 60, "time_s": 300},
        ),
    ],
)
def test_an_entry_stopped_when_asked_keeps_the_score_of_its_labels(ask, isolation, leaping_clock, lines, words, limits):
    assert scored_without(ask(lines, isolation=isolation, **limits), words)


def test_an_attribute_that_never_comes_costs_the_probabilities_alone(ask, leaping_clock):
    model = HONEST.replace("    def predict_proba(self, X):", "    @property\n    def predict_proba(self):")
    assert scored_without(ask(ASLEEP, model, time_s=100), "Not done within 100 s.")


def test_an_entry_whose_labels_took_most_of_the_time_is_not_asked(ask, monkeypatch):
    model = HONEST.replace("def predict(self, X):", "def predict(self, X):\n        time.sleep(len(X) == 20)")
    assert ask(model=model, time_s=600).probabilities
    monkeypatch.setattr("harness.sandbox.run.PROBABILITIES_WITHIN", 1 / 600)
    done = ask("print('asked'); return honest(X)", model, time_s=600)
    assert scored_without(done, "predict_proba(X) was not called, since")
    assert "it is called within 1 s" in done.notes[0]
    assert done.log == ""


@pytest.mark.parametrize(("n_other", "kept"), [(1, True), (2, False)])
def test_probabilities_that_contradict_the_labels_are_left_out(ask, n_other, kept):
    turn = f"rows[:{n_other}] = rows[:{n_other}, ::-1]"
    done = ask(f"rows = honest(X)\nif len(X) == 20: {turn}\nreturn rows")
    if kept:
        assert done.probabilities and done.notes == ()
    else:
        words = "predict_proba(X) on val finds another class most probable than predict(X) for 2 of 20 images"
        assert scored_without(done, words)


def test_either_of_two_classes_that_are_equally_probable_may_be_the_label(ask):
    assert list(ask("return np.full((len(X), 8), .125)").probabilities) == ["val", "public"]


# -- the file, which the entry can write, too --------------------------------------------------------------------------


def npy(array: object, version: tuple[int, int] = (1, 0)) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), version=version)
    return buffer.getvalue()


class Bomb:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return exit, ("unpickled",)


def test_the_file_that_numpy_writes_is_read_whatever_bytes_it_ends_in():
    found = read_probabilities(io.BytesIO(npy(EVEN)), N, N_CLASSES)
    np.testing.assert_array_equal(found, EVEN)
    assert found.dtype == np.float32
    assert found.flags.writeable


@pytest.mark.parametrize(
    "content",
    [
        npy(EVEN)[:-1],
        npy(EVEN) + b"\0",
        npy(EVEN[:3]),
        npy(EVEN.T),
        npy(np.asfortranarray(EVEN)),
        npy(EVEN.ravel()),
        npy(EVEN.astype(">f4")),
        npy(EVEN.astype("<f8")),
        npy(EVEN.astype("<i4")),
        npy(EVEN, (2, 0)),
        npy(np.array([Bomb()] * N, object)),
        pickle.dumps(Bomb()),
        npy(EVEN).replace(b"(4, 8)", b"(4,99)"),
        npy(EVEN).replace(b"(4, 8)", b"(2**9)"),
    ],
)
def test_any_other_file_is_refused_unread(content):
    found = read_probabilities(io.BytesIO(content), N, N_CLASSES)
    assert found == "the file of probabilities is not the one array of 4 × 8 float32 it must be"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (EVEN * np.float32(np.nan), "NaN"),
        (EVEN * np.float32(np.inf), "infinite"),
        (np.full_like(EVEN, 3e38), "run from 0 to 3e+38"),
        (EVEN - np.eye(N, N_CLASSES, dtype="f4"), "run from -0.875 to 0.125"),
        (EVEN * np.float32(1.002), "sum to 1.002 to 1.002, expected 1"),
        (np.zeros_like(EVEN), "sum to 0 to 0, expected 1"),
    ],
)
def test_numbers_that_are_no_probabilities_are_named(rows, words):
    assert words in read_probabilities(io.BytesIO(npy(rows)), N, N_CLASSES)


JOB = "json.loads(sys.orig_argv[-1])"
SAID_SCORED = f"""
open({JOB}['report'], 'a').write('{{"stage": "predict_proba public", "outcome": "scored"}}' + chr(10))
os._exit(0)
"""


@pytest.mark.parametrize(
    "forged",
    [
        "b'x' * 99",
        "b'x' * 900",
        "__import__('pickle').dumps(print)",
        "b'\\x93NUMPY' + b'\\x01' * 800",
    ],
)
def test_an_entry_that_writes_the_file_itself_gains_nothing_and_keeps_its_score(ask, forged):
    done = ask(f"open({JOB}['probabilities'], 'wb').write({forged}){SAID_SCORED}")
    assert scored_without(done, "The entry wrote into the harness's own files: the file of probabilities is not")


@pytest.mark.parametrize(("size", "outcome"), [(4_000, "scored"), (10_000, "bad_output")])
def test_an_entry_that_writes_more_than_the_file_may_hold_is_stopped(ask, isolation, leaping_clock, size, outcome):
    lines = f"with open({JOB}['probabilities'], 'ab') as file: file.write(b'x' * {size})\n"
    lines += ASLEEP if outcome == "scored" else "time.sleep(600)"
    done = ask(lines, isolation=isolation, time_s=100)
    assert done.outcome == outcome
    assert (done.seconds["wall"] < 100) == (outcome == "bad_output")
    assert done.probabilities == {}


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", ASLEEP])
def test_who_claims_to_be_asked_for_what_does_not_count_has_to_have_answered(ask, leaping_clock, end):
    claim = f"open({JOB}['report'], 'a').write('{{\"stage\": \"predict_proba val\"}}' + chr(10)); {end}"
    done = ask(model=HONEST.replace("return X[:", f"{claim}\n        return X[:"))
    assert done.outcome is Outcome.BAD_OUTPUT
    assert (done.predictions, done.probabilities) == ({}, {})
