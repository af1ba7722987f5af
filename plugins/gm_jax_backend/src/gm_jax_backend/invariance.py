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
- the rows of all members are one matrix in a product with an array that they share, and kernels depend on the number of
  rows: in a fleet's program, `_product_in_turns` multiplies one member after the other;
- LLVM rounds `a * b + c` once or twice, depending on how it arranges the loop: `_rounded` makes it always twice.

Not covered: steps of a single row; without AVX-512, products of fewer than 8 rows and 4 to 7 summands in a loop;
products with several shared matrices at once; and since JAX 0.12 functions such as `tanh` of products with a member's
own number.

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

__all__ = ["COMPILER_OPTIONS", "batch_invariant", "guarantee", "known_options"]


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


# Since this version, LLVM may fuse the last product in a function's argument into the function.
_FUSES_ARGUMENTS = (0, 12)


def known_options(wanted: Mapping[str, str], place: jax.Device) -> dict[str, str | int]:
    """Return those compiler options that the installed jaxlib accepts with these values on the device `place`."""
    if _is_known(frozenset(wanted.items()), place):
        return dict(wanted)
    return {name: value for name, value in wanted.items() if _is_known(frozenset({(name, value)}), place)}


def guarantee(options: Mapping[str, object]) -> str:
    """Return what holds for programs that are compiled with those of `COMPILER_OPTIONS` that the jaxlib knows."""
    if lacking := sorted(set(COMPILER_OPTIONS) - set(options)):
        return f"not guaranteed: this jaxlib lacks {', '.join(lacking)}"
    fuses = jax.__version_info__ >= _FUSES_ARGUMENTS
    return "true, except for functions of a product with a member's own number" if fuses else "true"


@cache
def _is_known(options: frozenset[tuple[str, str]], place: jax.Device) -> bool:
    """Return whether a program compiles with these options; XLA has no function that lists them."""
    try:
        with jax.default_device(place):
            jax.jit(lambda: 0, compiler_options=dict(options)).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def batch_invariant(fn: Callable[..., object], *, rules: Mapping[str, Rule] | None = None) -> Callable[..., Array]:
    """Return `fn` rewritten so that, compiled with `COMPILER_OPTIONS`, each member's results depend on no other.

    Args:
        fn: a function of trees of arrays.
        rules: how operations are computed, by name: `FLEET`, or by default those for a program without members' axes.
    """
    known = _RULES if rules is None else rules

    def run(*args: Array) -> Array:
        leaves, tree = jax.tree.flatten(args)
        flat = lambda *leaves: fn(*jax.tree.unflatten(tree, leaves))
        program, shapes = jax.make_jaxpr(flat, return_shape=True)(*leaves)
        return jax.tree.unflatten(jax.tree.structure(shapes), jaxpr_as_fun(_rewritten(program, known))(*leaves))

    return run


def _rewritten(param: object, rules: Mapping[str, Rule]) -> object:
    """Return an operation's parameter with all programs in it, such as a loop's body, rewritten."""
    if type(param) is tuple:
        return tuple([_rewritten(one, rules) for one in param])
    if type(param) is list:
        return [_rewritten(one, rules) for one in param]
    # Since JAX 0.11, the two classes are one.
    if isinstance(param, Jaxpr):
        program = cast("Program", param)
        eqns = _without_transposes(program.eqns)
        summands = _possible_summands(eqns, program.outvars)
        return program.replace(eqns=[new for eqn in eqns for new in _expanded(eqn, summands, rules)])
    return param.replace(jaxpr=_rewritten(param.jaxpr, rules)) if isinstance(param, ClosedJaxpr) else param  # type: ignore[no-untyped-call]


def _rule_for(eqn: Operation, summands: AbstractSet[Variable], rules: Mapping[str, Rule]) -> Rule | None:
    name = eqn.primitive.name
    return (_rounded if eqn.outvars[0] in summands else None) if name in _MULTIPLICATIONS else rules.get(name)


def _expanded(eqn: Operation, summands: AbstractSet[Variable], rules: Mapping[str, Rule]) -> list[Operation]:
    rule = _rule_for(eqn, summands, rules)
    if rule is None:
        return [eqn.replace(params={name: _rewritten(param, rules) for name, param in eqn.params.items()})]
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
    free_x, free_y = _free_sizes(eqn.params, x.shape, y.shape)
    single_x, single_y = math.prod(free_x) == 1, math.prod(free_y) == 1
    out = eqn.primitive.bind(_two(x) if single_x else x, _two(y) if single_y else y, **eqn.params)
    out = lax.index_in_dim(out, 0, -1, keepdims=False) if single_y else out
    return lax.index_in_dim(out, 0, len(batch) + len(free_x), keepdims=False) if single_x else out


def _product_in_turns(eqn: Operation, x: Array, y: Array) -> Array:
    """Return a product; the members take turns if one operand has an axis of members, its first one, and one has none.

    A product of two operands with an axis of members has a batch axis.
    """
    (contract_x, contract_y), (batch, _) = eqn.params["dimension_numbers"]
    free_x, free_y = _free_sizes(eqn.params, x.shape, y.shape)
    if batch or max(len(free_x), len(free_y)) < _MEMBERS_AND_ROWS:
        return _product(eqn, x, y)
    # XLA dissolves a loop of one step, and would then multiply by a matrix's transpose in another way than in a loop.
    x, y = lax.optimization_barrier((x, y))  # type: ignore[no-untyped-call]
    if len(free_x) >= _MEMBERS_AND_ROWS:
        x, contract_x = _first_free_axis_in_front(x, contract_x)
        return lax.map(lambda one: _multiplied(eqn, one, y, (contract_x, contract_y)), x)
    y, contract_y = _first_free_axis_in_front(y, contract_y)
    return jnp.moveaxis(lax.map(lambda one: _multiplied(eqn, x, one, (contract_x, contract_y)), y), 0, len(free_x))


def _first_free_axis_in_front(x: Array, contract: Sequence[int]) -> tuple[Array, tuple[int, ...]]:
    """Return an operand with its first free axis in front, and the axes that are summed without counting that one."""
    axis = next(axis for axis in range(x.ndim) if axis not in contract)
    return jnp.moveaxis(x, axis, 0), tuple(one - (one > axis) for one in contract)


def _multiplied(eqn: Operation, x: Array, y: Array, contract: tuple[tuple[int, ...], tuple[int, ...]]) -> Array:
    """Return the product of one member's operands."""
    params = {**eqn.params, "dimension_numbers": (contract, ((), ()))}
    return _product(eqn.replace(params=params), x, y)


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
    x, y = map(len, _free_sizes(product.params, *(var.aval.shape for var in product.invars)))
    return (*range(batch), *range(batch + x, batch + x + y), *range(batch, batch + x))


def _turned(product: Operation, outvars: Sequence[Variable]) -> Operation:
    (contract_x, contract_y), (batch_x, batch_y) = product.params["dimension_numbers"]
    numbers = ((contract_y, contract_x), (batch_y, batch_x))
    params = {**product.params, "dimension_numbers": numbers}
    return product.replace(invars=product.invars[::-1], outvars=outvars, params=params)


def _free_sizes(params: Mapping[str, Array], *shapes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the sizes of the axes of a product's two operands that are neither contracted nor batch axes."""
    contract, batch = params["dimension_numbers"]
    x, y = (
        [size for axis, size in enumerate(shape) if axis not in (*summed, *shared)]
        for shape, summed, shared in zip(shapes, contract, batch, strict=True)
    )
    return x, y


_RULES: Mapping[str, Rule] = {"reduce_sum": _sum, "dot_general": _product}
FLEET: Mapping[str, Rule] = {**_RULES, "dot_general": _product_in_turns}
"""The rules for a program whose arrays have an axis of members."""
# Multiplications, and functions that XLA expands into a formula that ends in one.
_MULTIPLICATIONS = frozenset({"mul", "square", "integer_pow", "exp", "exp2", "expm1", "tanh", "logistic", "erf"})
_MEMBERS_AND_ROWS = 2
_WITHOUT_ADDITION = frozenset({"mul", "div", "sqrt", "max", "min", "lt", "le", "gt", "ge", "eq", "ne", "dot_general"})
