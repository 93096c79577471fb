"""Training in 16 bits where the machine is faster in them; what is submitted is float32 and says the same."""

from dataclasses import replace
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest

from baselines.device import cpu_flags, uses_onednn
from baselines.entries import find
from baselines.models.freezing import freeze, split_at_frozen
from baselines.precision import LABELS_HELD, Machine, computing_in, fastest
from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.train import train
from harness.freeze.frozen import LabelledImages
from tests.baselines.conftest import TinyContest, plain_backbone

AMX = Machine("tensorflow", {"avx512f", "amx_tile", "amx_bf16"}, onednn=True)


def gpu(*capability):
    return Machine("tensorflow", AMX.cpu_flags, onednn=True, has_gpu=True, capability=capability or None)


@pytest.mark.parametrize(
    ("machine", "depthwise", "policy"),
    [
        (AMX, False, "mixed_bfloat16"),
        (AMX, True, "float32"),
        (Machine("torch", AMX.cpu_flags, onednn=True), False, "mixed_bfloat16"),
        (Machine("jax", AMX.cpu_flags), False, "float32"),
        (Machine("tensorflow", {"avx512f", "avx512_bf16", "amx_tile", "amx_int8"}, onednn=True), False, "float32"),
        (Machine("tensorflow", onednn=True), False, "float32"),
        (gpu(9, 0), False, "mixed_bfloat16"),
        (gpu(8, 0), True, "mixed_bfloat16"),
        (gpu(7, 5), False, "mixed_float16"),
        (gpu(6, 1), False, "float32"),
        (gpu(), False, "float32"),
    ],
)
def test_auto_is_what_the_machine_is_fastest_in_and_says_why(machine, depthwise, policy):
    found = fastest(machine, depthwise=depthwise)
    assert found.policy == policy
    assert found.why


def test_the_processor_is_asked_and_where_it_says_nothing_nothing_is_assumed(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(
        "processor\t: 0\nvmx flags\t: vnmi\nflags\t\t: fpu avx512f amx_bf16 amx_tile\nbugs\t\t: spectre_v1\n"
    )
    assert cpu_flags(path) == {"fpu", "avx512f", "amx_bf16", "amx_tile"}
    path.write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n")
    assert cpu_flags(path) == frozenset()
    assert cpu_flags(tmp_path / "absent") == frozenset()


def test_tensorflow_without_onednn_and_jax_do_not_use_amx(monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    assert uses_onednn("tensorflow")
    assert not uses_onednn("jax")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert not uses_onednn("tensorflow")


def test_a_run_is_of_the_precision_that_was_used_whatever_was_asked_for(tiny_job, monkeypatch):
    def keys(machine, model="scratch-v2"):
        monkeypatch.setattr("baselines.device.machine", lambda: machine)
        asked = ("auto", "float32", "mixed_bfloat16")
        return [tiny_job(model, Recipe(epochs=1, precision=precision)).key for precision in asked]

    auto, single, half = keys(Machine("tensorflow", {"avx2"}, onednn=True))
    assert auto == single != half
    assert keys(AMX) == [half, single, half]
    auto, single, half = keys(AMX, "mobilenet")
    assert auto == single != half
    assert Recipe(epochs=1).precision == "auto"


class LikeClasses(TinyContest):
    """Many images to compare labels on, of classes not too far apart."""

    def load(self, split):
        rng = np.random.default_rng([len(split), 7])
        labels = np.arange(400 if split == "val" else 96) % 3
        images = rng.normal(100, 30, (len(labels), *self.contest.image_shape))
        images[np.arange(len(labels)), ..., labels] += rng.normal(60, 12, len(labels))[:, None, None]
        return LabelledImages(images.clip(0, 255).astype(np.uint8), labels)


# Quick is the one whose loss is scaled and whose weights are averaged; `test_table` trains a step in the other, too.
@pytest.mark.parametrize(
    ("precision", "ema"),
    [
        ("mixed_float16", 0.9),
        pytest.param("mixed_bfloat16", None, marks=pytest.mark.slow),
        pytest.param("mixed_float16", None, marks=pytest.mark.slow),
        pytest.param("mixed_bfloat16", 0.9, marks=pytest.mark.slow),
    ],
)
def test_a_mixed_run_learns_is_submitted_in_float32_and_leaves_keras_as_it_was(precision, ema, tiny_job, tmp_path):
    recipe = Recipe(epochs=3, batch_size=16, learning_rate=3e-3, precision=precision, ema=ema)
    folder = RunFolder(tmp_path / "run")
    said: list[str] = []
    run = train(replace(tiny_job("scratch-v1", recipe), frozen=LikeClasses((32, 32, 3))), folder, tell=said.append)
    history = folder.read_history()
    assert np.isfinite([row.train_loss for row in history]).all()
    assert history[-1].train_loss < history[0].train_loss
    model = keras.saving.load_model(folder.model, compile=False)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    assert run.val_accuracy.value > 0.8
    assert run.changed_labels < LABELS_HELD
    assert run.val_accuracy.value == pytest.approx(max(row.val_accuracy for row in history), abs=run.changed_labels)
    assert f"{100 * run.changed_labels:.2f} %" in said[-1]
    assert (run.recipe.precision, run.precision) == (precision, precision)
    assert run.recipe_key != msgspec.structs.replace(run, precision="float32").recipe_key


def test_the_loss_of_half_precision_is_scaled_above_frozen_layers_too(tiny_job):
    recipe = Recipe(epochs=1, frozen_layers=10)
    with computing_in("mixed_float16"):
        model = find("vgg16").build(recipe, (32, 32, 3), 3, None, 0)
    freeze(model, recipe)
    _, above = split_at_frozen(model)
    assert above.dtype_policy.name == "mixed_float16"
    above.compile("adam")
    assert isinstance(above.optimizer, keras.optimizers.LossScaleOptimizer)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_deep_network_starts_from_nothing_in_half_precision_as_in_float32(precision, tiny_job, monkeypatch):
    monkeypatch.setattr(keras.applications, "VGG16", plain_backbone)
    starts = []

    class StartedError(Exception):
        pass

    def session(job, phase, model, submitted, folder, labels):
        starts.append([*model.get_weights(), np.array(model.get_layer("conv2").compute_dtype)])
        raise StartedError

    monkeypatch.setattr("baselines.train.Session", session)
    for policy in ("float32", precision):
        with pytest.raises(StartedError):
            train(tiny_job("vgg16", Recipe(epochs=1, init_images=8, precision=policy)), RunFolder(Path("nowhere")))
    (*single, _), (*half, computes) = starts
    assert computes == precision.removeprefix("mixed_")
    for one, other in zip(single, half, strict=True):
        np.testing.assert_array_equal(one, other)
