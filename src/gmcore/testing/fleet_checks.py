"""What a backend does with the members of a fleet."""

from typing import Any

import numpy as np

__all__ = ["assert_takes_members"]


def assert_takes_members(backend: Any) -> None:
    """Check a program that was compiled with `members`: one by one, and on its own results, which are then whole."""

    def run(carry: Any, xs: Any, shared: Any) -> Any:
        return backend.scan(lambda c, x, by: ({"sum": c["sum"] + x * by}, None), carry, xs, shared)[0]

    fleet = backend.compile(run, loops=True, donate=(0,), members=(0, 1, None))
    for members in (1, 2, 5):
        xs, shared = np.arange(4.0 * members).reshape(4, members), backend.asarray(np.array(3.0))
        carry = fleet(backend.asarray({"sum": np.zeros(members)}), xs, shared)
        after = backend.compile(lambda tree: {"sum": tree["sum"] + 1})(fleet(carry, xs, shared))
        np.testing.assert_array_equal(backend.to_numpy(after)["sum"], 6 * xs.sum(axis=0) + 1)
