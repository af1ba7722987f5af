"""Checks of programs that a backend compiles for a fleet."""

from collections.abc import Callable

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.ports import Backend

__all__ = ["assert_takes_members"]


def assert_takes_members(backend: Backend) -> None:
    """Check a program compiled with `members` for 1, 2 and 5 members, and with its results as arguments of programs."""

    def run(carry: Tree, xs: Array, shared: Array) -> Tree:
        return backend.scan(lambda c, x, by: ({"sum": c["sum"] + x * by}, None), carry, xs, shared)[0]

    increment: Callable[[Tree], Tree] = backend.compile(lambda tree: {"sum": tree["sum"] + 1})
    fleet = backend.compile(run, loops=True, donate=(0,), members=(0, 1, None))
    for members in (1, 2, 5):
        xs, shared = np.arange(4.0 * members).reshape(4, members), backend.asarray(np.array(3.0))
        carry = fleet(backend.asarray({"sum": np.zeros(members)}), xs, shared)
        after = increment(fleet(carry, xs, shared))
        np.testing.assert_array_equal(backend.to_numpy(after)["sum"], 6 * xs.sum(axis=0) + 1)
