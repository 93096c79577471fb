"""Ranger: Rectified Adam, whose weights Lookahead smooths, on centralised gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hemobench")
class Ranger(keras.optimizers.Optimizer):
    r"""Rectified Adam [1]_ inside Lookahead [2]_, with gradient centralisation [3]_.

    Step t = 1, 2, … turns the gradient g of a weight array θ into

    1. centralisation, for arrays of two or more axes: g ← g − mean of g over all axes but the last, which in the
       kernels of Keras's dense and convolution layers is the output;
    2. moments: m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g², from 0, and m̂ = m / (1 − β₁ᵗ);
    3. rectification: with ρ∞ = 2 / (1 − β₂) − 1 and ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ),

       - while ρ ≤ 4, when v has seen too few gradients for its variance to be finite: θ ← θ − η m̂;
       - from then on: θ ← θ − η r m̂ √(1 − β₂ᵗ) / (√v + ε), where
         r² = (ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ);

    4. Lookahead, when t is a multiple of k: φ ← φ + α (θ − φ), then θ ← φ. The slow weights φ start at the initial
       weights; m and v live on.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        η.
    beta_1, beta_2 : float, 0 ≤ β₁ < 1 and 0.6 < β₂ < 1
        The decay of the moments. With the default β₂ = 0.999 the first adaptive step is the fifth.
    epsilon : float
        ε.
    sync_period : int, at least 1
        k, in steps.
    slow_step_size : float, 0 < α ≤ 1
        α; with 1 there is no Lookahead.
    centralise : bool
        Whether to centralise.
    name : str
        The name of the optimizer.
    **kwargs
        What every Keras optimizer takes: `weight_decay`, `clipnorm`, `use_ema`, `gradient_accumulation_steps`, ….

    Raises
    ------
    ValueError
        If a number lies outside its range.

    Notes
    -----
    Unlike the papers:

    - ε is added to √v, as in the code of the authors of [1]_; their paper has none. That code, PyTorch's `RAdam` and
      the first Ranger [4]_ wait until ρ reaches 5, one step later for β₂ = 0.999; here it is the paper's ρ > 4.
    - β₂ ≤ 0.6 is refused: ρ never passes 4 there, and what remains is momentum.
    - Weight decay is Keras's decoupled one, θ ← θ − η λ θ before the step, and is not rectified.
    - Keras clips before a step, so gradients are centralised after clipping.
    - An array does not tell which layer it is of. In the kernels of transposed convolutions the last axis is the
      input; in those of depthwise ones, (height, width, channels, 1), the mean also goes over the channels.

    Defaults are those of [4]_. The model holds the fast weights θ; right after a multiple of k they are the slow ones.
    A step counts as one when the weights move: with gradient accumulation, once in so many batches.

    References
    ----------
    .. [1] L. Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020, arXiv:1908.03265,
       algorithm 2.
    .. [2] M. Zhang et al., "Lookahead Optimizer: k steps forward, 1 step back", NeurIPS 2019, arXiv:1907.08610,
       algorithm 1.
    .. [3] H. Yong et al., "Gradient Centralization: A New Optimization Technique for Deep Neural Networks", ECCV 2020,
       arXiv:2004.01461, equation 1.
    .. [4] L. Wright, "Ranger", 2019, https://github.com/lessw2020/Ranger-Deep-Learning-Optimizer.

    Examples
    --------
    >>> weight = keras.Variable([1.0])
    >>> optimizer = Ranger(learning_rate=0.5, sync_period=2)
    >>> for _ in range(2):
    ...     optimizer.apply([ops.ones(1)], [weight])
    ...     print(float(weight[0]))
    0.5
    0.5
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.95,
        beta_2: float = 0.999,
        epsilon: float = 1e-5,
        sync_period: int = 6,
        slow_step_size: float = 0.5,
        centralise: bool = True,
        name: str = "ranger",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        for argument, received, expected, holds in [
            ("beta_1", beta_1, "at least 0 and below 1", 0 <= beta_1 < 1),
            ("beta_2", beta_2, "above 0.6 and below 1", 0.6 < beta_2 < 1),
            ("sync_period", sync_period, "an int from 1 on", isinstance(sync_period, int) and sync_period >= 1),
            ("slow_step_size", slow_step_size, "above 0 and at most 1", 0 < slow_step_size <= 1),
        ]:
            if not holds:
                raise ValueError(f"`{argument}` must be {expected}. Received: {argument}={received}")
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.sync_period = sync_period
        self.slow_step_size = slow_step_size
        self.centralise = centralise

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Create both moments and the slow weights of each variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities, self._slow_weights = self.add_optimizer_variables(
            variables, ["momentum", "velocity", "slow_weight"]
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable and its slots by one step."""
        dtype = variable.dtype
        index = self._get_variable_index(variable)
        momentum, velocity, slow = self._momentums[index], self._velocities[index], self._slow_weights[index]
        # TensorFlow hands over the gradient of an embedding as slices, of which no mean is taken; a sum is dense.
        gradient = ops.add(ops.cast(gradient, dtype), ops.zeros((), dtype))
        rate = ops.cast(learning_rate, dtype)

        if self.centralise and len(gradient.shape) > 1:
            gradient = gradient - ops.mean(gradient, axis=tuple(range(len(gradient.shape) - 1)), keepdims=True)
        new_momentum = momentum + (1 - self.beta_1) * (gradient - momentum)
        new_velocity = velocity + (1 - self.beta_2) * (ops.square(gradient) - velocity)

        # In float32 whatever the variable's dtype: bfloat16 counts no further than 256.
        step = ops.cast(self.iterations + 1, "float32")
        rho, limit = average_length(self.beta_2, step), 2 / (1 - self.beta_2) - 1
        is_tractable = ops.greater(rho, 4.0)
        # Rectification and bias correction of v. `where` computes both sides: no root of a negative number.
        squared = ops.maximum((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho), 0.0)
        numerator = ops.cast(ops.sqrt(squared * bias_correction(self.beta_2, step)), dtype)
        adaptive = ops.where(is_tractable, numerator / (ops.sqrt(new_velocity) + self.epsilon), ops.ones((), dtype))
        fast = variable - rate / ops.cast(bias_correction(self.beta_1, step), dtype) * new_momentum * adaptive

        # The slow weights are read at the first step, not in `build`, since weights may be loaded in between. Keras has
        # decayed them already, which is part of the step and not of where it began.
        initial = ops.convert_to_tensor(variable)
        if self.weight_decay is not None and self._use_weight_decay(variable):
            initial = initial / (1 - rate * self.weight_decay)
        slow_before = ops.where(ops.equal(self.iterations, 0), initial, ops.convert_to_tensor(slow))
        slow_after = slow_before + self.slow_step_size * (fast - slow_before)
        is_sync = ops.equal((self.iterations + 1) % self.sync_period, 0)

        self.assign(momentum, new_momentum)
        self.assign(velocity, new_velocity)
        self.assign(slow, ops.where(is_sync, slow_after, slow_before))
        self.assign(variable, ops.where(is_sync, slow_after, fast))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same optimizer, without its state."""
        return super().get_config() | {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "sync_period": self.sync_period,
            "slow_step_size": self.slow_step_size,
            "centralise": self.centralise,
        }


def bias_correction(beta: float, step: Any) -> Any:
    """Return 1 − βᵗ to the full precision of float32."""
    return -ops.expm1((math.log(beta) if beta else -math.inf) * step)


def average_length(beta_2: float, step: Any) -> Any:
    """Return ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ), to the full precision of float32.

    As it stands the formula takes two numbers near 2000 from each other to give 4 or 5. With z = −½ t ln β₂ it is
    also ρ = t − t (z coth z − 1) / z + (ρ∞ + 2 / ln β₂), and the continued fraction of z coth z − 1 (Lambert) has no
    difference in it.
    """
    limit, decay = 2 / (1 - beta_2) - 1, -math.log(beta_2)
    square = ops.square(step * decay / 2)
    early = step - 2 / decay * square / (3 + square / (5 + square / (7 + square / 9))) + (limit - 2 / decay)
    late = limit - 2 * step / ops.expm1(step * decay)
    return ops.where(ops.less(square, 1.0), early, late)
