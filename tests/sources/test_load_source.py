"""Each shipped contest parses and finds its source, and a wrong --source is answered with what to type."""

import subprocess
import sys

import numpy as np
import pytest

from harness.contest import contest_files, find_contest, read_contest
from harness.errors import SourceError
from harness.sources import load_source

SHIPPED = contest_files()


@pytest.mark.parametrize("path", SHIPPED.values(), ids=list(SHIPPED))
def test_a_shipped_contest_parses_and_is_named_like_its_file(path):
    contest = read_contest(path)
    assert contest.name == path.stem
    assert contest.n_classes == 8
    assert contest == find_contest(path.stem)


def test_the_four_contests_are_shipped():
    assert set(SHIPPED) >= {"blood-cells", "blood-cells-an2dl", "blood-cells-medmnist", "blood-cells-folder"}


@pytest.mark.parametrize("name", ["blood-cells-an2dl", "blood-cells-folder"])
def test_a_source_that_is_needed_and_not_given_is_answered_with_what_to_type(name, tmp_path):
    with pytest.raises(SourceError, match="no --source was given") as caught:
        load_source(find_contest(name), None, cache=tmp_path)
    assert f"hemobench freeze --contest {name} --source PATH" in caught.value.hint


def test_a_source_without_effect_is_refused(tmp_path):
    with pytest.raises(SourceError, match="would have no effect"):
        load_source(find_contest("blood-cells"), tmp_path, cache=tmp_path)


def test_leaving_out_broken_files_without_effect_is_refused(tmp_path):
    with pytest.raises(SourceError, match="would have no effect"):
        load_source(find_contest("blood-cells"), None, cache=tmp_path, leave_out_broken=True)


@pytest.mark.parametrize("name", ["blood-cells-an2dl", "blood-cells-folder", "blood-cells-medmnist"])
def test_a_source_that_is_not_there_is_named(name, tmp_path):
    with pytest.raises(SourceError, match=r"There is no .*nowhere\.zip"):
        load_source(find_contest(name), tmp_path / "nowhere.zip", cache=tmp_path)


def test_an_npz_of_the_course_goes_through_its_contest(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), dtype=np.uint8)
    np.savez(tmp_path / "training_set.npz", images=images, labels=[[0], [7], [1]])
    got = load_source(find_contest("blood-cells-an2dl"), tmp_path / "training_set.npz", cache=tmp_path)
    assert [got.class_names[label] for label in got.labels] == ["basophil", "platelet", "eosinophil"]


def test_importing_the_sources_brings_neither_pillow_nor_pooch():
    code = "import sys, harness.sources; print({'PIL', 'pooch', 'requests'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"
