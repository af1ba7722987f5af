"""The check that the integers among a model's variables, such as places in a table, index within its arrays."""

import attrs
import numpy as np

from gmcore.domain import Variables
from gmcore.domain.tree import tree_leaves
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Model, Pass

__all__ = ["check_indices"]

_ROWS = 256


def check_indices(model: Model, variables: Variables) -> None:
    """Compute a model on the host, where NumPy checks every index, for rows that have all codes of all columns.

    Other libraries don't check: MLX reads beyond an array, JAX takes its last element. Without integers nothing is
    computed.

    Raises:
        IndexError: if an integer in the variables is out of range.
    """
    leaves = tree_leaves(attrs.asdict(variables, recurse=False))
    if not any(leaf.dtype.kind in "iu" for leaf in leaves):
        return
    sizes = np.array([len(feature.categories) for feature in model.schema.categorical], np.int32)
    shapes = model.info.input_shapes
    with np.errstate(all="ignore"):
        for start in range(0, int(sizes.max(initial=0)) + 1, _ROWS):
            codes = np.minimum(np.arange(start, start + _ROWS, dtype=np.int32)[:, None], sizes)
            inputs = {name: np.zeros((_ROWS, *shape)) for name, shape in shapes.items()}
            inputs |= {"categorical": codes} if "categorical" in shapes else {}
            inputs |= {"datetime": np.zeros((_ROWS, *shapes["datetime"]), np.int32)} if "datetime" in shapes else {}
            model.apply(variables, inputs, Pass(xp=NumPyNamespace()))
