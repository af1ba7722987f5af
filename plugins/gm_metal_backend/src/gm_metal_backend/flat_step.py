"""A scan's step on flat lists of arrays: traversing trees in each step would cost a tenth of its time."""

from collections.abc import Callable
from weakref import ref

import attrs

from gmcore.domain import Array
from gmcore.domain.nested import Skeleton, filled, leaves, leaves_like, skeleton

__all__ = ["FlatStep", "Step"]

Step = Callable[[Array, Array, Array], tuple[Array, Array]]
"""`step(carry, x, shared) -> (carry, y)` on trees."""
Flat = Callable[..., tuple[list[Array], list[Array]]]


@attrs.define(eq=False)
class FlatStep:
    """`run(carry, x, shared) -> (carry, y)` on the leaves of the step's arguments and results.

    It holds only a weak reference to the step.

    Attributes:
        step: the step, on trees.
        structures: the skeletons of carry, x and shared.
        compile: compiles `run`.
        y: the skeleton of the step's result, known after the first trace.
    """

    step: "ref[Step]"
    structures: tuple[Skeleton, Skeleton, Skeleton]
    compile: Callable[[Flat], Flat]
    y: Skeleton = None
    run: Flat = attrs.field(init=False)

    @run.default
    def _compiled(self) -> Flat:
        return self.compile(self._flat)

    def _flat(self, *flat: list[Array]) -> tuple[list[Array], list[Array]]:
        step = self.step()
        if step is None:
            raise ReferenceError("the step of this scan no longer exists")
        carry, y = step(*(filled(structure, some) for structure, some in zip(self.structures, flat, strict=True)))
        self.y = skeleton(y)
        return leaves_like(self.structures[0], carry), leaves(y)
