"""MLX as a gmcore backend."""

import importlib.metadata
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Concatenate, Literal, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, ref

import attrs

from gm_metal_backend import devices
from gm_metal_backend.arrays import copied, host_array
from gm_metal_backend.flat_step import FlatStep, Step
from gm_metal_backend.fusion import without_fusion
from gm_metal_backend.kernel_folder import exchange_kernels
from gm_metal_backend.library import Library, load, set_tf32
from gm_metal_backend.memory_errors import is_about_memory
from gm_metal_backend.products import Products
from gm_metal_backend.transforms import checkpoint, through, vmap_of_views
from gmcore.domain import Array, Constants, Device, Memory, compute_dtype
from gmcore.domain.nested import Skeleton, filled, leaves, map_leaves, skeleton
from gmcore.errors import TrainingError
from gmcore.ports import Backend, Namespace
from gmcore.ports.compute import InAxes

__all__ = ["MetalBackend"]

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")
P = ParamSpec("P")
Params = TypeVar("Params")
Aux = TypeVar("Aux")
Carry = TypeVar("Carry")
X = TypeVar("X")
Y = TypeVar("Y")
Shared = TypeVar("Shared")
Shapes = tuple[tuple[int, ...], ...]
Skeletons = tuple[Skeleton, Skeleton, Skeleton]
# Most parameters that are packed, a quarter of a mebibyte in float32.
_PACKED = 1 << 16


def _one_of(*known: str) -> Callable[[object, "attrs.Attribute[str]", str], None]:
    def check(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
        if value not in known:
            raise ValueError(f"{attribute.name} must be one of {', '.join(map(repr, known))}, got {value!r}")

    return check


class _OwnThread(threading.local):
    """Whether this is the thread that created a backend; a thread's number can be given to a later one."""

    is_own = False


@attrs.define(kw_only=True, eq=False)
class MetalBackend(Backend):
    """MLX: Metal on a Mac, CUDA or the CPU on Linux.

    Attributes:
        dtype: `"float32"`, or `"float64"`, which is exact and available only on the CPU.
        device: `"metal"`, `"cuda"` or `"cpu"`; `"auto"` is the first of these that is available.
        compute: dtype of matrix products: `dtype` (the same as `"auto"`), or with float32 also `"bfloat16"` or
            `"float16"`.
        tf32: whether newer GPUs may multiply float32 matrices with 10 bits of mantissa: faster, but less exact. MLX
            reads the setting once, so it is the same for the whole process. None uses the environment variable
            `MLX_ENABLE_TF32`, or False if it is not set.
        fused: whether elementwise operations are fused into kernels. On a CPU `g++` compiles these, half a second for
            each the first time; they halve the time of a small step. `backend = "auto"` does without them.
    """

    dtype: Literal["float32", "float64"] = attrs.field(default="float32", validator=_one_of("float32", "float64"))
    device: Literal["auto", "metal", "cuda", "cpu"] = attrs.field(
        default="auto", validator=_one_of("auto", "metal", "cuda", "cpu")
    )
    compute: Literal["auto", "float32", "float64", "bfloat16", "float16"] = attrs.field(
        default="auto", validator=_one_of("auto", "float32", "float64", "bfloat16", "float16")
    )
    tf32: bool | None = None
    fused: bool = attrs.field(default=True, validator=attrs.validators.instance_of(bool))
    name: str = attrs.field(default="metal", init=False)
    xp: Namespace = attrs.field(init=False, repr=False)
    _library: Library = attrs.field(init=False, repr=False)
    _mx: ModuleType = attrs.field(init=False, repr=False)
    _place: object = attrs.field(init=False, repr=False)
    _uncompiled: str = attrs.field(init=False, repr=False)
    _unfused: bool = attrs.field(init=False, repr=False)
    _traced: int = attrs.field(init=False, repr=False, default=0)
    _steps: "WeakKeyDictionary[Step, dict[Skeletons, FlatStep]]" = attrs.field(
        init=False, repr=False, factory=WeakKeyDictionary
    )
    _products: Products = attrs.field(init=False, repr=False, factory=Products)
    _constants: Constants = attrs.field(init=False, repr=False, factory=Constants)
    _thread: _OwnThread = attrs.field(init=False, repr=False, factory=_OwnThread)

    def __attrs_post_init__(self) -> None:
        """Choose precision and device, and import MLX."""
        self._thread.is_own = True
        self.compute = compute_dtype(self.dtype, self.compute)  # type: ignore[assignment]
        set_tf32(self.tf32)
        self.device = devices.choose(self.dtype, self.device)  # type: ignore[assignment]
        self._library = load()
        self._mx = mx = self._library.mx
        self._place = mx.Device(mx.cpu if self.device == "cpu" else mx.gpu, 0)
        self._unfused = self.device == "cpu" and not self.fused and self._library.can_compile_unfused
        self._uncompiled = self._library.uncompiled if self.device == "cpu" and not self._unfused else ""
        # Not at the top of the file: without MLX, the class must still say why it can't be used.
        from gm_metal_backend.namespace import MLXNamespace  # noqa: PLC0415

        self.xp = MLXNamespace.of(self.dtype, self.compute, self._products, cpu=self.device == "cpu")
        self._enter()

    @classmethod
    def devices(cls, dtype: str) -> Sequence[Device]:
        return devices.devices(dtype)

    @property
    def compilations(self) -> int:
        return self._traced

    def asarray(self, host: T) -> T:
        self._enter()
        return map_leaves(self._to_device, host)  # type: ignore[no-any-return]

    def to_numpy(self, arrays: T) -> T:
        self._enter()
        self._mx.eval(arrays)
        exchange_kernels()
        return map_leaves(copied, arrays)  # type: ignore[no-any-return]

    def value_and_grad(
        self, fn: Callable[Concatenate[Params, P], tuple[Array, Aux]]
    ) -> Callable[Concatenate[Params, P], tuple[tuple[Array, Aux], Params]]:
        return self._mx.value_and_grad(fn)  # type: ignore[no-any-return]

    def vmap(self, fn: F, in_axes: int | Sequence[InAxes] = 0) -> F:
        if self.device == "cpu":
            return vmap_of_views(self._mx, fn, in_axes)
        return through(lambda flat: self._mx.vmap(flat, in_axes=in_axes), fn)

    def compile(
        self,
        fn: F,
        *,
        loops: bool = False,
        donate: tuple[int, ...] = (),
        members: tuple[int | None, ...] = (),
        lengths: tuple[int, ...] = (),
    ) -> F:
        # MLX reuses unreferenced memory by itself, and computes on one stream; loops are not compiled.
        del donate, members, lengths
        program = fn if loops else self._compile(fn)

        def run(*arguments: Array) -> Array:
            self._enter()
            results = program(*arguments)
            if loops:
                # Results that are never read would otherwise stay unevaluated and keep all their inputs in memory.
                self._mx.async_eval(results)
            return results

        return run  # type: ignore[return-value]

    def prepare(
        self, program: Callable[..., object], *arguments: object, on_device: tuple[int, ...] = ()
    ) -> Callable[[], None]:
        del program, arguments, on_device  # MLX compiles steps, in the thread that uses them
        return lambda: None

    def scan(
        self,
        step: Callable[[Carry, X, Shared], tuple[Carry, Y]],
        carry: Carry,
        xs: X,
        shared: Shared | None = None,
        length: int | None = None,
    ) -> tuple[Carry, Y]:
        self._enter()
        flat, enqueue = self._flat_step(step, carry, xs, shared), self._mx.async_eval
        state, held, ys = leaves(carry), leaves(shared), []
        slices = lambda leaf: self._slices(leaf if length is None else leaf[:length])
        for x in zip(*(self._constants.once(leaf, slices, length) for leaf in leaves(xs)), strict=True):
            state, y = flat.run(state, x, held)
            # MLX blocks here if the host runs too far ahead of the device.
            enqueue(state, y)
            ys.append(y)
        if not ys:
            return carry, None  # type: ignore[return-value]
        stacked = [self._mx.stack(column) for column in zip(*ys, strict=True)]
        return filled(flat.structures[0], state), filled(flat.y, stacked)

    def is_out_of_memory(self, error: Exception) -> bool:
        return is_about_memory(error) or super().is_out_of_memory(error)

    def checkpoint(self, fn: F) -> F:
        return checkpoint(self._mx, fn)

    def packs(self, members: int, size: int) -> bool:
        """Return whether an optimizer's step is faster on one array: for few parameters of one member, without fusion.

        Operations take 4 µs or more each, so that a step of a small network took 0.6 to 0.7 times as long. With fusion
        there are few operations. With several members, or more parameters, copying them took longer than was saved.
        """
        return self._unfused and members == 1 and size <= _PACKED

    def memory(self) -> Memory | None:
        if self.device == "cpu":
            return None
        mx, facts = self._mx, self._mx.device_info(self._place)
        total = facts.get("memory_size") or facts["total_memory"]
        return Memory(total=int(total), active=mx.get_active_memory(), peak=mx.get_peak_memory())

    def provenance(self) -> Mapping[str, str]:
        found = {
            "mlx": importlib.metadata.version("mlx"),
            "device": self.device,
            "processor": str(self._mx.device_info(self._place).get("device_name", "unknown")),
            "compile": f"off: {self._uncompiled}" if self._uncompiled else f"on{', without fusion' * self._unfused}",
            "dtype": self.dtype,
            "compute": self.compute,
            "MLX_ENABLE_TF32": os.environ.get("MLX_ENABLE_TF32", "1"),
        }
        if self.device == "cpu":
            blas = self._library.blas
            found |= {
                "blas": blas.name,
                "blas_threads": str(blas.max_threads),
                "MKL_CBWR": os.environ.get("MKL_CBWR", ""),
            }
        return found

    def _flat_step(self, step: Step, *arguments: object) -> FlatStep:
        """Return `step` compiled for trees with this structure, cached as long as `step` exists."""
        known, (carry, x, shared) = self._steps.setdefault(step, {}), map(skeleton, arguments)
        if (carry, x, shared) not in known:
            known[carry, x, shared] = FlatStep(ref(step), (carry, x, shared), self._compile)
        return known[carry, x, shared]

    def _compile(self, fn: Callable[..., Array]) -> Callable[..., Array]:
        """Return `fn` compiled by shape; MLX's `shapeless` option is silently wrong for a biased linear layer."""
        known: dict[Shapes, int] = {}

        def traced(*arguments: Array) -> Array:
            results, known[_shapes(arguments)] = self._products.of(lambda: fn(*arguments))
            self._traced += not self._uncompiled
            return results

        program = traced if self._uncompiled else self._mx.compile(traced)

        def run(*arguments: Array) -> Array:
            if self._unfused and _shapes(arguments) not in known:
                with without_fusion(self._mx):
                    results = program(*arguments)
            else:
                results = program(*arguments)
            if self.device == "cpu":
                (largest,) = known.values() if len(known) == 1 else (known[_shapes(arguments)],)
                # Before the results are evaluated.
                self._library.blas.suit(largest, self._mx.synchronize)
            return results

        return run

    def _enter(self) -> None:
        """Set the default device, after a check of the thread: MLX's streams and programs belong to one thread."""
        if not self._thread.is_own:
            raise TrainingError("an MLX backend works only in the thread that created it: create one in each thread")
        self._mx.set_default_device(self._place)

    def _slices(self, leaf: Array) -> Sequence[Array]:
        """Return the slice of each step, all made before the first step, so that steps need no slicing operation."""
        if self.device == "cpu" and not isinstance(leaf, self._mx.array):
            host, array = host_array(leaf, self.dtype), self._mx.array
            dtype = self.xp.float if host.dtype.kind == "f" else None
            return [array(host[i, ...], dtype) for i in range(len(host))]
        whole = self._to_device(leaf)
        if whole.ndim == 1 or not whole.size:
            return [whole[i] for i in range(len(whole))]
        # One split makes all slices; with the first two axes merged, each slice has the right shape without a squeeze.
        steps, members, *rest = whole.shape
        return self._mx.split(whole.reshape(steps * members, *rest), steps)  # type: ignore[no-any-return]

    def _to_device(self, host: Array) -> Array:
        if isinstance(host, self._mx.array):
            return host
        host = host_array(host, self.dtype)
        # Without an explicit dtype, MLX converts float64 to float32.
        return self._mx.array(host, self.xp.float if host.dtype.kind == "f" else None)


def _shapes(arguments: tuple[object, ...]) -> Shapes:
    return tuple([leaf.shape for leaf in leaves(arguments)])
