"""torch at its best: eager with the fastest optimizer and threads, and the whole step compiled into one program.

Rows are float32 tensors that stay where they are trained on; an epoch gathers its shuffled rows once and cuts them
into views, which is faster than a DataLoader and than indexing a batch at a time.
"""

import itertools
import os
import time

import torch
from problems import starting_weights
from torch import nn
from torch.nn import functional

__all__ = ["THREADS", "compiled_step", "eager_epoch", "fresh_state", "network", "place_of", "stacked_state", "tuned"]

THREADS = sorted({1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1})
ADAMS = {"fused": {"fused": True}, "foreach": {"foreach": True}, "plain": {"foreach": False}}


def place_of(device):
    """Return torch's name of a device."""
    return {"metal": "mps"}.get(device, device)


def network(sizes, seed=0):
    """Return the multi-layer perceptron with its initial weights."""
    layers = []
    for place, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()] if place < len(sizes) - 2 else [nn.Linear(fan_in, fan_out)]
    made = nn.Sequential(*layers)
    linear = [layer for layer in made if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, (weight, bias) in zip(linear, starting_weights(sizes, seed), strict=True):
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
    return made


def eager_epoch(model, optimizer, x, y, batch):
    """Train one epoch as in torch's tutorials, but without their overheads; return the sum of the batch losses."""
    order, total = torch.randperm(len(x), device=x.device), torch.zeros((), device=x.device)
    for inputs, targets in zip(x[order].split(batch), y[order].split(batch), strict=True):
        loss = functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        total += loss.detach()
    return total.item()


def eager(sizes, batch, x, y, adam, seed=0, rate=1e-3):
    """Return the model, and a function that trains it for one epoch."""
    model = network(sizes, seed).to(x.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, **ADAMS[adam])
    return model, lambda: eager_epoch(model, optimizer, x, y, batch)


def tuned(candidates, prepare):
    """Return the fastest of `candidates`; each prepares an epoch, which is run three times."""
    seconds = {}
    for candidate in candidates:
        epoch = prepare(*candidate)
        epoch()
        times = []
        for _ in range(2):
            begun = time.perf_counter()
            epoch()
            times.append(time.perf_counter() - begun)
        seconds[candidate] = min(times)
    return min(seconds, key=seconds.get)


def fresh_state(sizes, device, seed=0):
    """Return parameters, Adam's two moments and the count of steps, for `compiled_step`."""
    params = {name: value.detach().to(device) for name, value in network(sizes, seed).named_parameters()}
    return _state(params, device)


def stacked_state(sizes, device, seeds):
    """Return the same for several models at once, with the models on the first axis."""
    models = [dict(network(sizes, seed).named_parameters()) for seed in seeds]
    params = {name: torch.stack([model[name].detach() for model in models]).to(device) for name in models[0]}
    return _state(params, device)


def _state(params, device):
    zeros = lambda: {name: torch.zeros_like(value) for name, value in params.items()}
    return params, zeros(), zeros(), torch.zeros((), device=device)


def compiled_step(sizes, *, members=False, compiled=True, rate=1e-3):
    """Return `step(params, first, second, count, total, x, y, weights)`: gradient and Adam in one compiled program.

    With `members` every argument but `count` has the models on its first axis, and `torch.vmap` takes them at once.
    """
    model = network(sizes)

    def loss(params, x, y, weights):
        losses = functional.cross_entropy(torch.func.functional_call(model, params, (x,)), y, reduction="none")
        return (losses * weights).sum() / weights.sum()

    def total_loss(params, x, y, weights):
        losses = torch.vmap(loss)(params, x, y, weights) if members else loss(params, x, y, weights)
        return losses.sum(), losses

    gradient = torch.func.grad_and_value(total_loss, has_aux=True)

    def step(params, first, second, count, total, x, y, weights):
        gradients, (_, losses) = gradient(params, x, y, weights)
        count = count + 1
        first = {name: torch.lerp(first[name], g, 0.1) for name, g in gradients.items()}
        second = {name: 0.999 * second[name] + 0.001 * g * g for name, g in gradients.items()}
        size, correction = rate / (1 - 0.9**count), torch.sqrt(1 - 0.999**count)
        params = {
            name: value - size * first[name] / (torch.sqrt(second[name]) / correction + 1e-8)
            for name, value in params.items()
        }
        return params, first, second, count, total + losses

    if not compiled:
        return step
    on_gpu = torch.get_default_device().type != "cpu"
    return torch.compile(step, fullgraph=True, options=None if on_gpu else {"cpp_wrapper": True})
