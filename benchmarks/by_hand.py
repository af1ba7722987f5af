"""The same training step, hand-written in each array library, as fast as we can make it."""

import itertools
import time

import numpy as np

__all__ = ["BY_HAND"]


def host_state(sizes, fleet, rows):
    rng = np.random.default_rng(1)
    params = {}
    for place, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        weight = rng.normal(0, np.sqrt(2 / fan_in), (fleet, fan_in, fan_out)).astype(np.float32)
        params[str(place)] = {"weight": weight, "bias": np.zeros((fleet, fan_out), np.float32)}
    numbers = rows.inputs["numeric"]
    mean = np.tile(numbers.mean(0).astype(np.float32), (fleet, 1))
    scale = np.tile(numbers.std(0).astype(np.float32), (fleet, 1))
    return params, mean, scale


def shuffled(steps, batch, fleet, count):
    orders = [np.random.default_rng(seed).permutation(count) for seed in range(fleet)]
    return np.stack(orders).reshape(fleet, steps, batch).swapaxes(0, 1).astype(np.int32)


def jax_by_hand(sizes, batch, steps, fleet, rows, device):
    import jax
    import jax.numpy as jnp

    layers = len(sizes) - 1
    place = jax.devices(device if device != "cuda" else "gpu")[0]
    put = lambda tree: jax.device_put(tree, place)
    params, mean, scale = host_state(sizes, fleet, rows)
    numbers, targets = put(rows.inputs["numeric"].astype(np.float32)), put(rows.targets)

    def loss(params, mean, scale, x, y, weights):
        x = (x - mean) / scale
        for layer in range(layers):
            x = x @ params[str(layer)]["weight"] + params[str(layer)]["bias"]
            x = jnp.maximum(x, 0) if layer < layers - 1 else x
        picked = jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=-1)[:, 0]
        return -jnp.sum(picked * weights) / jnp.sum(weights)

    def fleet_loss(params, *rest):
        losses = jax.vmap(loss)(params, *rest)
        return jnp.sum(losses), losses

    def step(carry, x, numbers, targets, mean, scale):
        params, first, second, count, total = carry
        indices, weights = x
        batch = (mean, scale, numbers[indices], targets[indices], weights)
        (_, losses), gradients = jax.value_and_grad(fleet_loss, has_aux=True)(params, *batch)
        count = count + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        rate, correction = 1e-3 / (1 - 0.9**count), jnp.sqrt(1 - 0.999**count)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / correction + 1e-8), params, first, second)
        return (params, first, second, count, total + losses), None

    def epoch(carry, xs, *shared):
        return jax.lax.scan(lambda carry, x: step(carry, x, *shared), carry, xs)[0]

    # The same arithmetic on both sides: on a GPU gmcore computes float32 products, not TF32.
    precise = jax.default_matmul_precision("highest")(epoch) if device != "cpu" else epoch
    epoch = jax.jit(precise, donate_argnums=0)
    zeros = lambda: jax.tree.map(np.zeros_like, params)
    indices = shuffled(steps, batch, fleet, len(rows))
    xs = put((indices, np.ones(indices.shape, np.float32)))
    shared = (numbers, targets, put(mean), put(scale))

    def run(epochs):
        carry = put((params, zeros(), zeros(), np.float32(0), np.zeros(fleet, np.float32)))
        times = []
        for _ in range(epochs):
            begun = time.perf_counter()
            carry = jax.block_until_ready(epoch(carry, xs, *shared))
            times.append((time.perf_counter() - begun) / steps * 1e6)
        return times

    return run


def mlx_by_hand(sizes, batch, steps, fleet, rows, device):
    import mlx.core as mx
    from gm_metal_backend.library import load
    from mlx.utils import tree_map

    layers = len(sizes) - 1
    mx.set_default_device(mx.cpu if device == "cpu" else mx.gpu)
    largest = batch * max(fan_in * fan_out for fan_in, fan_out in itertools.pairwise(sizes))
    params, mean, scale = host_state(sizes, fleet, rows)
    on = lambda tree: tree_map(mx.array, tree)
    numbers, targets = mx.array(rows.inputs["numeric"].astype(np.float32)), mx.array(rows.targets)
    mean, scale = mx.array(mean), mx.array(scale)

    def loss(params, mean, scale, x, y, weights):
        x = (x - mean) / scale
        for layer in range(layers):
            x = x @ params[str(layer)]["weight"] + params[str(layer)]["bias"]
            x = mx.maximum(x, 0) if layer < layers - 1 else x
        picked = mx.take_along_axis(x, y[:, None], axis=-1)[:, 0] - mx.logsumexp(x, axis=-1)
        return -mx.sum(picked * weights) / mx.sum(weights)

    def fleet_loss(params, *rest):
        losses = mx.vmap(loss)(params, *rest)
        return mx.sum(losses), losses

    gradient = mx.value_and_grad(fleet_loss)

    def step(carry, indices, weights, numbers, targets, mean, scale):
        params, first, second, count, total = carry
        (_, losses), gradients = gradient(params, mean, scale, numbers[indices], targets[indices], weights)
        count = count + 1
        first = tree_map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        rate, correction = 1e-3 / (1 - mx.power(0.9, count)), mx.sqrt(1 - mx.power(0.999, count))
        params = tree_map(lambda p, m, v: p - rate * m / (mx.sqrt(v) / correction + 1e-8), params, first, second)
        return params, first, second, count, total + losses

    step = mx.compile(step)
    zeros = lambda: tree_map(mx.zeros_like, on(params))
    indices = shuffled(steps, batch, fleet, len(rows))
    xs = [mx.array(one) for one in indices]
    weights = mx.ones(indices.shape[1:])

    def run(epochs):
        # One thread or all, whichever is faster for products of this size.
        load().blas.suit(largest, mx.synchronize)
        carry = (on(params), zeros(), zeros(), mx.array(0.0), mx.zeros(fleet))
        mx.eval(carry)
        times = []
        for _ in range(epochs):
            begun = time.perf_counter()
            for one in xs:
                carry = step(carry, one, weights, numbers, targets, mean, scale)
                mx.async_eval(carry)
            mx.eval(carry)
            times.append((time.perf_counter() - begun) / steps * 1e6)
        return times

    return run


BY_HAND = {"jax": jax_by_hand, "metal": mlx_by_hand}
