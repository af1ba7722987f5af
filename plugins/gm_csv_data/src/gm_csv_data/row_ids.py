"""The ids of rows, with notes about those that do not identify one row."""

import numpy as np

from gm_csv_data.column import Column, shortened

__all__ = ["ids_of"]


def ids_of(column: Column, notes: list[str]) -> np.ndarray:
    """Return the ids as strings, and add notes about missing ids and about those of several rows.

    Raises:
        DataError: if a text is too long to be an id.
    """
    ids, texts = column.ids(), column.texts
    if missing := texts.null_count():
        line = column.source.line(int(texts.is_null().arg_max() or 0))
        notes.append(str(column.error(f"{missing:,} of {len(texts):,} ids are missing, the first in {line}")))
    repeated = texts.is_duplicated() & texts.is_not_null()
    if repeated.any():
        example = texts[int(repeated.arg_max() or 0)]
        first, second = (texts == example).arg_true().head(2).to_list()
        count = texts.filter(repeated).n_unique()
        several = "1 id occurs" if count == 1 else f"{count:,} ids occur"
        lines = f"{column.source.line(first)} and {column.source.line(second)}"
        notes.append(str(column.error(f"{several} more than once, such as {shortened(example)} in {lines}")))
    return ids
