"""Each part of Ranger against its paper's update, written out here in numpy; then what Keras asks of an optimizer."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from baselines.optimizers.ranger import Ranger

GRADIENTS = np.random.default_rng(20).normal(size=(20, 3)).astype("float32")
START = np.array([1.0, -2.0, 0.5], "float32")


def only_radam(**settings):
    """Return a Ranger without Lookahead and centralisation."""
    return Ranger(**{"slow_step_size": 1.0, "sync_period": 1000, "centralise": False} | settings)


def walk(optimizer, start, gradients):
    """Return the weights after each step on a new variable."""
    variable = keras.Variable(start)
    return [one_step(optimizer, variable, gradient) for gradient in gradients]


def one_step(optimizer, variable, gradient):
    optimizer.apply([keras.ops.convert_to_tensor(gradient, dtype="float32")], [variable])
    return np.array(keras.ops.convert_to_numpy(variable))


class PaperRAdam:
    """Algorithm 2 of Liu et al. in float64; ε beside √v as in their code."""

    def __init__(self, eta, beta_1=0.95, beta_2=0.999, epsilon=1e-5):
        self.eta, self.beta_1, self.beta_2, self.epsilon = eta, beta_1, beta_2, epsilon
        self.m = self.v = self.t = 0

    def rectification(self, t):
        """Return r, or None where the variance is intractable."""
        power = self.beta_2**t
        limit = 2 / (1 - self.beta_2) - 1
        rho = limit - 2 * t * power / (1 - power)
        if rho <= 4:
            return None
        return np.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))

    def update(self, gradient):
        self.t += 1
        self.m = self.beta_1 * self.m + (1 - self.beta_1) * gradient
        self.v = self.beta_2 * self.v + (1 - self.beta_2) * gradient**2
        m_hat = self.m / (1 - self.beta_1**self.t)
        r = self.rectification(self.t)
        if r is None:
            return -self.eta * m_hat
        return -self.eta * r * m_hat * np.sqrt(1 - self.beta_2**self.t) / (np.sqrt(self.v) + self.epsilon)


def paper_walk(inner, start, gradient_of, n_steps, k=6, alpha=0.5):
    """Return the weights after each step of algorithm 1 of Zhang et al. around `inner`."""
    theta = phi = np.asarray(start, "float64")
    walked = []
    for step in range(n_steps):
        theta = theta + inner.update(gradient_of(theta, step))
        if (step + 1) % k == 0:
            theta = phi = phi + alpha * (theta - phi)
        walked.append(theta)
    return walked


# Rectified Adam


def test_the_fifth_step_is_the_first_that_adapts_worked_out_by_hand():
    # A gradient that stays 2 has m̂ = 2 and √(v / (1 − β₂ᵗ)) = 2, so the adaptive step is η r and the plain one 2 η.
    # β₂ = 0.999: ρ∞ = 1999. ρ₄ = 1999 − 8 · 0.996005996 / 0.003994004 = 3.9975, not above 4: four steps of 0.2.
    # ρ₅ = 1999 − 10 · 0.995009990 / 0.004990010 = 4.995998.
    # r₅² = 0.995998 · 2.995998 · 1999 / (1995 · 1997 · 4.995998) = 0.000299688, r₅ = 0.01731150: a step of 0.00173115.
    walked = walk(only_radam(learning_rate=0.1, epsilon=0.0), np.float32([0.0]), [[2.0]] * 5)
    np.testing.assert_allclose(np.ravel(walked), [-0.2, -0.4, -0.6, -0.8, -0.80173115], rtol=1e-6)


@pytest.mark.parametrize("beta_2", [0.8, 0.9, 0.99, 0.999, 0.9999])
def test_without_lookahead_and_centralisation_the_steps_are_those_of_radam(beta_2):
    walked = walk(only_radam(learning_rate=0.1, beta_2=beta_2), START, GRADIENTS)
    paper = np.cumsum([radam.update(g) for radam in [PaperRAdam(0.1, beta_2=beta_2)] for g in GRADIENTS], axis=0)
    np.testing.assert_allclose(walked, START + paper, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("beta_2", [0.61, 0.9, 0.999, 0.9999])
def test_the_rectification_keeps_its_precision_from_the_first_step_to_the_millionth(beta_2):
    # With β₁ = 0 and one gradient of 1, an adaptive step is η r √(1 − β₂ᵗ) / √(1 − β₂).
    for t in [1, 2, 3, 4, 5, 6, 8, 18, 22, 300, 1998, 2002, 19_992, 1_000_000]:
        variable = keras.Variable([0.0])
        optimizer = only_radam(learning_rate=1.0, beta_1=0.0, beta_2=beta_2, epsilon=0.0)
        optimizer.build([variable])
        optimizer.iterations.assign(t - 1)
        r = PaperRAdam(1.0, beta_2=beta_2).rectification(t)
        expected = 1.0 if r is None else r * np.sqrt((1 - beta_2**t) / (1 - beta_2))
        assert -one_step(optimizer, variable, [1.0])[0] == pytest.approx(expected, rel=4e-6), t


# Lookahead


def test_every_k_steps_the_weights_go_back_half_way_to_the_slow_ones_and_in_between_they_are_the_fast_ones():
    # Four plain steps of 0.2 by the test above; k = 2, α = 0.25: after −0.4 the slow weights move from 0 to −0.1, the
    # fast ones restart there and reach −0.5, and the slow ones move by a quarter of that way again, to −0.2.
    optimizer = Ranger(learning_rate=0.1, epsilon=0.0, sync_period=2, slow_step_size=0.25)
    walked = walk(optimizer, np.float32([0.0]), [[2.0]] * 4)
    np.testing.assert_allclose(np.ravel(walked), [-0.2, -0.1, -0.3, -0.2], rtol=1e-6)


@pytest.mark.parametrize(("k", "alpha"), [(6, 0.5), (5, 0.8), (1, 0.5), (3, 1.0)])
def test_with_lookahead_the_steps_are_those_of_its_paper_around_radam(k, alpha):
    walked = walk(Ranger(learning_rate=0.1, sync_period=k, slow_step_size=alpha), START, GRADIENTS)
    paper = paper_walk(PaperRAdam(0.1), START, lambda _, i: GRADIENTS[i], len(GRADIENTS), k, alpha)
    np.testing.assert_allclose(walked, paper, rtol=1e-5, atol=1e-6)


def test_weights_loaded_after_building_are_where_the_slow_ones_start():
    optimizer, variable = Ranger(learning_rate=0.1, sync_period=1), keras.Variable([100.0])
    optimizer.build([variable])
    variable.assign([1.0])
    assert one_step(optimizer, variable, [2.0]) == pytest.approx(1.0 - 0.5 * 0.2)


# Gradient centralisation


def first_step(gradient, **settings):
    """Return what the first step, a plain one, takes a gradient for."""
    gradient = np.asarray(gradient, "float32")
    return -walk(only_radam(**{"learning_rate": 1.0, "centralise": True} | settings), 0 * gradient, [gradient])[0]


def test_the_gradient_of_a_dense_kernel_loses_the_mean_over_its_inputs():
    # Columns, one for each output, have the means 2 and 5.
    assert first_step([[1.0, 2.0], [3.0, 9.0], [2.0, 4.0]]) == pytest.approx(np.array([[-1, -3], [1, 4], [0, -1]]))


def test_the_gradient_of_a_convolution_kernel_loses_the_mean_over_its_window_and_inputs():
    # Height 2, width 1, two inputs, two outputs with the means 3 and 20.
    gradient = [[[[1, 10], [2, 10]]], [[[3, 20], [6, 40]]]]
    assert first_step(gradient) == pytest.approx(np.array([[[[-2, -10], [-1, -10]]], [[[0, 0], [3, 20]]]]))


def test_the_gradient_of_a_bias_stays_and_so_does_each_when_centralisation_is_off():
    assert first_step([1.0, 5.0]) == pytest.approx(np.array([1, 5]))
    kernel = np.array([[1.0, 2.0], [3.0, 9.0]])
    assert first_step(kernel, centralise=False) == pytest.approx(kernel)


def test_the_moments_are_those_of_the_centralised_gradient():
    gradients = np.random.default_rng(21).normal(size=(8, 4, 2))
    walked = walk(only_radam(learning_rate=0.1, centralise=True), np.zeros((4, 2), "float32"), gradients)
    inner = PaperRAdam(0.1)
    paper = np.cumsum([inner.update(g - g.mean(axis=0)) for g in gradients], axis=0)
    np.testing.assert_allclose(walked, paper, rtol=1e-5, atol=1e-6)


# Weight decay, and the other services of the base class


def test_weight_decay_shrinks_the_weights_beside_the_step_and_the_slow_ones_start_undecayed():
    # η = 0.5, λ = 0.2, θ = 10, g = 2: decay to 9, then the plain step to 8; with k = 1, α = 0.5 half way from 10 to 8.
    decayed = {"learning_rate": 0.5, "weight_decay": 0.2}
    assert walk(only_radam(**decayed), np.float32([10.0]), [[2.0]])[0] == pytest.approx(8.0)
    assert walk(Ranger(sync_period=1, **decayed), np.float32([10.0]), [[2.0]])[0] == pytest.approx(9.0)


def test_a_variable_excluded_from_weight_decay_takes_the_step_alone():
    optimizer = Ranger(learning_rate=0.5, weight_decay=0.2, sync_period=1)
    kernel, bias = keras.Variable([10.0]), keras.Variable([10.0])
    optimizer.exclude_from_weight_decay([bias])
    optimizer.apply([keras.ops.convert_to_tensor([2.0])] * 2, [kernel, bias])
    assert np.ravel([keras.ops.convert_to_numpy(variable) for variable in [kernel, bias]]) == pytest.approx([9.0, 9.5])


def test_accumulated_gradients_count_as_one_step_of_their_mean():
    settings = {"learning_rate": 0.1, "sync_period": 2, "weight_decay": 0.1}
    single = walk(Ranger(**settings), START, GRADIENTS.reshape(10, 2, 3).mean(axis=1))
    accumulated = walk(Ranger(gradient_accumulation_steps=2, **settings), START, GRADIENTS)
    np.testing.assert_allclose(accumulated[1::2], single, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(accumulated[2::2], accumulated[1:-1:2])


def test_the_moving_average_is_that_of_the_weights_as_lookahead_leaves_them():
    optimizer = Ranger(learning_rate=0.1, sync_period=2, use_ema=True, ema_momentum=0.9)
    variable = keras.Variable(START)
    walked = [one_step(optimizer, variable, gradient) for gradient in GRADIENTS[:2]]
    optimizer.finalize_variable_values([variable])
    assert keras.ops.convert_to_numpy(variable) == pytest.approx(0.9 * walked[0] + 0.1 * walked[1])


# State


@pytest.mark.parametrize("n_before", [4, 6, 7])
def test_a_restored_state_goes_on_as_the_one_saved_within_a_period_too(n_before):
    whole = walk(Ranger(learning_rate=0.1, weight_decay=0.1), START, GRADIENTS)
    optimizer, variable = Ranger(learning_rate=0.1, weight_decay=0.1), keras.Variable(START)
    for gradient in GRADIENTS[:n_before]:
        half = one_step(optimizer, variable, gradient)
    state: dict[str, np.ndarray] = {}
    optimizer.save_own_variables(state)
    restored, variable = Ranger(learning_rate=0.1, weight_decay=0.1), keras.Variable(0 * START)
    restored.build([variable])
    variable.assign(half)
    restored.load_own_variables(state)
    rest = [one_step(restored, variable, gradient) for gradient in GRADIENTS[n_before:]]
    np.testing.assert_array_equal(rest, whole[n_before:])


def test_a_config_makes_the_same_optimizer_again():
    settings = {
        "learning_rate": 0.25,
        "beta_1": 0.5,
        "beta_2": 0.75,
        "epsilon": 0.125,
        "sync_period": 3,
        "slow_step_size": 0.75,
        "centralise": False,
        "weight_decay": 0.5,
        "clipnorm": 2.0,
        "use_ema": True,
        "name": "other",
    }
    serialised = keras.optimizers.serialize(Ranger(**settings))
    assert serialised["registered_name"] == "hemobench>Ranger"
    again = keras.optimizers.deserialize(serialised)
    assert type(again) is Ranger
    assert settings.items() <= again.get_config().items()


@pytest.mark.parametrize(
    ("nonsense", "sense"),
    [
        ({"beta_1": 1.0}, {"beta_1": 0.0}),
        ({"beta_2": 0.6}, {"beta_2": 0.61}),
        ({"beta_2": 1.0}, {"beta_2": 0.9999}),
        ({"sync_period": 0}, {"sync_period": 1}),
        ({"sync_period": 2.0}, {"sync_period": 2}),
        ({"slow_step_size": 0.0}, {"slow_step_size": 1.0}),
        ({"slow_step_size": 1.1}, {"slow_step_size": 0.1}),
    ],
    ids=str,
)
def test_a_number_out_of_range_is_refused_and_its_neighbour_accepted(nonsense, sense):
    (argument,) = nonsense
    with pytest.raises(ValueError, match=f"`{argument}` must be .* Received: {argument}="):
        Ranger(**nonsense)
    Ranger(**sense)


# Compiled training


def least_squares():
    X = np.random.default_rng(3).normal(size=(32, 4)).astype("float32")
    return X, X @ np.float32([[1, 0], [-2, 1], [0.5, 3], [0, -1]]) + np.float32([0.5, -0.5])


def linear_model(**settings):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(Ranger(**{"learning_rate": 0.05} | settings), "mse")
    return model


def fit(model, n_steps):
    """Take full-batch steps; return the loss before each."""
    X, y = least_squares()
    return model.fit(X, y, batch_size=len(X), epochs=n_steps, shuffle=False, verbose=0).history["loss"]


def test_a_compiled_fit_takes_the_steps_of_the_papers_and_lowers_the_loss():
    X, y = least_squares()
    model = linear_model()
    kernel, bias = model.get_weights()
    start = np.vstack([kernel, bias[None]])

    def gradient_of(theta, _):
        error = X @ theta[:-1] + theta[-1] - y
        slope = 2 * X.T @ error / error.size
        return np.vstack([slope - slope.mean(axis=0), 2 * error.sum(axis=0)[None] / error.size])

    losses = fit(model, 20)
    paper = paper_walk(PaperRAdam(0.05), start, gradient_of, 20)
    np.testing.assert_allclose(np.vstack([w.reshape(-1, 2) for w in model.get_weights()]), paper[-1], atol=1e-5)
    expected = [np.mean((X @ theta[:-1] + theta[-1] - y) ** 2) for theta in [start, *paper[:-1]]]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert losses[-1] < losses[0]


def test_without_centralisation_a_fit_finds_the_least_squares():
    X, y = least_squares()
    model = linear_model(centralise=False, learning_rate=0.5)
    before = model.evaluate(X, y, verbose=0)
    model.fit(np.tile(X, (80, 1)), np.tile(y, (80, 1)), batch_size=len(X), shuffle=False, verbose=0)
    assert before > 1
    assert model.evaluate(X, y, verbose=0) < 1e-2 * before


def test_a_model_saved_within_a_period_and_loaded_trains_on_as_the_one_that_never_stopped(tmp_path):
    model = linear_model(weight_decay=0.01)
    fit(model, 8)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, Ranger)
    np.testing.assert_array_equal(fit(loaded, 6), fit(model, 6))


def test_the_sparse_gradients_of_an_embedding_do_what_the_dense_ones_of_its_one_hot_product_do():
    tokens, y = np.arange(6) % 4, np.arange(6.0)
    one_hot = np.eye(5)[tokens]
    trained = []
    for layer, X in [(keras.layers.Embedding(5, 1), tokens), (keras.layers.Dense(1, use_bias=False), one_hot)]:
        model = keras.Sequential([keras.Input(X.shape[1:]), layer, keras.layers.Reshape((1,))])
        model.compile(Ranger(learning_rate=0.1), "mse")
        model.set_weights([np.ones((5, 1))])
        model.fit(X, y, batch_size=6, epochs=8, verbose=0)
        trained.append(model.get_weights()[0])
    assert np.ptp(trained[0]) > 0.1
    np.testing.assert_allclose(trained[0], trained[1], rtol=1e-5)


def test_the_steps_shrink_at_the_fifth_and_grow_again_as_the_rectification_does():
    walked = np.ravel(walk(only_radam(learning_rate=0.1), np.float32([0.0]), [[2.0]] * 40))
    sizes = [before - after for before, after in pairwise([0.0, *walked])]
    assert np.argmin(sizes) == 4
    assert all(before < after for before, after in pairwise(sizes[4:]))
