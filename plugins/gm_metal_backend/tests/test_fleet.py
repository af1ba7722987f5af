"""Training 8 members as a fleet of 8, of 4 + 4 or as 8 single ones gives the same bits."""

import numpy as np
import pytest
from gm_metal_backend import MetalBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from gmcore.domain.tree import tree_flatten, tree_map

ROWS = 40


def _member_loss(xp):
    def loss(params, x, y, weights, key):
        hidden = x
        hidden = (hidden - xp.mean(hidden, axis=0)) / xp.sqrt(xp.var(hidden, axis=0) + 1e-5)
        hidden = xp.tanh(hidden @ params["first"]["weight"] + params["first"]["bias"])
        kept = xp.random.uniform(key, hidden.shape) >= 0.2
        hidden = xp.where(kept, hidden / 0.8, 0.0)
        logits = hidden @ params["last"]["weight"] + params["last"]["bias"]
        losses = -xp.take_along_axis(xp.log_softmax(logits), y[:, None], axis=-1)[:, 0]
        return xp.sum(losses * weights) / xp.sum(weights), losses

    return loss


def _step(backend):
    xp = backend.xp
    loss = _member_loss(xp)

    def fleet_loss(params, *batch):
        means, losses = backend.vmap(loss)(params, *batch)
        return xp.sum(means), losses

    def step(carry, x, shared):
        batch = (shared["x"][x["indices"]], shared["y"][x["indices"]], x["weights"], x["key"])
        (_, losses), gradients = backend.value_and_grad(fleet_loss)(carry["params"], *batch)
        wide = lambda rate, like: xp.reshape(rate, rate.shape + (1,) * (like.ndim - 1))
        params = tree_map(lambda p, g: p - wide(x["rate"], p) * g, carry["params"], gradients)
        return {"params": params, "loss": carry["loss"] + xp.sum(losses, axis=1)}, None

    return step


def _train(backend, members, sizes, batch, steps=4):
    inputs, hidden, classes = sizes
    data = np.random.default_rng(0)
    shared = {"x": data.normal(size=(ROWS, inputs)), "y": data.integers(0, classes, ROWS)}
    draws = [np.random.default_rng([1, member]) for member in members]
    each = lambda draw: np.stack([draw(rng) for rng in draws])
    params = {
        "first": {
            "weight": each(lambda r: r.normal(size=(inputs, hidden))),
            "bias": each(lambda r: r.normal(size=hidden)),
        },
        "last": {
            "weight": each(lambda r: r.normal(size=(hidden, classes))),
            "bias": each(lambda r: r.normal(size=classes)),
        },
    }
    by_step = lambda draw: np.swapaxes(each(draw), 0, 1)
    xs = {
        "indices": by_step(lambda r: r.integers(0, ROWS, (steps, batch))),
        "weights": by_step(lambda r: r.random((steps, batch)) + 0.1),
        "key": by_step(lambda r: r.integers(0, 2**32, (steps, 2), dtype=np.uint32)),
        "rate": by_step(lambda r: r.random(steps)),
    }
    carry = {"params": params, "loss": np.zeros(len(members))}
    carry, _ = backend.scan(_step(backend), backend.asarray(carry), xs, backend.asarray(shared))
    return tree_flatten(backend.to_numpy(carry))


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@settings(max_examples=4, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 70), st.integers(2, 11)),
    batch=st.integers(1, 40),
)
def test_a_fleet_gives_the_bits_of_its_members(dtype, sizes, batch):
    backend = MetalBackend(dtype=dtype, device="cpu")
    whole = _train(backend, range(8), sizes, batch)
    for chunk in (4, 1):
        parts = [_train(backend, range(start, start + chunk), sizes, batch) for start in range(0, 8, chunk)]
        for name, together in whole.items():
            assert np.isfinite(together).all()
            assert np.array_equal(together, np.concatenate([part[name] for part in parts])), name


def test_gradients_agree_with_central_differences(exact):
    xp, rng = exact.xp, np.random.default_rng(3)
    params = {
        "first": {"weight": rng.normal(size=(4, 6)), "bias": rng.normal(size=6)},
        "last": {"weight": rng.normal(size=(6, 3)), "bias": rng.normal(size=3)},
    }
    rest = (rng.normal(size=(5, 4)), rng.integers(0, 3, 5), np.ones(5), np.array([1, 2], np.uint32))
    loss = _member_loss(xp)
    rest = exact.asarray(rest)
    gradients = exact.to_numpy(exact.value_and_grad(loss)(exact.asarray(params), *rest)[1])
    for layer, name, place in (("first", "weight", (1, 2)), ("first", "bias", (3,)), ("last", "weight", (5, 0))):
        values = []
        for shift in (1e-5, -1e-5):
            moved = {key: {inner: leaf.copy() for inner, leaf in params[key].items()} for key in params}
            moved[layer][name][place] += shift
            values.append(float(exact.to_numpy(loss(exact.asarray(moved), *rest)[0])))
        # Tolerance: the central difference's error, of the order of its step squared plus rounding over its step.
        assert gradients[layer][name][place] == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-7, abs=1e-9)
