"""Contract: what every metric keeps to."""

# ruff: noqa: S101 - these are checks

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from gmcore.domain import Schema
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import MetricComputer, SupportsDirection, SupportsSums

__all__ = ["MetricComputerContract"]

# Sums in another order differ by a few roundings of float64.
_RELATIVE = 1e-10
# Predictions that were rounded to float32, and differences of them.
_SUMS_RELATIVE = {"float64": 1e-10, "float32": 1e-5}


class MetricComputerContract(ABC):
    """Checks for a metric; subclass it as `TestYours` in a test module, and pytest runs them."""

    @abstractmethod
    def metric(self) -> MetricComputer:
        """Return a new metric."""

    @abstractmethod
    def schema(self) -> Schema:
        """Return a schema whose target it fits."""

    def case(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return predictions, targets and weights of 24 rows for the schema."""
        rng = np.random.default_rng(3)
        target = self.schema().target
        weights = rng.uniform(0.5, 2.0, 24)
        if target.is_classification:
            targets = np.arange(24, dtype=np.int32) % len(target.classes)
            return rng.dirichlet(np.ones(len(target.classes)), 24), targets, weights
        return rng.normal(size=(24, target.width)), rng.normal(size=(24, target.width)), weights

    def numbers(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        """Return what a new, checked metric makes of the rows."""
        metric = self.metric()
        metric.check(self.schema())
        return metric.compute(predictions, targets, weights)

    def test_it_is_a_metric_computer(self) -> None:
        """The port is subclassed, or its methods are all there."""
        assert isinstance(self.metric(), MetricComputer)

    def test_it_gives_plain_floats_by_name(self) -> None:
        """At least one, each a Python float, which JSON can hold."""
        numbers = self.numbers(*self.case())
        assert numbers
        assert all(type(name) is str and type(value) is float for name, value in numbers.items()), numbers

    def test_what_is_better_is_said_of_every_number_or_of_none(self) -> None:
        """A search can then choose by any of them."""
        metric = self.metric()
        if isinstance(metric, SupportsDirection):
            assert set(metric.higher_is_better) == set(self.numbers(*self.case()))

    def test_sums_over_batches_give_what_all_rows_do(self) -> None:
        """With a last batch that is filled up by rows of weight 0, in both dtypes and for several members at once."""
        metric = self.metric()
        metric.check(self.schema())
        if not isinstance(metric, SupportsSums):
            return
        predictions, targets, weights = self.case()
        expected = metric.compute(predictions, targets, weights)
        for dtype, relative in _SUMS_RELATIVE.items():
            sums = self._sums(metric, NumPyNamespace(dtype), predictions, targets, weights)
            found = metric.of_sums({name: np.stack([values, 0 * values]) for name, values in sums.items()})
            assert set(found) == set(expected)
            for name, (number, of_nothing) in found.items():
                assert np.isclose(number, expected[name], rtol=relative, atol=relative), f"{name}: {number}"
                assert np.isnan(of_nothing)

    def _sums(
        self,
        metric: SupportsSums,
        xp: NumPyNamespace,
        predictions: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Return sums over five batches of five rows, the last row of which is none."""
        is_class = targets.dtype.kind != "f"
        center = 0.0 if is_class else targets[0].astype(xp.float)
        totals: dict[str, np.ndarray] = {}
        for at in range(0, 25, 5):
            rows = np.arange(at, at + 5)
            counts = np.where(rows < len(weights), weights[rows % len(weights)], 0.0).astype(xp.float)
            picked, true = predictions[rows % 24].astype(xp.float), targets[rows % 24]
            true = true if is_class else true.astype(xp.float)
            for name, values in metric.sums(picked, true, counts, center=center, xp=xp).items():
                totals[name] = totals.get(name, 0.0) + np.asarray(values, np.float64)
        return totals

    def test_it_gives_the_same_numbers_again(self) -> None:
        """From equal rows, by another instance."""
        assert self.numbers(*self.case()) == self.numbers(*self.case())

    def test_no_weights_are_equal_weights(self) -> None:
        """None means 1 each."""
        predictions, targets, weights = self.case()
        _assert_close(self.numbers(predictions, targets), self.numbers(predictions, targets, np.ones_like(weights)))

    def test_the_scale_of_the_weights_does_not_matter(self) -> None:
        """Only their proportions do."""
        predictions, targets, weights = self.case()
        _assert_close(self.numbers(predictions, targets, weights), self.numbers(predictions, targets, 7 * weights))

    def test_a_row_of_weight_two_counts_as_two_rows(self) -> None:
        """Weights are counts."""
        predictions, targets, _ = self.case()
        twice = np.concatenate([np.arange(24), np.arange(6)])
        weights = np.where(np.arange(24) < 6, 2.0, 1.0)  # noqa: PLR2004 - the six that come twice
        _assert_close(self.numbers(predictions[twice], targets[twice]), self.numbers(predictions, targets, weights))

    def test_a_row_of_weight_zero_counts_for_nothing(self) -> None:
        """Whatever is predicted for it."""
        predictions, targets, weights = self.case()
        padded = np.concatenate([predictions, predictions[::-1]]), np.concatenate([targets, targets])
        _assert_close(
            self.numbers(*padded, np.concatenate([weights, np.zeros(24)])), self.numbers(predictions, targets, weights)
        )

    def test_the_order_of_the_rows_does_not_matter(self) -> None:
        """Rows are a set."""
        predictions, targets, weights = self.case()
        order = np.random.default_rng(0).permutation(24)
        shuffled = self.numbers(predictions[order], targets[order], weights[order])
        _assert_close(shuffled, self.numbers(predictions, targets, weights))

    def test_one_row_is_scored_without_a_crash(self) -> None:
        """A number or NaN."""
        predictions, targets, weights = self.case()
        assert set(self.numbers(predictions[:1], targets[:1], weights[:1])) == set(self.numbers(*self.case()))

    def test_the_rows_are_left_as_they_were(self) -> None:
        """Nothing is clipped or sorted in place."""
        case = self.case()
        self.numbers(*case)
        assert all(np.array_equal(now, was) for now, was in zip(case, self.case(), strict=True))


def _assert_close(found: Mapping[str, float], expected: Mapping[str, float]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert np.isclose(found[name], value, rtol=_RELATIVE, atol=_RELATIVE, equal_nan=True), (
            f"{name}: {found[name]} and {value}"
        )
