"""Contract suite for model providers and their models."""

# ruff: noqa: S101 - these are checks

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, TypeVar

import attrs
import numpy as np

from gmcore.domain import Array, Rows, Tree, Variables
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map, tree_unflatten
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend, Model, ModelProvider, Namespace, SupportsSettings
from gmcore.testing.abilities import OfAbilities, needs, usable_backends
from gmcore.testing.model_rows import BINARY, MANY, NUMBER, NUMBERS, first_rows, rows_of

__all__ = ["ModelProviderContract"]

T = TypeVar("T")

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
            yield name, model, model.adapt(model.init(np.random.default_rng(0)), first_rows(rows)), rows

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
            assert _same(_tree(first), _tree(again)), name
            assert not _same(_tree(first), _tree(other)), name
            assert np.random.get_state()[1].tolist() == before, name  # type: ignore[index]  # noqa: NPY002 - as above

    def test_variables_start_on_the_host_in_float64(self) -> None:
        """Every backend and both dtypes start from the same numbers; codes are int32, masks bool."""
        for name, model, variables, _ in self.fitted():
            for one in (model.init(np.random.default_rng(0)), variables):
                for path, leaf in tree_flatten(_tree(one)).items():
                    assert isinstance(leaf, np.ndarray), f"{name}: {path} is {type(leaf).__name__}"
                    assert leaf.dtype in (np.float64, np.int32, np.bool_), f"{name}: {path} is {leaf.dtype}"

    def test_adapting_keeps_the_shapes_and_changes_nothing_in_place(self) -> None:
        """`adapt` returns new variables; its arguments are unchanged, the rows included."""
        for name, model, _, rows in self.fitted():
            fresh, before = model.init(np.random.default_rng(0)), model.init(np.random.default_rng(0))
            adapted, copy = model.adapt(fresh, rows), self.cases()[name]
            assert _same(_tree(fresh), _tree(before)), name
            assert all(np.array_equal(rows.inputs[key], copy.inputs[key], equal_nan=True) for key in copy.inputs), name
            assert _shapes(fresh) == _shapes(adapted), name

    def test_adapting_uses_only_the_rows_it_is_given(self) -> None:
        """Adapting to other rows first has no effect, so folds can't leak."""
        for name, _, variables, rows in self.fitted():
            model = self.provider().create(rows.schema)
            fresh = model.init(np.random.default_rng(0))
            model.adapt(fresh, rows)
            assert _same(_tree(model.adapt(fresh, first_rows(rows))), _tree(variables)), name

    def test_adapting_counts_a_row_as_often_as_its_weight_says(self) -> None:
        """Weight 2 is the row twice, weight 0 no row; sums differ by a few roundings."""
        for name, model, _, rows in self.fitted():
            times = np.arange(len(rows)) % 3
            fresh = model.init(np.random.default_rng(0))
            weighted = model.adapt(fresh, attrs.evolve(rows, weights=times.astype(np.float64)))
            repeated = tree_flatten(_tree(model.adapt(fresh, rows.take(np.repeat(np.arange(len(rows)), times)))))
            for path, leaf in tree_flatten(_tree(weighted)).items():
                assert np.allclose(leaf, repeated[path], rtol=1e-12, atol=1e-12), f"{name}: {path}"

    def test_adapting_to_a_view_equals_adapting_to_a_copy(self) -> None:
        """A view of rows, whose inputs are gathered at access, gives the same variables as a copy."""
        for name, model, _, rows in self.fitted():
            fresh, some = model.init(np.random.default_rng(0)), np.arange(len(rows))[::-2]
            copied, viewed = model.adapt(fresh, rows.take(some)), model.adapt(fresh, rows.view(some))
            assert _same(_tree(viewed), _tree(copied)), name

    def test_outputs_losses_and_predictions_have_their_shapes_in_both_dtypes(self) -> None:
        """One output, one loss and one prediction per row, finite even with missing values and unknown categories."""
        for name, model, variables, rows in self.fitted():
            count, width = len(rows), rows.schema.target.width
            for dtype in ("float32", "float64"):
                outputs, losses, predictions = _pass(model, variables, rows, dtype)
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
                _, _, predictions = _pass(model, variables, rows)
                assert (predictions >= 0).all(), name
                assert np.allclose(predictions.sum(axis=1), 1, rtol=0, atol=1e-12), name

    def test_a_row_does_not_depend_on_the_other_rows_of_a_batch(self) -> None:
        """Any batch gives the same outputs, up to the order of additions in matrix products."""
        for name, model, variables, rows in self.fitted():
            some = np.array([5, 0, 17])
            everything, apart = _pass(model, variables, rows), _pass(model, variables, rows.take(some))
            for a, b in zip(everything, apart, strict=True):
                assert np.allclose(a[some], b, rtol=1e-12, atol=1e-12), name

    def test_outside_training_nothing_is_random_and_buffers_are_unchanged(self) -> None:
        """No key is needed, and the buffers are returned as they were."""
        xp = NumPyNamespace()
        for name, model, variables, rows in self.fitted():
            first, after = model.apply(variables, rows.inputs, xp=xp, key=None, training=False)
            again, _ = model.apply(variables, rows.inputs, xp=xp, key=None, training=False)
            assert np.array_equal(first, again), name
            assert _same(after, variables.buffers), name

    def test_in_training_randomness_is_a_function_of_the_key(self) -> None:
        """Equal keys give equal outputs, and buffers keep their shapes."""
        xp = NumPyNamespace()
        for name, model, variables, rows in self.fitted():
            first, after = model.apply(variables, rows.inputs, xp=xp, key=_KEY, training=True)
            again, _ = model.apply(variables, rows.inputs, xp=xp, key=_KEY, training=True)
            assert np.array_equal(first, again), name
            assert _shapes(Variables({}, after)) == _shapes(Variables({}, variables.buffers)), name

    def test_variables_survive_a_file(self) -> None:
        """A file keeps a flat mapping, without the branches that are empty."""
        for name, model, variables, rows in self.fitted():
            tree = tree_unflatten(tree_flatten(_tree(variables)))
            read = Variables(tree.get("params", {}), tree.get("buffers", {}))
            assert np.array_equal(_pass(model, read, rows)[2], _pass(model, variables, rows)[2]), name

    def test_the_models_abilities_are_those_of_the_suite(self) -> None:
        """An ability that is not in `abilities` would not be checked."""
        for rows in self.cases().values():
            self.assert_abilities(self.provider().create(rows.schema))

    @needs(SupportsSettings)
    def test_settings_are_buffers_that_members_can_differ_in(self) -> None:
        """The model's own settings change nothing; other values change buffers, not their shapes, and not in place."""
        for name, model, variables, _ in self.fitted():
            assert isinstance(model, SupportsSettings)
            assert _same(_tree(model.with_settings(variables, model.settings)), _tree(variables)), name
            before = tree_map(np.copy, _tree(variables))
            for setting, value in model.settings.items():
                other = model.with_settings(variables, {setting: value / 2})
                assert _same(other.params, variables.params), f"{name}: {setting}"
                assert _same(other.buffers, variables.buffers) == (value == 0), f"{name}: {setting}"
                assert _shapes(other) == _shapes(variables), f"{name}: {setting}"
                assert _same(_tree(variables), before), f"{name}: {setting}"

    def test_the_gradient_is_a_difference_quotient(self) -> None:
        """The directional derivative agrees with a central difference, on every backend, in float64."""
        for backend in self.backends():
            for name, model, variables, rows in self.fitted():
                found, expected = _slopes(backend, model, variables, rows)
                # A step of 1e-6 leaves about nine digits, and one or two fewer if it crosses the kink of a ReLU.
                assert np.isclose(found, expected, rtol=1e-7, atol=1e-9), f"{name}, {backend.name}: {found} {expected}"

    def test_a_member_of_a_fleet_gives_the_same_as_alone(self) -> None:
        """A backend's `vmap` over variables gives the reference's outputs, losses and predictions."""
        for backend in self.backends():
            for name, model, variables, rows in self.fitted():
                other = model.adapt(model.init(np.random.default_rng(1)), rows)
                members = (variables, other)
                fleet = _fleet(backend, model, members, rows)
                for place, member in enumerate(members):
                    for found, expected in zip(fleet, _pass(model, member, rows), strict=True):
                        same = np.allclose(found[place], expected, rtol=1e-10, atol=1e-10)
                        assert same, f"{name}, {backend.name}, member {place}"


def _tree(variables: Variables) -> Tree:
    return {"params": variables.params, "buffers": variables.buffers}


def _same(tree: Tree, other: Tree) -> bool:
    one, two = tree_flatten(tree), tree_flatten(other)
    return one.keys() == two.keys() and all(np.array_equal(one[path], two[path], equal_nan=True) for path in one)


def _shapes(variables: Variables) -> dict[str, tuple[tuple[int, ...], np.dtype[np.generic]]]:
    return {path: (leaf.shape, leaf.dtype) for path, leaf in tree_flatten(_tree(variables)).items()}


def _as(tree: T, dtype: str) -> T:
    return tree_map(lambda leaf: leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf, tree)


def _forward(model: Model, xp: Namespace) -> Callable[..., tuple[Array, Array, Array]]:
    def forward(params: Tree, buffers: Tree, inputs: Mapping[str, Array], targets: Array) -> tuple[Array, Array, Array]:
        known = Variables(params, buffers)
        outputs, _ = model.apply(known, inputs, xp=xp, key=None, training=False)
        return outputs, model.loss(known, outputs, targets, xp=xp), model.predict(known, outputs, xp=xp)

    return forward


def _pass(model: Model, variables: Variables, rows: Rows, dtype: str = "float64") -> tuple[Array, Array, Array]:
    known = (variables.params, variables.buffers, rows.inputs, rows.targets)
    return _forward(model, NumPyNamespace(dtype))(*(_as(tree, dtype) for tree in known))


def _fleet(backend: Backend, model: Model, members: Sequence[Variables], rows: Rows) -> tuple[np.ndarray, ...]:
    held = _stack([one.params for one in members]), _stack([one.buffers for one in members])
    fleet = backend.compile(backend.vmap(_forward(model, backend.xp), (0, 0, None, None)), loops=True)
    found: tuple[np.ndarray, ...] = backend.to_numpy(fleet(*backend.asarray((*held, rows.inputs, rows.targets))))
    return found


def _stack(trees: Sequence[Tree]) -> Tree:
    return tree_map(lambda *leaves: np.stack(leaves), *trees)


def _slopes(backend: Backend, model: Model, variables: Variables, rows: Rows) -> tuple[float, float]:
    rng = np.random.default_rng(5)
    direction = tree_map(lambda leaf: rng.normal(size=leaf.shape), variables.params)

    def mean_loss(params: Tree, buffers: Tree, inputs: Mapping[str, Array], targets: Array) -> tuple[Array, Array]:
        _, losses, _ = _forward(model, backend.xp)(params, buffers, inputs, targets)
        return backend.xp.mean(losses), losses

    # `loops=True` avoids the slow compiler that a backend may use for functions without loops.
    gradient_of = backend.compile(backend.value_and_grad(mean_loss), loops=True)
    args = backend.asarray((variables.params, variables.buffers, rows.inputs, rows.targets))
    gradient = backend.to_numpy(gradient_of(*args)[1])
    found = sum(float(np.sum(leaf)) for leaf in tree_leaves(tree_map(np.multiply, gradient, direction)))

    def moved(step: float) -> float:
        params = tree_map(lambda leaf, d: leaf + step * d, variables.params, direction)
        return float(np.mean(_pass(model, Variables(params, variables.buffers), rows)[1]))

    return found, (moved(1e-6) - moved(-1e-6)) / 2e-6
