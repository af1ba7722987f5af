"""Programs for a CPU in which a member's numbers do not depend on how many members train at once.

XLA's CPU compiler chooses by shape: left alone, 8 members differ from 4 + 4 and from 8 single ones
in the last bits. What it was found to choose, each with its remedy here:

- its YNNPACK library takes sums above a size: `COMPILER_OPTIONS` leave it the matrix products;
- sums are added up in an order that depends on the loops around them, because the additions of a
  plain reduction may be reordered: `_sum` adds with a step that may not;
- for one member, the simplifier drops the members' axis and other matrix kernels run: it is
  turned off, and the one thing missed, the transpose after a product, is done by `_without_transposes`;
- products with a vector become loops for one member and calls for many: `_product` widens vectors to two columns;
- LLVM rounds `a * b + c` once or twice, by how it arranges the loop: `_rounded` has it always twice.

What remains: steps of a single row, and since JAX 0.12 functions such as `tanh` of products with a member's number.

Cost of a step against the same program as XLA likes it, float32, 2 cores, MLPs 10-16-2, 64-128-64-10, 256-512-512-10
and 784-1024-1024-10: fleets of 1: 1.0, 0.9, 0.7, 0.9; of 10: 1.0, 1.0, 0.9; of 50: 1.0, 1.1 (large ones not measured).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun

from gmcore.domain import Array

__all__ = ["COMPILER_OPTIONS", "batch_invariant", "known_options"]

COMPILER_OPTIONS = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT",
    "xla_disable_hlo_passes": "algsimp,batch-dot-simplification",
}


def known_options(wanted: Mapping[str, str], place: Any) -> dict[str, str]:
    """Return those compiler options that the installed jaxlib has, with these values, on the device `place`."""
    if _is_known(frozenset(wanted.items()), place):
        return dict(wanted)
    return {name: value for name, value in wanted.items() if _is_known(frozenset({(name, value)}), place)}


@cache
def _is_known(options: frozenset[tuple[str, str]], place: Any) -> bool:
    """Return whether a program can be compiled with these options: XLA has no other way to ask."""
    try:
        with jax.default_device(place):
            jax.jit(lambda: 0, compiler_options=dict(options)).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def batch_invariant(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fn`, to be compiled with `COMPILER_OPTIONS`, in operations whose results depend on no other member."""

    def run(*args: Any) -> Any:
        leaves, tree = jax.tree.flatten(args)
        flat = lambda *leaves: fn(*jax.tree.unflatten(tree, leaves))
        program, shapes = jax.make_jaxpr(flat, return_shape=True)(*leaves)
        return jax.tree.unflatten(jax.tree.structure(shapes), jaxpr_as_fun(_rewritten(program))(*leaves))

    return run


def _rewritten(param: Any) -> Any:
    """Return an operation's parameter with the programs in it, such as a loop's body, rewritten."""
    if type(param) in (tuple, list):
        return type(param)(map(_rewritten, param))
    program: Any = param
    # JAX 0.11 made one class of the two.
    if isinstance(param, Jaxpr):
        eqns = _without_transposes(program.eqns)
        summands = _possible_summands(eqns, program.outvars)
        return program.replace(eqns=[new for eqn in eqns for new in _expanded(eqn, _rule_for(eqn, summands))])
    return program.replace(jaxpr=_rewritten(program.jaxpr)) if isinstance(param, ClosedJaxpr) else param


def _rule_for(eqn: Any, summands: AbstractSet[Any]) -> Any:
    name = eqn.primitive.name
    return (_rounded if eqn.outvars[0] in summands else None) if name in _MULTIPLICATIONS else _RULES.get(name)


def _expanded(eqn: Any, rule: Any) -> list[Any]:
    if rule is None:
        return [eqn.replace(params={name: _rewritten(param) for name, param in eqn.params.items()})]
    inputs = [jax.ShapeDtypeStruct(var.aval.shape, var.aval.dtype) for var in eqn.invars]  # type: ignore[no-untyped-call]
    program: Any = jax.make_jaxpr(lambda *arrays: rule(eqn, *arrays))(*inputs).jaxpr
    names = {**dict(zip(program.invars, eqn.invars, strict=True)), program.outvars[0]: eqn.outvars[0]}
    renamed: Any = lambda those: [var if isinstance(var, Literal) else names.get(var, var) for var in those]
    return [new.replace(invars=renamed(new.invars), outvars=renamed(new.outvars)) for new in program.eqns]


def _sum(eqn: Any, x: Array) -> Array:
    if not jnp.issubdtype(x.dtype, jnp.floating) or not eqn.params["axes"]:
        return eqn.primitive.bind(x, **eqn.params)
    # A narrow sum would stand still from 256, or 2048, times its summands on.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    total = lax.reduce(x.astype(wide), np.zeros((), wide), _add_in_order, eqn.params["axes"])
    return total.astype(x.dtype)


def _add_in_order(total: Array, x: Array) -> Array:
    """Return `total + x`, written so that no compiler takes it for an addition that it may reorder."""
    return _opaque(total + x)


def _possible_summands(eqns: Iterable[Any], results: Iterable[Any]) -> AbstractSet[Any]:
    """Return what something may be added to, here or, as a result, elsewhere."""
    used = [var for eqn in eqns if eqn.primitive.name not in _WITHOUT_ADDITION for var in eqn.invars]
    return {var for var in (*used, *results) if not isinstance(var, Literal)}


def _rounded(eqn: Any, *factors: Array) -> Array:
    product: Array = eqn.primitive.bind(*factors, **eqn.params)
    return _opaque(product) if jnp.issubdtype(product.dtype, jnp.floating) else product


def _opaque(x: Array) -> Array:
    """Return `x` such that no compiler sees where it comes from."""
    largest = np.asarray(jnp.finfo(x.dtype).max, x.dtype)  # type: ignore[no-untyped-call]
    return lax.select(x <= largest, x, x + x)


def _product(eqn: Any, x: Array, y: Array) -> Array:
    (_, _), (batch, _) = eqn.params["dimension_numbers"]
    free_x, free_y = _free_sizes(eqn)
    single_x, single_y = math.prod(free_x) == 1, math.prod(free_y) == 1
    out = eqn.primitive.bind(_two(x) if single_x else x, _two(y) if single_y else y, **eqn.params)
    out = lax.index_in_dim(out, 0, -1, keepdims=False) if single_y else out
    return lax.index_in_dim(out, 0, len(batch) + len(free_x), keepdims=False) if single_x else out


def _two(x: Array) -> Array:
    return jnp.stack([x, jnp.zeros_like(x)], -1)


def _without_transposes(eqns: Sequence[Any]) -> Sequence[Any]:
    """Return the operations with `(x @ y).T` as `y.T @ x.T`, which costs nothing."""
    products = {eqn.outvars[0]: eqn for eqn in eqns if eqn.primitive.name == "dot_general"}
    uses = Counter(var for eqn in eqns for var in eqn.invars if not isinstance(var, Literal))
    kept: list[Any] = []
    for eqn in eqns:
        product = products.get(eqn.invars[0]) if eqn.primitive.name == "transpose" else None
        if product is not None and uses[product.outvars[0]] == 1 and eqn.params["permutation"] == _turn(product):
            kept.append(_turned(product, eqn.outvars))
        else:
            kept.append(eqn)
    return kept


def _turn(product: Any) -> tuple[int, ...]:
    """Return the permutation that swaps the free axes of a product's two sides."""
    batch = len(product.params["dimension_numbers"][1][0])
    x, y = map(len, _free_sizes(product))
    return (*range(batch), *range(batch + x, batch + x + y), *range(batch, batch + x))


def _turned(product: Any, outvars: Any) -> Any:
    (contract_x, contract_y), (batch_x, batch_y) = product.params["dimension_numbers"]
    numbers = ((contract_y, contract_x), (batch_y, batch_x))
    params = {**product.params, "dimension_numbers": numbers}
    return product.replace(invars=product.invars[::-1], outvars=outvars, params=params)


def _free_sizes(product: Any) -> tuple[list[int], list[int]]:
    """Return the sizes of each side's axes that are neither summed over nor shared."""
    contract, batch = product.params["dimension_numbers"]
    x, y = (
        [size for axis, size in enumerate(var.aval.shape) if axis not in (*summed, *shared)]
        for var, summed, shared in zip(product.invars, contract, batch, strict=True)
    )
    return x, y


_RULES: Mapping[str, Any] = {"reduce_sum": _sum, "dot_general": _product}
# Those that are one, or that XLA writes as a formula which ends in one.
_MULTIPLICATIONS = frozenset({"mul", "square", "integer_pow", "exp", "exp2", "expm1", "tanh", "logistic", "erf"})
_WITHOUT_ADDITION = frozenset({"mul", "div", "sqrt", "max", "min", "lt", "le", "gt", "ge", "eq", "ne", "dot_general"})
