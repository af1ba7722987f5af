"""The steps of an optimizer from gradients that were computed elsewhere."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.errors import ConfigError
from gmcore.ports import Backend, Optimizer, SupportsEvaluations

__all__ = ["compiled_step"]

Step = Callable[[Tree, Tree, Tree | None, int], tuple[Any, Any]]


def compiled_step(optimizer: Optimizer, backend: Backend) -> Step:
    """Return `step(params, gradients, state, number) -> (params, state)`, for a training loop of one's own.

    Params and gradients are those of one model, trees of the backend's arrays; the state is what the step before
    returned, None before the first. Steps are numbered from 1, and take the optimizer's own learning rate.

    Args:
        optimizer: the optimizer.
        backend: the array library.

    Raises:
        ConfigError: if the optimizer evaluates the loss itself, as `lbfgs` does.
    """
    if isinstance(optimizer, SupportsEvaluations):
        name = type(optimizer).__name__
        raise ConfigError([f"{name} evaluates the loss at several parameters, so given gradients are not enough"])
    xp = backend.xp
    settings = {name: np.array([[value]]) for name, value in optimizer.settings.items()}

    def of_fleet(tree: Tree) -> Any:
        return tree_map(lambda leaf: xp.expand_dims(leaf, 0), tree)

    def update(
        params: Tree, gradients: Tree, state: Tree, coefficients: dict[str, Array], taken: Array
    ) -> tuple[Tree, Tree]:
        after, kept = optimizer.update(
            of_fleet(gradients), state, of_fleet(params), coefficients=coefficients, taken=taken, xp=xp
        )
        return tree_map(lambda leaf: xp.squeeze(leaf, 0), after), kept

    def first_state(params: Tree) -> Tree:
        return optimizer.init(of_fleet(params), xp=xp)

    init, compiled = backend.compile(first_state), backend.compile(update)

    def step(params: Tree, gradients: Tree, state: Tree | None, number: int) -> tuple[Any, Any]:
        planned = optimizer.coefficients(np.array([[float(number)]]), settings)
        coefficients, taken = backend.asarray(({name: row[0] for name, row in planned.items()}, np.array([True])))
        return compiled(params, gradients, init(params) if state is None else state, coefficients, taken)

    return step
