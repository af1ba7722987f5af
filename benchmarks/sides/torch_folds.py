"""torch's sides of the cross-validation: one fold after another, and all folds at once."""

import itertools
import time

import numpy as np
import torch
from problems import BATCH, RATE, SIZES, digits, folds, log_loss, standardised
from sides.torch_steps import (
    ADAMS,
    THREADS,
    compiled_step,
    eager,
    fresh_state,
    network,
    place_of,
    stacked_state,
    tuned,
)

__all__ = ["cross_validation"]


def cross_validation(device, way):
    """Measure training and scoring of ten folds; `way` is `loop`, `compiled`, `vmap` or `vmap compiled`."""
    x, y = digits()
    place = place_of(device)
    parts = []
    for train, held in folds(len(x)):
        rows = standardised(x, train)
        tensors = [torch.from_numpy(rows[train]), torch.from_numpy(y[train]), torch.from_numpy(rows[held])]
        parts.append((*(tensor.to(place) for tensor in tensors), y[held]))
    train = {"loop": _loop, "compiled": _compiled}.get(way) or _vmap(compiled=way == "vmap compiled")
    known, rounds = {}, itertools.count()

    def measure(epochs):
        begun = time.perf_counter()
        losses = train(parts, place, known, next(rounds), int(epochs))
        return {"s": time.perf_counter() - begun, "log loss": float(np.mean(losses)), "setting": known["setting"]}

    return measure


def _loop(parts, place, known, number, epochs):  # noqa: ARG001 - as the others
    torch.manual_seed(number)
    if not known:

        def prepare(threads, adam):
            torch.set_num_threads(threads)
            return eager(SIZES, BATCH, *parts[0][:2], adam)[1]

        threads, known["adam"] = tuned([(threads, adam) for threads in THREADS for adam in ADAMS], prepare)
        known["setting"] = f"{threads} threads, {known['adam']} Adam"
        torch.set_num_threads(threads)
    losses = []
    for fold, (x, y, held_x, held_y) in enumerate(parts):
        model, epoch = eager(SIZES, BATCH, x, y, known["adam"], seed=100 * number + fold, rate=RATE)
        for _ in range(epochs):
            epoch()
        with torch.no_grad():
            losses.append(log_loss(torch.log_softmax(model(held_x), -1).cpu().numpy(), held_y))
    return losses


def _compiled(parts, place, known, number, epochs):
    """Train with the whole step compiled; the last batch is padded, since another shape needs another program."""
    torch.manual_seed(number)
    if not known:
        torch.set_num_threads(1)
        known |= {"step": compiled_step(SIZES, rate=RATE), "setting": "1 threads, the whole step"}
    losses = []
    for fold, (x, y, held_x, held_y) in enumerate(parts):
        state, weights = fresh_state(SIZES, place, seed=100 * number + fold), _weights(len(x), place)
        for _ in range(epochs):
            order, total = _padded(torch.randperm(len(x), device=place)), torch.zeros((), device=place)
            batches = x[order].split(BATCH), y[order].split(BATCH), weights.split(BATCH)
            for inputs, targets, counts in zip(*batches, strict=True):
                *state, total = known["step"](*state, total, inputs, targets, counts)
            total.item()
        losses.append(_scored(state[0], held_x, held_y))
    return losses


def _vmap(*, compiled):
    """Return a function that trains all folds at once, with the folds on the first axis of every tensor."""

    def train(parts, place, known, number, epochs):
        torch.manual_seed(number)
        if not known:
            step = compiled_step(SIZES, members=True, compiled=compiled, rate=RATE)
            known |= {"step": step}
            threads = tuned([(threads,) for threads in THREADS], lambda count: _few_steps(parts, place, step, count))
            known["setting"] = f"{threads[0]} threads, torch.vmap"
            torch.set_num_threads(threads[0])
        state = stacked_state(SIZES, place, [100 * number + fold for fold in range(len(parts))])
        epoch = _fleet_epoch(parts, place, known["step"])
        for _ in range(epochs):
            state = epoch(state)
        models = [{name: value[fold] for name, value in state[0].items()} for fold in range(len(parts))]
        return [_scored(model, *part[2:]) for model, part in zip(models, parts, strict=True)]

    return train


def _few_steps(parts, place, step, threads):
    torch.set_num_threads(threads)
    state, epoch = stacked_state(SIZES, place, range(len(parts))), _fleet_epoch(parts, place, step)
    return lambda: epoch(state)


def _fleet_epoch(parts, place, step):
    longest = max(len(x) for x, *_ in parts)
    weights = torch.stack([_weights(len(x), place, longest) for x, *_ in parts], 1)
    steps = len(weights) // BATCH

    def epoch(state):
        orders = [_padded(torch.randperm(len(x), device=place), longest) for x, *_ in parts]
        inputs = torch.stack([x[order] for (x, *_), order in zip(parts, orders, strict=True)], 0)
        targets = torch.stack([y[order] for (_, y, *_), order in zip(parts, orders, strict=True)], 0)
        total = torch.zeros(len(parts), device=place)
        for place_in_epoch in range(steps):
            rows = slice(place_in_epoch * BATCH, (place_in_epoch + 1) * BATCH)
            batch = inputs[:, rows].contiguous(), targets[:, rows].contiguous(), weights[rows].T.contiguous()
            *state, total = step(*state, total, *batch)
        total.sum().item()
        return state

    return epoch


def _weights(count, place, longest=0):
    """Return 1 for a row and 0 for padding, up to whole batches."""
    padded = -(-max(count, longest) // BATCH) * BATCH
    return (torch.arange(padded, device=place) < count).float()


def _padded(order, longest=0):
    padded = -(-max(len(order), longest) // BATCH) * BATCH
    return torch.cat([order, order[:1].expand(padded - len(order))])


def _scored(params, x, y):
    with torch.no_grad():
        logits = torch.func.functional_call(network(SIZES).to(x.device), params, (x,))
    return log_loss(torch.log_softmax(logits, -1).cpu().numpy(), y)
