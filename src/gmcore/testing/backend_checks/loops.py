"""Checks of `Namespace.scan`, the loop inside a traced function, against loops in Python."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable
from functools import partial

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend, Namespace
from gmcore.testing.backend_checks.differences import central_differences, gradient_error
from gmcore.testing.backend_checks.refusals import assert_refused

__all__ = ["assert_differentiates_loops", "assert_loops", "assert_loops_of_no_steps", "assert_refuses_loops"]

STEPS, ROWS, WIDTH, MEMBERS = 5, 3, 8, 10
_COMPARED = 2
_ROUNDING = {"float32": 1e-5, "float64": 1e-13}


def assert_loops(backend: Backend) -> None:
    """Check carries and results that are trees, forwards and in reverse, compiled or not, and arrays from outside."""
    rng = np.random.default_rng(0)
    arguments = (
        {"sum": np.zeros(2), "pair": (np.ones(2), np.array(0, np.int32))},
        (rng.normal(size=(4, 2)), {"count": np.arange(4, dtype=np.int32)}),
        rng.normal(size=2),
    )
    for reverse in (False, True):

        def run(carry: Tree, xs: Array, outside: Array, xp: Namespace = backend.xp, reverse: bool = reverse) -> Array:
            def step(carry: Tree, x: Array) -> tuple[Tree, Array]:
                sums, (product, last) = carry["sum"] + x[0] * outside, carry["pair"]
                after = {"sum": sums, "pair": (product * sums, last * 2 + x[1]["count"])}
                return after, {"sum": sums, "pair": (None, x[1]["count"])}

            silent = xp.scan(lambda carry, x: (carry + x[0], None), carry["sum"], xs, reverse=reverse)
            return xp.scan(step, carry, xs, reverse=reverse), silent

        expected = run(*arguments, xp=NumPyNamespace(backend.dtype))
        for form in (run, backend.compile(run, loops=True)):
            found = backend.to_numpy(form(*backend.asarray(arguments)))
            _assert_same(found, expected, _ROUNDING[backend.dtype])


def assert_loops_of_no_steps(backend: Backend) -> None:
    """Check that without steps the carry is unchanged, and that results have a first axis of 0."""

    def run(carry: Array, xs: Array) -> Array:
        def step(carry: Array, x: Array) -> tuple[Array, Tree]:
            return carry / backend.xp.sum(x), {"all": x[:, None] * carry, "whole": carry > 0}

        return backend.xp.scan(step, carry, xs)

    expected = np.array([1.0, 2.0]), {"all": np.zeros((0, 3, 2)), "whole": np.zeros((0, 2), bool)}
    for form in (run, backend.compile(run, loops=True)):
        found = backend.to_numpy(form(*backend.asarray((expected[0], np.zeros((0, 3))))))
        _assert_same(found, expected, 0.0)


def assert_differentiates_loops(backend: Backend) -> None:
    """Check the gradients of the first members of a fleet of recurrent networks against central differences.

    In the order of transforms in which training uses them, with and without `checkpoint`, alone and in the steps of
    `Backend.scan`. On a CPU, the numbers of a member are the same to the bit for 1, 3 and 10 members.
    """
    rng = np.random.default_rng(1)
    shapes = {"in": (MEMBERS, 2, WIDTH), "hidden": (MEMBERS, WIDTH, WIDTH), "start": (MEMBERS, WIDTH)}
    params = {name: rng.normal(size=shape) / 2 for name, shape in shapes.items()}
    inputs = rng.normal(size=(MEMBERS, STEPS, ROWS, 2))
    arguments, expected = backend.asarray((params, inputs)), _expected_slopes(params, inputs)
    plain = backend.to_numpy(backend.compile(_gradients(backend, _loss(backend.xp)), loops=True)(*arguments))
    fleet = _fleet(backend, backend.checkpoint(_loss(backend.xp)))
    together = backend.to_numpy(fleet(*arguments))
    for slopes in (plain, *together):
        wrong = {name: gradient_error(slopes[name][: len(one)], one) for name, one in expected.items()}
        assert set(wrong.values()) == {""}, wrong
    for chunk in (slice(0, 1), slice(2, 5), slice(9, 10)) if backend.device == "cpu" else ():
        some = {name: leaf[chunk] for name, leaf in params.items()}
        alone = backend.to_numpy(fleet(*backend.asarray((some, inputs[chunk]))))
        _assert_same(alone, tuple({name: leaf[chunk] for name, leaf in one.items()} for one in together), None)


def assert_refuses_loops(xp: Namespace) -> None:
    """Check the errors for arrays of different lengths, for none, and for a carry that changes."""
    x, pair = xp.zeros((3, 2)), lambda carry, x: (carry, x)
    carry: Tree = {"a": x}
    uneven = {"a": x, "b": xp.zeros((2, 3))}
    assert_refused(lambda: xp.scan(pair, x, uneven), "equal first axes, got arrays of the shapes [(3, 2), (2, 3)]")
    needed = "scan needs arrays with a first axis to go through, got arrays of the shapes "
    for nothing in (None, {}, {"a": None}):
        assert_refused(partial(xp.scan, pair, x, nothing), f"{needed}[]")
    assert_refused(lambda: xp.scan(pair, x, (x, xp.zeros(()))), f"{needed}[(3, 2), ()]")
    dtype = "float64" if "float64" in str(xp.float) else "float32"
    changes: dict[str, Callable[[Tree, Array], tuple[Tree, Array]]] = {
        f"'a' was {dtype}(3, 2) and became {dtype}(1, 2)": lambda carry, x: ({"a": carry["a"][:1]}, x),
        f"'a' was {dtype}(3, 2) and became bool(3, 2)": lambda carry, x: ({"a": carry["a"] > 0}, x),
        f"'b' was absent and became {dtype}(2,)": lambda carry, x: ({"a": carry["a"], "b": x}, x),
        f"'a' was {dtype}(3, 2) and became absent": lambda carry, x: (carry["a"], x),
    }
    for problem, step in changes.items():
        for xs in (x, x[:0]):
            assert_refused(
                partial(xp.scan, step, carry, xs),
                "scan needs a carry that keeps its structure, shapes and dtypes, but ",
                problem,
            )


def _loss(xp: Namespace) -> Callable[[Tree, Array], tuple[Array, None]]:
    """Return the loss of one member of a recurrent network; `inputs` is `(steps, rows, 2)`."""

    def loss(params: Tree, inputs: Array) -> tuple[Array, None]:
        def step(hidden: Array, x: Array) -> tuple[Array, Array]:
            after = xp.tanh(x @ params["in"] + hidden @ params["hidden"])
            return after, xp.sum(after * after, axis=-1)

        start = xp.broadcast_to(params["start"], (inputs.shape[1], params["start"].shape[0]))
        last, energies = xp.scan(step, start, inputs)
        _, backwards = xp.scan(step, last, inputs, reverse=True)
        return xp.mean(energies * xp.arange(inputs.shape[0])[:, None]) + xp.mean(backwards[0]), None

    return loss


def _gradients(backend: Backend, loss: Callable[[Tree, Array], tuple[Array, None]]) -> Callable[[Tree, Array], Tree]:
    """Return the function of a fleet's gradients."""

    def total(params: Tree, inputs: Array) -> tuple[Array, None]:
        return backend.xp.sum(backend.vmap(loss)(params, inputs)[0]), None

    return lambda params, inputs: backend.value_and_grad(total)(params, inputs)[1]


def _fleet(backend: Backend, loss: Callable[[Tree, Array], tuple[Array, None]]) -> Callable[..., tuple[Tree, Tree]]:
    """Return the compiled function of the gradients, and of their mean in two steps that leave the params unchanged."""
    gradients = _gradients(backend, loss)

    def step(carry: Tree, _: Array, shared: tuple[Tree, Array]) -> tuple[Tree, None]:
        slopes = gradients(*shared)
        return {name: leaf + slopes[name] * 0.5 for name, leaf in carry.items()}, None

    def run(params: Tree, inputs: Array) -> tuple[Tree, Tree]:
        start: Tree = {name: backend.xp.zeros_like(leaf) for name, leaf in params.items()}
        return gradients(params, inputs), backend.scan(step, start, np.zeros(2), (params, inputs))[0]

    return backend.compile(run, loops=True)


def _expected_slopes(params: Tree, inputs: np.ndarray) -> Tree:
    """Return the first members' gradients, by central differences of the reference."""
    loss = _loss(NumPyNamespace("float64"))
    members = [{name: leaf[k] for name, leaf in params.items()} for k in range(_COMPARED)]

    def slopes(name: str, member: Tree, inputs: np.ndarray) -> np.ndarray:
        return central_differences(lambda leaf: float(loss({**member, name: leaf}, inputs)[0]), member[name])

    return {name: np.stack([slopes(name, one, x) for one, x in zip(members, inputs, strict=False)]) for name in params}


def _assert_same(found: Array, expected: Array, tolerance: float | None) -> None:
    """Check two trees; no tolerance stands for the same bits."""
    if expected is None:
        assert found is None
    elif isinstance(expected, dict):
        assert set(found) == set(expected)
        for name, one in expected.items():
            _assert_same(found[name], one, tolerance)
    elif isinstance(expected, tuple):
        for one, other in zip(found, expected, strict=True):
            _assert_same(one, other, tolerance)
    elif tolerance is None:
        np.testing.assert_array_equal(found, expected)
    else:
        assert found.dtype.kind == np.asarray(expected).dtype.kind
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
        assert found.shape == np.shape(expected)
