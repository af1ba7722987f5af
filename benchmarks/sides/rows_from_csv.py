"""Training on a large CSV: time of reading and the first epoch, of later epochs, and peak memory."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

__all__ = ["HIDDEN", "generate", "ours", "torch_loop"]

HIDDEN = (64, 32)
BATCH = 1024
LATER_EPOCHS = 2


def generate(path, rows, columns=20):
    """Write a CSV of numbers with a target that a network can learn, the same every time."""
    import polars as pl

    rng = np.random.default_rng(3)
    x = rng.normal(size=(rows, columns))
    y = np.tanh(x @ rng.normal(size=columns) / 3) + 0.1 * rng.normal(size=rows)
    frame = pl.DataFrame({f"x{place}": x[:, place] for place in range(columns)} | {"y": y})
    frame.write_csv(path, float_precision=6)


def ours(backend, device, path, kept, training):
    """Measure `gmcore.train`; `kept`: whether the rows are cached already; `training`: options of `[training]`."""
    import gmcore
    from gmcore.domain import Hooks

    folder = _kept(path) if kept else tempfile.mkdtemp(dir=Path(path).parent)

    def train(max_epochs):
        moments = []
        mark = lambda _: moments.append(time.perf_counter())
        settings = {"max_epochs": max_epochs, "batch_size": BATCH, "optimizer": {"use": "adam"}, **training}
        tables = {
            "backend": {"use": backend, "device": device},
            "data": {
                "use": "csv",
                "path": path,
                "target": "y",
                "task": "regression",
                "validation": None,
                "cache": True,
                "cache_folder": folder,
            },
            "model": {"use": "mlp", "hidden": list(HIDDEN)},
            "training": settings,
        }
        begun = time.perf_counter()
        done = gmcore.train(tables, hooks=Hooks(epoch_end=(mark,), fit_end=(mark,)))
        return begun, moments, done.result.final_loss

    def measure(asked):
        rows = int(asked)
        begun, (*_, end), _ = train(1)
        first, peak = end - begun, _peak()
        _, moments, loss = train(1 + LATER_EPOCHS)
        later = (moments[-2] - moments[0]) / LATER_EPOCHS
        return _told(rows, first, later, peak, loss, ", ".join(f"{name} = {value}" for name, value in training.items()))

    return measure


def _kept(path):
    """Cache the rows in another process, so that reading does not count as memory of this one; return the folder."""
    folder = Path(path).with_suffix(".kept")
    code = "import sys, gmcore; gmcore.float32.data_providers.create('csv', path=sys.argv[1], target='y', "
    code += "task='regression', validation=None, cache=True, cache_folder=sys.argv[2]).rows()"
    if not folder.exists():
        subprocess.run([sys.executable, "-c", code, path, str(folder)], check=True)
    return str(folder)


def torch_loop(device, path, way):
    """Measure polars and torch; `rows` gathers an epoch at once, `batches` each batch; the others use a DataLoader."""
    import torch
    from sides.torch_steps import THREADS, network, place_of, tuned

    place = place_of(device)

    def epoch(model, optimizer, x, y):
        total = torch.zeros((), device=place)
        for inputs, targets in _batches(way, x, y):
            loss = torch.nn.functional.mse_loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            total += loss.detach() * len(inputs)
        return total.item() / len(x)

    def measure(asked):
        begun = time.perf_counter()
        x, y = (torch.from_numpy(column).to(place) for column in _read(path))
        model = network((x.shape[1], *HIDDEN, 1)).to(place)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        epoch(model, optimizer, x, y)
        first, peak = time.perf_counter() - begun, _peak()

        def few(threads):
            torch.set_num_threads(threads)
            return lambda: epoch(model, optimizer, x[: 20 * BATCH], y[: 20 * BATCH])

        (threads,) = tuned([(threads,) for threads in THREADS], few)
        torch.set_num_threads(threads)
        begun = time.perf_counter()
        epochs = 1 if way == "loader" else LATER_EPOCHS
        for _ in range(epochs):
            loss = epoch(model, optimizer, x, y)
        later = (time.perf_counter() - begun) / epochs
        return _told(int(asked), first, later, peak, loss, f"{threads} threads, fused Adam")

    return measure


def _read(path):
    """Return the file's inputs and targets, standardised, float32."""
    import polars as pl

    frame = pl.read_csv(path)
    y = frame["y"].to_numpy()
    x = frame.drop("y").cast(pl.Float32).to_numpy()
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
    return np.ascontiguousarray(x), y.astype(np.float32)[:, None]


def _batches(way, x, y):
    """Return an epoch's batches of shuffled rows."""
    import torch
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

    if way == "loader":
        return DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True)
    if way == "batch sampler":
        dataset = TensorDataset(x, y)
        return DataLoader(
            dataset, sampler=BatchSampler(RandomSampler(dataset), BATCH, drop_last=False), batch_size=None
        )
    order = torch.randperm(len(x), device=x.device)
    if way == "batches":
        return ((x[rows], y[rows]) for rows in order.split(BATCH))
    return zip(x[order].split(BATCH), y[order].split(BATCH), strict=True)


def _told(rows, first, later, peak, loss, setting):
    return {
        "first epoch s": first, "later epoch s": later, "rows a second": rows / later, "peak MB": peak,
        "loss": loss, "setting": setting,
    }  # fmt: skip


def _peak():
    """Return the peak memory of this process, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's ru_maxrss may be the parent's
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
