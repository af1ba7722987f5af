"""torch's sides of the step times."""

import statistics
import time

import torch
from problems import NETWORKS, random_rows
from sides.torch_steps import ADAMS, THREADS, compiled_step, eager, fresh_state, place_of, tuned

__all__ = ["steps"]


def steps(device, compiled):
    """Measure microseconds per step of each network in its fastest setting, which is determined first."""
    place, made = place_of(device), {}

    def measure(key):
        if key not in made:
            made[key] = _prepared(NETWORKS[key], place, compiled=compiled)
        threads, setting, epoch = made[key]
        torch.set_num_threads(threads)
        times = []
        for _ in range(NETWORKS[key]["epochs"]):
            begun = time.perf_counter()
            epoch()
            times.append((time.perf_counter() - begun) / NETWORKS[key]["steps"] * 1e6)
        return {"us": statistics.median(times[2:]), "setting": setting}

    return measure


def _prepared(case, place, *, compiled):
    sizes, batch = case["sizes"], case["batch"]
    x, y = random_rows(sizes, batch * case["steps"])
    x, y = torch.from_numpy(x).to(place), torch.from_numpy(y).long().to(place)

    def prepare(threads, adam):
        torch.set_num_threads(threads)
        return eager(sizes, batch, x, y, adam)[1]

    threads, adam = tuned([(threads, adam) for threads in THREADS for adam in ADAMS], prepare)
    torch.set_num_threads(threads)
    if not compiled:
        return threads, f"{threads} threads, {adam} Adam", prepare(threads, adam)
    step, weights = compiled_step(sizes), torch.ones(batch, device=place)
    state = fresh_state(sizes, place)

    def epoch():
        nonlocal state
        order, total = torch.randperm(len(x), device=place), torch.zeros((), device=place)
        for inputs, targets in zip(x[order].split(batch), y[order].split(batch), strict=True):
            *state, total = step(*state, total, inputs, targets, weights)
        return total.item()

    epoch()
    return threads, f"{threads} threads, the whole step", epoch
