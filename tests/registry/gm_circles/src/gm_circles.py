"""A plugin as somebody else would write it: rows on two circles, a metric and a diary."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
import numpy as np
from attrs.validators import ge

from gmcore.domain import (
    Batch,
    BatchConfig,
    EpochEnd,
    Feature,
    Rows,
    RunEnd,
    Schema,
    Split,
    Target,
    TargetKind,
    generator,
)
from gmcore.errors import ConfigError
from gmcore.ports import DataProvider, MetricComputer, SupportsRows
from gmcore.registry import hookimpl


@attrs.define(kw_only=True)
class Circles(DataProvider, SupportsRows):
    """Points on two circles, one a class.

    Attributes:
        rows_per_class: points on each.
        seed: where the points start.
    """

    rows_per_class: int = attrs.field(default=50, validator=ge(2))
    seed: int = 0
    _rows: Rows | None = attrs.field(init=False, default=None)

    @property
    def schema(self) -> Schema:
        target = Target(names=("circle",), kind=TargetKind.BINARY, classes=("inner", "outer"))
        return Schema(features=(Feature(name="x"), Feature(name="y")), target=target)

    @property
    def metadata(self) -> Mapping[str, object]:
        return {"source": "circles", "rows": len(self.rows()), "sha256": f"{self.seed}-{self.rows_per_class}"}

    def rows(self) -> Rows:
        if self._rows is None:
            targets = np.tile(np.array([0, 1], np.int32), self.rows_per_class)
            angles = generator(self.seed, "circles").uniform(0, 2 * np.pi, len(targets))
            points = (1.0 + targets)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            self._rows = Rows(schema=self.schema, inputs={"numeric": points}, targets=targets)
        return self._rows

    def split(self) -> Split:
        rows = np.arange(len(self.rows()))
        return Split(train=rows[rows % 5 > 0], validation=rows[rows % 5 == 0])

    def training_batches(self, config: BatchConfig) -> Iterable[Batch]:
        return self._batches(self.split().train, config)

    def validation_batches(self, config: BatchConfig) -> Iterable[Batch]:
        return self._batches(self.split().validation, config)

    def close(self) -> None:
        self._rows = None

    def _batches(self, indices: np.ndarray, config: BatchConfig) -> list[Batch]:
        pieces = [
            self.rows().take(indices[at : at + config.batch_size]) for at in range(0, len(indices), config.batch_size)
        ]
        return [Batch(inputs=rows.inputs, targets=rows.targets, weights=np.ones(len(rows))) for rows in pieces]


@attrs.frozen
class Confidence(MetricComputer):
    """The mean probability of the predicted class, right or wrong."""

    def bind(self, schema: Schema) -> "Confidence":
        if not schema.target.is_classification:
            raise ConfigError(["metric 'confidence' needs classes, and the target holds numbers"])
        return self

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        return {"confidence": float(np.average(predictions.max(axis=1), weights=weights))}


@attrs.frozen(kw_only=True)
class Diary:
    """A line for every epoch, and one for the end.

    Attributes:
        path: where to write.
    """

    path: Path

    @hookimpl
    def epoch_end(self, context: EpochEnd) -> None:
        """Write the epoch down."""
        self._write(f"epoch {context.epoch}")

    @hookimpl
    def run_end(self, context: RunEnd) -> None:
        """Write the end down."""
        self._write(f"{context.command} is done")

    def _write(self, line: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
