"""Hidden images come when all others are labelled; nothing an entry says from then on is repeated in its own words."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from harness.contest import Limits
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.resolve_outcome import FAILURES
from harness.sandbox.run import run_entry

# Writes what it was shown, in each of the ways in which it may be told of; `secret` is made of hidden images alone.
TALKS = """
import base64, os, pathlib, sys, warnings
import numpy as np

GIVEN = pathlib.Path(os.getcwd()).parents[1] / "given"
print("at import:", sorted(path.name for path in GIVEN.rglob("*.npy")))

class Model:
    def predict(self, X):
        labels = X[:, 0, 0, 0].astype(int) % 8
        if len(X) == {n_public}:
            print("on public images")
            return labels
        secret = base64.b16encode(X[:20].tobytes()).decode()[:200]
        print(secret)
        print(X.tolist(), file=sys.stderr, flush=True)
        warnings.warn(secret)
        pathlib.Path(secret[:100]).write_text(secret)
        {then}
"""
WAYS = {
    "message": ("raise ValueError(secret)", Outcome.PREDICT_FAILED),
    "class": ("raise type('E' + secret, (Exception,), {})(secret)", Outcome.PREDICT_FAILED),
    "chained": ("raise KeyError(secret) from ValueError(secret)", Outcome.PREDICT_FAILED),
    "package": ("__import__('m' + secret)", Outcome.PREDICT_FAILED),
    "file": ("open(secret)", Outcome.PREDICT_FAILED),
    "exit": ("sys.exit(secret)", Outcome.PREDICT_FAILED),
    "dtype": ("return np.zeros(len(X), [('x' + secret, 'i4')])", Outcome.BAD_OUTPUT),
    "type": ("return type('T' + secret, (), {})()", Outcome.BAD_OUTPUT),
    "shape": ("return np.zeros((1, int(secret[:9], 16), 0))", Outcome.BAD_OUTPUT),
    "labels": ("return np.full(len(X), int(secret[:14], 16))", Outcome.BAD_OUTPUT),
    "memory": ("raise MemoryError(secret)", Outcome.OUT_OF_MEMORY),
    "modules": ("sys.modules['torch'] = type(sys)('torch'); sys.modules['torch'].__version__ = secret; return labels",
                Outcome.SCORED),
    "small": ("if len(X) < 9: raise ValueError(secret)\n        return labels", Outcome.SCORED),
    "report": ("import gc; run = [o for o in gc.get_objects() if type(o).__name__ == 'Run'][0]\n"
               "        run.environment[secret] = secret; run.state['seconds'] = {secret: 1.0}\n"
               "        run.state['stage'] = secret; run.tell(outcome='bad_output', code=secret, subject=secret,\n"
               "            message=secret, hint=secret, failed={secret: [secret, secret]}); os._exit(0)",
               Outcome.BAD_OUTPUT),
}  # fmt: skip
N_PUBLIC, N_HIDDEN = 20, 12


@pytest.fixture
def images():
    rng = np.random.default_rng(7)
    return {
        "val": rng.integers(0, 256, (N_PUBLIC, 8, 8, 3), np.uint8),
        "hidden": rng.integers(0, 256, (N_HIDDEN, 8, 8, 3), np.uint8),
    }


@pytest.fixture
def talk(zipped, images, tmp_path):
    """Return a function that runs an entry which says what it sees, in one of the ways."""

    def start(then: str, **terms) -> EntryRun:
        model = TALKS.replace("{n_public}", str(N_PUBLIC)).replace("{then}", then)
        return run_entry(
            zipped(model), images, 8, Limits(), scratch=tmp_path / "scratch", order=1, hidden=("hidden",), **terms
        )

    return start


def repeated(run: EntryRun) -> set[str]:
    """Return the pieces of what was made of hidden images that stand elsewhere than in the owner's log."""
    secrets = re.findall(r"^[0-9A-F]{100,}$", run.hidden_log, re.MULTILINE)
    assert secrets
    pieces = {secret[at : at + 6] for secret in secrets for at in range(len(secret) - 5)}
    pieces |= {str(int(secret[:length], 16)) for secret in secrets for length in (9, 14)}
    everything = str(dataclasses.replace(run, hidden_log="", predictions={}, probabilities={}))
    return {piece for piece in pieces if piece in everything}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_said_of_hidden_images_stays_in_the_log_of_the_owner(talk, way):
    then, outcome = WAYS[way]
    done = talk(then)
    assert done.outcome == outcome, done
    assert done.log == "at import: ['0.npy']\non public images\n", "hidden images are not there before"
    assert len(done.hidden_log) > 1000 and "UserWarning" in done.hidden_log
    assert not repeated(done), done
    assert done.code in {*FAILURES, ""}
    assert done.subject == ""


def test_labels_of_public_images_are_those_from_before_hidden_ones_were_there(talk, images):
    done = talk(
        "import gc; run = [o for o in gc.get_objects() if type(o).__name__ == 'Run'][0]\n"
        "        write = run.write; run.write = lambda given: write([given[0] * 0 + X[0, 0, 0, 0] % 8, *given[1:]])\n"
        "        return labels"
    )
    assert done.outcome == Outcome.SCORED, done
    for split, batch in images.items():
        np.testing.assert_array_equal(done.predictions[split], batch[:, 0, 0, 0] % 8)
    assert done.repeat is not None and done.repeat.n_changed == 0


@pytest.mark.parametrize("hidden", [(), ("hidden",)])
def test_what_fails_on_public_images_is_told_in_the_words_of_the_entry(zipped, images, tmp_path, hidden):
    model = "class Model:\n    def predict(self, X): print('seen'); raise ValueError('my own words')"
    done = run_entry(zipped(model), images, 8, Limits(), scratch=tmp_path / "scratch", order=1, hidden=hidden)
    assert (done.outcome, done.code, done.hidden_log) == ("predict_failed", "exception", "")
    assert "my own words" in done.message
    assert done.log.startswith("seen\n")
