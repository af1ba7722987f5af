"""The batch: the rows of one training or scoring step."""

from collections.abc import Mapping

import attrs

from gmcore.domain.tree import Array

__all__ = ["Batch"]


@attrs.frozen(kw_only=True, eq=False)
class Batch:
    """Rows that are trained on, or scored, in one step.

    Attributes:
        inputs: arrays by name, rows on the first axis; see `Rows.inputs`.
        targets: see `Rows.targets`.
        weights: `(batch,)`, the weight of each row; 0 for padding.
        groups: see `Rows.groups`; present if the schema has a group.
        time: see `Rows.time`; present if the schema has a time.
    """

    inputs: Mapping[str, Array]
    targets: Array
    weights: Array
    groups: Array | None = None
    time: Array | None = None
