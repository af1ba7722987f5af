"""JAX as a gmcore backend."""

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Concatenate, Literal, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary

import attrs
import numpy as np
from attrs.validators import in_

from gm_jax_backend.calls import Tracing, converting, device_dtype, host_copy, with_lengths, without_donation_warning
from gm_jax_backend.devices import known_devices, select
from gm_jax_backend.lazy_module import LazyModule
from gmcore.domain import Array, Constants, Device, Memory, compute_dtype
from gmcore.domain.cores import cores
from gmcore.ports import Backend, Namespace
from gmcore.ports.compute import InAxes

# JAX takes a second to import, and is not needed to choose another backend.
if TYPE_CHECKING:
    import jax

    from gm_jax_backend import invariance, kept_programs, memory_errors, namespace, preparing, scans, side_by_side
else:
    jax = LazyModule("jax")
    invariance = LazyModule("gm_jax_backend.invariance")
    kept_programs = LazyModule("gm_jax_backend.kept_programs")
    memory_errors = LazyModule("gm_jax_backend.memory_errors")
    namespace = LazyModule("gm_jax_backend.namespace")
    preparing = LazyModule("gm_jax_backend.preparing")
    scans = LazyModule("gm_jax_backend.scans")
    side_by_side = LazyModule("gm_jax_backend.side_by_side")

__all__ = ["JAXBackend"]

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")
P = ParamSpec("P")
Params = TypeVar("Params")
Aux = TypeVar("Aux")
Carry = TypeVar("Carry")
X = TypeVar("X")
Y = TypeVar("Y")
Shared = TypeVar("Shared")
Program = Callable[..., Array]


@attrs.define(kw_only=True, eq=False, slots=False)
class JAXBackend(Backend):
    """JAX: programs compiled by XLA for CPUs, NVIDIA GPUs and TPUs.

    The global JAX configuration is not changed: dtype, device and precision apply only inside this object's calls.
    Arithmetic on float64 arrays therefore belongs inside `compile`, `scan`, `vmap`, `value_and_grad` or the functions
    of `xp`; a plain `a + b` outside of these follows the global configuration.

    Attributes:
        dtype: `"float32"` or `"float64"`.
        device: `"cpu"`, `"cuda"` or `"tpu"`; `"auto"` is the best available one.
        batch_invariant: on a CPU, compute each member of a fleet to the same bits for any chunk size and number of
            cores, at a cost of at most a tenth of the speed.
        tf32: whether NVIDIA GPUs may multiply float32 matrices with 10 bits of mantissa: faster, but less exact.
        autotune: whether XLA times several kernels for each operation on a GPU and keeps the fastest. For products of
            matrices of all sizes that gained less than 1 % on an H100, and took 3 to 20 s.
        compute: dtype of matrix products: `dtype` (the same as `"auto"`), or with float32 also `"bfloat16"` or
            `"float16"`.
    """

    name = "jax"

    dtype: Literal["float32", "float64"] = attrs.field(default="float32", validator=in_(("float32", "float64")))
    device: str = "auto"
    tf32: bool = False
    autotune: bool = False
    batch_invariant: bool = True
    compute: Literal["auto", "float32", "float64", "bfloat16", "float16"] = attrs.field(
        default="auto", validator=in_(("auto", "float32", "float64", "bfloat16", "float16"))
    )
    xp: Namespace = attrs.field(init=False, repr=False)
    _place: Array = attrs.field(init=False, repr=False)
    _sharding: "jax.sharding.Sharding" = attrs.field(init=False, repr=False)
    _precision: str | None = attrs.field(init=False, repr=False)
    _invariant: bool = attrs.field(init=False, repr=False)
    _options: dict[str, str | int] = attrs.field(init=False, repr=False)
    _cores: int = attrs.field(init=False, repr=False)
    _compiled_scan: Callable[["scans.Step"], Program] = attrs.field(init=False, repr=False)
    _length: Callable[[int | None], Array] = attrs.field(init=False, repr=False)
    _compilations: int = attrs.field(init=False, repr=False, default=0)
    _constants: Constants = attrs.field(init=False, repr=False)
    _compilable: "WeakKeyDictionary[Callable[..., object], preparing.Compilable]" = attrs.field(
        init=False, repr=False, factory=WeakKeyDictionary
    )
    _tracing: Tracing = attrs.field(init=False, repr=False, factory=Tracing)

    def __attrs_post_init__(self) -> None:
        self.compute = compute_dtype(self.dtype, self.compute)  # type: ignore[assignment]
        self._place = select(self.device, self.dtype)
        kept_programs.keep_programs()
        self._constants = Constants(jax.Array)
        self._sharding = jax.sharding.SingleDeviceSharding(self._place)
        self.device = "cuda" if self._place.platform == "gpu" else self._place.platform
        self._invariant = self.batch_invariant and self.device == "cpu"
        self._options = invariance.known_options(invariance.COMPILER_OPTIONS, self._place) if self._invariant else {}
        if self.device == "cuda" and not self.autotune:
            self._options["xla_gpu_autotune_level"] = 0
        self._cores = cores() if self.device == "cpu" else 1
        self._precision = None if self.device == "cpu" or self.tf32 else "highest"
        self.xp = namespace.jax_namespace(self.dtype, self.compute, self._scoped, cpu=self.device == "cpu")
        self._compiled_scan = lru_cache(maxsize=64)(lambda step: self.compile(scans.scan_of(step), lengths=(3,)))
        # On the device once: most scans have one of few lengths.
        self._length = lru_cache(maxsize=64)(lambda length: None if length is None else self._to_device(length))

    @classmethod
    def devices(cls, dtype: str) -> Sequence[Device]:
        return known_devices(dtype)

    @property
    def compilations(self) -> int:
        return self._compilations

    def asarray(self, host: T) -> T:
        with jax.enable_x64(self.dtype == "float64"):
            return jax.tree.map(self._to_device, host)  # type: ignore[no-any-return]

    def to_numpy(self, arrays: T) -> T:
        return side_by_side.host_arrays(arrays, are_there=self.device == "cpu")

    def value_and_grad(
        self, fn: Callable[Concatenate[Params, P], tuple[Array, Aux]]
    ) -> Callable[Concatenate[Params, P], tuple[tuple[Array, Aux], Params]]:
        return self._scoped(jax.value_and_grad(fn, has_aux=True))

    def vmap(self, fn: F, in_axes: int | Sequence[InAxes] = 0) -> F:
        return self._scoped(jax.vmap(fn, in_axes))

    def compile(
        self,
        fn: F,
        *,
        loops: bool = False,
        donate: tuple[int, ...] = (),
        members: tuple[int | None, ...] = (),
        lengths: tuple[int, ...] = (),
    ) -> F:
        del loops  # XLA compiles loops as well
        # With a length that it learns in each step, a GPU takes 1.3 to 2.4 times as long: after each step it waits for
        # the host. On a CPU there is no difference.
        known = () if self.device == "cpu" else lengths
        rules = invariance.FLEET if members else None
        traced = self._counted(invariance.batch_invariant(fn, rules=rules) if self._invariant else fn)
        whole = part = self._jitted(traced, self._options, donate, known)
        program, parts = converting(without_donation_warning(whole, donate), self._placed, known), None
        if members and self._cores > 1:
            part = self._jitted(traced, side_by_side.on_one_core(self._options), donate, known)
            program = parts = self._in_parts(program, part, donate, members)
        if self.device == "cpu":
            program = with_lengths(program, lengths, self._length)
        called = self._inlined_in_transforms(fn, self._scoped(program))
        self._compilable[called] = preparing.Compilable(
            whole=whole, part=part, parts=parts, lengths=lengths, known=known, place=self._sharding
        )
        return called

    def prepare(
        self, program: Callable[..., object], *arguments: object, on_device: tuple[int, ...] = ()
    ) -> Callable[[], None]:
        found = self._compilable[program]
        shapes = found.shapes(arguments, lambda place, leaf: self._shape_of(leaf, there=place in on_device))
        return self._scoped(lambda: found.compile(shapes))

    def scan(
        self,
        step: Callable[[Carry, X, Shared], tuple[Carry, Y]],
        carry: Carry,
        xs: X,
        shared: Shared | None = None,
        length: int | None = None,
    ) -> tuple[Carry, Y]:
        return self._compiled_scan(step)(carry, xs, shared, length)  # type: ignore[no-any-return]

    def is_out_of_memory(self, error: Exception) -> bool:
        return super().is_out_of_memory(error) or memory_errors.is_about_memory(error)

    def checkpoint(self, fn: F) -> F:
        return jax.checkpoint(fn)  # type: ignore[return-value]

    def memory(self) -> Memory | None:
        found = self._place.memory_stats()
        if self.device == "cpu" or not found:
            return None
        return Memory(total=found["bytes_limit"], active=found["bytes_in_use"], peak=found["peak_bytes_in_use"])

    def provenance(self) -> Mapping[str, str]:
        return {
            "jax": jax.__version__,
            "jaxlib": importlib.metadata.version("jaxlib"),
            "device": f"{self.device} ({self._place.device_kind})",
            "dtype": self.dtype,
            "compute": self.compute,
            "tf32": str(self.tf32).lower(),
            **({"autotune": str(self.autotune).lower()} if self.device == "cuda" else {}),
            "matmul_precision": self._precision or "default",
            "batch_invariant": invariance.guarantee(self._options)
            if self._invariant
            else f"false, in parts for {self._cores} cores",
        }

    def _jitted(
        self, program: Program, options: Mapping[str, str | int], donate: tuple[int, ...], known: tuple[int, ...]
    ) -> Program:
        """Return `program` compiled with these compiler options, for arguments that are on the device, or `known`."""
        return jax.jit(
            program,
            donate_argnums=donate,
            static_argnums=known,
            # Without a device of their own, results would make the next call compile again.
            out_shardings=self._sharding,
            compiler_options=dict(options) or None,
        )

    def _in_parts(
        self, whole: Program, part: Program, donate: tuple[int, ...], members: tuple[int | None, ...]
    ) -> "side_by_side.SideBySide":
        """Return a fleet's program that computes its members in parallel parts."""
        return side_by_side.SideBySide(
            alone=whole,
            first=without_donation_warning(part, donate),
            others=self._scoped(part),
            axes=members,
            cores=self._cores,
            to_host=self._to_host,
            to_device=self._to_device,
            constants=self._constants,
        )

    def _inlined_in_transforms(self, fn: F, compiled: Program) -> F:
        """Return `compiled`, or inside another transform `fn`, which becomes part of that transform's program."""

        @wraps(fn)
        def call(*args: Array) -> object:
            return fn(*args) if self._tracing.now or _is_traced(args) else compiled(*args)

        return cast("F", call)

    def _scoped(self, fn: F) -> F:
        """Return `fn` running under this backend's settings instead of the global JAX configuration."""
        wide, place, precision, inside = self.dtype == "float64", self._place, self._precision, kept_programs.INSIDE

        def scoped(*args: Array, **kwargs: Array) -> object:
            with inside, jax.enable_x64(wide), jax.default_device(place), jax.default_matmul_precision(precision):
                return fn(*args, **kwargs)

        return cast("F", scoped)

    def _counted(self, program: Callable[..., object]) -> Program:
        """Return `program` with its traces counted in `compilations`."""

        def traced(*args: Array) -> Array:
            self._compilations += 1
            self._tracing.now = True
            try:
                return program(*args)
            finally:
                self._tracing.now = False

        return traced

    def _placed(self, args: tuple[Array, ...]) -> tuple[Array, ...]:
        """Return `args` with host arrays converted for a program, and sent to the device in one transfer."""
        leaves, tree = jax.tree.flatten(args)
        once, lasts, sent = self._constants.once, self._constants.never_changes, []
        for place, leaf in enumerate(leaves):
            if not isinstance(leaf, jax.Array):
                leaves[place] = once(leaf, self._to_device) if lasts(leaf) else self._to_host(leaf)
                sent += [] if isinstance(leaves[place], jax.Array) else [place]
        # Programs on the CPU read the host's memory; on a GPU they would wait for each array separately.
        if self.device != "cpu":
            put = jax.device_put([leaves[place] for place in sent], self._place, may_alias=False)
            for place, array in zip(sent, put, strict=True):
                leaves[place] = array
        return tree.unflatten(leaves)  # type: ignore[attr-defined, no-any-return]

    def _to_device(self, leaf: Array) -> Array:
        return jax.device_put(self._to_host(leaf), self._place, may_alias=False)

    def _to_host(self, leaf: Array) -> np.ndarray:
        return host_copy(leaf, self.dtype)

    def _shape_of(self, leaf: Array, *, there: bool) -> "jax.ShapeDtypeStruct":
        """Return shape and dtype of an argument, and that it is on the device, if it will be `there` or is sent."""
        sent = there or self.device != "cpu" or isinstance(leaf, jax.Array) or self._constants.never_changes(leaf)
        dtype = leaf.dtype if isinstance(leaf, jax.Array) else device_dtype(np.asarray(leaf).dtype, self.dtype)
        place = self._sharding if sent else None
        return jax.ShapeDtypeStruct(np.shape(leaf), dtype, sharding=place)  # type: ignore[no-untyped-call]


def _is_traced(args: tuple[Array, ...]) -> bool:
    # Of each type once: there are dozens of leaves, but few types.
    return any(issubclass(kind, jax.core.Tracer) for kind in set(map(type, jax.tree.leaves(args))))
