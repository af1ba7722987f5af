"""A step of a loop as a function of flat lists of arrays: going through trees at each step costs a tenth of it."""

from collections.abc import Callable
from typing import Any
from weakref import ref

import attrs

from gm_metal_backend.trees import filled, leaves, leaves_like, skeleton

__all__ = ["FlatStep"]

Step = Callable[[Any, Any, Any], tuple[Any, Any]]


@attrs.define(eq=False)
class FlatStep:
    """`run(carry, x, shared) -> (carry, y)` on the leaves of the step's arguments and results.

    The step itself is not kept alive.

    Attributes:
        step: what a step is, in trees.
        bones: the skeletons of carry, x and shared.
        compile: what makes `run` fast.
        y: the skeleton of a step's result, known once it was traced.
    """

    step: "ref[Step]"
    bones: tuple[Any, Any, Any]
    compile: Callable[[Callable[..., Any]], Callable[..., Any]]
    y: Any = None
    run: Callable[..., tuple[list[Any], list[Any]]] = attrs.field(init=False)

    @run.default
    def _compiled(self) -> Callable[..., Any]:
        return self.compile(self._flat)

    def _flat(self, *flat: list[Any]) -> tuple[list[Any], list[Any]]:
        step = self.step()
        if step is None:
            raise ReferenceError("the step of this loop is gone")
        carry, y = step(*(filled(bones, some) for bones, some in zip(self.bones, flat, strict=True)))
        self.y = skeleton(y)
        return leaves_like(self.bones[0], carry), leaves(y)
