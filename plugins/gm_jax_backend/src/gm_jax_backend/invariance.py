"""Batch invariance: CPU programs in which a member's numbers do not depend on the number of members.

XLA's CPU compiler decides by shape: by default, the last bits of 8 members differ from those of 4 + 4 members and
of 8 single ones. The decisions found, with the remedy for each:

- the YNNPACK library computes sums above a certain size: `COMPILER_OPTIONS` restrict it to matrix products;
- the order of a sum's additions depends on the surrounding loops, because a plain reduction may be reordered: `_sum`
  reduces with a step that may not;
- for one member, the algebraic simplifier drops the members' axis, and other matrix kernels run: it is disabled, and
  the only simplification that matters, of a transpose after a product, is done by `_without_transposes`;
- a product with a vector becomes a loop for one member and a library call for many: `_product` pads vectors to two
  columns;
- LLVM rounds `a * b + c` once or twice, depending on how it arranges the loop: `_rounded` makes it always twice.

Not covered: steps of a single row, and since JAX 0.12 functions such as `tanh` of products with a member's own number.

Time of a step relative to XLA's defaults, float32, 2 cores, MLPs 10-16-2, 64-128-64-10, 256-512-512-10 and
784-1024-1024-10: fleets of 1: 1.0, 0.9, 0.7, 0.9; of 10: 1.0, 1.0, 0.9; of 50: 1.0, 1.1 (large MLPs not measured).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Protocol, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun

from gmcore.domain import Array

__all__ = ["COMPILER_OPTIONS", "batch_invariant", "known_options"]


class Variable(Protocol):
    """A variable of a traced program."""

    aval: jax.ShapeDtypeStruct


class Primitive(Protocol):
    """What an operation computes, such as `"mul"`."""

    name: str

    def bind(self, *inputs: Array, **params: object) -> Array:
        """Return the result for these inputs."""


class Operation(Protocol):
    """An operation of a traced program; JAX's own class `JaxprEqn` is mostly untyped."""

    primitive: Primitive
    invars: Sequence[Variable]
    outvars: Sequence[Variable]
    params: dict[str, Array]

    def replace(self, **changes: object) -> "Operation":
        """Return the operation with other attributes."""


class Program(Protocol):
    """A traced program (`Jaxpr`)."""

    eqns: Sequence[Operation]
    invars: Sequence[Variable]
    outvars: Sequence[Variable]

    def replace(self, **changes: object) -> "Program":
        """Return the program with other attributes."""


Rule = Callable[..., Array]
"""`rule(eqn, *inputs)` computes an operation's result with other operations."""

COMPILER_OPTIONS = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT",
    "xla_disable_hlo_passes": "algsimp,batch-dot-simplification",
}


def known_options(wanted: Mapping[str, str], place: jax.Device) -> dict[str, str]:
    """Return those compiler options that the installed jaxlib accepts with these values on the device `place`."""
    if _is_known(frozenset(wanted.items()), place):
        return dict(wanted)
    return {name: value for name, value in wanted.items() if _is_known(frozenset({(name, value)}), place)}


@cache
def _is_known(options: frozenset[tuple[str, str]], place: jax.Device) -> bool:
    """Return whether a program compiles with these options; XLA has no function that lists them."""
    try:
        with jax.default_device(place):
            jax.jit(lambda: 0, compiler_options=dict(options)).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def batch_invariant(fn: Callable[..., object]) -> Callable[..., Array]:
    """Return `fn` rewritten so that, compiled with `COMPILER_OPTIONS`, each member's results depend on no other."""

    def run(*args: Array) -> Array:
        leaves, tree = jax.tree.flatten(args)
        flat = lambda *leaves: fn(*jax.tree.unflatten(tree, leaves))
        program, shapes = jax.make_jaxpr(flat, return_shape=True)(*leaves)
        return jax.tree.unflatten(jax.tree.structure(shapes), jaxpr_as_fun(_rewritten(program))(*leaves))

    return run


def _rewritten(param: object) -> object:
    """Return an operation's parameter with all programs in it, such as a loop's body, rewritten."""
    if type(param) is tuple:
        return tuple(map(_rewritten, param))
    if type(param) is list:
        return list(map(_rewritten, param))
    # Since JAX 0.11, the two classes are one.
    if isinstance(param, Jaxpr):
        program = cast("Program", param)
        eqns = _without_transposes(program.eqns)
        summands = _possible_summands(eqns, program.outvars)
        return program.replace(eqns=[new for eqn in eqns for new in _expanded(eqn, _rule_for(eqn, summands))])
    return param.replace(jaxpr=_rewritten(param.jaxpr)) if isinstance(param, ClosedJaxpr) else param  # type: ignore[no-untyped-call]


def _rule_for(eqn: Operation, summands: AbstractSet[Variable]) -> Rule | None:
    name = eqn.primitive.name
    return (_rounded if eqn.outvars[0] in summands else None) if name in _MULTIPLICATIONS else _RULES.get(name)


def _expanded(eqn: Operation, rule: Rule | None) -> list[Operation]:
    if rule is None:
        return [eqn.replace(params={name: _rewritten(param) for name, param in eqn.params.items()})]
    inputs = [jax.ShapeDtypeStruct(var.aval.shape, var.aval.dtype) for var in eqn.invars]  # type: ignore[no-untyped-call]
    program: Program = jax.make_jaxpr(lambda *arrays: rule(eqn, *arrays))(*inputs).jaxpr
    names = {**dict(zip(program.invars, eqn.invars, strict=True)), program.outvars[0]: eqn.outvars[0]}
    return [
        new.replace(invars=_renamed(new.invars, names), outvars=_renamed(new.outvars, names)) for new in program.eqns
    ]


def _renamed(variables: Sequence[Variable], names: Mapping[Variable, Variable]) -> list[Variable]:
    return [var if isinstance(var, Literal) else names.get(var, var) for var in variables]


def _sum(eqn: Operation, x: Array) -> Array:
    if not jnp.issubdtype(x.dtype, jnp.floating) or not eqn.params["axes"]:
        return eqn.primitive.bind(x, **eqn.params)
    # In bfloat16 (float16), a sum would stop growing at 256 (2048) times its summands.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    total = lax.reduce(x.astype(wide), np.zeros((), wide), _add_in_order, eqn.params["axes"])
    return total.astype(x.dtype)


def _add_in_order(total: Array, x: Array) -> Array:
    """Return `total + x` in a form that no compiler recognizes as an addition that it may reorder."""
    return _opaque(total + x)


def _possible_summands(eqns: Iterable[Operation], results: Iterable[Variable]) -> AbstractSet[Variable]:
    """Return the variables that may be used in an addition, in this program or, as its results, in another."""
    used = [var for eqn in eqns if eqn.primitive.name not in _WITHOUT_ADDITION for var in eqn.invars]
    return {var for var in (*used, *results) if not isinstance(var, Literal)}


def _rounded(eqn: Operation, *factors: Array) -> Array:
    product: Array = eqn.primitive.bind(*factors, **eqn.params)
    return _opaque(product) if jnp.issubdtype(product.dtype, jnp.floating) else product


def _opaque(x: Array) -> Array:
    """Return `x` in a form that hides from the compiler how it was computed."""
    largest = np.asarray(jnp.finfo(x.dtype).max, x.dtype)  # type: ignore[no-untyped-call]
    return lax.select(x <= largest, x, x + x)


def _product(eqn: Operation, x: Array, y: Array) -> Array:
    (_, _), (batch, _) = eqn.params["dimension_numbers"]
    free_x, free_y = _free_sizes(eqn)
    single_x, single_y = math.prod(free_x) == 1, math.prod(free_y) == 1
    out = eqn.primitive.bind(_two(x) if single_x else x, _two(y) if single_y else y, **eqn.params)
    out = lax.index_in_dim(out, 0, -1, keepdims=False) if single_y else out
    return lax.index_in_dim(out, 0, len(batch) + len(free_x), keepdims=False) if single_x else out


def _two(x: Array) -> Array:
    return jnp.stack([x, jnp.zeros_like(x)], -1)


def _without_transposes(eqns: Sequence[Operation]) -> Sequence[Operation]:
    """Return the operations with `(x @ y).T` replaced by `y.T @ x.T`, which needs no transpose in memory."""
    products = {eqn.outvars[0]: eqn for eqn in eqns if eqn.primitive.name == "dot_general"}
    uses = Counter(var for eqn in eqns for var in eqn.invars if not isinstance(var, Literal))
    kept: list[Operation] = []
    for eqn in eqns:
        product = products.get(eqn.invars[0]) if eqn.primitive.name == "transpose" else None
        if product is not None and uses[product.outvars[0]] == 1 and eqn.params["permutation"] == _turn(product):
            kept.append(_turned(product, eqn.outvars))
        else:
            kept.append(eqn)
    return kept


def _turn(product: Operation) -> tuple[int, ...]:
    """Return the permutation that swaps the free axes of a product's two operands."""
    batch = len(product.params["dimension_numbers"][1][0])
    x, y = map(len, _free_sizes(product))
    return (*range(batch), *range(batch + x, batch + x + y), *range(batch, batch + x))


def _turned(product: Operation, outvars: Sequence[Variable]) -> Operation:
    (contract_x, contract_y), (batch_x, batch_y) = product.params["dimension_numbers"]
    numbers = ((contract_y, contract_x), (batch_y, batch_x))
    params = {**product.params, "dimension_numbers": numbers}
    return product.replace(invars=product.invars[::-1], outvars=outvars, params=params)


def _free_sizes(product: Operation) -> tuple[list[int], list[int]]:
    """Return the sizes of each operand's axes that are neither contracted nor batch axes."""
    contract, batch = product.params["dimension_numbers"]
    x, y = (
        [size for axis, size in enumerate(var.aval.shape) if axis not in (*summed, *shared)]
        for var, summed, shared in zip(product.invars, contract, batch, strict=True)
    )
    return x, y


_RULES: Mapping[str, Rule] = {"reduce_sum": _sum, "dot_general": _product}
# Multiplications, and functions that XLA expands into a formula that ends in one.
_MULTIPLICATIONS = frozenset({"mul", "square", "integer_pow", "exp", "exp2", "expm1", "tanh", "logistic", "erf"})
_WITHOUT_ADDITION = frozenset({"mul", "div", "sqrt", "max", "min", "lt", "le", "gt", "ge", "eq", "ne", "dot_general"})
