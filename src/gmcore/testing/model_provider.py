"""Contract suite for model providers and their models."""

# ruff: noqa: S101 - these are checks

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import attrs
import numpy as np

from gmcore.domain import Rows, Variables
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map, tree_unflatten
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend, Model, ModelProvider, Pass, SupportsSettings
from gmcore.testing.abilities import OfAbilities, needs, usable_backends
from gmcore.testing.model_checks.passes import (
    adapted,
    fleet_numbers,
    numbers_of,
    same_leaves,
    shapes_of,
    slopes,
    training_pass,
    tree_of,
)
from gmcore.testing.model_checks.rows import BINARY, MANY, NUMBER, NUMBERS, first_rows, rows_of

__all__ = ["ModelProviderContract"]

_KEY = np.array([7, 11], np.uint32)


class ModelProviderContract(OfAbilities):
    """Checks for a model provider; subclass it as `TestYours` in a test module, and pytest runs them.

    Numbers are checked with the NumPy reference; gradients and fleets on every installed backend, of which there must
    be one. A suite for models without the optional ability `SupportsSettings` has empty `abilities`, and no checks of
    settings.
    """

    optional: ClassVar[tuple[type, ...]] = (SupportsSettings,)
    abilities: ClassVar[tuple[type, ...]] = optional

    @abstractmethod
    def provider(self) -> ModelProvider:
        """Return a new provider, an equal one at every call."""

    def cases(self) -> Mapping[str, Rows]:
        """Return rows by name; override to leave out cases that the models do not support."""
        return {
            "two classes": rows_of(BINARY, numeric=True, categorical=True),
            "many classes, numbers alone": rows_of(MANY, numeric=True),
            "a number, categories alone": rows_of(NUMBER, categorical=True),
            "two numbers": rows_of(NUMBERS, numeric=True, categorical=True),
            "a number, numbers and dates": rows_of(NUMBER, numeric=True, datetime=True),
            "many classes, dates alone": rows_of(MANY, datetime=True),
        }

    def backends(self) -> Iterator[Backend]:
        """Yield every installed float64 backend that is available, on the CPU; there must be one."""
        return usable_backends("float64")

    def fitted(self) -> Iterator[tuple[str, Model, Variables, Rows]]:
        """Yield each case: its name, a model, variables adapted to two thirds of the rows, and all rows."""
        for name, rows in self.cases().items():
            model = self.provider().create(rows.schema)
            yield name, model, adapted(model, first_rows(rows)), rows

    def test_it_is_a_model_provider_and_makes_models(self) -> None:
        """The ports are subclassed, or all of their methods exist."""
        assert isinstance(self.provider(), ModelProvider)
        for name, model, _, rows in self.fitted():
            assert isinstance(model, Model), name
            assert model.schema == rows.schema, name

    def test_info_matches_the_model(self) -> None:
        """`info` has the number of parameters, the input shapes and the output shape."""
        for name, model, variables, rows in self.fitted():
            info = model.info
            assert info == self.provider().create(rows.schema).info, name
            assert info.parameter_count == sum(leaf.size for leaf in tree_leaves(variables.params)), name
            assert dict(info.input_shapes) == {key: column.shape[1:] for key, column in rows.inputs.items()}, name
            assert info.output_shape == (rows.schema.target.width,), name

    def test_fresh_variables_are_a_function_of_the_generator(self) -> None:
        """Equal generators give equal variables, others different ones; NumPy's global generator is not used."""
        for name, model, _, _ in self.fitted():
            before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002 - the global generator
            first, again, other = (model.init(np.random.default_rng(seed)) for seed in (1, 1, 2))
            assert same_leaves(tree_of(first), tree_of(again)), name
            assert not same_leaves(tree_of(first), tree_of(other)), name
            assert np.random.get_state()[1].tolist() == before, name  # type: ignore[index]  # noqa: NPY002 - as above

    def test_variables_start_on_the_host_in_float64(self) -> None:
        """Every backend and both dtypes start from the same numbers; codes are int32, masks bool."""
        for name, model, variables, _ in self.fitted():
            for one in (model.init(np.random.default_rng(0)), variables):
                for path, leaf in tree_flatten(tree_of(one)).items():
                    assert isinstance(leaf, np.ndarray), f"{name}: {path} is {type(leaf).__name__}"
                    assert leaf.dtype in (np.float64, np.int32, np.bool_), f"{name}: {path} is {leaf.dtype}"

    def test_adapting_keeps_the_shapes_and_changes_nothing_in_place(self) -> None:
        """`adapt` returns new variables; its arguments are unchanged, the rows included."""
        for name, model, _, rows in self.fitted():
            fresh, before = model.init(np.random.default_rng(0)), model.init(np.random.default_rng(0))
            after, copy = adapted(model, rows, fresh), self.cases()[name]
            assert same_leaves(tree_of(fresh), tree_of(before)), name
            assert all(np.array_equal(rows.inputs[key], copy.inputs[key], equal_nan=True) for key in copy.inputs), name
            assert shapes_of(fresh) == shapes_of(after), name

    def test_adapting_uses_only_the_rows_it_is_given(self) -> None:
        """Adapting to other rows first has no effect, so folds can't leak."""
        for name, _, variables, rows in self.fitted():
            model = self.provider().create(rows.schema)
            fresh = model.init(np.random.default_rng(0))
            adapted(model, rows, fresh)
            assert same_leaves(tree_of(adapted(model, first_rows(rows), fresh)), tree_of(variables)), name

    def test_adapting_counts_a_row_as_often_as_its_weight_says(self) -> None:
        """Weight 2 is the row twice, weight 0 no row; sums differ by a few roundings."""
        for name, model, _, rows in self.fitted():
            times = np.arange(len(rows)) % 3
            fresh = model.init(np.random.default_rng(0))
            weighted = adapted(model, attrs.evolve(rows, weights=times.astype(np.float64)), fresh)
            repeated = tree_flatten(tree_of(adapted(model, rows.take(np.repeat(np.arange(len(rows)), times)), fresh)))
            for path, leaf in tree_flatten(tree_of(weighted)).items():
                assert np.allclose(leaf, repeated[path], rtol=1e-12, atol=1e-12), f"{name}: {path}"

    def test_adapting_to_a_view_equals_adapting_to_a_copy(self) -> None:
        """A view of rows, whose inputs are gathered at access, gives the same variables as a copy."""
        for name, model, _, rows in self.fitted():
            fresh, some = model.init(np.random.default_rng(0)), np.arange(len(rows))[::-2]
            copied, viewed = adapted(model, rows.take(some), fresh), adapted(model, rows.view(some), fresh)
            assert same_leaves(tree_of(viewed), tree_of(copied)), name

    def test_outputs_losses_and_predictions_have_their_shapes_in_both_dtypes(self) -> None:
        """One output, one loss and one prediction per row, finite even with missing values and unknown categories."""
        for name, model, variables, rows in self.fitted():
            count, width = len(rows), rows.schema.target.width
            for dtype in ("float32", "float64"):
                outputs, losses, predictions = numbers_of(model, variables, rows, dtype)
                assert outputs.shape[0] == count, name
                assert losses.shape == (count,), name
                assert predictions.shape == (count, width), name
                for found in (outputs, losses, predictions):
                    assert found.dtype == dtype, f"{name}: {found.dtype} from {dtype}"
                    assert np.isfinite(found).all(), name

    def test_classes_have_probabilities(self) -> None:
        """Probabilities are not negative and sum to 1."""
        for name, model, variables, rows in self.fitted():
            if rows.schema.target.is_classification:
                _, _, predictions = numbers_of(model, variables, rows)
                assert (predictions >= 0).all(), name
                assert np.allclose(predictions.sum(axis=1), 1, rtol=0, atol=1e-12), name

    def test_a_row_does_not_depend_on_the_other_rows_of_a_batch(self) -> None:
        """Any batch gives the same outputs, up to the order of additions in matrix products."""
        for name, model, variables, rows in self.fitted():
            some = np.array([5, 0, 17])
            everything, apart = numbers_of(model, variables, rows), numbers_of(model, variables, rows.take(some))
            for a, b in zip(everything, apart, strict=True):
                assert np.allclose(a[some], b, rtol=1e-12, atol=1e-12), name

    def test_outside_training_nothing_is_random(self) -> None:
        """No key is needed, and equal inputs give equal outputs."""
        xp = NumPyNamespace()
        for name, model, variables, rows in self.fitted():
            first, again = (model.apply(variables, rows.inputs, Pass(xp=xp)) for _ in range(2))
            assert np.array_equal(first, again), name

    def test_in_training_randomness_is_a_function_of_the_key(self) -> None:
        """Equal keys give equal outputs, and buffers keep their shapes."""
        xp = NumPyNamespace()
        for name, model, variables, rows in self.fitted():
            at = Pass(xp=xp, weights=np.ones(len(rows)), key=_KEY, training=True)
            (first, after), (again, _) = (training_pass(model, variables, rows, at) for _ in range(2))
            assert np.array_equal(first, again), name
            assert shapes_of(Variables({}, after)) == shapes_of(Variables({}, variables.buffers)), name

    def test_in_training_padding_changes_nothing(self) -> None:
        """Rows of weight 0 change neither the outputs and losses of the others nor the buffers."""
        for name, model, variables, rows in self.fitted():
            padded, xp = rows.take(np.minimum(np.arange(3 * len(rows)), len(rows) - 1)), NumPyNamespace()
            counts = (np.arange(len(padded)) < len(rows)).astype(np.float64)
            found = []
            for some, weights in ((rows, np.ones(len(rows))), (padded, counts)):
                # The reference draws the same numbers for the first rows, however many follow.
                at = Pass(xp=xp, weights=weights, key=_KEY, training=True)
                outputs, buffers = training_pass(model, variables, some, at)
                losses = model.loss(variables, outputs, some.targets, at)
                found.append({"outputs": outputs[: len(rows)], "losses": losses[: len(rows)], **tree_flatten(buffers)})
            for path, leaf in found[0].items():
                assert np.allclose(found[1][path], leaf, rtol=1e-12, atol=1e-12), f"{name}: {path}"

    def test_variables_survive_a_file(self) -> None:
        """A file keeps a flat mapping, without the branches that are empty."""
        for name, model, variables, rows in self.fitted():
            tree = tree_unflatten(tree_flatten(tree_of(variables)))
            read = Variables(**tree)
            assert np.array_equal(numbers_of(model, read, rows)[2], numbers_of(model, variables, rows)[2]), name

    def test_the_models_abilities_are_those_of_the_suite(self) -> None:
        """An ability that is not in `abilities` would not be checked."""
        for rows in self.cases().values():
            self.assert_abilities(self.provider().create(rows.schema))

    @needs(SupportsSettings)
    def test_settings_are_buffers_that_members_can_differ_in(self) -> None:
        """The model's own settings change nothing; other values change buffers, not their shapes, and not in place."""
        for name, model, variables, _ in self.fitted():
            assert isinstance(model, SupportsSettings)
            assert same_leaves(tree_of(model.with_settings(variables, model.settings)), tree_of(variables)), name
            before = tree_map(np.copy, tree_of(variables))
            for setting, value in model.settings.items():
                other = model.with_settings(variables, {setting: value / 2})
                assert same_leaves(other.params, variables.params), f"{name}: {setting}"
                assert same_leaves(other.buffers, variables.buffers) == (value == 0), f"{name}: {setting}"
                assert shapes_of(other) == shapes_of(variables), f"{name}: {setting}"
                assert same_leaves(tree_of(variables), before), f"{name}: {setting}"

    def test_the_gradient_is_a_difference_quotient(self) -> None:
        """The directional derivative agrees with a central difference, on every backend, in float64."""
        for backend in self.backends():
            for name, model, variables, rows in self.fitted():
                found, expected = slopes(backend, model, variables, rows)
                # A step of 1e-6 leaves about nine digits, and one or two fewer if it crosses the kink of a ReLU.
                assert np.isclose(found, expected, rtol=1e-7, atol=1e-9), f"{name}, {backend.name}: {found} {expected}"

    def test_a_member_of_a_fleet_gives_the_same_as_alone(self) -> None:
        """A backend's `vmap` over variables gives the reference's outputs, losses and predictions."""
        for backend in self.backends():
            for name, model, variables, rows in self.fitted():
                other = adapted(model, rows, model.init(np.random.default_rng(1)))
                members = (variables, other)
                fleet = fleet_numbers(backend, model, members, rows)
                for place, member in enumerate(members):
                    for found, expected in zip(fleet, numbers_of(model, member, rows), strict=True):
                        same = np.allclose(found[place], expected, rtol=1e-10, atol=1e-10)
                        assert same, f"{name}, {backend.name}, member {place}"
