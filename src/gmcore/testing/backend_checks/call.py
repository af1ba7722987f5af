"""A function call that checks of a namespace make on a backend and on the NumPy reference."""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.ports import Backend, Namespace

__all__ = ["Call"]

_DTYPES = ("float", "int32", "uint32", "bool")


@attrs.frozen
class Call:
    """A function call with NumPy arrays among its arguments, which are converted for the backend.

    Attributes:
        name: the function's name.
        arguments: positional arguments; a string is the name of a dtype in the namespace.
        options: keyword arguments.
        slack: factor by which the tolerance is increased, for results that sum many rounding errors.
        gradient_of: position of the argument of which the gradient is tested.
    """

    name: str
    arguments: tuple[Array, ...]
    options: Mapping[str, object] = attrs.field(factory=dict)
    slack: float = 1.0
    gradient_of: int = 0

    def __str__(self) -> str:
        shapes = [f"{one.dtype}{one.shape}" if isinstance(one, np.ndarray) else repr(one) for one in self.arguments]
        return f"{self.name}({', '.join([*shapes, *(f'{key}={value}' for key, value in self.options.items())])})"

    @property
    def x(self) -> Array:
        """The argument of which the gradient is tested."""
        return self.arguments[self.gradient_of]

    def but(self, changed: Mapping[int, Array]) -> "Call":
        """Return the call with other arguments at these positions."""
        arguments = tuple(changed.get(place, one) for place, one in enumerate(self.arguments))
        return attrs.evolve(self, arguments=arguments)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays among the arguments, and lists of arrays."""
        return tuple(one for one in self.arguments if isinstance(one, (np.ndarray, list)))

    def given(self, arrays: Sequence[Array]) -> "Call":
        """Return the call with these in place of its `arrays`."""
        places = (place for place, one in enumerate(self.arguments) if isinstance(one, (np.ndarray, list)))
        return self.but(dict(zip(places, arrays, strict=True)))

    def placed(self, backend: Backend) -> "Call":
        """Return the call with its arrays on the backend's device."""
        return self.given(backend.asarray(self.arrays))

    def on(self, namespace: Namespace) -> Array:
        """Return the result."""
        named = [getattr(namespace, one) if isinstance(one, str) and one in _DTYPES else one for one in self.arguments]
        return getattr(namespace, self.name)(*named, **self.options)

    def smooth_result(self, namespace: Namespace) -> Array:
        """Return the result, or of several the first, which is the one with a gradient."""
        result = self.on(namespace)
        return result[0] if isinstance(result, tuple) else result
