"""Copies among the entries of a class are flagged with their evidence, and honest entries of one recipe are not."""

from __future__ import annotations

import io
import itertools
import zipfile

import h5py
import numpy as np
import pytest

from harness.classroom.similar.pairs import Comparison, Looked, find_similar
from harness.classroom.similar.survey import Surveyor
from harness.score.evaluate import SPLITS, labels_of
from tests.classroom.networks import COPIES, answer, train

MODEL = """
import numpy as np

class Model:
    def __init__(self):
        kept = np.load("weights.npz")
        self.kernels = [kept[name] for name in kept.files]

    def predict(self, X):
        x = X[:, ::24, ::24].reshape(len(X), -1) / 255.0 - 0.5
        for kernel in self.kernels[:-1]:
            x = np.maximum(x @ kernel, 0)
        return (x @ self.kernels[-1]).argmax(-1)
"""


def long_code(name):
    """The model, and sixty functions that are a team's own; `name` stands for theirs."""
    rng = np.random.default_rng(17)
    calls = ("mean", "std", "min", "max", "clip", "take", "repeat", "reshape", "astype", "round", "cumsum", "argsort")
    bodies = [".".join(rng.choice(calls, 3)) for _ in range(60)]
    return MODEL + "".join(
        f"\ndef {name}{at}({name}, k={rng.integers(9)}):\n    return {name}.{body}(k) - {at}\n"
        for at, body in enumerate(bodies)
    )


def features(images):
    return images[:, ::24, ::24].reshape(len(images), -1) / 255.0 - 0.5


@pytest.fixture(scope="module")
def images(frozen_workspace):
    """Features of every split of the small contest, and the labels of its training images."""
    frozen = frozen_workspace / "contests" / "small" / "current"
    with np.load(frozen / "public" / "train.npz") as train_split:
        found = {"train": features(train_split["images"])}
        labels = train_split["labels"]
    with np.load(frozen / "private" / "hidden.npz") as hidden:
        found["hidden"] = features(hidden["images"])
    return found, labels


def write_npz(net, names):
    file = io.BytesIO()
    np.savez(file, **dict(zip(names, net, strict=True)))
    return {"weights.npz": file.getvalue()}


def write_h5(net, names):
    file = io.BytesIO()
    with h5py.File(file, "w") as made:
        for name, kernel in zip(names, net, strict=True):
            made[f"layers/{name}/vars/0"] = kernel
    return {"weights.h5": file.getvalue()}


def write_keras(net, names):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as made:
        made.writestr("config.json", "{}")
        made.writestr("model.weights.h5", write_h5(net, names)["weights.h5"])
    return {"model.keras": inner.getvalue()}


def pack(path, net, write=write_npz, names=("a", "b"), model=MODEL, **more):
    with zipfile.ZipFile(path, "w") as made:
        for name, content in {"model.py": model, **write(net, names), **more}.items():
            made.writestr(zipfile.ZipInfo(name, (2026, 5, 4, 0, 0, 0)), content)  # the same bytes at any time
    return path


@pytest.fixture
def board(desk, images, tmp_path):
    """A class's board: what records a net that was packed, with what it really says of the hidden images."""
    truth = labels_of(desk.frozen)

    class Board:
        def __init__(self):
            self.n = 0

        def train(self, seeds, units=16):
            found, labels = images
            return train(found["train"], labels, 8, seeds, units, 150)

        def enter(self, name, net, *words, says=None, **more):
            self.n += 1
            path = pack(tmp_path / f"{self.n}.zip", net, *words, **more)
            hidden = answer(says or net, images[0]["hidden"])
            said = {split: np.array(truth[split][1]) for split in SPLITS}
            for split in ("public", "private"):
                said[split] = hidden[truth[split][0]]
            return desk.record(name, number=self.n, said=said, packed=path)

        def similar(self, **more):
            return find_similar(desk.workspace, desk.frozen, **more)

    return Board()


def flagged(found):
    return {(pair.one.id, pair.other.id): pair.kinds for pair in found.flagged}


def test_copies_are_flagged_whatever_file_they_lie_in_and_honest_entries_are_not(board):
    rng = np.random.default_rng(2)
    nets = board.train(range(6))
    for at, net in enumerate(nets):
        board.enter(f"honest {at}", net)
    board.enter("renamed", nets[0], write_keras, ("x", "y"))
    board.enter("noise", COPIES["noise"](nets[1], rng), write_h5)
    board.enter("head", COPIES["retrained head"](nets[2], rng))
    found = board.similar()
    assert set(flagged(found)) == {(1, 7), (2, 8), (3, 9)}
    assert all("weights" in kinds for kinds in flagged(found).values())
    assert found.groups == ((1, 7), (2, 8), (3, 9)) and found.unread == {}
    assert (found.entries, found.teams, found.compared) == (9, 9, 36)
    assert all(pair.says and pair.mistakes is not None for pair in found.flagged)
    assert set(flagged(board.similar(of=8))) == {(2, 8)}


def test_one_zip_of_many_teams_and_its_files_packed_anew_are_one_group(board):
    net, *others = board.train(range(3))
    for name in ("a", "b", "c"):
        board.enter(name, net)
    board.enter("a", net), board.enter("d", net, **{"empty.txt": ""})
    for at, other in enumerate(others):
        board.enter(f"honest {at}", other)
    found = board.similar()
    assert flagged(found) == {(1, 2): ("same zip",), (1, 3): ("same zip",), (1, 5): ("same files",)}
    assert found.groups == ((1, 2, 3, 5),)
    assert set(flagged(board.similar(of=3))) == {(1, 3), (1, 2), (1, 5)}


def test_two_honest_teams_alone_with_one_recipe_and_one_code_are_not_flagged(board):
    for at, net in enumerate(board.train(range(2))):
        board.enter(f"team {at}", net, model=long_code("f"))
    found = board.similar()
    assert found.flagged == ()
    (noted,) = found.noted
    assert noted.kinds == ("code",) and noted.weights.apart


def test_code_that_is_nearly_the_same_is_flagged_where_no_weights_speak_against_it(board):
    one, other = board.train(range(2))
    deep = [np.random.default_rng(1).normal(size=shape) for shape in ((48, 150), (150, 8))]
    board.enter("a", one, model=long_code("f"))
    board.enter("b", deep, says=other, model=f"# ours\n{long_code('renamed')}")
    assert flagged(board.similar()) == {(1, 2): ("code",)}


def test_mistakes_speak_where_weights_cannot_be_read(board):
    net, other, *rest = board.train(range(5))

    def hide(net, names):
        return {"weights.bin": bytes(255 - byte for byte in write_npz(net, names)["weights.npz"])}

    board.enter("a", net, hide), board.enter("b", COPIES["units in another order"](net, np.random.default_rng(1)), hide)
    board.enter("c", other, hide)
    for at, one in enumerate(rest):
        board.enter(f"honest {at}", one)
    found = board.similar()
    assert flagged(found) == {(1, 2): ("mistakes",)}
    (pair,) = found.flagged
    assert pair.mistakes.share == 1 and pair.mistakes.p < 1e-6


def test_what_a_baseline_holds_is_no_evidence(board, desk, tmp_path):
    rng = np.random.default_rng(3)
    backbone = rng.normal(size=(48, 32))
    nets = [[backbone, rng.normal(size=(32, 16)), rng.normal(size=(16, 8))] for _ in range(2)]
    for name, net in zip("ab", nets, strict=True):
        board.enter(name, net, write_npz, ("a", "b", "c"))
    assert set(flagged(board.similar())) == {(1, 2)}
    alone = tmp_path / "public.npz"
    np.savez(alone, backbone)
    assert board.similar(common=[alone]).flagged == ()
    path = pack(tmp_path / "baseline.zip", [backbone], write_npz, ("a",))
    desk.record("vgg16", number=99, packed=path, baseline=True)
    assert board.similar().flagged == ()


def test_a_file_that_cannot_be_read_is_named(board):
    (net,) = board.train(range(1))
    number = board.enter("a", net, **{"broken.h5": b"\x89HDF\r\n\x1a\n" + bytes(2000)})
    (told,) = board.similar().unread[number]
    assert told.startswith("broken.h5")


KINDS = ("renamed", "layers renamed", "retrained head", "pruned", "noise", "ensembled with noise")


@pytest.mark.slow
def test_fifty_planted_copies_and_five_hundred_honest_pairs(board, images, desk, tmp_path):
    rng = np.random.default_rng(4)
    honest = board.train(range(33), 24)
    for at, net in enumerate(honest):
        board.enter(f"team {at}", net)
    planted = {}
    for at, kind in zip(range(50), itertools.cycle(KINDS)):
        source = at % 33
        names = ("first", "second") if kind == "layers renamed" else ("a", "b")
        write = (write_npz, write_h5, write_keras)[at // len(KINDS) % 3]
        number = board.enter(f"copy {at}", COPIES[kind](honest[source], rng), write, names)
        planted[source + 1, number] = kind
    found = set(flagged(board.similar()))
    missed = [kind for pair, kind in planted.items() if pair not in found]
    copied = {}
    for source, number in planted:
        copied[number] = source
    false = [pair for pair in found if copied.get(pair[0], pair[0]) != copied.get(pair[1], pair[1])]
    assert missed == [], "of the 50 at least 48 are asked for"
    assert false == [], "528 honest pairs on one board, and copies of one net with those of another"

    alone = board.train(range(100, 1100), 24)
    halves = [labels_of(desk.frozen)[split] for split in ("public", "private")]
    y_true, hidden = np.concatenate([labels for _, labels in halves]), images[0]["hidden"]
    with Surveyor(desk.frozen.contest.limits, 8, ()) as surveyor:
        for at in range(500):
            looked = []
            for entry, net in zip(_two_entries(desk), alone[2 * at : 2 * at + 2], strict=True):
                survey = surveyor.look(pack(tmp_path / "one.zip", net))
                said = answer(net, hidden)
                looked.append(Looked(entry, survey, np.concatenate([said[rows] for rows, _ in halves])))
            teams = {one.entry.content: {one.entry.name} for one in looked}
            comparison = Comparison(looked, [], y_true, 8, teams)
            (pair,) = comparison.judge([comparison.look(*looked)])
            assert not pair.flagged, pair.says


def _two_entries(desk):
    from dataclasses import replace

    from harness.board.recorder import open_to_read
    from harness.board.rows import read_some

    with open_to_read(desk.workspace) as connection:
        (entry,) = read_some(connection, [1])
    return [replace(entry, id=at, name=f"alone {at}", content=str(at)) for at in (1, 2)]
