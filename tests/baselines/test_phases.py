"""Two phases, the head and then what lies under it; taken up again anywhere, they end as if never interrupted."""

import keras
import msgspec
import numpy as np
import pytest

from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.train import train
from baselines.weights import Weights
from tests.baselines.conftest import as_left_after, eagerly, small_backbone


class StopError(Exception):
    pass


def mute(line):
    pass


@pytest.fixture(autouse=True)
def backbone(monkeypatch):
    monkeypatch.setattr(keras.applications, "MobileNet", small_backbone)
    with eagerly():
        yield


@pytest.fixture
def weights(backbone, tmp_path):
    path = tmp_path / "small_notop.weights.h5"
    keras.utils.set_random_seed(5)
    small_backbone().save_weights(path)
    return Weights("sha256:0123", path, "0123")


TWO_PHASES = Recipe(
    epochs=3, head_epochs=1, batch_size=16, frozen_share=0.5, features_once=True, head_learning_rate=0.01
)
RANDOM = Recipe(epochs=2, batch_size=16, frozen_share=1.0, features_once=True, init_images=16)


def histories_agree(one, other):
    for mine, theirs in zip(one.read_history(), other.read_history(), strict=True):
        assert mine.learning_rate == theirs.learning_rate
        assert mine.train_loss == pytest.approx(theirs.train_loss, rel=1e-3)
        assert mine.val_loss == pytest.approx(theirs.val_loss, rel=1e-3)
    return True


def test_the_head_learns_alone_first_and_an_interrupted_run_ends_as_the_whole_one(tiny_job, weights, tmp_path):
    job = tiny_job("mobilenet", TWO_PHASES, weights)
    whole = RunFolder(tmp_path / "whole")
    kernels = {}

    def note(epoch):
        model = keras.saving.load_model(whole.model, compile=False)
        kernels[epoch.epoch] = {
            name: model.get_layer(name).get_weights()[0] for name in ("conv1", "conv4", "head_labels")
        }

    broken = [RunFolder(tmp_path / f"broken-{number}" / "run") for number in (1, 2)]
    kept = [as_left_after(number, whole, folder) for number, folder in enumerate(broken, start=1)]

    def note_and_keep(epoch):
        for what in (note, *kept):
            what(epoch)

    said: list[str] = []
    train(job, whole, tell=said.append, after_epoch=note_and_keep)
    assert sum("frozen layers once" in line for line in said) == 2
    loaded = small_backbone()
    loaded.load_weights(weights.path)
    best = keras.saving.load_model(whole.model, compile=False)
    np.testing.assert_array_equal(best.get_layer("conv1").get_weights()[0], loaded.get_layer("conv1").get_weights()[0])
    pretrained = loaded.get_layer("conv4").get_weights()[0]
    np.testing.assert_array_equal(kernels[1]["conv4"], pretrained)
    assert not np.array_equal(kernels[3]["conv4"], pretrained), "the second phase moves what is not frozen"
    assert [row.learning_rate for row in whole.read_history()] == pytest.approx([0.01, 0.001, 0.001])
    for folder in broken:
        train(job, folder, tell=mute)
        assert histories_agree(whole, folder)


def test_patience_counts_from_the_last_phase_on_also_when_the_run_is_taken_up(tiny_job, weights, tmp_path):
    # The head phase reaches a loss that the next one begins above: taken together, patience would have run out.
    recipe = msgspec.structs.replace(TWO_PHASES, epochs=4, early_stopping=1)
    folder = RunFolder(tmp_path / "run")

    def stop_after_the_second(epoch):
        if epoch.epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        train(tiny_job("mobilenet", recipe, weights), folder, tell=mute, after_epoch=stop_after_the_second)
    low, high = (
        msgspec.structs.replace(row, val_loss=loss) for row, loss in zip(folder.read_history(), (0.1, 9.0), strict=True)
    )
    folder.write_history([low, high])
    train(tiny_job("mobilenet", recipe, weights), folder, tell=mute)
    assert len(folder.read_history()) > 2


def test_a_random_backbone_is_the_same_when_the_run_is_taken_up_again(tiny_job, tmp_path):
    job = tiny_job("mobilenet", RANDOM)
    whole, broken = RunFolder(tmp_path / "a" / "run"), RunFolder(tmp_path / "b" / "run")
    train(job, whole, tell=mute, after_epoch=as_left_after(1, whole, broken))
    train(job, broken, tell=mute)
    assert histories_agree(whole, broken)
    same = zip(
        keras.saving.load_model(whole.model, compile=False).get_weights(),
        keras.saving.load_model(broken.model, compile=False).get_weights(),
        strict=True,
    )
    assert all(np.allclose(one, other, atol=1e-4) for one, other in same)
