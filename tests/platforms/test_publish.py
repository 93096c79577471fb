"""What is published holds rules, kit and board, and nothing from which a hidden label could be known."""

import json
import re
import shutil
import zipfile
from datetime import datetime
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harness import api
from harness.board.in_force import in_force
from harness.board.rule_change import change_rules
from harness.errors import UsageError, WorkspaceError
from harness.freeze.frozen import Frozen
from harness.freeze.lock import read_lock
from harness.freeze.verify import verify
from harness.platforms.kit import read_kit
from harness.platforms.publish import publish
from harness.workspace import Workspace

CONTEST = """
name = "own"
title = "Own <cells>"
version = 1
class_names = ["disc", "square"]
image_shape = [16, 16, 3]
[source]
kind = "folder"
[split]
seed = "private"
[shift]
seed = "private"
[cleaning]
near_duplicates = "drop"
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of 60 images a class, some of them twice, and the contest file beside it."""
    top = tmp_path_factory.mktemp("own")
    (top / "own.toml").write_text(CONTEST)
    for label, name in enumerate(("disc", "square")):
        (top / "images" / name).mkdir(parents=True)
        for number in range(60):
            pixels = np.random.default_rng([label, number]).integers(0, 256, (16, 16, 3), np.uint8)
            for copy in range(1 + number % 2):
                Image.fromarray(pixels).save(top / "images" / name / f"x{label}{number:02d}{copy}x.png")
    return top


def freeze(images, workspace) -> Frozen:
    return api.freeze(workspace, str(images / "own.toml"), images / "images")


@pytest.fixture(scope="module")
def home(images, tmp_path_factory):
    """A workspace in which it is frozen; to be read, not written."""
    workspace = tmp_path_factory.mktemp("home") / "a workspace"
    freeze(images, workspace)
    return workspace


def contents(folder) -> dict[str, bytes]:
    """Give every file that is published, and what lies in its zips, by name."""
    found = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    while zips := [name for name, content in found.items() if content.startswith(b"PK")]:
        for name in zips:
            with zipfile.ZipFile(BytesIO(found.pop(name))) as archive:
                found |= {f"{name}/{one}": archive.read(one) for one in archive.namelist()}
    return found


@pytest.fixture(scope="module")
def site(home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "site"
    api.publish(home, folder)
    return folder


def test_rules_kit_and_board_are_there_for_everybody(site, home):
    assert sorted(path.name for path in site.iterdir()) == [
        "board.csv", "board.html", "board.json", "index.html", "kit.zip"
    ]  # fmt: skip
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in (site, *site.iterdir()))
    page = (site / "index.html").read_text(encoding="utf-8")
    assert "<h1>Own &lt;cells&gt;: starting kit</h1>" in page and "<table>" in page and "<script" not in page
    assert set(re.findall(r'href="([^":]+)"', page)) == {"kit.zip", "board.html"}
    with zipfile.ZipFile(site / "kit.zip") as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"own-kit"}
        archive.extractall(home.parent)
    assert read_kit(home.parent / "own-kit").digest == api.open_contest(home).lock_hash


def test_no_private_byte_is_published(site, home, images):
    frozen, published = api.open_contest(home), contents(site)
    assert {"train.npy", "images.npy"} & {name.rpartition("/")[2] for name in published}
    labels, public = frozen.hidden_labels()
    ids = frozen.hidden_ids().tolist()
    seeds = json.loads((frozen.folder / "private" / "seeds.json").read_bytes())
    assert set(seeds) == {"split", "shift"} and len(ids) == len(labels)
    secrets = [str(seed).encode() for seed in seeds.values()]
    secrets += [name.rpartition("/")[2].encode() for name in ids]
    secrets += [one.tobytes() for one in frozen.hidden_images()]
    secrets += [np.asarray(Image.open(images / "images" / name)).tobytes() for name in ids]
    secrets += [half.astype(kind).tobytes() for half in (labels, labels[public], public) for kind in ("i8", "u1")]
    private = {name: of for name, of in frozen.lock.arrays.items() if name.startswith("private/")}
    secrets += [one.sha256.encode() for of in private.values() for one in of.values()]
    secrets += [digest.encode() for name, digest in frozen.lock.files.items() if name.startswith("private/")]
    assert len(private) == 2
    found = {(secret[:40], name) for secret in secrets for name, content in published.items() if secret in content}
    assert not found
    named = {one.id for one in frozen.lock.findings}
    assert named & set(ids) or any(name in one.reason for one in frozen.lock.findings for name in ids), "some would"


def test_what_is_published_does_not_hang_on_what_is_hidden(site, home, tmp_path):
    """Where all hidden images and labels are others, not a byte differs."""
    shutil.copytree(home, tmp_path / "other", symlinks=True)
    frozen = api.open_contest(tmp_path / "other")
    rng = np.random.default_rng(0)
    labels, public = frozen.hidden_labels()
    ids, hidden = frozen.hidden_ids(), frozen.hidden_images()
    np.savez(frozen.folder / "private" / "hidden.npz", images=rng.integers(0, 256, hidden.shape, np.uint8))
    np.savez(frozen.folder / "private" / "labels.npz", labels=1 - labels, public=public, ids=ids[::-1])
    assert verify(frozen)
    api.publish(tmp_path / "other", tmp_path / "site")
    assert contents(tmp_path / "site") == contents(site)


def test_private_seeds_are_drawn_once_and_are_others_elsewhere(home, images, tmp_path):
    frozen = api.open_contest(home)
    before = frozen.lock_hash, (frozen.folder / "private" / "seeds.json").read_bytes()
    again = freeze(images, home)
    assert (again.lock_hash, (again.folder / "private" / "seeds.json").read_bytes()) == before
    assert not verify(again)
    other = freeze(images, tmp_path)
    assert other.lock_hash != again.lock_hash
    assert set(other.hidden_ids()) != set(again.hidden_ids())


def test_a_stated_seed_stays_with_the_organiser_and_known_labels_are_told(frozen, workspace, tmp_path):
    publish(workspace, frozen, tmp_path / "site", data=False)
    with zipfile.ZipFile(tmp_path / "site" / "kit.zip") as archive:
        names = archive.namelist()
        archive.extract("small-kit/contest.lock.json", tmp_path)
    assert not [name for name in names if name.endswith(".npz")]
    lock, _ = read_lock(tmp_path / "small-kit" / "contest.lock.json")
    assert (lock.contest.split.seed, lock.contest.shift.seed) == ("private", "private")
    assert frozen.contest.split.seed == 4430
    assert "no secret" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_own_images_are_not_said_to_be_known(site):
    assert "no secret" not in (site / "index.html").read_text(encoding="utf-8")


def test_of_a_kit_nothing_is_published(site, tmp_path):
    with zipfile.ZipFile(site / "kit.zip") as archive:
        archive.extractall(tmp_path)
    api.freeze(tmp_path / "workspace", kit=tmp_path / "own-kit")
    with pytest.raises(WorkspaceError):
        api.publish(tmp_path / "workspace", tmp_path / "site")


def test_a_changed_lock_of_a_kit_is_refused(site, tmp_path):
    with zipfile.ZipFile(site / "kit.zip") as archive:
        archive.extractall(tmp_path)
    path = tmp_path / "own-kit" / "contest.lock.json"
    path.write_bytes(path.read_bytes().replace(b'"disc"', b'"cat"'))
    with pytest.raises(UsageError, match="was changed"):
        read_kit(tmp_path / "own-kit")


def test_what_is_published_says_until_when_entries_are_in_time(images, tmp_path):
    frozen = freeze(images, tmp_path / "w")
    home = Workspace(tmp_path / "w")
    rules = {"deadline": datetime.fromisoformat("2031-12-01T23:59+01:00"), "grace_min": 15, "late": "per_day"}
    change_rules(home, frozen, rules, "as announced")
    publish(home, in_force(home, frozen), tmp_path / "site", data=False)
    page = " ".join((tmp_path / "site" / "index.html").read_text().split())
    assert "until 2031-12-01T23:59+01:00 and 15 minutes of grace" in page
    assert "loses 10 % of its points for each day begun" in page
