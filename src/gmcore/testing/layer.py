"""Contract suite for layers."""

# ruff: noqa: S101 - these are checks

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import attrs
import numpy as np

from gmcore.domain import Variables
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.ports import Backend, Layer, SupportsAdapt, SupportsInverse, SupportsUpdate
from gmcore.testing.abilities import OfAbilities, needs, usable_backends
from gmcore.testing.layer_checks.attributes import attributes_of
from gmcore.testing.layer_checks.case import LayerCase, assert_close, reference
from gmcore.testing.layer_checks.fits import (
    assert_fits_any_cut,
    assert_fits_are_functions,
    assert_fits_change_nothing,
    assert_fits_weigh_rows,
)
from gmcore.testing.layer_checks.fleets import assert_equals_reference, assert_gradients, assert_same_bits
from gmcore.testing.layer_checks.narrow import assert_narrow_dtypes_work
from gmcore.testing.layer_checks.rows import fitted, shape_of_rows
from gmcore.testing.model_checks.passes import same_leaves, shapes_of, tree_of

__all__ = ["LayerContract"]

_ROUNDINGS = 1e-12
_OTHER_KEYS = [np.array([place, 23], np.uint32) for place in range(8)]


class LayerContract(OfAbilities):
    """Checks for a layer; subclass it as `TestYours` in a test module, and pytest runs them.

    Numbers are checked on the NumPy reference; gradients and fleets on every installed backend, of which there must be
    one. A layer with optional abilities, such as `SupportsAdapt`, states them in `abilities`.
    """

    optional: ClassVar[tuple[type, ...]] = (SupportsAdapt, SupportsInverse, SupportsUpdate)

    @abstractmethod
    def layer(self) -> Layer:
        """Return a new layer, an equal one at every call."""

    @abstractmethod
    def cases(self) -> Mapping[str, Any]:
        """Return inputs by a name, equal ones at every call, from which the outputs are finite.

        The inputs are an array, or a mapping of arrays, of at least four rows that differ: floats in float64, codes in
        int32.
        """

    def targets(self, rows: int) -> np.ndarray:
        """Return the targets of that many rows, for layers that are fitted to targets; override for other targets."""
        return np.random.default_rng(11).normal(size=(rows, 1))

    def backends(self, dtype: str, compute: str = "auto") -> Iterator[Backend]:
        """Yield every installed backend of a dtype and `compute` that is available, on the CPU; there must be one."""
        return usable_backends(dtype, compute)

    def fitted(self) -> Iterator[LayerCase]:
        """Yield each case, with variables that are fitted to two thirds of the rows if the layer can be fitted."""
        for name, inputs in self.cases().items():
            layer, shape = self.layer(), shape_of_rows(inputs)
            case = LayerCase(name=name, layer=layer, variables=_drawn(layer, shape), inputs=inputs)
            if isinstance(layer, SupportsAdapt):
                some = slice(0, 2 * case.count // 3)
                blocks, targets = [case.rows(some).inputs], [self.targets(case.count)[some]]
                case = attrs.evolve(case, variables=fitted(layer, blocks, case.variables, targets=targets))
            yield case

    def test_it_is_a_layer_with_the_abilities_of_the_suite(self) -> None:
        """The port is subclassed, or its methods are all there; an ability that is not stated would not be checked."""
        assert isinstance(self.layer(), Layer)
        self.assert_abilities(self.layer())
        assert self.cases(), "there is no case, so nothing is checked"

    def test_output_shape_is_that_of_a_row_of_the_outputs(self) -> None:
        """Also of a single row."""
        for case in self.fitted():
            shape = case.layer.output_shape(case.shape)
            for some in (case, case.rows(slice(1))):
                assert some.outputs().shape == (some.count, *shape), case.name
                assert some.trained().outputs.shape == (some.count, *shape), case.name

    def test_inputs_of_another_kind_are_refused(self) -> None:
        """A mapping in place of an array, or an array or no inputs in place of a mapping: a ValueError that says so."""
        for case in self.fitted():
            for other in ((3,), {}) if isinstance(case.inputs, Mapping) else ({"x": case.shape},):
                refusal = _refusal(case.layer, other)
                assert isinstance(refusal, ValueError), f"{case.name}: output_shape({other}) gives {refusal!r}"
                assert str(refusal), f"{case.name}: the ValueError says nothing"

    def test_fresh_variables_are_a_function_of_the_generator(self) -> None:
        """Equal generators give equal variables; NumPy's global generator is not used; shared ones are not drawn."""
        for case in self.fitted():
            before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002 - the global generator
            first, again, other = (_drawn(case.layer, case.shape, seed) for seed in (1, 1, 2))
            assert same_leaves(tree_of(first), tree_of(again)), case.name
            assert same_leaves(first.shared, other.shared), f"{case.name}: shared variables are drawn"
            assert np.random.get_state()[1].tolist() == before, case.name  # type: ignore[index]  # noqa: NPY002 - as above

    def test_variables_start_on_the_host_in_float64(self) -> None:
        """Every backend and both dtypes start from the same numbers; codes are int32, masks bool."""
        for case in self.fitted():
            for variables in (_drawn(case.layer, case.shape), case.variables):
                for path, leaf in tree_flatten(tree_of(variables)).items():
                    assert isinstance(leaf, np.ndarray), f"{case.name}: {path} is {type(leaf).__name__}"
                    assert leaf.dtype in (np.float64, np.int32, np.bool_), f"{case.name}: {path} is {leaf.dtype}"

    def test_its_description_is_one_line(self) -> None:
        """As in a model's summary."""
        for case in self.fitted():
            line = case.layer.describe(case.shape)
            assert line == line.strip() != "", case.name
            assert len(line.splitlines()) == 1, line

    def test_outputs_are_finite_in_the_dtype_of_the_namespace(self) -> None:
        """In float32 and float64, in training and outside it."""
        for case in self.fitted():
            for dtype in ("float32", "float64"):
                for found in (case.outputs(dtype), case.trained(dtype=dtype).outputs):
                    assert found.dtype == dtype, f"{case.name}: {found.dtype} from {dtype}"
                    assert np.isfinite(found).all(), f"{case.name}: {dtype}"

    def test_nothing_is_kept_between_calls(self) -> None:
        """Equal inputs give equal bits, also after passes of other rows; nothing changes in place."""
        for case in self.fitted():
            before = attributes_of(case.layer)
            first, trained = case.outputs(), case.trained()
            case.rows(slice(1, 3)).trained()
            case.rows(slice(1, 3)).outputs()
            assert np.array_equal(case.outputs(), first, equal_nan=True), case.name
            assert same_leaves(case.trained().arrays, trained.arrays), f"{case.name}: in training"
            assert attributes_of(case.layer) == before, f"{case.name}: the layer's attributes have changed"
            case.assert_changes_nothing_in_place()

    def test_random_numbers_are_a_function_of_the_key(self) -> None:
        """Another key gives other outputs if the layer states that it is random; if not, it gets no key."""
        for case in self.fitted():
            once, again = (case.trained().outputs for _ in range(2))
            assert np.array_equal(once, again), case.name
            others = [case.trained(key=key).outputs for key in _OTHER_KEYS]
            differ = any(not np.array_equal(once, other) for other in others)
            assert differ == case.draws, f"{case.name}: random is {case.draws}"

    def test_outside_training_a_row_does_not_depend_on_other_rows(self) -> None:
        """Any batch gives the same outputs, up to the order of additions in matrix products."""
        for case in self.fitted():
            some = np.array([3, 0, 2])
            apart, together = case.rows(some).outputs(), case.outputs()[some]
            assert_close({"outputs": apart}, {"outputs": together}, case.name, within=_ROUNDINGS)

    def test_padding_changes_nothing(self) -> None:
        """Rows of weight 0 change neither the outputs of the others in training, nor the buffers after it."""
        for case in self.fitted():
            places = np.concatenate([np.arange(case.count), np.zeros(2 * case.count, np.int64), np.arange(case.count)])
            weights = np.repeat([1.0, 0.0], [case.count, 3 * case.count])
            padded, alone = case.rows(places).trained(weights), case.trained()
            found = {**padded.arrays, "outputs": padded.outputs[: case.count]}
            assert_close(found, alone.arrays, case.name, within=_ROUNDINGS)

    def test_a_row_of_weight_2_is_the_row_twice(self) -> None:
        """In training, for the outputs of all rows and the buffers."""
        for case in self.fitted():
            times = 1 + np.arange(case.count) % 3
            weighted = case.trained(times.astype(np.float64))
            repeated = case.rows(np.repeat(np.arange(case.count), times)).trained()
            first = np.cumsum(times) - times
            found = {**repeated.arrays, "outputs": repeated.outputs[first]}
            assert_close(found, weighted.arrays, case.name, within=_ROUNDINGS)

    def test_a_batch_in_which_no_row_counts_changes_no_buffers(self) -> None:
        """As a member of a fleet that takes fewer steps than others has; the outputs are finite."""
        for case in self.fitted():
            found = case.trained(np.zeros(case.count))
            assert np.isfinite(found.outputs).all(), case.name
            assert same_leaves(found.buffers, case.variables.buffers), case.name

    def test_variables_survive_a_file(self) -> None:
        """A file keeps a flat mapping, without the branches that are empty."""
        for case in self.fitted():
            read = Variables(**tree_unflatten(tree_flatten(tree_of(case.variables))))
            assert np.array_equal(attrs.evolve(case, variables=read).outputs(), case.outputs(), equal_nan=True), (
                case.name
            )

    @needs(SupportsUpdate)
    def test_an_update_keeps_names_shapes_and_dtypes_of_the_buffers(self) -> None:
        """All buffers are returned, not only those that changed."""
        for case in self.fitted():
            after = Variables(buffers=case.trained().buffers)
            assert shapes_of(after) == shapes_of(Variables(buffers=case.variables.buffers)), case.name

    @needs(SupportsAdapt)
    def test_a_fit_is_a_function_of_rows_and_generator(self) -> None:
        """It keeps shapes, dtypes and shared variables, and remembers no other rows."""
        for case in self.fitted():
            assert_fits_are_functions(case, self.targets(case.count))

    @needs(SupportsAdapt)
    def test_a_fit_does_not_depend_on_how_the_rows_are_cut_into_blocks(self) -> None:
        """Sums differ by a few roundings."""
        for case in self.fitted():
            assert_fits_any_cut(case, self.targets(case.count))

    @needs(SupportsAdapt)
    def test_a_fit_counts_a_row_as_often_as_its_weight_says(self) -> None:
        """Weight 2 is the row twice, weight 0 no row."""
        for case in self.fitted():
            assert_fits_weigh_rows(case, self.targets(case.count))

    @needs(SupportsAdapt)
    def test_a_fit_changes_nothing_in_place(self) -> None:
        """Neither variables nor rows."""
        for case in self.fitted():
            assert_fits_change_nothing(case, self.targets(case.count))

    @needs(SupportsInverse)
    def test_the_inverse_returns_the_inputs(self) -> None:
        """Up to roundings."""
        for case in self.fitted():
            assert isinstance(case.layer, SupportsInverse)
            found = case.layer.inverse(case.variables, case.outputs(), xp=reference())
            assert_close({"inputs": found}, {"inputs": case.inputs}, case.name, within=_ROUNDINGS)

    def test_gradients_equal_central_differences(self) -> None:
        """Of a training pass and one outside training, by parameters and inputs, on every backend in float64."""
        for backend in self.backends("float64"):
            for case in self.fitted():
                assert_gradients(backend, case)

    def test_a_member_of_a_fleet_gives_the_same_as_alone(self) -> None:
        """A backend's `vmap` over variables and rows gives the reference's numbers, in float64."""
        for backend in self.backends("float64"):
            for case in self.fitted():
                assert_equals_reference(backend, case)

    def test_a_members_bits_do_not_depend_on_its_chunk(self) -> None:
        """Outputs, gradients and buffers, in chunks of 1, 3 and 10 members, in both dtypes, on the CPU."""
        for dtype in ("float32", "float64"):
            for backend in self.backends(dtype):
                for case in self.fitted():
                    assert_same_bits(backend, case)

    def test_narrow_dtypes_are_kept_and_give_the_numbers_of_float(self) -> None:
        """With inputs in `compute`, bfloat16 or float16: outputs and gradients, on every backend that has these.

        Outputs of matrix products and of functions without variables are in `compute`, gradients of parameters and
        buffers in `float`, and nothing overflows.
        """
        narrow = [backend for compute in ("bfloat16", "float16") for backend in self.backends("float32", compute)]
        for wide in self.backends("float32"):
            own = [backend for backend in narrow if backend.name == wide.name]
            for case in self.fitted() if own else ():
                assert_narrow_dtypes_work(wide, own, case)


def _drawn(layer: Layer, shape: Any, seed: int = 0) -> Variables:
    return layer.init(np.random.default_rng(seed), shape)


def _refusal(layer: Layer, shape: Any) -> object:
    """Return the exception that `output_shape` raises, or the shape that it returns."""
    try:
        return layer.output_shape(shape)
    except Exception as error:  # noqa: BLE001 - the check is which one it is
        return error
