"""``hemobench train`` as a person uses it: wrong words, ``kill -9``, Ctrl-C."""

import json
import signal

import pytest


def wait_for(process, words):
    """Read stderr up to the line that begins with `words`."""
    for line in process.stderr:
        if line.startswith(words):
            return
    raise AssertionError(f"{words!r} was never said")


@pytest.mark.slow
def test_a_run_survives_kill_and_ctrl_c_and_ends_whole(hemobench):
    words = ("train", "scratch-v1", "--preset", "quick", "--json")
    killed = hemobench.start(*words)
    wait_for(killed, "epoch 1/")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    stopped = hemobench.start(*words)
    wait_for(stopped, "Goes on after epoch")
    wait_for(stopped, "epoch 3/")
    stopped.send_signal(signal.SIGINT)
    out, _ = stopped.communicate()
    assert stopped.returncode == 130
    document = json.loads(out)
    assert document["stopped"] == "by hand"
    assert document["epochs"] < 6

    whole = hemobench(*words, "--resume")
    document = json.loads(whole.stdout)
    assert (document["stopped"], document["epochs"]) == ("finished", 6)
    assert document["val_n"] > 0
    assert "epoch 6/6" in whole.stderr
    assert "epoch 1/6" not in whole.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vgg61",), "Did you mean vgg16?"),
        ((), "train needs the name of a model"),
        (("scratch-v1", "--resume", "--retrain"), "choose one"),
        (("scratch-v1", "--weights", "imagenet"), "no effect"),
        (("vgg16", "--list"), "no effect"),
        (("scratch-v1", "--preset", "quick", "--set", "augment=cutmixx"), "Did you mean cutmix"),
        (("scratch-v1", "--preset", "quick", "--set", "cosine=true"), "has no effect"),
        (("scratch-v1", "--preset", "quick", "--set", "frozen_layers=1"), "would stay random"),
        (("scratch-v1", "--recipe", "absent.toml"), "Cannot read the recipe"),
        (("scratch-v2-report",), "divides by 255 already"),
        (("scratch-v1", "--seed", "-1"), "--seed"),
    ],
    ids=str,
)
def test_words_without_sense_are_refused_before_keras_is_loaded(hemobench, words, said):
    assert said in hemobench("train", *words, code=2).stderr


def test_resume_needs_something_to_resume(hemobench):
    assert "no interrupted run" in hemobench("train", "scratch-v1", "--resume", code=2).stderr


def test_a_weights_file_that_is_not_there_is_a_failure_with_a_way_out(hemobench):
    refused = hemobench("train", "vgg16", "--weights", "absent.weights.h5", code=1)
    assert "There is no weights file" in refused.stderr
    assert "auto, imagenet, none" in refused.stderr
