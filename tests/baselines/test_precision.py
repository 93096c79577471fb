"""Mixed precision computes in 16 bits and submits float32."""

import keras
import numpy as np
import pytest

from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.train import train


@pytest.mark.parametrize(
    ("precision", "ema"),
    [
        ("mixed_float16", 0.9),
        ("mixed_bfloat16", None),
        pytest.param("mixed_float16", None, marks=pytest.mark.slow),
        pytest.param("mixed_bfloat16", 0.9, marks=pytest.mark.slow),
    ],
)
def test_a_mixed_run_learns_is_submitted_in_float32_and_leaves_keras_as_it_was(precision, ema, tiny_job, tmp_path):
    recipe = Recipe(epochs=3, batch_size=16, learning_rate=3e-3, precision=precision, ema=ema)
    folder = RunFolder(tmp_path / "run")
    run = train(tiny_job(recipe=recipe), folder, tell=lambda line: None)
    history = folder.read_history()
    assert np.isfinite([row.train_loss for row in history]).all()
    assert history[-1].train_loss < history[0].train_loss
    model = keras.saving.load_model(folder.model, compile=False)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert run.val_accuracy.value == pytest.approx(max(row.val_accuracy for row in history), abs=0.1)
    assert keras.config.dtype_policy().name == "float32"
