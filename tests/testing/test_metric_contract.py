"""The contract accepts a correct metric, and catches each metric that breaks one of its rules."""

import inspect
from types import SimpleNamespace

import attrs
import numpy as np
import pytest

from gmcore.domain import Feature, Schema, Target, TargetKind
from gmcore.nn.metrics import LowerIsBetter, RowMean, needs_numbers
from gmcore.ports import MetricComputer, SupportsDirection
from gmcore.testing import abilities
from gmcore.testing.abilities import usable_backends
from gmcore.testing.metric_computer import MetricComputerContract


@attrs.frozen
class Distance(RowMean, LowerIsBetter):
    name = "distance"
    bind = needs_numbers

    def of_row(self, predictions, targets, xp):
        return xp.abs(predictions - targets)


class TestDistance(MetricComputerContract):
    def metric(self):
        return Distance()

    def schema(self):
        return Schema(features=(Feature(name="x"),), target=Target(names=("price", "size"), kind=TargetKind.REGRESSION))


@attrs.frozen
class WithoutWeights(Distance):
    def compute(self, predictions, targets, weights=None):
        return super().compute(predictions, targets)


@attrs.frozen
class OfNumPyFloats(Distance):
    def compute(self, predictions, targets, weights=None):
        numbers = super().compute(predictions, targets, weights)
        return {name: np.float64(number) for name, number in numbers.items()}


@attrs.frozen
class OfAnotherName(Distance):
    def compute(self, predictions, targets, weights=None):
        return {"mistake": super().compute(predictions, targets, weights)["distance"]}


@attrs.frozen
class OfTheLastRow(Distance):
    def compute(self, predictions, targets, weights=None):
        return {"distance": float(np.abs(predictions - targets)[-1].mean())}


@attrs.frozen
class OfUnnormalizedRows(Distance):
    def of_sums(self, sums):
        return super().of_sums(sums | {"all": np.ones_like(sums["all"])})


@attrs.frozen
class OfPaddedRows(Distance):
    def sums(self, predictions, targets, weights, *, center, xp):
        rows = self.of_row(predictions, targets, xp) * xp.expand_dims(weights, -1)
        return {"sum": xp.sum(rows, axis=0), "all": xp.sum(weights)}


@attrs.frozen
class OfBatchMeans(Distance):
    def sums(self, predictions, targets, weights, *, center, xp):
        sums = super().sums(predictions, targets, weights, center=center, xp=xp)
        return {"sum": sums["sum"] / sums["all"], "all": xp.ones(())}


@attrs.frozen
class Clipping(Distance):
    def compute(self, predictions, targets, weights=None):
        np.clip(predictions, -1, 1, out=predictions)
        return super().compute(predictions, targets, weights)


@attrs.frozen
class Remembering(Distance):
    width: int = 0

    def bind(self, schema):
        object.__setattr__(self, "width", schema.target.width)
        return self


@attrs.frozen
class Counting(Distance):
    calls: list[int] = attrs.Factory(list)

    def compute(self, predictions, targets, weights=None):
        self.calls.append(1)
        return {"distance": super().compute(predictions, targets, weights)["distance"] * len(self.calls)}


@attrs.frozen
class Renamed(Distance):
    name: str = "distance"

    def bind(self, schema):
        return attrs.evolve(self, name="distance_of_price")


@attrs.frozen
class WithoutAbilities(Distance):
    def bind(self, schema):
        return Bare()


@attrs.frozen
class Bare(MetricComputer):
    def bind(self, schema):
        return self

    def compute(self, predictions, targets, weights=None):
        return Distance().compute(predictions, targets, weights)


BROKEN = {
    WithoutWeights: "weight_two",
    OfNumPyFloats: "numbers_are_floats",
    OfAnotherName: "a_direction",
    OfTheLastRow: "order_of_the_rows",
    OfUnnormalizedRows: "scale_of_the_weights",
    OfPaddedRows: "sums_over_batches",
    OfBatchMeans: "sums_over_batches",
    Clipping: "rows_are_unchanged",
    Remembering: "binding_leaves",
    Counting: "binding_twice",
    Renamed: "a_direction",
    WithoutAbilities: "is_a_metric_computer",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_metric_is_caught(broken):
    class Contract(TestDistance):
        def metric(self):
            return broken()

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and BROKEN[broken] in name)
    with pytest.raises(AssertionError):
        getattr(Contract(), check)()


def test_the_abilities_of_a_metric_are_stated():
    class Contract(TestDistance):
        abilities = (SupportsDirection,)

        def metric(self):
            return Bare()

    class WithNone(Contract):
        abilities = ()

    checks = [name for name, check in inspect.getmembers(WithNone, callable) if name.startswith("test_")]
    assert {name for name in dir(TestDistance) if name.startswith("test_")} - set(checks) == {
        "test_a_direction_is_given_for_every_number",
        "test_sums_over_batches_give_the_numbers_of_all_rows",
    }
    for check in checks:
        getattr(WithNone(), check)()
    with pytest.raises(AssertionError, match="Bare lacks SupportsDirection: leave it out"):
        Contract().test_its_abilities_are_those_of_the_suite()

    class WithoutSums(TestDistance):
        abilities = (SupportsDirection,)

    with pytest.raises(AssertionError, match="Distance has SupportsSums: add it"):
        WithoutSums().test_its_abilities_are_those_of_the_suite()


def test_no_check_passes_over_no_backend(monkeypatch):
    monkeypatch.setattr(abilities, "plugin_registry", lambda _: SimpleNamespace(backends={}))
    with pytest.raises(AssertionError, match="no float64 backend can be used here, so nothing is checked"):
        list(usable_backends("float64"))
