"""Zips run by the workers of a cluster: the same board as by one worker, whoever is lost, and never a label sent."""

import json
import pickle
import shutil
import signal
import threading
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from harness import api
from harness.cluster.client import GPU, MEMORY, Cluster
from harness.contest import Limits
from harness.errors import ClusterError
from harness.freeze.frozen import Frozen
from tests.conftest import ROOT, CommandLine

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


@pytest.mark.parametrize(
    ("workers", "device", "needs", "n"),
    [
        ([(1, {}), (2, {})], "auto", set(), 3),
        ([(8, {MEMORY: 33e9}), (1, {MEMORY: 1e12})], "auto", {MEMORY}, 4),  # about 10 GB each
        ([(8, {MEMORY: 33e9}), (4, {})], "auto", {MEMORY}, 3),
        ([(8, {GPU: 2}), (4, {})], "auto", {GPU}, 2),
        ([(8, {GPU: 2}), (4, {})], "cpu", set(), 12),
        ([(8, {MEMORY: 1e9})], "auto", {MEMORY}, None),
    ],
)
def test_an_entry_takes_of_the_resources_that_workers_state(workers, device, needs, n):
    known = {str(number): {"nthreads": threads, "resources": has} for number, (threads, has) in enumerate(workers)}
    cluster = Cluster(SimpleNamespace(scheduler_info=lambda n_workers: {"workers": known}), "tcp://nowhere:1")
    assert cluster.needs(Limits(), device).keys() == needs
    if n is None:
        with pytest.raises(ClusterError):
            cluster.n_at_once(Limits(), device)
    else:
        assert cluster.n_at_once(Limits(), device) == n


def test_where_nobody_answers_nothing_runs(hemobench, zips, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("harness.cluster.client.CONNECT_S", 0.5)
    told = hemobench("submit", zips("a", HONEST.format(1)), "-m", "x", "--cluster", "tcp://127.0.0.1:9", code=1).stderr
    assert "tcp://127.0.0.1:9" in told and "dask scheduler" in told
    assert json.loads(hemobench("leaderboard", "--json").stdout) == []


def in_the_middle(hemobench, cluster, paths, strike):
    """Submit on a cluster, and do something to it when the first row is there; return how the command ended."""
    process = hemobench.start("submit", *paths, "-m", "x", "--cluster", cluster.address)
    assert "1 of" in process.stderr.readline()
    cluster.wait(lambda: cluster.running("one"))
    strike(process)
    _, told = process.communicate(timeout=300)
    return process.returncode, told


@pytest.mark.slow
@pytest.mark.parametrize("what", ["scheduler", "driver"])
def test_what_is_lost_in_the_middle_costs_no_row_and_doubles_none(hemobench, cluster, zips, what):
    cluster.start_worker("one")
    cluster.wait_for_workers("one")
    paths = [zips("a", HONEST.format(1)), zips("b", SLOW.format(20, 2)), zips("c", HONEST.format(3))]

    def strike(process):
        if what == "scheduler":
            cluster.kill("scheduler")
        else:
            process.send_signal(signal.SIGKILL)

    code, told = in_the_middle(hemobench, cluster, paths, strike)
    if what == "scheduler":
        assert code == 1 and cluster.address in told and "the same command" in told
        cluster.kill("one")
        cluster.start_scheduler()
        cluster.start_worker("one")
        cluster.wait_for_workers("one")
    assert [row["entry"] for row in json.loads(hemobench("leaderboard", "--json").stdout)] == ["a"]
    hemobench("submit", *paths[1:], "-m", "x", "--cluster", cluster.address)
    assert sorted(row["entry"] for row in json.loads(hemobench("leaderboard", "--json").stdout)) == ["a", "b", "c"]
    assert not json.loads(hemobench("ledger", "audit", "--json").stdout)["findings"]


@pytest.mark.slow
def test_a_worker_that_cannot_run_entries_gets_none(hemobench, cluster, zips, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(ROOT / "harness", other / "harness")
    with (other / "harness" / "sandbox" / "run.py").open("a") as file:
        file.write("# another version\n")
    cluster.start_worker("other", env={"PYTHONPATH": str(other)})
    cluster.wait_for_workers("other")
    path = zips("a", HONEST.format(1))
    told = hemobench("submit", path, "-m", "x", "--cluster", cluster.address, code=1).stderr
    assert "not the same software: Hemobench" in " ".join(told.split())
    assert json.loads(hemobench("leaderboard", "--json").stdout) == []
    cluster.start_worker("one")
    cluster.wait_for_workers("one")
    paths = [path, zips("b", HONEST.format(2)), zips("c", HONEST.format(3))]
    hemobench("submit", *paths, "-m", "x", "--cluster", cluster.address)
    assert len(json.loads(hemobench("leaderboard", "--json").stdout)) == 3
    found = json.loads(hemobench("doctor", "--isolation", "--cluster", cluster.address, "--json", code=1).stdout)
    assert sorted(bool(one["reason"]) for one in found) == [False, True]
    assert all(one["isolation"] in ("bubblewrap", "namespaces") for one in found)


@pytest.mark.slow
def test_code_is_trained_by_a_worker_as_it_is_here_and_no_hidden_label_is_sent(
    hemobench, alone, cluster, ear, tmp_path
):
    cluster.start_worker("one")
    path = tmp_path / "team.zip"
    fit = "import sys, numpy as np\nnp.save('t.npy', np.random.default_rng(int(sys.argv[2])).integers(0, 8, 256))\n"
    model = (
        "import numpy as np\nclass Model:\n    def predict(self, X):\n        return np.load('t.npy')[X[:, 0, 0, 0]]\n"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.py", model)
        archive.writestr("fit.py", fit)
    failing = tmp_path / "failing.zip"
    with zipfile.ZipFile(failing, "w") as archive:
        archive.writestr("model.py", model)
        archive.writestr("fit.py", "raise OSError('no')")
    cluster.wait_for_workers("one")
    door = ear(cluster.address)
    words = ("submit", path, failing, "-m", "x", "--closed", "--seed", 7)
    hemobench(*words, "--cluster", door.address, code=1)
    alone(*words, "--workers", 2, code=1)
    assert board_of(hemobench) == board_of(alone)
    assert [(row["outcome"], row["verified"]) for row in board_of(alone)] == [("scored", True), ("fit_failed", False)]
    assert receipts_of(hemobench) == receipts_of(alone)
    frozen = api.open_contest(hemobench.workspace)
    assert door.hears((frozen.folder / "public" / "train.npz").read_bytes()), "what is sent would be found"
    hidden, _ = frozen.hidden_labels()
    assert not any(door.hears(hidden.astype(kind).tobytes()) for kind in (np.int64, np.uint8))
    assert not door.hears((frozen.folder / "private" / "labels.npz").read_bytes()[100:])
