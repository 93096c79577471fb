"""On the layout of the course's data, exactly the planted copies go, and none of them straddles a split."""

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from harness import api

N, COPIES_OF_ONE, COPIES_OF_OTHER, SIDE = 13_759, 1600, 200, 96
MONOCYTE = 5


def cells(n: int, rng: np.random.Generator) -> np.ndarray:
    """Distinct images of one kind: a dark, grainy disk of random place, size and tint on a grainy ground."""
    grain = rng.integers(0, 24, (n, 24, 24, 1), dtype=np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    images = np.uint8(200) + grain + rng.integers(0, 24, (n, 1, 1, 3), dtype=np.uint8)
    offset = np.arange(SIDE)
    centre, radius = rng.integers(40, 56, (n, 2)), rng.integers(14, 34, n)
    down = (offset[None] - centre[:, :1]) ** 2
    across = (offset[None] - centre[:, 1:]) ** 2
    inside = down[:, :, None] + across[:, None, :] < (radius**2)[:, None, None]
    images[inside] -= np.uint8(110)
    return images


@pytest.mark.slow  # as many images as the course has
def test_exactly_the_planted_copies_go(tmp_path):
    rng = np.random.default_rng(0)
    planted = [image[:SIDE, 200 : 200 + SIDE] for image in load_sample_images().images]
    kinds = rng.permutation(np.repeat([0, 1, 2], [N - COPIES_OF_ONE - COPIES_OF_OTHER, COPIES_OF_ONE, COPIES_OF_OTHER]))
    images = cells(N, rng)
    images[kinds == 1], images[kinds == 2] = planted
    labels = rng.choice(8, N, p=[0.08, 0.18, 0.09, 0.17, 0.07, 0.08, 0.19, 0.14])
    labels[kinds == 1] = np.arange(COPIES_OF_ONE) % 8
    labels[kinds == 2] = MONOCYTE
    np.savez(tmp_path / "training_set.npz", images=images, labels=labels[:, None].astype(np.uint8))
    del images

    frozen = api.freeze(tmp_path / "workspace", "blood-cells-an2dl", tmp_path / "training_set.npz")

    gone = {int(finding.id) for finding in frozen.lock.findings if finding.action == "dropped"}
    assert gone == set(np.flatnonzero(kinds).tolist())
    assert {finding.rule for finding in frozen.lock.findings} == {"mass duplicate"}
    splits = ("train", "val", "public", "private")
    assert sum(sum(frozen.lock.counts[split].values()) for split in splits) == 11_959
    for image in planted:
        for split in ("train", "val"):
            assert not (frozen.load(split).images == image).all(axis=(1, 2, 3)).any()
