"""Which images a recipe trains on and which it validates by."""

import numpy as np

from baselines.data import training_images
from baselines.recipe import Recipe


def sets(tiny_job, **fields):
    job = tiny_job(recipe=Recipe(epochs=3, **fields))
    train, val = training_images(job, np.random.default_rng(0))
    return job, train, val


def as_set(data):
    return {image.tobytes() for image in data.images}


def test_by_default_the_contest_s_own_split_is_used(tiny_job):
    job, train, val = sets(tiny_job)
    assert as_set(train) == as_set(job.frozen.load("train"))
    assert as_set(val) == as_set(job.frozen.load("val"))


def test_a_larger_validation_share_moves_images_and_loses_none(tiny_job):
    job, train, val = sets(tiny_job, val_share=0.5)
    own_train, own_val = job.frozen.load("train"), job.frozen.load("val")
    assert len(val.labels) == round(0.5 * (len(own_train.labels) + len(own_val.labels)))
    assert as_set(own_val) < as_set(val)
    assert as_set(train) | as_set(val) == as_set(own_train) | as_set(own_val)
    assert not as_set(train) & as_set(val)
    assert np.bincount(train.labels).max() - np.bincount(train.labels).min() <= 1


def test_duplicates_left_in_go_to_both_sides_and_the_contest_s_validation_stays(tiny_job):
    job, train, val = sets(tiny_job, duplicates="left")
    removed = job.frozen.load("removed")
    assert len(train.labels) + len(val.labels) == 64 + 24 + len(removed.labels)
    assert as_set(job.frozen.load("val")) <= as_set(val)
    assert as_set(removed) <= as_set(train) | as_set(val)
    assert as_set(removed) & as_set(train) and as_set(removed) & as_set(val)


def test_a_removed_copy_of_a_validation_image_is_never_trained_on(tiny_job):
    job = tiny_job(recipe=Recipe(epochs=3, duplicates="left"))
    real = job.frozen.load

    def load(split):
        data = real(split)
        if split == "removed":
            data.images[:4] = real("val").images[:4]
        return data

    job.frozen.load = load
    for seed in range(5):
        train, val = training_images(job, np.random.default_rng(seed))
        assert not as_set(train) & as_set(real("val"))
        assert len(train.labels) + len(val.labels) == 64 + 24 + 6


def test_noise_is_on_the_validation_images_alone_and_as_strong_as_said(tiny_job):
    job, train, val = sets(tiny_job, val_noise=6.0)
    assert as_set(train) == as_set(job.frozen.load("train"))
    clean = job.frozen.load("val").images.astype(float)
    inside = (clean > 25) & (clean < 230)  # where clipping takes nothing away
    assert abs(np.std((val.images - clean)[inside]) - 6.0) < 0.2
    assert val.images.dtype == np.uint8


def test_a_limit_keeps_the_shares_and_the_same_seed_gives_the_same_images(tiny_job):
    _, train, _ = sets(tiny_job, train_limit=30)
    assert np.bincount(train.labels).tolist() == [10, 10, 10]
    assert as_set(train) == as_set(sets(tiny_job, train_limit=30)[1])
