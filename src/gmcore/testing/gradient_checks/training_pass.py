"""What a gradient strategy gives the layers of a training pass."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, Tree, Variables
from gmcore.domain.tree import tree_map
from gmcore.nn.layers import GRU
from gmcore.ports import Backend, FleetLoss, GradientStrategy, Losses, Pass

__all__ = ["check_inner_strategies", "check_training_pass", "recurrent_gradient"]

_MEMBERS, _ROWS, _TIME, _TRUNCATION = 2, 4, 4, 7


def check_training_pass(strategy: GradientStrategy, backend: Backend, *, exact: bool) -> None:
    """Check that a strategy changes nothing of a pass but `truncation` and `checkpoint`, and truncates as it says."""
    given = Pass(xp=backend.xp, weights=np.ones(3), key=np.zeros(2, np.uint32), training=True)
    found = strategy.training_pass(given, backend=backend)
    for name in ("xp", "weights", "key", "training"):
        assert getattr(found, name) is getattr(given, name), f"{name} of the training pass is changed"
    assert not exact or found.truncation is None, f"an exact strategy truncates to {found.truncation} steps"


def check_inner_strategies(strategy: GradientStrategy, backend: Backend) -> None:
    """Check that a strategy hands on what each strategy inside it changes, unless it sets that itself."""
    given = Pass(xp=backend.xp, training=True)
    own = strategy.training_pass(given, backend=backend)
    for option, inner in _inner(strategy).items():
        for name, value in {"truncation": _TRUNCATION, "checkpoint": _kept}.items():
            if getattr(own, name) is None:
                outer: Any = attrs.evolve(strategy, **{option: _Changing(inner, {name: value})})  # type: ignore[misc] # of attrs: it has options
                found = getattr(outer.training_pass(given, backend=backend), name)
                assert found == value, f"the {name} of the strategy in {option!r} is dropped: call its training_pass"


def recurrent_gradient(backend: Backend, strategy: GradientStrategy) -> tuple[Array, Tree]:
    """Return the loss of two recurrent members, and the gradient that a strategy returns, on the host."""
    xp, layer, rng = backend.xp, GRU(2), np.random.default_rng(2)

    def member(params: Tree, batch: Tree) -> Array:
        plain = Pass(xp=xp, weights=batch["weights"], training=True)
        at = strategy.training_pass(plain, backend=backend)
        outputs = layer.apply(Variables(params), batch["inputs"]["series"], at)
        return xp.sum(xp.sum(xp.square(outputs - batch["targets"]), axis=-1) * batch["weights"])

    def fleet(params: Tree, buffers: Tree, batch: Tree) -> Losses:
        losses = backend.vmap(member)(params, batch)
        return xp.sum(losses), (losses, buffers)

    def gradient(params: Tree, batch: Tree) -> tuple[Losses, Tree]:
        return strategy.gradient(fleet, params, {}, batch, backend=backend)

    params = tree_map(lambda *leaves: np.stack(leaves), *(layer.init(rng, (_TIME, 1)).params for _ in range(_MEMBERS)))
    batch = {
        "inputs": {"series": rng.normal(size=(_MEMBERS, _ROWS, _TIME, 1))},
        "targets": rng.normal(size=(_MEMBERS, _ROWS, 2)),
        "weights": np.ones((_MEMBERS, _ROWS)),
    }
    (value, _), gradients = backend.to_numpy(backend.compile(gradient, loops=True)(*backend.asarray((params, batch))))
    return value, gradients


class _Changing(GradientStrategy):
    """A strategy that changes one thing of the training pass."""

    def __init__(self, inner: GradientStrategy, change: dict[str, object]) -> None:
        self._inner, self._change = inner, change

    def gradient(
        self, loss: FleetLoss, params: Tree, buffers: Tree, batch: Tree, *, backend: Backend
    ) -> tuple[Losses, Tree]:
        return self._inner.gradient(loss, params, buffers, batch, backend=backend)

    def training_pass(self, at: Pass, *, backend: Backend) -> Pass:
        return attrs.evolve(self._inner.training_pass(at, backend=backend), **self._change)  # type: ignore[arg-type] # one of two fields


def _kept(fn: Callable[..., object]) -> Callable[..., object]:
    return fn


def _inner(strategy: GradientStrategy) -> dict[str, GradientStrategy]:
    """Return the options of a strategy that are strategies."""
    kind: type = type(strategy)
    names = [field.name for field in attrs.fields(kind) if field.init] if attrs.has(kind) else []
    options = {name: getattr(strategy, name) for name in names}
    return {name: value for name, value in options.items() if isinstance(value, GradientStrategy)}
