"""A run folder is whole, taken up again after any end, and its submission gives what was measured."""

import csv
import os
import shutil
import signal
import subprocess
import sys

import keras
import msgspec
import numpy as np
import pytest

from baselines import train as training
from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.schedule import best_epoch
from baselines.train import train
from baselines.weights import Weights
from harness.errors import TrainError
from tests.baselines.conftest import eagerly, job_of


def mute(line):
    pass


def weights_of(folder):
    return keras.saving.load_model(folder.model, compile=False).get_weights()


@pytest.fixture(scope="module", autouse=True)
def eager():
    with eagerly():
        yield


# What writes something for good, and how many of three epochs are left to train where a process ends before it has
# done so for the second time.
MOMENTS = {
    "save_atomic": (training, 2),  # the model of epoch 2 is written, its checkpoint is not
    "write_history": (RunFolder, 2),  # the checkpoint of epoch 2 is written, its row is not
    "forget_checkpoints": (RunFolder, 1),  # epoch 2 is complete
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run and its record; and beside it, what a process that ends at one of the moments leaves."""
    folder = RunFolder(tmp_path_factory.mktemp("trained") / "whole")

    def copied_at_the_second_call(name, real):
        calls = []

        def noted(*words, **more):
            calls.append(words)
            if len(calls) == 2:
                shutil.copytree(folder.path, folder.path.with_name(name))
            return real(*words, **more)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        for name, (owner, _) in MOMENTS.items():
            patch.setattr(owner, name, copied_at_the_second_call(name, getattr(owner, name)))
        return folder, train(job_of(), folder, tell=mute)


@pytest.fixture
def ended_at(trained, tmp_path):
    """Return a function that gives the run as it was when its process ended at a moment."""

    def copied(name):
        return RunFolder(shutil.copytree(trained[0].path.with_name(name), tmp_path / name))

    return copied


@pytest.fixture
def finished(trained, tmp_path):
    """A finished run, to be changed or damaged, and its record."""
    shutil.copytree(trained[0].path, tmp_path / "whole")
    return RunFolder(tmp_path / "whole"), trained[1]


def test_a_run_folder_holds_model_history_and_record(finished):
    folder, run = finished
    assert {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()} == {
        "submission/model.py", "submission/model.keras", "history.csv", "run.json", "figures/labels.png",
        "figures/curves.png", "figures/confusion-train.png", "figures/confusion-validation.png",
        "figures/mistakes.png", "figures/augmented.png",
    }  # fmt: skip
    history = list(csv.DictReader((folder.path / "history.csv").read_text().splitlines()))
    assert [row["epoch"] for row in history] == ["1", "2", "3"]
    record = msgspec.json.decode((folder.path / "run.json").read_bytes())
    assert record["recipe"]["batch_size"] == 16
    assert record["lock_hash"] == "5" * 64
    assert record["versions"]["keras"] == keras.version()
    accuracy = record["val_accuracy"]
    assert accuracy["value"] == max(float(row["val_accuracy"]) for row in history)
    assert (accuracy["n"], accuracy["low"] <= accuracy["value"] <= accuracy["high"]) == (24, True)
    assert folder.finished() == run


@pytest.mark.parametrize(("name", "n_left"), [(name, n_left) for name, (_, n_left) in MOMENTS.items()])
def test_a_run_killed_at_any_moment_ends_as_if_it_had_not_been(name, n_left, trained, ended_at, tiny_job):
    (whole, run), folder = trained, ended_at(name)
    assert folder.finished() is None
    lines: list[str] = []
    again = train(tiny_job(), folder, tell=lines.append)
    assert len(lines) == n_left
    assert (again.epochs, again.best_epoch, again.val_accuracy) == (run.epochs, run.best_epoch, run.val_accuracy)
    for one, other in zip(weights_of(whole), weights_of(folder), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)


def test_ctrl_c_keeps_the_best_model_so_far_and_the_run_goes_on_later(trained, ended_at, tiny_job):
    run, folder = trained[1], ended_at("forget_checkpoints")

    def press_ctrl_c(items, what, total):
        for item in items:
            if what.startswith("epoch 3"):
                raise KeyboardInterrupt
            yield item

    stopped = train(tiny_job(), folder, tell=mute, track=press_ctrl_c)
    assert (stopped.stopped, stopped.epochs) == ("by hand", 2)
    assert stopped.val_accuracy.value == best_epoch(folder.read_history()).val_accuracy
    assert folder.model.is_file()
    assert folder.finished() is None
    assert train(tiny_job(), folder, tell=mute).val_accuracy == run.val_accuracy
    assert folder.finished() is not None


def test_ctrl_c_before_the_first_epoch_is_passed_on(tiny_job, tmp_path):
    def press_ctrl_c(items, what, total):
        raise KeyboardInterrupt
        yield

    folder = RunFolder(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(tiny_job(), folder, tell=mute, track=press_ctrl_c)
    assert folder.read_run() is None


def test_early_stopping_is_said_in_the_record(tiny_job, tmp_path):
    # A learning rate at which the loss cannot fall.
    job = tiny_job(recipe=Recipe(epochs=6, batch_size=32, optimizer="sgd", learning_rate=1e-30, early_stopping=1))
    run = train(job, RunFolder(tmp_path / "run"), tell=mute)
    assert (run.stopped, run.epochs) == ("early", 2)


def test_a_loss_that_is_no_number_is_an_error_and_leaves_no_record(tiny_job, tmp_path):
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(TrainError, match="not a number"):
        train(tiny_job(recipe=Recipe(epochs=2, optimizer="sgd", learning_rate=1e30)), folder, tell=mute)
    assert folder.finished() is None


def test_the_key_differs_with_anything_that_shapes_the_model(tiny_job):
    keys = {
        tiny_job().key,
        tiny_job(seed=4).key,
        tiny_job("scratch-v1").key,
        tiny_job(recipe=Recipe(epochs=3, batch_size=16, learning_rate=3e-3, augment="flips")).key,
        tiny_job(weights=Weights("none", sha256="1")).key,
    }
    assert len(keys) == 5
    assert tiny_job().key in keys


def test_a_damaged_record_is_an_error_with_a_way_out(finished):
    folder, _ = finished
    (folder.path / "run.json").write_text("{")
    with pytest.raises(TrainError, match="damaged") as raised:
        folder.finished()
    assert "--retrain" in raised.value.hint
    folder.clear()
    assert folder.finished() is None
    assert not folder.path.exists()


def test_a_process_killed_while_it_saves_leaves_the_old_file(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from baselines.run_folder import save_atomic\n"
        "def slow(path): path.write_text('half'); print('writing', flush=True); time.sleep(60)\n"
        "save_atomic(Path(sys.argv[1]), slow)"
    )
    file = tmp_path / "model.keras"
    file.write_text("old")
    process = subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert file.read_text() == "old"


def test_a_second_process_waits_for_the_first(tmp_path):
    folder = RunFolder(tmp_path / "run")
    code = (
        "import sys; from pathlib import Path; from baselines.run_folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked(print): print('in', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code, str(folder.path)], stdin=pipe, stdout=pipe, text=True)
    assert process.stdout.readline() == "in\n"
    waited = []

    def let_it_end():
        waited.append(process.poll())
        process.stdin.close()

    with folder.locked(let_it_end):
        assert waited == [None], "the first was in the folder, and now it is not"
    with folder.locked(lambda: waited.append("in vain")):
        pass
    assert waited == [None]
    process.stdout.close()
    process.wait()
