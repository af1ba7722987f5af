"""The schema of a data set: its feature, target, group, time and id columns, and its tensors."""

from enum import StrEnum

import attrs
import numpy as np

from gmcore.domain.data.date_formats import is_date_format
from gmcore.domain.data.labels import labels_of
from gmcore.domain.data.tensor import RESERVED, Tensor
from gmcore.domain.short_repr import few
from gmcore.domain.tree import Shape
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
    MULTILABEL = "multilabel"
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
        names: the target columns; several only in regression, and for several labels.
        kind: binary, multiclass, multilabel (several labels, each of which a row has or not) or regression.
        classes: the class names in the order of their indices; empty in regression and for several labels.
        dtype: the dtype of the labels, in which classes are predicted, such as `"int64"`, `"bool"` or `"str"`; one of
            `gmcore.domain.data.labels.LABEL_DTYPES`. Predicted numbers are float64.
        shape: shape of the targets of one row, if a row has more than one: `(24,)` for 24 steps ahead, or for a label
            at each of 24 steps. Every place has the same classes or columns.
    """

    names: tuple[str, ...] = attrs.field(validator=_unique, repr=few)
    kind: TargetKind
    classes: tuple[str, ...] = attrs.field(default=(), validator=_unique, repr=few)
    dtype: str = "str"
    shape: Shape = ()

    def __attrs_post_init__(self) -> None:
        """Check that the classes are values of the dtype."""
        labels_of(self.classes, self.dtype)

    @property
    def is_classification(self) -> bool:
        """Whether the target is one of several classes."""
        return self.kind in {TargetKind.BINARY, TargetKind.MULTICLASS}

    @property
    def has_strata(self) -> bool:
        """Whether each row has one class, by which rows can be split in proportion."""
        return self.is_classification and not self.shape

    @property
    def is_regression(self) -> bool:
        """Whether the target is numbers."""
        return self.kind is TargetKind.REGRESSION

    @property
    def labels(self) -> np.ndarray:
        """The classes as predicted: in the dtype of the labels, `(classes,)`."""
        return labels_of(self.classes, self.dtype)

    @property
    def width(self) -> int:
        """Numbers per prediction: one per class, label or regression target."""
        return len(self.classes) if self.is_classification else len(self.names)

    @property
    def output_shape(self) -> Shape:
        """Shape of the prediction of one row: `(*shape, width)`."""
        return (*self.shape, self.width)

    @property
    def of_one(self) -> "Target":
        """The target of each place in `shape`, which has no shape of its own."""
        return attrs.evolve(self, shape=())

    @property
    def prediction_columns(self) -> tuple[str, ...]:
        """The names of the columns of written predictions: those of the target, and one per class or label.

        The columns of a place in `shape` end in its numbers, from 1: `load_1`, `load_2`, ….
        """
        places = ["".join(f"_{number + 1}" for number in place) for place in np.ndindex(*self.shape)]
        named = tuple(f"{name}{place}" for place in places for name in self.names)
        if self.is_regression:
            return named
        probable = self.names if self.kind is TargetKind.MULTILABEL else self.classes
        return (*named, *(f"probability_{name}{place}" for place in places for name in probable))


@attrs.frozen(kw_only=True)
class Schema:
    """The columns and tensors of a data set, and the position of each in `Rows`.

    Attributes:
        features: the input columns, in order.
        tensors: the inputs that are an array in each row, in order.
        target: the target.
        group: name of the column whose equal values must stay on one side of a split; or None.
        time: name of the column that orders the rows; or None.
        id: name of the column that identifies rows, which predictions repeat; or None.
    """

    features: tuple[Feature, ...] = attrs.field(default=(), repr=few)
    tensors: tuple[Tensor, ...] = ()
    target: Target
    group: str | None = None
    time: str | None = None
    id: str | None = None

    def __attrs_post_init__(self) -> None:
        """Check the names of the tensors, and that of the id column."""
        names = [tensor.name for tensor in self.tensors]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(f"two tensors have the name '{repeated[0]}': rename one of them")
        if self.id is not None and self.id in self.target.prediction_columns:
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

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """The shape of one row of each of `Rows.inputs`, by name."""
        columns = {name: len(getattr(self, name)) for name in RESERVED}
        shapes: dict[str, Shape] = {name: (count,) for name, count in columns.items() if count}
        if "datetime" in shapes:
            shapes["datetime"] = (*shapes["datetime"], 2)
        return shapes | {tensor.name: tensor.shape for tensor in self.tensors}
