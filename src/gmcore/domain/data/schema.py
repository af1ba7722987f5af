"""The schema of a data set: its feature, target, group, time and id columns."""

from enum import StrEnum

import attrs
import numpy as np

from gmcore.domain.data.date_formats import is_date_format
from gmcore.domain.data.labels import labels_of
from gmcore.domain.short_repr import few
from gmcore.errors import DataError

__all__ = ["Feature", "Kind", "Schema", "Target", "TargetKind"]


class Kind(StrEnum):
    """Type of a feature column."""

    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"
    DATETIME = "datetime"


class TargetKind(StrEnum):
    """Type of the target."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


def _unique(_: object, attribute: "attrs.Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    if len(set(value)) != len(value):
        repeated = sorted({name for name in value if value.count(name) > 1})
        raise ValueError(f"{attribute.name} must be unique, got {', '.join(map(repr, repeated))} more than once")


def _only_of_dates(feature: "Feature", attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    if value is not None and feature.kind is not Kind.DATETIME:
        raise ValueError(
            f"{attribute.name} is only for datetime columns, got {value!r:.60} for one that is {feature.kind}"
        )


@attrs.frozen(kw_only=True)
class Feature:
    """One input column.

    Attributes:
        name: the column's name.
        kind: the column's type.
        categories: the categories of a categorical column, in the order of their codes; code `i + 1` is
            `categories[i]`, code 0 means missing or unknown.
        date_format: the format of the texts of a datetime column, with the directives of strftime; None for ISO 8601.
            New rows are read in it: `01/02/2024` alone does not tell which number is the month.
    """

    name: str
    kind: Kind = Kind.NUMERIC
    categories: tuple[str, ...] = attrs.field(default=(), validator=_unique, repr=few)
    date_format: str | None = attrs.field(default=None, validator=[_only_of_dates, is_date_format])


@attrs.frozen(kw_only=True)
class Target:
    """The target of a prediction.

    Attributes:
        names: the target columns; several only in regression.
        kind: binary, multiclass or regression.
        classes: the class names in the order of their indices; empty in regression.
        dtype: the dtype of the labels, in which classes are predicted, such as `"int64"`, `"bool"` or `"str"`; one of
            `gmcore.domain.data.labels.LABEL_DTYPES`. Predicted numbers are float64.
    """

    names: tuple[str, ...] = attrs.field(validator=_unique, repr=few)
    kind: TargetKind
    classes: tuple[str, ...] = attrs.field(default=(), validator=_unique, repr=few)
    dtype: str = "str"

    def __attrs_post_init__(self) -> None:
        """Check that the classes are values of the dtype."""
        labels_of(self.classes, self.dtype)

    @property
    def is_classification(self) -> bool:
        """Whether the target is a class."""
        return self.kind is not TargetKind.REGRESSION

    @property
    def labels(self) -> np.ndarray:
        """The classes as predicted: in the dtype of the labels, `(classes,)`."""
        return labels_of(self.classes, self.dtype)

    @property
    def width(self) -> int:
        """Numbers per prediction: one per class, or one per regression target."""
        return len(self.classes) if self.is_classification else len(self.names)

    @property
    def prediction_columns(self) -> tuple[str, ...]:
        """The names of the columns of written predictions: those of the target, and one per class."""
        return (*self.names, *(f"probability_{name}" for name in self.classes))


@attrs.frozen(kw_only=True)
class Schema:
    """The columns of a data set, and the position of each in `Rows`.

    Attributes:
        features: the input columns, in order.
        target: the target.
        group: name of the column whose equal values must stay on one side of a split; or None.
        time: name of the column that orders the rows; or None.
        id: name of the column that identifies rows, which predictions repeat; or None.
    """

    features: tuple[Feature, ...] = attrs.field(repr=few)
    target: Target
    group: str | None = None
    time: str | None = None
    id: str | None = None

    def __attrs_post_init__(self) -> None:
        """Check that the id column has another name than the columns of the predictions."""
        if self.id in self.target.prediction_columns:
            raise DataError(
                f"the id column '{self.id}' has the name of a column of the predictions: rename it in the data"
            )

    @property
    def numeric(self) -> tuple[Feature, ...]:
        """The columns of `inputs["numeric"]`, in order: numeric columns, and booleans as 0 and 1."""
        return tuple(f for f in self.features if f.kind in (Kind.NUMERIC, Kind.BOOLEAN))

    @property
    def categorical(self) -> tuple[Feature, ...]:
        """The columns of `inputs["categorical"]`, in order."""
        return tuple(f for f in self.features if f.kind is Kind.CATEGORICAL)

    @property
    def datetime(self) -> tuple[Feature, ...]:
        """The columns of `inputs["datetime"]`, in order."""
        return tuple(f for f in self.features if f.kind is Kind.DATETIME)
