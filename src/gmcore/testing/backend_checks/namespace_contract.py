"""Contract tests for a backend's namespace."""

# ruff: noqa: S101 - these are checks

from abc import ABC, abstractmethod
from functools import partial

import numpy as np

from gmcore.domain import Array
from gmcore.ports import Backend, Namespace
from gmcore.testing.backend_checks.array_cases import member_calls
from gmcore.testing.backend_checks.call import Call
from gmcore.testing.backend_checks.convolution_fleets import (
    assert_convolves_fleets,
    assert_convolves_fleets_of_fleets,
    assert_differentiates_twice,
)
from gmcore.testing.backend_checks.convolutions import (
    assert_convolves_narrowly,
    assert_pools_to_the_first,
    assert_refuses_windows,
    assert_trains_convolutions,
)
from gmcore.testing.backend_checks.loops import (
    assert_differentiates_loops,
    assert_loops,
    assert_loops_of_no_steps,
    assert_refuses_loops,
)
from gmcore.testing.backend_checks.members import assert_members_agree
from gmcore.testing.backend_checks.namespace import (
    assert_gradients_are_right,
    assert_same_alone,
    assert_values_are_numpys,
    one_of_each,
)
from gmcore.testing.backend_checks.namespace_cases import calls, smooth_calls
from gmcore.testing.backend_checks.precision import assert_float_gradients, assert_multiplies, assert_stays_narrow
from gmcore.testing.backend_checks.random import assert_distributed, assert_keyed, assert_members_draw
from gmcore.testing.backend_checks.refusals import assert_refused
from gmcore.testing.backend_checks.window_cases import member_window_calls

__all__ = ["NamespaceContract"]

_ALONE = "tanh maximum sum reshape concat take matmul einsum full astype top_k conv"


class NamespaceContract(ABC):
    """The tests of `BackendContract` that are about the functions of `xp`."""

    @abstractmethod
    def backend(self) -> Backend:
        """Return a backend; it may be the same one each time."""

    # --- namespace, compared with NumPy

    def test_every_function_is_tested(self) -> None:
        """The test cases cover every public function of the port `Namespace`."""
        named = {name for name, member in vars(Namespace).items() if callable(member) and not name.startswith("_")}
        assert named - {call.name for call in calls("float32")} == {"scan"}  # which has tests of its own

    def test_values_shapes_and_dtypes_are_numpys(self) -> None:
        """Each call returns NumPy's values to a few units in the last place, with NumPy's shape and dtype."""
        backend = self.backend()
        assert_values_are_numpys(backend, _enough(backend, calls(backend.dtype)))

    def test_functions_are_the_same_outside_a_program(self) -> None:
        """A few of each kind: each call may compile, which takes time."""
        backend = self.backend()
        some = [call for call in one_of_each(calls(backend.dtype)) if call.name in _ALONE.split()]
        assert_same_alone(backend, some)

    def test_python_numbers_keep_the_dtype(self) -> None:
        """Arithmetic with Python numbers keeps the array's dtype."""
        backend = self.backend()

        def mixed(x: Array, i: Array) -> dict[str, Array]:
            return {"float": (1 + x * 2.5 - 1) / 3 + x**2 + 0.1, "int": (i + 1) * 2, "bool": x > 0.5, "neg": -x}  # noqa: PLR2004

        x = np.array([0.25, -1.5], backend.dtype)
        found = backend.to_numpy(backend.compile(mixed)(backend.asarray(x), backend.asarray(np.arange(2))))
        assert [found[name].dtype.name for name in ("float", "int", "bool", "neg")] == [
            backend.dtype, "int32", "bool", backend.dtype,
        ]  # fmt: skip
        np.testing.assert_allclose(found["float"], x * 2.5 / 3 + x**2 + 0.1, rtol=1e-6)

    def test_arrays_are_indexed_as_in_numpy(self) -> None:
        """With integers, slices, None, `...` and integer arrays."""
        backend = self.backend()
        x, rows = np.arange(24.0).reshape(2, 3, 4).astype(backend.dtype), np.array([[1, 0], [0, 0]], np.int32)
        device, picks = backend.asarray(x), backend.asarray(rows)
        for index in (0, -1, slice(1, None), (slice(None), 1), (..., 0), (slice(None), None), (0, slice(0, 2), 3)):
            np.testing.assert_array_equal(backend.to_numpy(device[index]), x[index])
        np.testing.assert_array_equal(backend.to_numpy(device[picks]), x[rows])

    def test_gradients_equal_central_differences(self) -> None:
        """The gradient of each smooth call agrees with central differences of the NumPy reference in float64."""
        backend = self.backend()
        assert_gradients_are_right(backend, _enough(backend, smooth_calls(backend.dtype)))

    def test_stop_gradient_has_no_gradient(self) -> None:
        """A stopped value is a constant for differentiation."""
        backend = self.backend()
        fn = backend.value_and_grad(lambda x: (backend.xp.sum(x * backend.xp.stop_gradient(x)), None))
        _, gradient = fn(backend.asarray(np.array([2.0, 3.0])))
        np.testing.assert_array_equal(backend.to_numpy(gradient), [2.0, 3.0])

    def test_more_values_than_there_are_can_not_be_selected(self) -> None:
        """`top_k` names the size of the axis."""
        backend = self.backend()
        x = backend.asarray(np.zeros((3, 5)))
        for k, axis, size in ((4, 0, 3), (6, -1, 5), (-1, 1, 5)):
            assert_refused(
                partial(backend.xp.top_k, x, k, axis=axis),
                f"top_k needs a k from 0 to the size of the axis, {size}, got {k}",
            )

    def test_functions_that_the_port_does_not_list_are_refused(self) -> None:
        """By name, with what to do, whether the library has them or not."""
        for name in ("cholesky", "linalg", "no_such_function"):
            assert not hasattr(self.backend().xp, name), name
            try:
                getattr(self.backend().xp, name)
            except AttributeError as error:
                assert f"no function '{name}'" in str(error)  # noqa: PT017 - a contract suite needs no pytest

    def test_windows_longer_than_the_series_are_refused(self) -> None:
        """`windows` names the number of steps."""
        backend = self.backend()
        x, starts = backend.asarray(np.zeros((5, 2))), backend.asarray(np.zeros(1, np.int32))
        for length in (0, 6):
            assert_refused(
                partial(backend.xp.windows, x, starts, length),
                f"windows need a length from 1 to the number of steps, 5, got {length}",
            )

    def test_a_members_results_do_not_depend_on_the_others(self) -> None:
        """Functions with a rule of their own under `vmap` give the reference's values and gradients in a fleet."""
        backend = self.backend()
        if backend.compute == backend.dtype:  # with a narrower one, these are the same functions
            assert_members_agree(backend, [*member_calls(backend.dtype), *member_window_calls(backend.dtype)])

    # --- loops inside a traced function

    def test_a_loop_gives_the_results_of_a_loop_in_python(self) -> None:
        """`xp.scan` of trees, forwards and in reverse, also of no steps; what can't be a loop is refused."""
        backend = self.backend()
        assert_loops(backend)
        assert_loops_of_no_steps(backend)
        assert_refuses_loops(backend.xp)

    def test_a_loop_is_differentiated_in_a_fleet(self) -> None:
        """A recurrent network's gradients are right under all transforms, and do not depend on other members."""
        assert_differentiates_loops(self.backend())

    # --- convolution and pooling

    def test_a_fleet_of_convolutions_is_trained_as_its_members_alone(self) -> None:
        """With a checkpoint, in a scan, in a compiled program, with batches larger than what is computed at once."""
        backend = self.backend()
        if backend.compute == backend.dtype:
            assert_trains_convolutions(backend)

    def test_a_convolution_is_right_for_each_member_of_a_fleet(self) -> None:
        """With few and many channels, shared operands, in a fleet of fleets; also its second derivative."""
        backend = self.backend()
        if backend.compute == backend.dtype:
            assert_convolves_fleets(backend)
            assert_convolves_fleets_of_fleets(backend)
            assert_differentiates_twice(backend)

    def test_pooling_gives_the_gradient_to_the_first_maximum(self) -> None:
        """In the order of memory; shapes and options that do not fit are refused with the same errors everywhere."""
        assert_pools_to_the_first(self.backend())
        assert_refuses_windows(self.backend().xp)

    # --- precision

    def test_matrices_are_multiplied_in_compute(self) -> None:
        """Products are summed in float and rounded once."""
        assert_multiplies(self.backend())
        assert_convolves_narrowly(self.backend())

    def test_narrow_arrays_stay_narrow_and_gradients_are_float(self) -> None:
        """Arrays in `compute` stay in it until they are cast to float."""
        assert_stays_narrow(self.backend())
        assert_float_gradients(self.backend())

    # --- random numbers

    def test_equal_keys_give_equal_draws_and_other_keys_others(self) -> None:
        """Compiled or not; a folded key is another key."""
        assert_keyed(self.backend())

    def test_draws_have_the_right_distribution(self) -> None:
        """Mean, variance and bounds of 40,000 draws, to five standard errors, and all mantissa bits are random."""
        assert_distributed(self.backend())

    def test_each_member_has_its_own_draws(self) -> None:
        """Under `vmap`, a member's draws are those it has alone."""
        assert_members_draw(self.backend())


def _enough(backend: Backend, calls: list[Call]) -> list[Call]:
    """Return all calls, or with a narrower `compute`, which changes no function of floats, one of each function."""
    return calls if backend.compute == backend.dtype else one_of_each(calls)
