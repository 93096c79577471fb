"""A frozen contest holds what its lock states, and `verify` names whatever does not."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from harness import api
from harness.contest import find_contest, read_contest
from harness.errors import FreezeError, WorkspaceError
from harness.freeze.lock import read_lock
from harness.freeze.store import freeze
from harness.sources.image_set import ImageSet
from harness.workspace import Workspace
from tests.conftest import contest_text, draw, near_once


@pytest.fixture(scope="module")
def contest(small_contest):
    return read_contest(small_contest)


@pytest.fixture(scope="module")
def images(contest):
    return draw(contest.source, contest.class_names, contest.image_shape)


@pytest.fixture(autouse=True)
def searched_once(monkeypatch):
    monkeypatch.setattr("harness.freeze.clean.find_near", near_once)


@pytest.fixture
def frozen(frozen_workspace, tmp_path):
    """A copy of the small frozen contest, to be damaged."""
    shutil.copytree(frozen_workspace, tmp_path / "workspace", symlinks=True)
    return api.open_contest(tmp_path / "workspace")


def differences(frozen):
    return [difference.what for difference in api.verify(frozen.folder.parents[2])]


def test_what_was_frozen_verifies(frozen):
    assert differences(frozen) == []


def test_splits_are_disjoint_complete_and_stratified(frozen, images):
    ids = {}
    for split in ("train", "val"):
        with np.load(frozen.folder / "public" / f"{split}.npz") as arrays:
            ids[split] = set(arrays["ids"].tolist())
    with np.load(frozen.folder / "private" / "labels.npz") as arrays:
        ids["hidden"] = set(arrays["ids"].tolist())
        half = arrays["public"].mean()
    dropped = {finding.id for finding in frozen.lock.findings if finding.action == "dropped"}
    assert sum(map(len, ids.values())) + len(dropped) == len(images)
    assert set().union(*ids.values(), dropped) == set(images.ids)
    kept = len(images) - len(dropped)
    assert len(ids["hidden"]) / kept == pytest.approx(0.20, abs=0.01)
    assert half == pytest.approx(0.5, abs=0.03)
    counts = frozen.lock.counts
    for name in frozen.contest.class_names:
        total = sum(counts[split][name] for split in ("train", "val", "public", "private"))
        assert (counts["public"][name] + counts["private"][name]) / total == pytest.approx(0.2, abs=1.5 / total)


def test_the_hidden_test_is_shifted_and_its_originals_are_nowhere(frozen, images):
    with np.load(frozen.folder / "private" / "labels.npz") as arrays:
        ids, labels = arrays["ids"].tolist(), arrays["labels"]
    row = {name: position for position, name in enumerate(images.ids)}
    originals = images.images[[row[name] for name in ids]]
    hidden = frozen.hidden_images()
    same = (originals == hidden).all(axis=(1, 2, 3))
    chains = json.loads((frozen.folder / "private" / "shift.json").read_text())
    assert [not chain for chain in chains] == same.tolist()
    assert 0 <= same.mean() < 0.15
    assert images.labels[[row[name] for name in ids]].tolist() == labels.tolist()
    assert b"hidden" not in (frozen.folder / "public" / "train.npz").read_bytes()[:1000]


def test_what_cleaning_removed_lies_in_public_but_for_copies_of_hidden_images(frozen, images):
    removed = frozen.load("removed")
    with np.load(frozen.folder / "public" / "removed.npz") as arrays:
        ids = arrays["ids"].tolist()
    dropped = {finding.id: finding for finding in frozen.lock.findings if finding.action == "dropped"}
    assert len(ids) == len(set(ids)) == len(removed.labels) > 30
    assert all(removed.labels[place] == dropped[name].label for place, name in enumerate(ids))
    row = {name: position for position, name in enumerate(images.ids)}
    with np.load(frozen.folder / "private" / "labels.npz") as arrays:
        hidden = {images.images[row[name]].tobytes() for name in arrays["ids"].tolist()}
    shown = {name for name in dropped if images.images[row[name]].tobytes() not in hidden}
    assert set(ids) == {name for name in shown if dropped[name].rule not in ("near duplicate", "drop list")}


def test_private_is_closed_to_others(frozen):
    assert stat.S_IMODE((frozen.folder / "private").stat().st_mode) == 0o700
    (frozen.folder.parent / "new").mkdir()  # what the person who freezes lets others do
    usual = stat.S_IMODE((frozen.folder.parent / "new").stat().st_mode)
    assert stat.S_IMODE((frozen.folder / "public").stat().st_mode) == usual


def test_freezing_again_gives_the_same_bytes_whatever_the_order_of_the_images(frozen, contest, images, tmp_path):
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = ImageSet(
        images.images[order],
        images.labels[order],
        tuple(images.ids[row] for row in order),
        images.class_names,
        images.provenance,
    )
    again = freeze(Workspace(tmp_path / "other"), contest, shuffled)
    assert again.lock_hash == frozen.lock_hash
    assert again.lock.files == frozen.lock.files


def test_renaming_the_classes_keeps_every_image_in_its_split(frozen, contest, images, tmp_path):
    names = tuple(f"type {number}" for number in range(8))
    renamed = msgspec.structs.replace(contest, class_names=names)
    other = freeze(
        Workspace(tmp_path / "other"),
        renamed,
        ImageSet(images.images, images.labels, images.ids, names, images.provenance),
    )
    assert other.lock.arrays == frozen.lock.arrays


def test_a_lock_of_another_version_is_answered_with_a_sentence(frozen):
    path = frozen.folder / "contest.lock.json"
    document = json.loads(path.read_text())
    for finding in document["findings"]:
        del finding["label"]
    path.write_text(json.dumps(document))
    with pytest.raises(WorkspaceError, match="another version of hemobench"):
        _ = api.open_contest(frozen.folder.parents[2]).lock_hash


FILES = (
    "public/train.npz",
    "public/val.npz",
    "public/val_shifted.npz",
    "public/removed.npz",
    "private/hidden.npz",
    "private/labels.npz",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.02, 0.5, 0.999])
def test_one_changed_byte_is_found_and_its_file_named(frozen, name, place):
    path = frozen.folder / name
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)
    assert name in differences(frozen)


def test_one_changed_label_is_found_and_named(frozen):
    path = frozen.folder / "private" / "labels.npz"
    with np.load(path) as arrays:
        content = dict(arrays)
    content["labels"][3] = (content["labels"][3] + 1) % 8
    np.savez(path, **content)
    found = differences(frozen)
    assert "private/labels.npz: labels" in found
    assert "private/labels.npz: public" not in found
    assert any("images of" in what for what in found), "the counts by class differ too"


def test_a_missing_and_an_added_file_are_named(frozen):
    (frozen.folder / "public" / "val.npz").unlink()
    (frozen.folder / "public" / "notes.txt").write_text("mine")
    found = differences(frozen)
    assert "public/val.npz" in found
    assert "public/notes.txt" in found


def test_another_version_is_named(frozen):
    path = frozen.folder / "contest.lock.json"
    lock = json.loads(path.read_text())
    lock["versions"]["numpy"] = "1.0"
    path.write_text(json.dumps(lock))
    assert differences(frozen) == ["version of numpy"]


def test_a_lock_changed_by_hand_is_found(frozen):
    path = frozen.folder / "contest.lock.json"
    whole = path.read_text()
    for was, now, named in (
        ('"time_s": 120', '"time_s": 999', "rules_digest"),
        ('"seed": 4430', '"seed": 4431', "digest"),
    ):
        assert was in whole
        path.write_text(whole.replace(was, now))
        assert differences(frozen) == [f"contest.lock.json: {named}"]


def test_rights_that_were_opened_are_found(frozen):
    (frozen.folder / "private").chmod(0o755)
    assert differences(frozen) == ["private/: mode"]


def test_a_damaged_file_is_a_sentence_not_a_traceback(frozen):
    (frozen.folder / "public" / "val.npz").write_bytes(b"PK not really")
    with pytest.raises(WorkspaceError, match=r"val\.npz is damaged"):
        frozen.load("val")
    assert len(frozen.load("train").labels) > 100


def test_freezing_over_a_damaged_contest_repairs_it(frozen, contest, images):
    (frozen.folder / "public" / "val.npz").write_bytes(b"")
    workspace, digest = frozen.folder.parents[2], frozen.lock_hash
    again = freeze(Workspace(workspace), contest, images)
    assert again.lock_hash == digest
    assert api.verify(workspace) == []
    assert not frozen.folder.exists(), "the damaged one is gone"


def test_freezing_an_equal_contest_leaves_the_whole_one_in_place(frozen, contest, images):
    before = (frozen.folder / "public" / "train.npz").stat().st_ino
    freeze(Workspace(frozen.folder.parents[2]), contest, images)
    assert (frozen.folder / "public" / "train.npz").stat().st_ino == before


def test_a_split_without_a_class_is_refused(contest, images, tmp_path):
    rows = np.flatnonzero(images.labels == 4)[:2]
    few = np.sort(np.concatenate([np.flatnonzero(images.labels != 4), rows]))
    small = ImageSet(images.images[few], images.labels[few], tuple(images.ids[row] for row in few), images.class_names)
    with pytest.raises(FreezeError, match="lymphocyte"):
        freeze(Workspace(tmp_path), contest, small)


def drawn(channels: int) -> ImageSet:
    """Squares, discs and stripes of random place and grey, 20 of each, on noise of one channel or of three."""
    rng = np.random.default_rng(7)
    labels = np.arange(60) % 3
    images = rng.integers(0, 60, (60, 32, 32, channels), dtype=np.uint8).repeat(3 // channels, axis=3)
    for image, label in zip(images, labels, strict=True):
        y, x = rng.integers(4, 16, 2)
        image[y : y + 12, x : x + 4 * (label + 1)] += np.uint8(rng.integers(80, 190))
    ids = tuple(f"{row:05d}" for row in range(60))
    return ImageSet(images, labels, ids, ("stripe", "square", "bar"), {"source": "drawn"})


def test_a_contest_of_grey_images_stays_grey_and_says_so(contest, tmp_path):
    small = msgspec.structs.replace(contest, class_names=("stripe", "square", "bar"), image_shape=(32, 32, 3))
    shift = msgspec.structs.replace(small.shift, clean=0.0)
    told = {}
    for channels in (1, 3):
        small = msgspec.structs.replace(small, name=f"drawn-{channels}", shift=shift)
        frozen = freeze(Workspace(tmp_path), small, drawn(channels))
        arrays = [frozen.load(split).images for split in ("train", "val", "val_shifted")] + [frozen.hidden_images()]
        grey = [bool((images == images[..., :1]).all()) for images in arrays]
        assert grey == [channels == 1] * 4
        told[channels] = frozen.lock.source.get("colour", "")
        assert ("- colour: none" in (frozen.folder / "public" / "summary.md").read_text()) == (channels == 1)
    assert "hue" in told[1] and "saturation" in told[1] and not told[3]


# `make test` kills freezes in tests/faults.
@pytest.mark.slow
def test_a_freeze_killed_at_any_moment_leaves_the_old_contest_or_the_new(tmp_path):
    workspace = tmp_path / "workspace"
    files = [tmp_path / "one.toml", tmp_path / "other.toml"]
    text = contest_text("small", "A smaller contest", n_images=160, more="")
    for file, seed in zip(files, (5, 6), strict=True):
        file.write_text(text.replace("seed = 5", f"seed = {seed}"))

    def start(path: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "harness.cli", "freeze", "--contest", path, "--workspace", workspace]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    started = time.monotonic()
    assert start(files[0]).wait() == 0
    usual = time.monotonic() - started
    digests = {api.open_contest(workspace, "small").lock_hash}
    assert start(files[1]).wait() == 0
    digests.add(api.open_contest(workspace, "small").lock_hash)
    assert len(digests) == 2
    rng = np.random.default_rng(1)
    for number in range(4):
        process = start(files[number % 2])
        time.sleep(usual * (0.5 + 0.5 * rng.random()))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert api.verify(workspace, "small") == []
        assert api.open_contest(workspace, "small").lock_hash in digests
    assert start(files[0]).wait() == 0
    left = {path.name[:1] for path in (workspace / "contests" / "small").iterdir() if path.name.startswith(".b")}
    assert not left, "what a killed freeze left behind is swept"


def test_a_workspace_that_cannot_be_written_is_a_sentence(contest, images, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="Cannot write"):
        freeze(Workspace(tmp_path / "file"), contest, images)


VARIANTS = {
    "one thread, no processor features": {"NPY_DISABLE_CPU_FEATURES": "all", "OMP_NUM_THREADS": "1"},
    "two threads, another hash seed": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "7"},
    "plain JPEG, an old processor's BLAS": {"JSIMD_FORCENONE": "1", "OPENBLAS_CORETYPE": "Prescott"},
}
# Of the small contest in tests/conftest.py.  A change of its pixels, of what is dropped or of who is in which split is
# one of every frozen contest, too: their locks are written anew, as CONTRIBUTING.md says.
SMALL_DIGEST = "f93fdb6a13d52099c9ecc938de10fdadc71a1b9ce7df7ea62e52f0b0417c75ad"


def frozen_elsewhere(variant, contest, workspace):
    """Freeze a contest in a process with the environment of a variant; return what that prints."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    environment = os.environ | VARIANTS[variant]
    if environment.get("NPY_DISABLE_CPU_FEATURES") == "all":
        present = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
        environment["NPY_DISABLE_CPU_FEATURES"] = " ".join(present)
    command = [sys.executable, "-W", "ignore", "-m", "harness.cli", "freeze", "--contest", contest, "--json"]
    done = subprocess.run(
        [*command, "--workspace", workspace], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "variant",
    [pytest.param(one, marks=[pytest.mark.slow] if number else []) for number, one in enumerate(VARIANTS)],
)
def test_a_contest_freezes_to_the_same_digest_on_other_processors(variant, frozen, small_contest, tmp_path):
    assert frozen.lock_hash == SMALL_DIGEST
    assert frozen_elsewhere(variant, small_contest, tmp_path / "elsewhere")["lock"] == SMALL_DIGEST


PUBLISHED = Path(api.__file__).parent / "contests" / "blood-cells.lock.json"


def test_the_published_lock_is_of_the_contest_file_of_today():
    lock, written = read_lock(PUBLISHED)
    assert lock.contest == find_contest("blood-cells"), "the contest file has changed since its lock was written"
    assert (written.digest, written.rules_digest) == (lock.digest, lock.rules_digest)


# Each takes half a minute and more.
@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_embedded_contest_freezes_to_the_lock_in_git(variant, tmp_path):
    told = frozen_elsewhere(variant, "blood-cells", tmp_path)
    lock, _ = read_lock(PUBLISHED)
    frozen, _ = read_lock(Path(told["folder"]) / "contest.lock.json")
    assert frozen.arrays == lock.arrays, "a pixel or a label differs"
    assert told["lock"] == lock.digest
