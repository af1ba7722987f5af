"""Contract: what every metric must do."""

# ruff: noqa: S101 - these are checks

import copy
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from gmcore.domain import Schema
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import MetricComputer, SupportsDirection, SupportsSums
from gmcore.testing.abilities import OfAbilities, needs

__all__ = ["MetricComputerContract"]

# Sums in another order differ by a few roundings of float64.
_RELATIVE = 1e-10
# Predictions that were rounded to float32, and differences of them.
_SUMS_RELATIVE = {"float64": 1e-10, "float32": 1e-5}


class MetricComputerContract(OfAbilities):
    """Checks for a metric: subclass it as `TestYours` in a test module, and pytest runs them.

    They do not know the metric's formula. Compare its numbers with a reference in tests of your own. A suite for a
    metric without one of the optional abilities (`SupportsSums`, `SupportsDirection`) lists the others in `abilities`;
    it has no checks of that ability.
    """

    optional: ClassVar[tuple[type, ...]] = (SupportsSums, SupportsDirection)
    abilities: ClassVar[tuple[type, ...]] = optional

    @abstractmethod
    def metric(self) -> MetricComputer:
        """Return a new metric, not bound to a schema."""

    @abstractmethod
    def schema(self) -> Schema:
        """Return a schema whose target the metric accepts."""

    def case(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return predictions, targets and weights of 24 rows for the schema.

        Override it for a metric that is NaN for these: values are drawn from a normal distribution.
        """
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
        """Return the numbers that a new metric computes for the rows."""
        return self.metric().bind(self.schema()).compute(predictions, targets, weights)

    def test_it_is_a_metric_computer(self) -> None:
        """The port is subclassed, or all its methods are there, bound or not."""
        metric = self.metric()
        bound = metric.bind(self.schema())
        assert isinstance(metric, MetricComputer)
        assert isinstance(bound, MetricComputer)
        for ability in (SupportsDirection, SupportsSums):
            assert isinstance(metric, ability) == isinstance(bound, ability)

    def test_binding_leaves_the_metric_unchanged(self) -> None:
        """What depends on the schema is in the metric that `bind` returns, so one metric serves several schemas."""
        metric = self.metric()
        before = copy.deepcopy(metric)
        metric.bind(self.schema())
        np.testing.assert_equal(metric.__getstate__(), before.__getstate__())

    def test_binding_twice_gives_equal_numbers(self) -> None:
        """The same metric once more, or the one that it returned."""
        metric, case = self.metric(), self.case()
        first, second = metric.bind(self.schema()), metric.bind(self.schema())
        assert second.compute(*case) == first.compute(*case)
        assert first.bind(self.schema()).compute(*case) == first.compute(*case)

    def test_numbers_are_floats_by_name(self) -> None:
        """There is at least one, and each is a Python float, which JSON can hold."""
        numbers = self.numbers(*self.case())
        assert numbers
        assert all(type(name) is str and type(value) is float for name, value in numbers.items()), numbers

    def test_its_abilities_are_those_of_the_suite(self) -> None:
        """An ability that is not in `abilities` would not be checked."""
        self.assert_abilities(self.metric())

    @needs(SupportsDirection)
    def test_a_direction_is_given_for_every_number(self) -> None:
        """By the same names before and after `bind`, so a search can rank by any of them."""
        metric = self.metric()
        bound = metric.bind(self.schema())
        assert isinstance(metric, SupportsDirection)
        assert isinstance(bound, SupportsDirection)
        # Numbers that are named by classes have no names before `bind`.
        assert metric.higher_is_better in ({}, bound.higher_is_better)
        assert set(metric.higher_is_better) == set(bound.compute(*self.case()))

    @needs(SupportsSums)
    def test_sums_over_batches_give_the_numbers_of_all_rows(self) -> None:
        """With a last batch padded by rows of weight 0, in both dtypes and for several members at once."""
        metric = self.metric().bind(self.schema())
        assert isinstance(metric, SupportsSums)
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
        """Return sums over five batches of five rows; the last row only pads, with weight 0 and predictions of NaN."""
        is_class = targets.dtype.kind != "f"
        center = 0.0 if is_class else targets[0].astype(xp.float)
        totals: dict[str, np.ndarray] = {}
        for at in range(0, 25, 5):
            rows = np.arange(at, at + 5)
            counts = np.where(rows < len(weights), weights[rows % len(weights)], 0.0).astype(xp.float)
            picked, true = predictions[rows % 24].astype(xp.float), targets[rows % 24]
            true = true if is_class else true.astype(xp.float)
            picked[counts == 0] = np.nan
            for name, values in metric.sums(picked, true, counts, center=center, xp=xp).items():
                totals[name] = totals.get(name, 0.0) + np.asarray(values, np.float64)
        return totals

    def test_equal_rows_give_equal_numbers(self) -> None:
        """With another instance too."""
        assert self.numbers(*self.case()) == self.numbers(*self.case())

    def test_no_weights_are_equal_weights(self) -> None:
        """None is a weight of 1 for each row."""
        predictions, targets, weights = self.case()
        _assert_close(self.numbers(predictions, targets), self.numbers(predictions, targets, np.ones_like(weights)))

    def test_the_scale_of_the_weights_does_not_matter(self) -> None:
        """Only their proportions matter."""
        predictions, targets, weights = self.case()
        _assert_close(self.numbers(predictions, targets, weights), self.numbers(predictions, targets, 7 * weights))

    def test_a_row_of_weight_two_counts_as_two_rows(self) -> None:
        """A weight is a count."""
        predictions, targets, _ = self.case()
        twice = np.concatenate([np.arange(24), np.arange(6)])
        weights = np.where(np.arange(24) < 6, 2.0, 1.0)  # noqa: PLR2004 - the rows that are repeated
        _assert_close(self.numbers(predictions[twice], targets[twice]), self.numbers(predictions, targets, weights))

    def test_a_row_of_weight_zero_is_left_out(self) -> None:
        """Whatever its prediction is."""
        predictions, targets, weights = self.case()
        padded = np.concatenate([predictions, predictions[::-1]]), np.concatenate([targets, targets])
        _assert_close(
            self.numbers(*padded, np.concatenate([weights, np.zeros(24)])), self.numbers(predictions, targets, weights)
        )

    def test_the_order_of_the_rows_does_not_matter(self) -> None:
        """No number depends on the order."""
        predictions, targets, weights = self.case()
        order = np.random.default_rng(0).permutation(24)
        shuffled = self.numbers(predictions[order], targets[order], weights[order])
        _assert_close(shuffled, self.numbers(predictions, targets, weights))

    def test_one_row_gives_the_same_names(self) -> None:
        """Each with a number or NaN."""
        predictions, targets, weights = self.case()
        assert set(self.numbers(predictions[:1], targets[:1], weights[:1])) == set(self.numbers(*self.case()))

    def test_the_rows_are_unchanged(self) -> None:
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
