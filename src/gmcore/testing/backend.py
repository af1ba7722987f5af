"""Contract tests for backends."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.ports import Backend
from gmcore.testing.backend_checks.fleets import assert_takes_members
from gmcore.testing.backend_checks.memory import assert_knows_memory_errors
from gmcore.testing.backend_checks.namespace_contract import NamespaceContract
from gmcore.testing.backend_checks.scans import assert_prepares, assert_takes_first_steps

__all__ = ["BackendContract"]

Function = Callable[..., Array]


class BackendContract(NamespaceContract):
    """Contract tests for a backend with one dtype and `compute`; subclass it as `TestYours` in a test module."""

    # --- conversion

    def test_trees_are_converted_and_back(self) -> None:
        """Dicts, tuples, empty arrays, views and scalars keep structure and values; floats get the backend's dtype."""
        backend = self.backend()
        tree: dict[str, Array] = {
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

    def test_asarray_copies(self) -> None:
        """Changing the host array later does not change the device array."""
        backend = self.backend()
        host = np.ones(1000, backend.dtype)
        device = backend.asarray(host)
        host[:] = 7
        np.testing.assert_array_equal(backend.to_numpy(device), np.ones(1000))

    def test_errors_about_memory_are_known(self) -> None:
        """Those of Python and NumPy, and no others."""
        assert_knows_memory_errors(self.backend())

    # --- transforms

    def test_gradients_are_those_of_the_first_argument(self) -> None:
        """Gradients have its structure, and are returned with the value and the auxiliary result."""
        backend = self.backend()
        params = {"a": {"w": np.array([1.0, 2.0])}, "b": np.array(3.0)}

        def fn(params: Tree, x: Array) -> tuple[Array, Tree]:
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
        """Including with shared arguments, and with trees as arguments and results."""
        backend = self.backend()
        xp, rng = backend.xp, np.random.default_rng(0)
        x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
        fn: Function = backend.vmap(lambda x, w: {"y": xp.tanh(x["x"] @ w)}, in_axes=(0, None))
        found = backend.to_numpy(fn({"x": backend.asarray(x)}, backend.asarray(w)))["y"]
        np.testing.assert_allclose(found, np.tanh(x @ w), rtol=1e-5)

    def test_nested_transforms_give_each_members_gradient(self) -> None:
        """`value_and_grad` of the sum of a `vmap`, compiled, with and without checkpointing, as in training."""
        backend = self.backend()
        params, x = _fleet(backend)
        alone = [
            tree_map(backend.to_numpy, backend.value_and_grad(_member_loss(backend))(_member(backend, params, k), x)[1])
            for k in range(3)
        ]
        for loss in (_member_loss(backend), backend.checkpoint(_member_loss(backend))):

            def fleet_loss(params: Tree, x: Array, loss: Function = loss) -> tuple[Array, Array]:
                losses, _ = backend.vmap(loss, in_axes=(0, None))(params, x)
                return backend.xp.sum(losses), losses

            fn = backend.compile(backend.value_and_grad(fleet_loss))
            _, gradients = backend.to_numpy(fn(params, x))
            for place, one in enumerate(alone):
                for name, gradient in gradients.items():
                    np.testing.assert_allclose(gradient[place], one[name], rtol=1e-4, atol=1e-6)

    def test_a_checkpointed_function_takes_keys_and_indices(self) -> None:
        """Of one member and of a fleet; the gradient is that without a checkpoint."""
        backend = self.backend()
        xp, rng = backend.xp, np.random.default_rng(0)
        given = {"rows": np.array([[1, 0], [3, 3]], np.int32), "key": np.array([[1, 2], [3, 4]], np.uint32)}

        def loss(params: Array, inputs: Tree) -> Array:
            rows = xp.take(params, inputs["rows"], axis=0)
            return xp.sum(xp.square(rows) * xp.random.uniform(inputs["key"], rows.shape))

        def gradients(loss: Function, params: Array, inputs: Tree) -> list[Array]:
            member = backend.value_and_grad(lambda params, inputs: (loss(params, inputs), None))
            fleet = backend.value_and_grad(lambda params, inputs: (xp.sum(backend.vmap(loss)(params, inputs)), None))
            return [member(params[0], tree_map(lambda x: x[0], inputs))[1], fleet(params, inputs)[1]]

        def run(params: Array, inputs: Tree) -> list[list[Array]]:
            return [gradients(form, params, inputs) for form in (backend.checkpoint(loss), loss)]

        program = backend.compile(run, loops=True)
        found, expected = backend.to_numpy(program(*backend.asarray((rng.normal(size=(2, 4, 3)), given))))
        for with_checkpoint, without in zip(found, expected, strict=True):
            np.testing.assert_allclose(with_checkpoint, without, rtol=1e-6)

    def test_a_program_is_compiled_once_for_each_shape(self) -> None:
        """Calling it with its own results does not compile again; a new shape does and is counted."""
        backend = self.backend()
        fn: Function = backend.compile(lambda tree: {"x": tree["x"] * 2 + 1})
        before, tree = backend.compilations, {"x": backend.asarray(np.ones(3))}
        for _ in range(4):
            tree = fn(tree)
        assert backend.compilations == before + 1
        np.testing.assert_array_equal(backend.to_numpy(tree["x"]), np.full(3, 31.0))
        fn({"x": backend.asarray(np.ones(5))})
        assert backend.compilations == before + 2

    def test_a_compiled_function_works_after_its_source_is_deleted(self) -> None:
        """Only the compiled function needs a reference."""
        backend = self.backend()
        forms: list[Function] = [backend.compile(lambda x, k=k: x + k) for k in range(3)]
        found = [float(backend.to_numpy(form(backend.asarray(np.zeros(()))))) for form in forms]
        assert found == [0.0, 1.0, 2.0]

    def test_scan_is_a_loop(self) -> None:
        """Alone and inside a compiled function, with and without stacked results, for NumPy and device arrays."""
        backend = self.backend()
        carry, xs, shared = {"sum": np.zeros(2)}, {"x": np.arange(10.0).reshape(5, 2)}, {"by": np.array(3.0)}

        def step(carry: Tree, x: Tree, shared: Tree) -> tuple[Tree, Tree]:
            after = {"sum": carry["sum"] + x["x"] * shared["by"]}
            return after, {"doubled": after["sum"] * 2}

        def run(carry: Tree, xs: Tree, shared: Tree) -> tuple[Tree, Tree]:
            return backend.scan(step, carry, xs, shared)

        for form in (run, backend.compile(run, loops=True), backend.compile(run, loops=True, donate=(0,))):
            for given in (xs, backend.asarray(xs)):
                after, ys = backend.to_numpy(form(backend.asarray(carry), given, backend.asarray(shared)))
                np.testing.assert_array_equal(after["sum"], [60.0, 75.0])
                np.testing.assert_array_equal(ys["doubled"], 2 * np.cumsum(3 * xs["x"], axis=0))
        silent = backend.scan(lambda c, x, _: (c + x["x"], None), backend.asarray(np.zeros(2)), xs)
        assert silent[1] is None
        np.testing.assert_array_equal(backend.to_numpy(silent[0]), [20.0, 25.0])

    def test_a_scan_takes_the_first_steps(self) -> None:
        """Of `length`, and computes none for the padding; compiled or not, and for a fleet."""
        assert_takes_first_steps(self.backend())

    def test_a_program_is_prepared_in_another_thread(self) -> None:
        """While this thread calls it as well."""
        assert_prepares(self.backend())

    def test_a_scans_step_is_compiled_once(self) -> None:
        """For any length and number of scans with the same shapes per step."""
        backend = self.backend()

        def step(carry: Array, x: Array, _: None) -> tuple[Array, None]:
            return carry + x, None

        run: Function = backend.compile(lambda carry, xs: backend.scan(step, carry, xs)[0], loops=True)
        xs = np.ones((6, 2))
        first = run(backend.asarray(np.zeros(2)), xs)
        before = backend.compilations
        again = run(first, xs)
        assert backend.compilations == before
        np.testing.assert_array_equal(backend.to_numpy(again), [12.0, 12.0])

    def test_a_result_outlives_a_donated_argument(self) -> None:
        """Even if the result is that argument; training copies the values of a checkpoint like this."""
        backend = self.backend()
        host = {"carry": np.arange(300.0).reshape(3, 100), "count": np.arange(3)}
        for members in ((), (0,)):
            copy: Function = backend.compile(lambda tree: tree, members=members)
            advance: Function = backend.compile(
                lambda tree: {"carry": tree["carry"] * 2, "count": tree["count"] + 1}, donate=(0,)
            )
            tree = backend.asarray(host)
            for _ in range(2):
                before = backend.to_numpy(tree)
                kept, tree = copy(tree), advance(tree)
                for name, leaf in backend.to_numpy(kept).items():
                    np.testing.assert_array_equal(leaf, before[name])

    def test_a_fleets_program_takes_any_number_of_members(self) -> None:
        """On another axis for some arguments, and with shared arguments."""
        assert_takes_members(self.backend())

    # --- description

    def test_device_and_provenance(self) -> None:
        """The device is listed as available, unavailable devices have a reason, and provenance is text."""
        backend = self.backend()
        assert isinstance(backend, Backend)
        available = {device.name for device in type(backend).devices(backend.dtype) if device.available}
        assert backend.device in available
        assert all(isinstance(word, str) for pair in backend.provenance().items() for word in pair)
        assert all(device.reason for device in type(backend).devices(backend.dtype) if device.name not in available)


def _member_loss(backend: Backend) -> Callable[[Tree, Array], tuple[Array, Array]]:
    def loss(params: Tree, x: Array) -> tuple[Array, Array]:
        hidden = backend.xp.tanh(x @ params["w"] + params["b"])
        value = backend.xp.mean(backend.xp.square(hidden @ params["v"]))
        return value, value

    return loss


def _fleet(backend: Backend) -> tuple[Tree, Array]:
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(3, 4, 5)), "b": rng.normal(size=(3, 5)), "v": rng.normal(size=(3, 5, 2))}
    return backend.asarray(params), backend.asarray(rng.normal(size=(6, 4)))


def _member(backend: Backend, params: Tree, place: int) -> Tree:
    return tree_map(lambda leaf: backend.asarray(backend.to_numpy(leaf)[place]), params)
