import json
from pathlib import Path
from types import MappingProxyType

import attrs
import numpy as np
import pytest

from gmcore.domain.plain import plain


@attrs.frozen(kw_only=True)
class Inner:
    path: Path
    score: float


@attrs.frozen(kw_only=True)
class Outer:
    inner: Inner
    sizes: tuple[int, ...]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2, "x"), None, True), [1, [2, "x"], None, True]),
        (
            Outer(inner=Inner(path=Path("runs/a"), score=0.5), sizes=(3,)),
            {"inner": {"path": "runs/a", "score": 0.5}, "sizes": [3]},
        ),
        ({1: MappingProxyType({"loss": (float("nan"), float("-inf"), 2.5)})}, {"1": {"loss": [None, None, 2.5]}}),
        (np.array([[1.5, np.nan], [np.inf, -1.0]], dtype=np.float32), [[1.5, None], [None, -1.0]]),
        ([np.float64(0.25), np.float64("nan"), np.float32(0.25), np.int64(7)], [0.25, None, 0.25, 7]),
        (np.array([True, False]), [True, False]),
    ],
)
def test_values_become_what_json_has(value, expected):
    assert plain(value) == expected
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == expected
