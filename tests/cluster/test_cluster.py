"""Zips run by the workers of a cluster: the same board as by one worker, whoever is lost, and never a label sent."""

import json
import pickle
import shutil
import threading

import numpy as np
import pytest

from harness import api
from harness.freeze.frozen import Frozen
from tests.conftest import CommandLine

HONEST = "class Model:\n    def predict(self, X):\n        return X[:, {}, 0, 0].astype(int) % 8\n"
SLOW = "import time\ntime.sleep({})\n" + HONEST
BROKEN = "class Model:\n    def predict(self, X):\n        return X / 255\n"


def board_of(hemobench):
    """What the board says, but for when it was."""
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    return [{key: value for key, value in row.items() if key != "date"} for row in rows]


def receipts_of(hemobench):
    """What the ledger says, but for when it was, and for the order of the images, which is drawn for each run."""
    lines = [json.loads(line) for line in (hemobench.workspace / "ledger.jsonl").read_text().splitlines()]
    told = ("number", "entry", "name", "message", "outcome", "zip_sha256", "scores", "predictions", "labels_sha256")
    return [{key: line[key] for key in told} for line in lines]


def labels_as_bytes(frozen: Frozen) -> list[bytes]:
    """Every way in which the labels might be sent."""
    hidden, public = frozen.hidden_labels()
    found = [(frozen.folder / "private" / "labels.npz").read_bytes()[100:]]
    for labels in (
        hidden,
        hidden[public],
        hidden[~public],
        frozen.load("val").labels,
        frozen.load("val_shifted").labels,
    ):
        found += [labels.astype(kind).tobytes() for kind in (np.int64, np.int32, np.int16, np.uint8, np.float64)]
        found += [pickle.dumps(labels.tolist(), protocol)[10:-10] for protocol in (0, 4)]
        found += [json.dumps(labels.tolist(), separators=marks).encode()[1:-1] for marks in ((",", ":"), (", ", ": "))]
    return found


@pytest.fixture
def alone(frozen_workspace, tmp_path):
    """The command line on another workspace, where one worker does it all."""
    shutil.copytree(frozen_workspace, tmp_path / "alone", symlinks=True)
    return CommandLine(tmp_path / "alone")


def test_with_a_worker_killed_in_the_middle_the_board_is_that_of_one_worker_and_no_label_was_sent(
    hemobench, alone, cluster, ear, zips
):
    cluster.start_worker("one")
    cluster.start_worker("two")
    paths = [zips("a", SLOW.format(1, 5)), zips("b", BROKEN), zips("c", HONEST.format(7)), zips("d", HONEST.format(7))]
    cluster.wait_for_workers("one", "two")
    door = ear(cluster.address)

    def strike():
        cluster.wait(lambda: cluster.running("one"))
        cluster.kill("one")

    striking = threading.Thread(target=strike)
    striking.start()
    hemobench("submit", *paths, "-m", "x", "--cluster", door.address, code=1)
    striking.join()
    alone("submit", *paths, "-m", "x", "--workers", "1", code=1)
    assert board_of(hemobench) == board_of(alone) and len(board_of(alone)) == len(paths)
    assert receipts_of(hemobench) == receipts_of(alone)
    assert not json.loads(hemobench("ledger", "audit", "--json").stdout)["findings"]
    frozen = api.open_contest(hemobench.workspace)
    assert door.hears(frozen.hidden_images().tobytes()), "what is sent would be found"
    assert door.hears(paths[2].read_bytes())
    assert not any(map(door.hears, labels_as_bytes(frozen)))
    assert not [name for name in frozen.contest.class_names if door.hears(name.encode())]
