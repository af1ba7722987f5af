"""One step's rows."""

from collections.abc import Mapping

import attrs

from gmcore.domain.tree import Array

__all__ = ["Batch"]


@attrs.frozen(kw_only=True, eq=False)
class Batch:
    """Rows that are trained on, or scored, together.

    Attributes:
        inputs: by name, rows on the first axis; see `Rows.inputs`.
        targets: see `Rows.targets`.
        weights: `(batch,)`, how much each row counts; 0 for padding.
        groups: see `Rows.groups`; there where the schema has a group.
        time: see `Rows.time`; there where the schema has a time.
    """

    inputs: Mapping[str, Array]
    targets: Array
    weights: Array
    groups: Array | None = None
    time: Array | None = None
