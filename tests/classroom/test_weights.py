"""Copied weights are found whatever was done to them; weights of one recipe from other seeds are not."""

import itertools

import numpy as np
import pytest

from harness.classroom.similar.weights import Match, match, weights_of
from tests.classroom.networks import COPIES, train

CLASSES = 8


def weights(*tensors, n_images=(), layout=""):
    return weights_of([(f"t{at}", one, layout) for at, one in enumerate(tensors)], CLASSES, n_images)


def blobs(n_features, seed, n=400):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, CLASSES, n)
    return rng.normal(size=(CLASSES, n_features))[y] + 1.2 * rng.normal(size=(n, n_features)), y


@pytest.fixture(scope="module")
def nets():
    X, y = blobs(24, 1)
    return train(X, y, CLASSES, range(12), steps=150)


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found(nets, how):
    rng = np.random.default_rng(5)
    for net in nets:
        found = match(weights(*net), weights(*COPIES[how](net, rng)))
        assert found.found and found.share == 1 and not found.apart


def test_networks_of_one_recipe_from_other_seeds_are_apart(nets):
    made = [weights(*net) for net in nets]
    for one, other in itertools.combinations(made, 2):
        found = match(one, other)
        assert not found.found and found.apart and found.comparable


def test_a_deeper_layer_is_found_through_the_order_of_the_one_before(nets):
    rng = np.random.default_rng(3)
    net = [rng.normal(size=shape) for shape in ((24, 48), (48, 32), (32, 16), (16, CLASSES))]
    orders = [rng.permutation(n) for n in (48, 32, 16)]
    copy = [
        net[0][:, orders[0]], net[1][orders[0]][:, orders[1]], net[2][orders[1]][:, orders[2]], net[3][orders[2]],
    ]  # fmt: skip
    copy = [kernel + 0.05 * rng.normal(size=kernel.shape) for kernel in copy]
    found = match(weights(*net), weights(*copy))
    assert [(layer.one, layer.other, layer.equal) for layer in found.layers] == [
        (f"t{at}", f"t{at}", False) for at in range(3)
    ]
    assert found.share == 1


def test_a_convolution_is_the_same_in_pytorchs_order_of_axes():
    rng = np.random.default_rng(4)
    kernel = rng.normal(size=(3, 3, 16, 32))
    order = rng.permutation(32)
    dense = rng.normal(size=(4 * 32, 64))
    turned = np.moveaxis(kernel[..., order] + 0.01 * rng.normal(size=kernel.shape), (2, 3), (1, 0))
    inputs = dense.reshape(4, 32, 64)[:, order].reshape(-1, 64) + 0.01
    found = match(weights(kernel, dense, layout="last"), weights(turned, inputs.T, layout="first"))
    assert found.share == 1 and len(found.layers) == 2


def test_what_public_data_alone_give_is_no_evidence():
    rng = np.random.default_rng(6)
    basis = np.linalg.qr(rng.normal(size=(300, 40)))[0].T
    data = rng.normal(size=(77, 48))
    one, other = ([basis, data, rng.normal(size=(40, 32)), rng.normal(size=(32, CLASSES))] for _ in range(2))
    found = match(weights(*one, n_images=[77]), weights(*other, n_images=[77]))
    assert not found.found
    assert [layer.one for layer in found.layers] == ["t0"], "the basis is named, and counts nothing"


def test_what_the_common_files_hold_is_no_evidence(nets):
    rng = np.random.default_rng(7)
    backbone = [rng.normal(size=(48, 32)), rng.normal(size=(32, 64))]
    heads = [[rng.normal(size=(64, 16)), rng.normal(size=(16, CLASSES))] for _ in range(2)]
    one, other = (weights(*backbone, *head) for head in heads)
    assert match(one, other).found
    assert not match(one, other, [weights(*backbone)]).found
    one, other = [
        weights(*(kernel + 0.1 * rng.normal(size=kernel.shape) for kernel in backbone), *head) for head in heads
    ]
    assert match(one, other).found
    assert not match(one, other, [weights(*backbone)]).found, "nor what was trained on a little from there"


def test_a_convex_fit_that_came_near_the_same_optimum_is_no_copy_and_one_with_equal_numbers_is():
    rng = np.random.default_rng(8)
    optimum = rng.normal(size=(48, CLASSES))
    near = optimum + 0.01 * rng.normal(size=optimum.shape)
    assert match(weights(optimum), weights(near)) == Match()
    assert match(weights(optimum), weights(optimum.T)).found


@pytest.mark.parametrize(
    "tensor",
    [np.zeros((64, 64)), np.ones((64, 64)), np.eye(64), np.arange(4096).reshape(64, 64), np.array("text"), np.zeros(3)],
)
def test_tensors_that_say_nothing_are_left_out(tensor):
    assert weights(tensor).names == ()


def test_numbers_that_are_none_do_no_harm():
    rng = np.random.default_rng(9)
    kernel = rng.normal(size=(48, 32))
    kernel[0, 0], kernel[1, 1], kernel[2] = np.nan, np.inf, 0
    assert match(weights(kernel), weights(kernel)).found
    assert not match(weights(kernel), weights(rng.normal(size=(48, 32)))).found
