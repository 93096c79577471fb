"""An entry in a runtime of its own: it gets those packages and not ours, and can change none of them."""

from __future__ import annotations

import pytest

from harness.contest import Limits
from harness.runtimes.runtime import Runtimes, own_runtime
from harness.sandbox.outcome import Outcome
from harness.sandbox.run import run_entry

TINY = """
import sys
import tiny_framework
import numpy
print(sys.prefix, numpy.__file__, sep=chr(10))

class Model:
    def predict(self, X):
        return numpy.full(len(X), tiny_framework.ANSWER)
"""
HOSTILE = """
import importlib
import os
import sys
import numpy
from pathlib import Path

for name in ("harness", "msgspec", "psutil", "click", "pip"):
    try:
        importlib.import_module(name)
        print("imported", name)
    except ImportError:
        pass
places = [Path(sys.prefix), Path(numpy.__file__).parent, Path(sys.executable), *map(Path, {places!r})]
for place in places:
    try:
        (place / "planted.py" if place.is_dir() else place).write_bytes(b"x")
        print("wrote", place)
    except OSError:
        pass
    try:
        os.chmod(place, 0o777)
        print("changed", place)
    except OSError:
        pass
for place in {places!r}:
    if os.path.exists(place):
        print("sees", place)

class Model:
    def predict(self, X):
        return numpy.zeros(len(X), int)
"""


@pytest.fixture
def there(with_tiny):
    return Runtimes(with_tiny / "runtimes")


@pytest.fixture
def run_in(zipped, images, tmp_path, there):
    """Return a function that runs a ``model.py`` with an ``entry.toml``."""

    def start(model: str = TINY, toml: str = 'runtime = "tiny"\n', isolation: str = "auto", **terms: object):
        path = zipped(model, **{"entry.toml": toml})
        terms = {"runtimes": there, **terms}
        return run_entry(path, images, 8, Limits(), scratch=tmp_path / "scratch", order=1, isolation=isolation, **terms)

    return start


def test_an_entry_runs_in_the_runtime_that_it_asks_for(run_in, there, isolation):
    done = run_in(isolation=isolation)
    assert (done.outcome, done.message) == (Outcome.SCORED, "")
    assert set(done.predictions["val"].tolist()) == {3}
    tiny = there.find("tiny")
    assert (done.runtime, done.runtime_lock) == ("tiny", tiny.lock)
    seen = str(tiny.venv) if isolation == "none" else "/sandbox/runtime"
    prefix, numpy = done.log.splitlines()
    assert prefix == seen and numpy.startswith(seen)


def test_who_runs_the_contest_may_choose_the_runtime(run_in):
    assert run_in(toml='authors = ["A"]', runtime="tiny").outcome == Outcome.SCORED
    assert run_in(runtime="keras").code == "module_missing"


def test_a_hostile_entry_changes_no_runtime_and_sees_no_other_environment(run_in, there, tmp_path, isolation):
    if isolation == "none":
        pytest.skip("nothing is kept from an entry that is run without isolation")
    others = tmp_path / "scratch" / "run-of-another"
    others.mkdir(parents=True)
    places = [str(there.find("tiny").venv), str(there.folder), str(others), *map(str, own_runtime().site)]
    done = run_in(HOSTILE.replace("{places!r}", repr(places)), isolation=isolation)
    assert (done.outcome, done.log.strip()) == (Outcome.SCORED, "")


def test_our_own_packages_are_those_of_an_entry_that_asks_for_none(run_in):
    done = run_in("import numpy\nclass Model:\n    def predict(self, X): return [0] * len(X)", "")
    assert (done.runtime, done.runtime_lock) == ("keras", own_runtime().lock)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('runtime = "torch"', "hemobench runtime add torch"),
        ('runtime = "../tiny"', "no runtime"),
        ('runtme = "tiny"', "runtime"),
        ("runtime = 3", "got `int`"),
        ("runtime = ", "cannot be read"),
        ("seed = -1", "seed"),
        ('authors = "one"', "authors"),
        ('licence = "\\u202e"', "one line"),
        ("x" * 20_000, "bytes"),
    ],
)
def test_an_entry_toml_that_says_what_cannot_be_is_refused(run_in, toml, words):
    done = run_in(toml=toml)
    assert done.outcome == Outcome.REFUSED and words in f"{done.message} {done.hint}"


def test_a_runtime_that_the_contest_does_not_allow_is_refused(run_in, with_tiny):
    done = run_in(runtimes=Runtimes(with_tiny / "runtimes", ("keras",)))
    assert done.outcome == Outcome.REFUSED and "keras" in done.hint


def test_what_an_entry_says_of_itself_is_kept(run_in):
    toml = 'runtime = "tiny"\nauthors = ["A", "B"]\nrecipe = "r"\nseed = 7\noutside_data = "none"\nlicence = "MIT"\n'
    declared = run_in(toml=toml).declared
    assert (declared.authors, declared.recipe, declared.seed) == (("A", "B"), "r", 7)
    assert (declared.outside_data, declared.licence) == ("none", "MIT")


@pytest.mark.parametrize(
    ("module", "hint"),
    [("tiny_framework.layers", 'runtime = "tiny"'), ("torch", "hemobench runtime add torch"), ("mine", "mine.py")],
)
def test_a_package_that_is_missing_is_looked_for_in_the_runtimes(run_in, module, hint):
    done = run_in(f"import {module}\nclass Model: pass", "")
    assert done.code == "module_missing" and hint in done.hint
