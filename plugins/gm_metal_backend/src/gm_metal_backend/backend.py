"""The backend: MLX behind gmcore's port."""

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import attrs
import numpy as np

from gm_metal_backend import devices
from gm_metal_backend.library import Library, load
from gmcore.domain import Array, Device
from gmcore.errors import TrainingError
from gmcore.ports import Backend, Namespace

__all__ = ["MetalBackend"]

F = TypeVar("F", bound=Callable[..., Any])


def _one_of(*known: str) -> Callable[[Any, "attrs.Attribute[str]", str], None]:
    def check(_: Any, attribute: "attrs.Attribute[str]", value: str) -> None:
        if value not in known:
            raise ValueError(f"{attribute.name} must be one of {', '.join(map(repr, known))}, got {value!r}")

    return check


@attrs.define(kw_only=True, eq=False)
class MetalBackend(Backend):
    """MLX: Metal on a Mac, CUDA or the CPU on Linux.

    Attributes:
        dtype: `"float32"`, or `"float64"`, which is exact and for the CPU alone.
        device: `"metal"`, `"cuda"` or `"cpu"`; `"auto"` takes the first of them that is here.
    """

    dtype: Literal["float32", "float64"] = attrs.field(default="float32", validator=_one_of("float32", "float64"))
    device: Literal["auto", "metal", "cuda", "cpu"] = attrs.field(
        default="auto", validator=_one_of("auto", "metal", "cuda", "cpu")
    )
    name: str = attrs.field(default="metal", init=False)
    xp: Namespace = attrs.field(init=False)
    _library: Library = attrs.field(init=False)
    _place: Any = attrs.field(init=False)
    _thread: int = attrs.field(init=False, factory=threading.get_ident)
    _traced: int = attrs.field(init=False, default=0)
    _steps: "weakref.WeakKeyDictionary[Any, Any]" = attrs.field(init=False, factory=weakref.WeakKeyDictionary)

    def __attrs_post_init__(self) -> None:
        """Settle on a device, and import MLX for it."""
        self.device = devices.choose(self.dtype, self.device)  # type: ignore[assignment]
        self._library = load()
        # Here and not above: without MLX the class must still say why it can't be used.
        from gm_metal_backend.namespace import MLXNamespace  # noqa: PLC0415

        self.xp = MLXNamespace.of(self.dtype)
        mx = self._library.mx
        self._place = mx.Device(mx.cpu if self.device == "cpu" else mx.gpu, 0)
        self._enter()

    @classmethod
    def devices(cls, dtype: str) -> Sequence[Device]:
        return devices.devices(dtype)

    @property
    def compilations(self) -> int:
        return self._traced

    def asarray(self, host: Any) -> Any:
        self._enter()
        return _map(self._to_device, host)

    def to_numpy(self, arrays: Any) -> Any:
        self._enter()
        self._library.mx.eval(arrays)
        return _map(np.array, arrays)

    def value_and_grad(self, fn: Callable[..., tuple[Array, Any]]) -> Callable[..., tuple[tuple[Array, Any], Any]]:
        return self._library.mx.value_and_grad(fn)  # type: ignore[no-any-return]

    def vmap(self, fn: F, in_axes: Any = 0) -> F:
        return self._library.mx.vmap(fn, in_axes=in_axes)  # type: ignore[no-any-return]

    def compile(self, fn: F, *, loops: bool = False, donate: tuple[int, ...] = ()) -> F:  # noqa: ARG002 - MLX reuses memory by itself
        return fn if loops else self._compile(fn)

    def scan(self, step: Callable[[Any, Any, Any], tuple[Any, Any]], carry: Any, xs: Any, shared: Any = None) -> Any:
        mx = self._library.mx
        self._enter()
        compiled = self._steps.get(step)
        if compiled is None:
            compiled = self._steps[step] = self._compile(step)
        xs = self.asarray(xs)
        ys = []
        for i in range(len(_first(xs))):
            carry, y = compiled(carry, _map(lambda leaf: leaf[i], xs), shared)
            mx.async_eval(carry, y)
            ys.append(y)
        return carry, _stack(mx, ys)

    def checkpoint(self, fn: F) -> F:
        return self._library.mx.checkpoint(fn)  # type: ignore[no-any-return]

    def provenance(self) -> Mapping[str, str]:
        import importlib.metadata

        return {
            "mlx": importlib.metadata.version("mlx"),
            "device": self.device,
            "dtype": self.dtype,
            "blas": self._library.blas,
            "MLX_ENABLE_TF32": self._library.tf32,
        }

    def _compile(self, fn: Any) -> Any:
        fn_ref = weakref.ref(fn)

        def traced(*arguments: Any) -> Any:
            self._traced += 1
            return fn_ref()(*arguments)

        return self._library.mx.compile(traced)

    def _enter(self) -> None:
        if threading.get_ident() != self._thread:
            raise TrainingError("an MLX backend belongs to the thread that made it: make one backend a thread")
        self._library.mx.set_default_device(self._place)

    def _to_device(self, host: Any) -> Any:
        mx = self._library.mx
        if isinstance(host, mx.array):
            return host
        host = np.asarray(host)
        if host.dtype.kind == "f":
            return mx.array(np.asarray(host, self.dtype), dtype=self.xp.float)
        if host.dtype.kind == "b":
            return mx.array(host)
        return mx.array(host if host.dtype == np.uint32 else host.astype(np.int32))


def _map(fn: Any, tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {name: _map(fn, child) for name, child in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(_map(fn, child) for child in tree)
    return None if tree is None else fn(tree)


def _first(tree: Any) -> Any:
    while isinstance(tree, Mapping | tuple):
        tree = next(iter(tree.values() if isinstance(tree, Mapping) else tree))
    return tree


def _stack(mx: Any, ys: Any) -> Any:
    first = ys[0] if ys else None
    if first is None:
        return None
    if isinstance(first, Mapping):
        return {name: _stack(mx, [y[name] for y in ys]) for name in first}
    if isinstance(first, tuple):
        return tuple(_stack(mx, list(column)) for column in zip(*ys, strict=True))
    return mx.stack(ys)
