"""What tells labels that should not, and what stands in two parts, is found; a fair division is not accused."""

import json

import numpy as np
import pytest
from PIL import Image

from harness.analysis.leaks import Part, audit, name_facts, told_by
from harness.contest import Cleaning
from tests.conftest import CommandLine
from tests.freeze.test_near import smear

N = 120


def part(name="train", n=N, seed=1, **facts):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 8, 8, 3)).astype(np.uint8)
    labels = np.arange(n) % 3
    return Part(name, images, labels, tuple(f"{name}{row}" for row in range(n)), facts)


def column(values):
    return np.asarray(values, np.float64)[:, None]


@pytest.mark.parametrize(
    "facts",
    {
        "name": lambda labels: name_facts([f"{'abc'[label]}x_{row}.png" for row, label in enumerate(labels)]),
        "number": lambda labels: name_facts([f"img{1000 * label + row}.png" for row, label in enumerate(labels)]),
        "size": lambda labels: column(4000 + 900 * labels),
        "order": lambda labels: column(np.argsort(np.argsort(labels, kind="stable"))),
    }.values(),
    ids=["name", "number", "size", "order"],
)
def test_labels_that_facts_tell_are_a_leak(facts):
    whole = part()
    check = told_by("file name", facts(whole.labels), whole)
    assert check is not None
    assert check.leak
    assert check.accuracy is not None
    assert check.accuracy.value > 0.95
    assert check.chance == pytest.approx(1 / 3)


def test_facts_that_say_nothing_are_none():
    rng = np.random.default_rng(4)
    whole = part()
    check = told_by("file size", column(rng.integers(3000, 9000, N)), whole)
    assert check is not None
    assert not check.leak
    assert told_by("file size", column(np.full(N, 5.0)), whole) is None


def test_a_border_that_tells_the_class_is_a_leak():
    whole = part()
    whole.images[:, 0, :, 0] = (80 * whole.labels)[:, None]
    checks = {check.what: check for check in audit([whole], ("a", "b", "c"), Cleaning()).checks}
    assert checks["labels by background"].leak
    assert not audit([part()], ("a", "b", "c"), Cleaning()).leaks


def test_classes_that_drift_are_named():
    fair, other = part("train", 300), part("test", 300, seed=2)
    assert not audit([fair, other], ("a", "b", "c"), Cleaning()).leaks
    other.labels[:150] = 0
    assert [check.what for check in audit([fair, other], ("a", "b", "c"), Cleaning()).leaks] == ["classes"]


def test_anybodys_folders_are_audited(tmp_path):
    """A test folder with a turned copy, under another label, and an exact one; and one without."""
    rng = np.random.default_rng(9)
    for place, names in (("train", "ab"), ("test", "ab"), ("fair", "ab")):
        for name in names:
            (tmp_path / place / name).mkdir(parents=True)
            for row in range(5):
                Image.fromarray(smear(rng, 48)).save(tmp_path / place / name / f"{rng.integers(10**6)}-{row}.png")
    first, second = sorted((tmp_path / "train" / "a").iterdir())[:2]
    Image.open(first).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "test" / "b" / "77.png")
    Image.open(second).save(tmp_path / "test" / "a" / "78.png")
    run = CommandLine(tmp_path / "none", tmp_path)
    done = run("verify", "--leaks", "--train", "train", "--test", "test", "--json", code=1)
    found = json.loads(done.stdout)
    assert [check["what"] for check in found["checks"] if check["leak"]] == ["copies"]
    assert [(pair["kind"].split()[0], pair["labels"]) for pair in found["pairs"]] == [
        ("turned", ["a", "b"]),
        ("same", ["a", "a"]),
    ]
    run("verify", "--leaks", "--train", "train", "--test", "fair")
    run("verify", "--test", "fair", code=2)


def test_anybodys_arrays_are_audited(tmp_path):
    rng = np.random.default_rng(9)
    images = np.array([smear(rng, 48) for _ in range(20)])
    for name, rows in (("train", slice(10)), ("test", slice(9, 20))):
        np.savez(tmp_path / f"{name}.npz", images=images[rows], labels=np.arange(20)[rows] % 2)
    done = CommandLine(tmp_path / "none", tmp_path)(
        "verify", "--leaks", "--train", "train.npz", "--test", "test.npz", "--json", code=1
    )
    assert [pair["kind"] for pair in json.loads(done.stdout)["pairs"]] == ["same pixels"]


def test_a_frozen_contest_is_audited(hemobench):
    found = json.loads(hemobench("verify", "--leaks", "--json").stdout)
    assert found["leaks"] == 0
    assert {check["part"] for check in found["checks"]} == {"all", "train", "val", "hidden"}
