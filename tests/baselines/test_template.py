"""The submission's own ``model.py``: with test-time augmentation it averages over the positions of a square."""

import importlib.util
from functools import partial

import keras
import numpy as np
import pytest

from baselines.build import build_model
from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.saving import save_model

pytestmark = pytest.mark.usefixtures("eager")


def module_of(folder):
    spec = importlib.util.spec_from_file_location("submitted", folder.submission / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_eight_views_are_all_positions_of_a_square_and_one_is_the_image(tiny_job, tmp_path):
    folder, job = RunFolder(tmp_path / "run"), tiny_job(recipe=Recipe(epochs=1, tta="flips"))
    folder.write_submission(partial(save_model, build_model(job)), views=job.recipe.views)
    module = module_of(folder)
    assert module.VIEWS == 8
    batch = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(1, 4, 4, 3)
    assert len({view.tobytes() for view in module.views(batch, 8)}) == 8
    np.testing.assert_array_equal(module.views(batch, 1)[0], batch)
    model = module.Model.__new__(module.Model)
    model.network = keras.saving.load_model(folder.model, compile=False)
    images = tiny_job().frozen.load("val").images
    mean = np.mean([model.network.predict_on_batch(view) for view in module.views(images, 8)], axis=0)
    np.testing.assert_allclose(model.predict_proba(images), mean, atol=1e-6)
    turned = model.predict_proba(np.rot90(images, axes=(1, 2)))
    np.testing.assert_allclose(model.predict_proba(images), turned, atol=1e-5)
