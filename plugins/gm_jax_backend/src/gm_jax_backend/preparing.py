"""Programs that are compiled before they are called, for arguments of which only shapes and dtypes are known.

JAX finds a program again if shapes and dtypes are those of the call, and if it is the same arguments that are on the
device: so the shapes here say whether they are.
"""

from collections.abc import Callable, Sequence

import attrs
import jax

from gm_jax_backend.side_by_side import SideBySide
from gmcore.domain import Array

__all__ = ["Compilable"]


@attrs.frozen(kw_only=True, eq=False)
class Compilable:
    """What is compiled for one function.

    Attributes:
        whole: the program for all members, as `jax.jit` returns it.
        part: the same for a part of the members.
        parts: cuts members into parts; None if the function is not of a fleet, or has one core.
        lengths: positions of the arguments that are lengths of scans.
        known: those among them that become part of the program.
        place: the device.
    """

    whole: Callable[..., Array]
    part: Callable[..., Array]
    parts: SideBySide | None
    lengths: Sequence[int]
    known: Sequence[int]
    place: jax.sharding.Sharding

    def shapes(self, args: Sequence[Array], shape_of: Callable[[int, Array], Array]) -> list[Array]:
        """Return the shapes of arguments, of which `shape_of` returns that of a leaf of the one at some position."""
        length = jax.ShapeDtypeStruct((), "int32", sharding=self.place)  # type: ignore[no-untyped-call]
        return [
            (arg if place in self.known else length)
            if place in self.lengths
            else jax.tree.map(lambda leaf, place=place: shape_of(place, leaf), arg)
            for place, arg in enumerate(args)
        ]

    def compile(self, shapes: Sequence[Array]) -> None:
        """Compile the program that a call with arguments of these shapes needs."""
        of_part = self.parts.shapes_of_part(shapes, self.place) if self.parts else None
        (self.whole.lower(*shapes) if of_part is None else self.part.lower(*of_part)).compile()  # type: ignore[attr-defined]
