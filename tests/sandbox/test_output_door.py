"""What leaves the sandbox: one plain array of labels, and a report that is believed in nothing."""

from __future__ import annotations

import io
import pickle
import textwrap

import numpy as np
import pytest

from harness.sandbox.answer_checks import Failure, check_labels
from harness.sandbox.outcome import Outcome
from harness.sandbox.untrusted import read_predictions

N, N_CLASSES = 4, 8
LABELS = np.array([0, 7, 3, 3])


def npy(array: object, version: tuple[int, int] = (1, 0)) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), version=version)
    return buffer.getvalue()


def read(content: bytes, **keywords: int) -> np.ndarray | str:
    return read_predictions(io.BytesIO(content), N, N_CLASSES, **keywords)


class Bomb:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return exit, ("unpickled",)


def test_the_file_that_numpy_writes_is_read():
    found = read(npy(LABELS))
    np.testing.assert_array_equal(found, LABELS)
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    "content",
    [
        b"",
        npy(LABELS)[:-1],
        npy(LABELS) + b"\0",
        npy(LABELS[:3]),
        npy(np.append(LABELS, 0)),
        npy(LABELS.astype(">i8")),
        npy(LABELS.astype("<i4")),
        npy(LABELS.astype("<f8")),
        npy(LABELS.astype("<u8")),
        npy(LABELS[:, None]),
        npy(LABELS, (2, 0)),
        npy(np.array([Bomb()] * N, object)),
        pickle.dumps(Bomb()),
        npy(LABELS).replace(b"False", b"True,"),
        npy(LABELS).replace(b"(4,)", b"(9,)"),
        npy(LABELS).replace(b"(4,), ", b"(2**9,)"),
        npy(LABELS).replace(b"NUMPY", b"NUMPZ"),
    ],
)
def test_any_other_file_is_refused_unread(content):
    assert read(content) == "the file of predictions is not the one array of 4 integers it must be"


@pytest.mark.parametrize(
    ("labels", "range_"), [([0, 1, 2, 8], "0 to 8"), ([0, 1, 2, -1], "-1 to 2"), ([-9] * 4, "-9 to -9")]
)
def test_labels_out_of_range_are_named(labels, range_):
    assert read(npy(labels)) == f"labels run from {range_}, expected 0 to 7"


def test_only_an_image_that_needs_no_answer_may_lack_one():
    np.testing.assert_array_equal(read(npy([0, 1, -1, 2]), n_needed=2), [0, 1, -1, 2])
    assert "from -1 to 2" in read(npy([0, -1, 1, 2]), n_needed=2)
    assert "from -2 to 2" in read(npy([0, 1, -2, 2]), n_needed=2)


class Liar(np.ndarray):
    """Labels out of range that claim to be in it, whatever is asked of them."""

    def min(self, *args, **kwargs):
        return 0

    max = sum = min

    def __array_function__(self, *args, **kwargs):
        return np.zeros(N, int)

    def __array_ufunc__(self, *args, **kwargs):
        return np.zeros(N, int)

    def __getitem__(self, key):
        return 0

    def __len__(self):
        return N


@pytest.mark.parametrize(
    ("returned", "code"),
    [
        (np.full(N, 9).view(Liar), "out_of_range"),
        (np.zeros((N, 1, 1), int), "wrong_shape"),
        (np.random.default_rng(1).normal(size=(N, N_CLASSES)), "class_scores"),
        (np.full((N, N_CLASSES), np.nan), "not_finite"),
        (np.zeros((N, N_CLASSES), "M8[s]"), "no_numbers"),
        (np.zeros((N, N_CLASSES), "m8[s]"), "no_numbers"),
        (np.zeros(N, [("label", int)]), "no_numbers"),
        (np.zeros(N, complex), "no_integers"),
        (np.broadcast_to(np.int8(0), (2**40,)), "too_many_values"),
        (np.broadcast_to(0.5, (2**40, N_CLASSES)), "too_many_values"),
        ((label for label in LABELS), "no_numbers"),
        ({0: 1}, "no_numbers"),
    ],
)
def test_what_predict_returns_by_mistake_or_by_malice_is_named(returned, code):
    with pytest.raises(Failure) as caught:
        check_labels(returned, N, N_CLASSES)
    assert (caught.value.outcome, caught.value.code) == ("bad_output", code)
    assert caught.value.hint


def test_labels_do_not_change_after_they_were_checked():
    kept = LABELS.copy()
    checked = check_labels(kept, N, N_CLASSES)
    kept[:] = 99
    np.testing.assert_array_equal(checked, LABELS)


# Finds the files of the run where every entry can: in the frames that called it.
FIND_RUN = """
import os, pickle, sys
import numpy as np

def job():
    frame = sys._getframe()
    while frame:
        if hasattr(frame.f_locals.get("self"), "job"):
            return frame.f_locals["self"].job
        frame = frame.f_back

class Bomb:
    def __reduce__(self):
        return exit, ("unpickled",)

class Model:
    def predict(self, X):
"""
SAID_SCORED = "open(job()['report'], 'a').write('{\"outcome\": \"scored\"}\\n')\n"


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ("open(job()['report'], 'a').write('[' * 30_000 + '\\n')\nos._exit(0)", Outcome.PREDICT_FAILED),
        ("open(job()['report'], 'a').write('{\"a\":' * 9_000 + '\\n')\nos._exit(0)", Outcome.PREDICT_FAILED),
        ("open(job()['report'], 'ab').write(b'\\xff\\xfe\\n' * 900)\nos._exit(0)", Outcome.PREDICT_FAILED),
        (f"{SAID_SCORED}os._exit(0)", Outcome.BAD_OUTPUT),
        (f"pickle.dump(Bomb(), open(job()['predictions'], 'wb'))\n{SAID_SCORED}os._exit(0)", Outcome.BAD_OUTPUT),
        (
            f"np.save(open(job()['predictions'], 'wb'), np.array([Bomb()] * 99, object))\n{SAID_SCORED}os._exit(0)",
            Outcome.BAD_OUTPUT,
        ),
        ("return X[:, 0, 0, 0].astype(int) % 8", Outcome.SCORED),
    ],
)
def test_an_entry_that_writes_the_harness_s_own_files_gains_nothing(run, lines, outcome):
    ended = run(FIND_RUN + textwrap.indent(lines, "        "))
    assert ended.outcome is outcome, ended
    assert ended.message.isprintable()
