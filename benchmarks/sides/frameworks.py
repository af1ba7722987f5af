"""skorch, Lightning and Keras, with all options for speed on and all extras off."""

import itertools
import math
import os
import statistics
import time

import numpy as np
from problems import BATCH, FOLDS, NETWORKS, RATE, SIZES, digits, folds, random_rows, standardised

__all__ = ["cross_validation", "steps"]

SOME_FOLDS = 1


def steps(framework, device):
    """Measure microseconds per step of each network."""

    def measure(key):
        case = NETWORKS[key]
        x, y = random_rows(case["sizes"], case["batch"] * case["steps"])
        moments = []
        _TRAIN[framework](case["sizes"], x, y.astype(np.int64), case["batch"], 5, 1e-3, device, moments)
        between = [after - before for before, after in itertools.pairwise(moments)]
        return {"us": statistics.median(between[1:]) / case["steps"] * 1e6, "setting": _setting(framework)}

    return measure


def cross_validation(framework, device):
    """Measure one training per fold, one after another: three of the ten, to save time, scaled by 10 / 3."""
    x, y = digits()
    some = folds(len(x))[:SOME_FOLDS]
    # What they import at their first use is not part of a training.
    _TRAIN[framework](SIZES, x[:BATCH], y[:BATCH], BATCH, 1, RATE, device, [])

    def measure(epochs):
        epochs = int(epochs)
        begun = time.perf_counter()
        for train, held in some:
            rows = standardised(x, train)
            predict = _TRAIN[framework](SIZES, rows[train], y[train], BATCH, epochs, RATE, device, [])
            predict(rows[held])
        seconds = (time.perf_counter() - begun) * FOLDS / SOME_FOLDS
        return {"s": seconds, "setting": f"{SOME_FOLDS} of {FOLDS} folds, scaled; {_setting(framework)}"}

    return measure


class _Batches:
    """Shuffled batches by tensor indexing, which both accept instead of a DataLoader: several times faster."""

    def __init__(self, x, y, batch, moments):
        self.x, self.y, self.batch, self.moments = x, y, batch, moments

    def __len__(self):
        return math.ceil(len(self.x) / self.batch)

    def __iter__(self):
        import torch

        self.moments.append(time.perf_counter())
        order = torch.randperm(len(self.x))
        return iter(zip(self.x[order].split(self.batch), self.y[order].split(self.batch), strict=True))


def _skorch(sizes, x, y, batch, epochs, rate, device, moments):
    import torch
    from sides.torch_steps import network, place_of
    from skorch import NeuralNetClassifier

    def batches(dataset, **_):
        return _Batches(torch.from_numpy(dataset.X), torch.from_numpy(dataset.y), batch, moments)

    net = NeuralNetClassifier(
        network(sizes), criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.Adam, optimizer__fused=True,
        lr=rate, max_epochs=epochs, batch_size=batch, iterator_train=batches, train_split=None, callbacks="disable",
        verbose=0, device=place_of(device), classes=list(range(sizes[-1])),
    )  # fmt: skip
    net.fit(x, y)

    def logits_of(rows):
        with torch.no_grad():
            logits = net.module_(torch.from_numpy(rows).to(net.device))
        return logits.cpu().numpy()

    return logits_of


def _lightning(sizes, x, y, batch, epochs, rate, device, moments):
    import logging

    import lightning
    import torch
    from sides.torch_steps import network, place_of

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Classifier(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = network(sizes)

        def training_step(self, batch, _):
            return torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=rate, fused=True)

    module = Classifier()
    accelerator = {"cpu": "cpu", "cuda": "cuda", "mps": "mps"}[place_of(device)]
    trainer = lightning.Trainer(max_epochs=epochs, accelerator=accelerator, devices=1, barebones=True)
    trainer.fit(module, _Batches(torch.from_numpy(x), torch.from_numpy(y), batch, moments))

    def logits_of(rows):
        with torch.no_grad():
            return module.cpu().network(torch.from_numpy(rows)).numpy()

    return logits_of


def _keras(sizes, x, y, batch, epochs, rate, device, moments):  # noqa: ARG001 - Keras selects the device itself
    import keras

    layers = [keras.layers.Dense(width, "relu") for width in sizes[1:-1]]
    model = keras.Sequential([keras.Input((sizes[0],)), *layers, keras.layers.Dense(sizes[-1])])
    steps = -(-len(x) // batch)
    # Over JAX a whole epoch can be one call if all batches have the same size.
    at_once = min(steps, 64) if os.environ["KERAS_BACKEND"] == "jax" and len(x) % batch == 0 else 1
    model.compile(
        optimizer=keras.optimizers.Adam(rate), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=at_once,
    )  # fmt: skip
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: moments.append(time.perf_counter()))
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0, shuffle=True, callbacks=[told])

    def logits_of(rows):
        logits = model.predict(rows, verbose=0, batch_size=len(rows)).astype(np.float64)
        return (
            logits
            - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True))
            - logits.max(-1, keepdims=True)
        )

    return logits_of


_TRAIN = {"skorch": _skorch, "lightning": _lightning, "keras": _keras}
_TENSORS = "tensor batches, fused Adam"


def _setting(framework):
    over_jax = "whole epochs a call where batches are even" if os.environ.get("KERAS_BACKEND") == "jax" else "fit"
    return {"skorch": f"no callbacks, {_TENSORS}", "lightning": f"barebones, {_TENSORS}", "keras": over_jax}[framework]
