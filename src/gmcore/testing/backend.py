"""Contract: what every backend keeps to."""

# ruff: noqa: S101 - these are checks

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from gmcore.domain.tree import tree_map
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend
from gmcore.testing.fleet_checks import assert_takes_members
from gmcore.testing.namespace_cases import calls, smooth_calls
from gmcore.testing.namespace_checks import assert_all_hold, compare, compare_gradient
from gmcore.testing.precision_checks import assert_float_gradients, assert_multiplies, assert_stays_narrow
from gmcore.testing.random_checks import assert_distributed, assert_keyed, assert_members_draw

__all__ = ["BackendContract"]


class BackendContract(ABC):
    """Checks for a backend, dtype and `compute`; subclass it as `TestYours` in a test module, and pytest runs them."""

    @abstractmethod
    def backend(self) -> Backend:
        """Return a backend; the same one every time is fine."""

    # --- the namespace, against NumPy

    def test_every_function_is_tried(self) -> None:
        """Every public function of the port's namespace stands in the cases."""
        from gmcore.ports import Namespace  # noqa: PLC0415 - its members are looked at, here alone

        named = {name for name, member in vars(Namespace).items() if callable(member) and not name.startswith("_")}
        assert named - {call.name for call in calls("float32")} == set()

    def test_values_shapes_and_dtypes_are_numpys(self) -> None:
        """Each call gives NumPy's values to a few units in the last place, with its shape and dtype."""
        backend: Any = self.backend()
        reference = NumPyNamespace(backend.dtype)
        assert_all_hold(calls(backend.dtype), lambda call: compare(backend, reference, call))

    def test_python_numbers_change_no_dtype(self) -> None:
        """Arithmetic with Python's numbers stays in the array's dtype."""
        backend: Any = self.backend()

        def mixed(x: Any, i: Any) -> Any:
            return {"float": (1 + x * 2.5 - 1) / 3 + x**2 + 0.1, "int": (i + 1) * 2, "bool": x > 0.5, "neg": -x}  # noqa: PLR2004

        x = np.array([0.25, -1.5], backend.dtype)
        found = backend.to_numpy(backend.compile(mixed)(backend.asarray(x), backend.asarray(np.arange(2))))
        assert [found[name].dtype.name for name in ("float", "int", "bool", "neg")] == [
            backend.dtype, "int32", "bool", backend.dtype,
        ]  # fmt: skip
        np.testing.assert_allclose(found["float"], x * 2.5 / 3 + x**2 + 0.1, rtol=1e-6)

    def test_arrays_are_indexed_as_numpys(self) -> None:
        """Whole numbers, slices, None, `...` and integer arrays."""
        backend: Any = self.backend()
        x, rows = np.arange(24.0).reshape(2, 3, 4).astype(backend.dtype), np.array([[1, 0], [0, 0]], np.int32)
        device, picks = backend.asarray(x), backend.asarray(rows)
        for index in (0, -1, slice(1, None), (slice(None), 1), (..., 0), (slice(None), None), (0, slice(0, 2), 3)):
            np.testing.assert_array_equal(backend.to_numpy(device[index]), x[index])
        np.testing.assert_array_equal(backend.to_numpy(device[picks]), x[rows])

    def test_gradients_are_central_differences(self) -> None:
        """Each smooth call's gradient agrees with central differences of the reference in float64."""
        backend: Any = self.backend()
        assert_all_hold(smooth_calls(backend.dtype), lambda call: compare_gradient(backend, call))

    def test_no_gradient_passes_stop_gradient(self) -> None:
        """What is stopped is a constant."""
        backend: Any = self.backend()
        fn = backend.value_and_grad(lambda x: (backend.xp.sum(x * backend.xp.stop_gradient(x)), None))
        _, gradient = fn(backend.asarray(np.array([2.0, 3.0])))
        np.testing.assert_array_equal(backend.to_numpy(gradient), [2.0, 3.0])

    # --- in and out

    def test_trees_come_back_as_they_went(self) -> None:
        """Dicts and tuples, empty arrays, views, scalars; every float in the backend's dtype."""
        backend: Any = self.backend()
        tree: dict[str, Any] = {
            "float": np.linspace(0, 1, 12).reshape(3, 4)[:, ::2],
            "empty": np.zeros((0, 3)),
            "pair": (np.arange(5), np.array([True, False])),
            "key": np.array([2**32 - 1, 1], np.uint32),
            "scalar": np.float64(0.1),
        }
        found = backend.to_numpy(backend.asarray(tree))
        assert found["float"].dtype == found["scalar"].dtype == backend.dtype
        assert [leaf.dtype.name for leaf in found["pair"]] == ["int32", "bool"]
        np.testing.assert_array_equal(found["float"], tree["float"].astype(backend.dtype))
        np.testing.assert_array_equal(found["key"], tree["key"])
        np.testing.assert_array_equal(found["pair"][0], tree["pair"][0])
        assert found["empty"].shape == (0, 3)
        assert found["scalar"] == np.dtype(backend.dtype).type(0.1)

    def test_what_the_host_changes_later_stays_on_the_host(self) -> None:
        """The device has a copy."""
        backend: Any = self.backend()
        host = np.ones(1000, backend.dtype)
        device = backend.asarray(host)
        host[:] = 7
        np.testing.assert_array_equal(backend.to_numpy(device), np.ones(1000))

    # --- transforms

    def test_gradients_are_those_of_the_first_argument(self) -> None:
        """In its tree, with the value and what else the function returns."""
        backend: Any = self.backend()
        params = {"a": {"w": np.array([1.0, 2.0])}, "b": np.array(3.0)}

        def fn(params: Any, x: Any) -> Any:
            value = backend.xp.sum(params["a"]["w"] * x) * params["b"]
            return value, {"doubled": value * 2}

        (value, aux), gradients = backend.value_and_grad(fn)(
            backend.asarray(params), backend.asarray(np.array([5.0, 7.0]))
        )
        found = backend.to_numpy({"value": value, "aux": aux, "gradients": gradients})
        assert (found["value"], found["aux"]["doubled"]) == (57.0, 114.0)
        np.testing.assert_array_equal(found["gradients"]["a"]["w"], [15.0, 21.0])
        assert found["gradients"]["b"] == 19.0  # noqa: PLR2004

    def test_vmap_is_a_loop_over_the_first_axis(self) -> None:
        """Also with arguments that all share, and trees in and out."""
        backend: Any = self.backend()
        xp, rng = backend.xp, np.random.default_rng(0)
        x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
        fn = backend.vmap(lambda x, w: {"y": xp.tanh(x["x"] @ w)}, in_axes=(0, None))
        found = backend.to_numpy(fn({"x": backend.asarray(x)}, backend.asarray(w)))["y"]
        np.testing.assert_allclose(found, np.tanh(x @ w), rtol=1e-5)

    def test_the_cores_nesting_gives_each_members_gradient(self) -> None:
        """`value_and_grad` of the sum of a `vmap`, compiled, checkpointed or not, in a scan or alone."""
        backend: Any = self.backend()
        params, x = _fleet(backend)
        alone = [
            tree_map(backend.to_numpy, backend.value_and_grad(_member_loss(backend))(_member(backend, params, k), x)[1])
            for k in range(3)
        ]
        for wrap in (lambda fn: fn, backend.checkpoint):
            loss = wrap(_member_loss(backend))

            def fleet_loss(params: Any, x: Any, loss: Any = loss) -> Any:
                losses, _ = backend.vmap(loss, in_axes=(0, None))(params, x)
                return backend.xp.sum(losses), losses

            fn = backend.compile(backend.value_and_grad(fleet_loss))
            _, gradients = backend.to_numpy(fn(params, x))
            for place, one in enumerate(alone):
                for name, gradient in gradients.items():
                    np.testing.assert_allclose(gradient[place], one[name], rtol=1e-4, atol=1e-6)

    def test_a_program_is_compiled_once_a_shape(self) -> None:
        """Its own results do as arguments; another shape is counted."""
        backend: Any = self.backend()
        fn = backend.compile(lambda tree: {"x": tree["x"] * 2 + 1})
        before, tree = backend.compilations, {"x": backend.asarray(np.ones(3))}
        for _ in range(4):
            tree = fn(tree)
        assert backend.compilations == before + 1
        np.testing.assert_array_equal(backend.to_numpy(tree["x"]), np.full(3, 31.0))
        fn({"x": backend.asarray(np.ones(5))})
        assert backend.compilations == before + 2

    def test_a_compiled_function_may_be_forgotten_by_its_maker(self) -> None:
        """The compiled form is all that need be kept."""
        backend: Any = self.backend()
        forms = [backend.compile(lambda x, k=k: x + k) for k in range(3)]
        found = [float(backend.to_numpy(form(backend.asarray(np.zeros(()))))) for form in forms]
        assert found == [0.0, 1.0, 2.0]

    def test_scan_is_a_loop(self) -> None:
        """Alone and inside a compiled function, with results of every step and without, NumPy or device arrays in."""
        backend: Any = self.backend()
        carry, xs, shared = {"sum": np.zeros(2)}, {"x": np.arange(10.0).reshape(5, 2)}, {"by": np.array(3.0)}

        def step(carry: Any, x: Any, shared: Any) -> Any:
            after = {"sum": carry["sum"] + x["x"] * shared["by"]}
            return after, {"seen": after["sum"] * 2}

        def run(carry: Any, xs: Any, shared: Any) -> Any:
            return backend.scan(step, carry, xs, shared)

        for form in (run, backend.compile(run, loops=True), backend.compile(run, loops=True, donate=(0,))):
            for given in (xs, backend.asarray(xs)):
                after, ys = backend.to_numpy(form(backend.asarray(carry), given, backend.asarray(shared)))
                np.testing.assert_array_equal(after["sum"], [60.0, 75.0])
                np.testing.assert_array_equal(ys["seen"], 2 * np.cumsum(3 * xs["x"], axis=0))
        silent = backend.scan(lambda c, x, _: (c + x["x"], None), backend.asarray(np.zeros(2)), xs)
        assert silent[1] is None
        np.testing.assert_array_equal(backend.to_numpy(silent[0]), [20.0, 25.0])

    def test_a_scans_step_is_compiled_once(self) -> None:
        """However long the scan and however often it is run with one shape of a step."""
        backend: Any = self.backend()

        def step(carry: Any, x: Any, _: Any) -> Any:
            return carry + x, None

        run = backend.compile(lambda carry, xs: backend.scan(step, carry, xs)[0], loops=True)
        xs = np.ones((6, 2))
        first = run(backend.asarray(np.zeros(2)), xs)
        before = backend.compilations
        again = run(first, xs)
        assert backend.compilations == before
        np.testing.assert_array_equal(backend.to_numpy(again), [12.0, 12.0])

    def test_a_result_outlives_an_argument_that_is_given_up(self) -> None:
        """Also one that is that argument: so training sets aside what a checkpoint is written of."""
        backend: Any = self.backend()
        host = {"carry": np.arange(300.0).reshape(3, 100), "count": np.arange(3)}
        for members in ((), (0,)):
            copy = backend.compile(lambda tree: tree, members=members)
            onward = backend.compile(lambda tree: {"carry": tree["carry"] * 2, "count": tree["count"] + 1}, donate=(0,))
            tree = backend.asarray(host)
            for _ in range(2):
                before = backend.to_numpy(tree)
                kept, tree = copy(tree), onward(tree)
                for name, leaf in backend.to_numpy(kept).items():
                    np.testing.assert_array_equal(leaf, before[name])

    def test_a_fleets_program_takes_any_number_of_members(self) -> None:
        """On another axis of some arguments, beside arguments that they share."""
        assert_takes_members(self.backend())

    # --- precision

    def test_matrices_are_multiplied_in_compute(self) -> None:
        """Added up as float and rounded once."""
        assert_multiplies(self.backend())

    def test_what_is_narrow_stays_so_and_gradients_are_float(self) -> None:
        """Until it is taken back to float; in `compute` that is float, nothing changes."""
        assert_stays_narrow(self.backend())
        assert_float_gradients(self.backend())

    # --- randomness

    def test_equal_keys_draw_equal_numbers_and_others_differ(self) -> None:
        """Compiled or not; a folded key is another."""
        assert_keyed(self.backend())

    def test_draws_have_the_distribution_they_name(self) -> None:
        """Mean, spread and bounds of 40,000 draws, to five standard errors; all bits of the mantissa in use."""
        assert_distributed(self.backend())

    def test_each_member_draws_its_own(self) -> None:
        """Under `vmap`, what it would draw alone."""
        assert_members_draw(self.backend())

    # --- about itself

    def test_it_says_what_it_is(self) -> None:
        """Its device is one that it lists as available, and provenance is text."""
        backend: Any = self.backend()
        assert isinstance(backend, Backend)
        available = {device.name for device in type(backend).devices(backend.dtype) if device.available}
        assert backend.device in available
        assert all(isinstance(word, str) for pair in backend.provenance().items() for word in pair)
        assert all(device.reason for device in type(backend).devices(backend.dtype) if device.name not in available)


def _member_loss(backend: Backend) -> Callable[[Any, Any], Any]:
    def loss(params: Any, x: Any) -> Any:
        hidden = backend.xp.tanh(x @ params["w"] + params["b"])
        value = backend.xp.mean(backend.xp.square(hidden @ params["v"]))
        return value, value

    return loss


def _fleet(backend: Backend) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(3, 4, 5)), "b": rng.normal(size=(3, 5)), "v": rng.normal(size=(3, 5, 2))}
    return backend.asarray(params), backend.asarray(rng.normal(size=(6, 4)))


def _member(backend: Backend, params: Any, place: int) -> Any:
    return tree_map(lambda leaf: backend.asarray(backend.to_numpy(leaf)[place]), params)
