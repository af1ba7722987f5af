"""Checks of scans that take only the first steps, and of programs that are prepared."""

import threading
from collections.abc import Callable

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.ports import Backend

__all__ = ["assert_prepares", "assert_takes_first_steps"]


def assert_takes_first_steps(backend: Backend) -> None:
    """Check scans of some of 5 steps, for which the padding would give NaN, called in four ways."""
    xs = np.full((5, 3, 2), np.nan)
    xs[:4] = np.arange(24.0).reshape(4, 3, 2)
    by, start = backend.asarray(np.array(3.0)), np.zeros((3, 2))

    def step(carry: Tree, x: Array, by: Array) -> tuple[Tree, Tree]:
        after = {"sum": carry["sum"] + x * by}
        return after, {"doubled": after["sum"] * 2}

    def run(carry: Tree, xs: Array, length: int, by: Array) -> tuple[Tree, Tree]:
        after, ys = backend.scan(step, carry, xs, by, length)
        return after, {"doubled": backend.xp.permute_dims(ys["doubled"], (1, 0, 2))}

    forms: list[Callable[[Tree, Array, int, Array], tuple[Tree, Tree]]] = [
        run,
        backend.compile(run, loops=True, lengths=(2,)),
        backend.compile(run, loops=True, lengths=(2,), donate=(0,)),
        backend.compile(run, loops=True, lengths=(2,), donate=(0,), members=(0, 1, None, None)),
    ]
    for length in (1, 3, 4):
        sums = np.cumsum(3 * xs[:length], axis=0)
        for form in forms:
            for given in (xs, backend.asarray(xs)):
                after, ys = backend.to_numpy(form(backend.asarray({"sum": start}), given, length, by))
                np.testing.assert_array_equal(after["sum"], sums[-1])
                np.testing.assert_array_equal(ys["doubled"][:, :length], 2 * sums.swapaxes(0, 1))


def assert_prepares(backend: Backend) -> None:
    """Check that a program can be prepared in another thread, and called in this one at the same time and after it."""
    xs, start = np.arange(12.0).reshape(2, 3, 2), np.zeros((3, 2))

    def run(carry: Array, xs: Array, length: int) -> Array:
        return backend.scan(lambda carry, x, _: (carry + x, None), carry, xs, None, length)[0]

    program = backend.compile(run, loops=True, lengths=(2,), members=(0, 1, None))
    thread = threading.Thread(target=backend.prepare(program, start, xs, 2, on_device=(0,)))
    thread.start()
    found = [program(backend.asarray(start), xs, 2)]
    thread.join()
    for given in (*found, program(backend.asarray(start), xs, 2)):
        np.testing.assert_array_equal(backend.to_numpy(given), xs.sum(axis=0))
