"""Small networks of one recipe trained from many seeds, and what somebody makes of one that is not his."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Net = list[NDArray]  # kernels, each (inputs, outputs)


def train(X: NDArray, y: NDArray, n_classes: int, seeds: Sequence[int], units: int = 32, steps: int = 300) -> list[Net]:
    """Train a network with one hidden layer (ReLU, softmax, Adam) from each seed, all of them at once."""
    draws = [np.random.default_rng(seed) for seed in seeds]
    sizes = (X.shape[1], units, n_classes)
    kernels = [np.stack([rng.normal(0, np.sqrt(2 / m), (m, n)) for rng in draws]) for m, n in itertools.pairwise(sizes)]
    moments = [[np.zeros_like(one) for one in kernels] for _ in range(2)]
    target = np.eye(n_classes)[y]
    for step in range(1, steps + 1):
        hidden = np.maximum(X @ kernels[0], 0)
        scores = hidden @ kernels[1]
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        slope = (shares / shares.sum(-1, keepdims=True) - target) / len(X)
        back = (slope @ kernels[1].swapaxes(1, 2)) * (hidden > 0)
        for at, gradient in enumerate((X.T @ back, hidden.swapaxes(1, 2) @ slope)):
            gradient += 1e-3 * kernels[at]
            for moment, power, decay in zip(moments, (1, 2), (0.9, 0.999), strict=True):
                moment[at] = decay * moment[at] + (1 - decay) * gradient**power
            first, second = moments[0][at] / (1 - 0.9**step), moments[1][at] / (1 - 0.999**step)
            kernels[at] = kernels[at] - 0.01 * first / (np.sqrt(second) + 1e-8)
    return [[one[number] for one in kernels] for number in range(len(seeds))]


def answer(net: Net, X: NDArray) -> NDArray[np.int64]:
    hidden = X
    for kernel in net[:-1]:
        hidden = np.maximum(hidden @ kernel, 0)
    return (hidden @ net[-1]).argmax(-1)


def reordered(net: Net, rng: np.random.Generator) -> Net:
    order = rng.permutation(net[0].shape[1])
    return [net[0][:, order], net[1][order]]


def noisy(net: Net, rng: np.random.Generator, size: float = 0.05) -> Net:
    return [kernel + size * kernel.std() * rng.normal(size=kernel.shape) for kernel in net]


def other_head(net: Net, rng: np.random.Generator) -> Net:
    return [net[0], rng.normal(size=net[1].shape)]


def pruned(net: Net, rng: np.random.Generator) -> Net:
    return [np.where(abs(kernel) < np.quantile(abs(kernel), 0.05), 0, kernel) for kernel in net]


def cut(net: Net, rng: np.random.Generator) -> Net:
    """Take out one unit of twenty, the weakest first."""
    weak = np.argsort(np.linalg.norm(net[1], axis=1))[: max(1, len(net[1]) // 20)]
    return [np.delete(net[0], weak, axis=1), np.delete(net[1], weak, axis=0)]


def rescaled(net: Net, rng: np.random.Generator) -> Net:
    scale = np.exp(rng.normal(size=net[0].shape[1]))
    return [net[0] * scale, net[1] / scale[:, None]]


def with_noise_beside(net: Net, rng: np.random.Generator) -> Net:
    """Put units of noise beside those of the network, with little weight: an ensemble of both."""
    noise = rng.normal(0, net[0].std(), net[0].shape)
    return [np.hstack([net[0], noise]), np.vstack([net[1], 0.1 * rng.normal(0, net[1].std(), net[1].shape)])]


COPIES: dict[str, Callable[[Net, np.random.Generator], Net]] = {
    "renamed": lambda net, rng: net,
    "layers renamed": lambda net, rng: net,
    "retrained head": other_head,
    "pruned": pruned,
    "noise": noisy,
    "ensembled with noise": with_noise_beside,
    "units in another order": reordered,
    "another order and noise": lambda net, rng: noisy(reordered(net, rng), rng),
    "rescaled": rescaled,
    "units cut": cut,
    "half precision": lambda net, rng: [kernel.astype(np.float16) for kernel in net],
}
