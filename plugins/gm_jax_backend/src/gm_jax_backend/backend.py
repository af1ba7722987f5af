"""JAX behind the `Backend` port."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, wraps
from typing import Any, Literal, TypeVar, cast

import attrs
import jax
import jaxlib.version
import numpy as np
from attrs.validators import in_

from gm_jax_backend.devices import known_devices, select
from gm_jax_backend.invariance import COMPILER_OPTIONS, batch_invariant, known_options
from gm_jax_backend.namespace import jax_namespace
from gm_jax_backend.side_by_side import SideBySide, cores, on_one_core
from gmcore.domain import Array, Constants, Device, Memory, compute_dtype
from gmcore.ports import Backend, Namespace

__all__ = ["JAXBackend"]

# From here on LLVM may round a function's argument and its last product as one: see `invariance`.
_FUSES_ARGUMENTS = (0, 12)

F = TypeVar("F", bound=Callable[..., Any])


@attrs.define(kw_only=True, eq=False, slots=False)
class JAXBackend(Backend):
    """JAX: programs that XLA compiles, for CPU, NVIDIA cards and TPUs.

    The process's own JAX settings stay as they are: dtype, device and precision hold inside this
    object's calls and nowhere else. So arithmetic on float64 arrays belongs inside `compile`, `scan`,
    `vmap`, `value_and_grad` or the functions of `xp`; a bare `a + b` outside follows the process's settings.

    Attributes:
        dtype: `"float32"` or `"float64"`.
        device: `"cpu"`, `"cuda"`, `"tpu"`, or `"auto"` for the best that is here.
        batch_invariant: on a CPU, give each member of a fleet the same bits in whichever chunk it trains, on however
            many cores, for at most a tenth of the speed.
        tf32: let an NVIDIA card multiply float32 matrices with 10 bits of mantissa: faster, and less exact.
        compute: what matrices are multiplied in: `"bfloat16"` or `"float16"` beside `dtype`, which `"auto"` takes.
    """

    name = "jax"

    dtype: Literal["float32", "float64"] = attrs.field(default="float32", validator=in_(("float32", "float64")))
    device: str = "auto"
    tf32: bool = False
    batch_invariant: bool = True
    compute: Literal["auto", "float32", "float64", "bfloat16", "float16"] = attrs.field(
        default="auto", validator=in_(("auto", "float32", "float64", "bfloat16", "float16"))
    )
    xp: Namespace = attrs.field(init=False, repr=False)
    _place: Any = attrs.field(init=False, repr=False)
    _precision: str | None = attrs.field(init=False, repr=False)
    _invariant: bool = attrs.field(init=False, repr=False)
    _options: dict[str, str] = attrs.field(init=False, repr=False)
    _cores: int = attrs.field(init=False, repr=False)
    _compiled_scan: Callable[[Any], Any] = attrs.field(init=False, repr=False)
    _compilations: int = attrs.field(init=False, repr=False, default=0)
    _constants: Constants = attrs.field(init=False, repr=False, factory=lambda: Constants(jax.Array))
    _tracing: bool = attrs.field(init=False, repr=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.compute = compute_dtype(self.dtype, self.compute)  # type: ignore[assignment]
        self._place = select(self.device, self.dtype)
        self.device = "cuda" if self._place.platform == "gpu" else self._place.platform
        self._invariant = self.batch_invariant and self.device == "cpu"
        self._options = known_options(COMPILER_OPTIONS, self._place) if self._invariant else {}
        self._cores = cores() if self.device == "cpu" else 1
        self._precision = None if self.device == "cpu" or self.tf32 else "highest"
        self.xp = jax_namespace(self.dtype, self.compute, self._scoped)
        self._compiled_scan = lru_cache(maxsize=64)(lambda step: self.compile(_scan_of(step)))

    @classmethod
    def devices(cls, dtype: str) -> Sequence[Device]:
        return known_devices(dtype)

    @property
    def compilations(self) -> int:
        return self._compilations

    def asarray(self, host: Any) -> Any:
        with jax.enable_x64(self.dtype == "float64"):
            return jax.tree.map(self._to_device, host)

    def to_numpy(self, arrays: Any) -> Any:
        return jax.tree.map(np.array, jax.device_get(arrays))

    def value_and_grad(self, fn: Callable[..., tuple[Array, Any]]) -> Callable[..., tuple[tuple[Array, Any], Any]]:
        return self._scoped(jax.value_and_grad(fn, has_aux=True))  # type: ignore[no-any-return]

    def vmap(self, fn: F, in_axes: Any = 0) -> F:
        return cast("F", self._scoped(jax.vmap(fn, in_axes)))

    def compile(
        self,
        fn: F,
        *,
        loops: bool = False,
        donate: tuple[int, ...] = (),
        members: tuple[int | None, ...] = (),
    ) -> F:
        del loops  # XLA compiles loops as well
        # Results that are not bound to a device would have the next call compiled once more.
        place = jax.sharding.SingleDeviceSharding(self._place)
        traced = self._counted(batch_invariant(fn) if self._invariant else fn)

        def jitted(options: Mapping[str, str]) -> Any:
            return jax.jit(traced, donate_argnums=donate, out_shardings=place, compiler_options=dict(options) or None)

        quiet = _without_donation_warning if donate else lambda jitted: jitted
        whole = quiet(jitted(self._options))
        compiled: Any = lambda *args: whole(*self._placed(args))
        if members and self._cores > 1:
            part = jitted(on_one_core(self._options))
            compiled = SideBySide(
                alone=compiled,
                first=quiet(part),
                others=self._scoped(part),
                axes=members,
                cores=self._cores,
                to_host=self._to_host,
                to_device=self._to_device,
                constants=self._constants,
            )
        scoped = self._scoped(compiled)

        @wraps(fn)
        def call(*args: Any) -> Any:
            # Inside another transform it is part of that one's program.
            return fn(*args) if self._tracing or _is_traced(args) else scoped(*args)

        return cast("F", call)

    def scan(self, step: Callable[[Any, Any, Any], tuple[Any, Any]], carry: Any, xs: Any, shared: Any = None) -> Any:
        return self._compiled_scan(step)(carry, xs, shared)

    def checkpoint(self, fn: F) -> F:
        return cast("F", jax.checkpoint(fn))

    def memory(self) -> Memory | None:
        found = self._place.memory_stats()
        if self.device == "cpu" or not found:
            return None
        return Memory(total=found["bytes_limit"], active=found["bytes_in_use"], peak=found["peak_bytes_in_use"])

    def provenance(self) -> Mapping[str, str]:
        return {
            "jax": jax.__version__,
            "jaxlib": jaxlib.version.__version__,
            "device": f"{self.device} ({self._place.device_kind})",
            "dtype": self.dtype,
            "compute": self.compute,
            "tf32": str(self.tf32).lower(),
            "matmul_precision": self._precision or "default",
            "batch_invariant": self._how_invariant(),
        }

    def _how_invariant(self) -> str:
        lacking = sorted(set(COMPILER_OPTIONS) - set(self._options)) if self._invariant else ()
        if lacking:
            return f"not assured: this jaxlib has no {', '.join(lacking)}"
        if self._invariant and jax.__version_info__ >= _FUSES_ARGUMENTS:
            return "true, but for functions of a product with a member's own number"
        return "true" if self._invariant else f"false, in parts for {self._cores} cores"

    def _scoped(self, fn: Any) -> Any:
        """Return `fn` running under this backend's settings, whatever the process's are."""
        wide, place, precision = self.dtype == "float64", self._place, self._precision

        def scoped(*args: Any, **kwargs: Any) -> Any:
            with jax.enable_x64(wide), jax.default_device(place), jax.default_matmul_precision(precision):
                return fn(*args, **kwargs)

        return scoped

    def _counted(self, program: Any) -> Any:
        """Return `program` with a count of how often it is traced."""

        def traced(*args: Any) -> Any:
            self._compilations += 1
            self._tracing = True
            try:
                return program(*args)
            finally:
                self._tracing = False

        return traced

    def _placed(self, args: Any) -> Any:
        """Return `args` with what is still on the host as a program takes it, all of it sent at once."""
        leaves: list[Any]
        tree: Any
        leaves, tree = jax.tree.flatten(args)
        once, lasts, sent = self._constants.once, self._constants.never_changes, []
        for place, leaf in enumerate(leaves):
            if not isinstance(leaf, jax.Array):
                leaves[place] = once(leaf, self._to_device) if lasts(leaf) else self._to_host(leaf)
                sent += [] if isinstance(leaves[place], jax.Array) else [place]
        # A CPU's programs read the host's memory; a GPU's would wait for each array alone.
        if self.device != "cpu":
            put = jax.device_put([leaves[place] for place in sent], self._place, may_alias=False)
            for place, array in zip(sent, put, strict=True):
                leaves[place] = array
        return tree.unflatten(leaves)

    def _to_device(self, leaf: Any) -> Any:
        return jax.device_put(self._to_host(leaf), self._place, may_alias=False)

    def _to_host(self, leaf: Any) -> np.ndarray:
        """Return a copy in the dtype that it will have on the device.

        It is our own: a transfer may be going on while the owner changes the array, or share its memory.
        """
        host = np.asarray(leaf)
        dtype = {"f": self.dtype, "i": "int32", "u": "uint32" if host.dtype == np.uint32 else "int32", "b": "bool"}
        if host.dtype.kind not in dtype:
            raise TypeError(f"a tree's leaves must be numbers or booleans, got dtype {host.dtype}")
        with np.errstate(over="ignore"):  # then it is infinite, and training says which step that spoilt
            return host.astype(dtype[host.dtype.kind], copy=True)


def _scan_of(step: Any) -> Any:
    def scan(carry: Any, xs: Any, shared: Any) -> Any:
        return jax.lax.scan(lambda carry, x: step(carry, x, shared), carry, xs)

    return scan


def _is_traced(args: Any) -> bool:
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(args))


def _without_donation_warning(compiled: Any) -> Any:
    """Return `compiled` silent about donated memory that no result fits: giving up is a permission, not a demand."""

    def call(*args: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Some donated buffers were not usable")
            return compiled(*args)

    return call
