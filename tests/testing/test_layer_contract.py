"""The contract passes for a good layer and fails for layers that each break one rule."""

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.domain.tree import tree_map
from gmcore.nn.layers import BatchNorm, Dense, Dropout, ReLU, Sequential
from gmcore.nn.preprocessing import ScaleTarget, Standardize
from gmcore.ports import Layer, SupportsAdapt, SupportsInverse, SupportsUpdate
from gmcore.testing.layer import LayerContract

ROWS = np.random.default_rng(2).normal(size=(9, 3)) * [1.0, 10.0, 0.1] + 5.0


@attrs.frozen
class Whole(Layer, SupportsAdapt, SupportsUpdate):
    """A layer with all that a layer can have, of which some methods are replaced."""

    random: ClassVar[bool] = True
    replaced: dict[str, Callable[..., Any]] = attrs.field(factory=dict)
    inside: Any = attrs.field(init=False)
    notes: list[int] = attrs.field(init=False, factory=list)

    @inside.default
    def _inside(self):
        return Sequential([Standardize(), Dense(5), BatchNorm(), Dropout(0.3)])

    def _call(self, name, *args, **named):
        own = getattr(self.inside, name)
        return self.replaced[name](own, *args, **named) if name in self.replaced else own(*args, **named)

    def output_shape(self, input_shape):
        return self._call("output_shape", input_shape)

    def init(self, rng, input_shape):
        return self._call("init", rng, input_shape)

    def adapt(self, variables, blocks, *, rng):
        return self._call("adapt", variables, blocks, rng=rng)

    def apply(self, variables, inputs, at):
        self.notes.extend(self.replaced.get("notes", lambda: ())())
        return self._call("apply", variables, inputs, at)

    def update(self, variables, inputs, at):
        return self._call("update", variables, inputs, at)

    def describe(self, input_shape):
        return self._call("describe", input_shape)


class TestWhole(LayerContract):
    abilities = (SupportsAdapt, SupportsUpdate)

    def layer(self):
        return Whole()

    def cases(self):
        return {"columns": ROWS}


class TestScaleTarget(LayerContract):
    abilities = (SupportsAdapt, SupportsInverse)

    def layer(self):
        return ScaleTarget()

    def cases(self):
        return {"columns": ROWS}


@attrs.frozen
class OneWay(ScaleTarget):
    def inverse(self, variables, outputs, *, xp):
        return outputs


@attrs.frozen
class Unstated(ScaleTarget, SupportsUpdate):
    def update(self, variables, inputs, at):
        return self.apply(variables, inputs, at), variables.buffers


def with_params(change):
    return lambda own, rng, shape: Variables(tree_map(change, own(rng, shape).params), own(rng, shape).buffers)


def drawn_shared(own, rng, shape):
    return attrs.evolve(own(rng, shape), shared={"base": rng.normal(size=3)})


def of_outputs(change):
    """Return an `apply` that changes the outputs."""
    return lambda own, variables, inputs, at: change(own(variables, inputs, at), inputs, at.xp)


def with_pass(change):
    """Return an `apply` or an `update` in another pass."""
    return lambda own, variables, inputs, at: own(variables, inputs, change(at))


def with_other_weights(change):
    return with_pass(lambda at: attrs.evolve(at, weights=change(at)))


def counted_calls(own, variables, inputs, at, calls=[]):  # noqa: B006 - that is what is wrong with it
    calls.append(at)
    return own(variables, inputs, at) + len(calls)


def remembered_statistics(own, variables, inputs, at, seen={}):  # noqa: B006 - as above
    outputs, buffers = own(variables, inputs, at)
    seen["shift"] = seen.get("shift", 0.0) + at.xp.mean(inputs)
    return outputs + seen["shift"], buffers


def with_the_next_key(at, calls=[]):  # noqa: B006 - as above
    calls.append(at)
    return attrs.evolve(at, key=np.array([len(calls), 2], np.uint32))


def with_more_shared(own, variables, inputs, at):
    variables.shared["seen"] = inputs
    return own(variables, inputs, at)


def with_inputs_in_place(own, variables, inputs, at):
    outputs, buffers = own(variables, inputs, at)
    inputs *= 1.5
    return outputs, buffers


def with_buffers(change):
    def update(own, variables, inputs, at):
        outputs, buffers = own(variables, inputs, at)
        return outputs, change(buffers)

    return update


def without_gradient(own, variables, inputs, at):
    return own(attrs.evolve(variables, params=tree_map(at.xp.stop_gradient, variables.params)), inputs, at)


def with_empty_branch(own, variables, inputs, at):
    return own(variables, inputs, at) + (0.0 if "empty" in variables.buffers else 1.0)


def in_place(own, variables, blocks, *, rng):
    variables.params["1"]["weight"] *= 2
    return own(variables, blocks, rng=rng)


def other_fit(change):
    return lambda own, variables, blocks, *, rng: own(variables, change(list(blocks)), rng=rng)


def drawing(own, variables, blocks, *, rng):
    found = own(variables, blocks, rng=rng)
    return attrs.evolve(found, buffers=tree_map(lambda leaf: leaf + np.random.default_rng().random(), found.buffers))


def weightless(blocks):
    return [attrs.evolve(block, weights=None) for block in blocks]


BROKEN = {
    "output_shape_is": {"output_shape": lambda own, shape: (*own(shape), 1)},
    "another_kind": {"output_shape": lambda own, shape: (2,)},
    "fresh_variables": {"init": lambda own, rng, shape: own(np.random.default_rng(), shape)},
    "are_a_function_of_the_generator": {"init": drawn_shared},
    "float64": {"init": with_params(lambda leaf: leaf.astype(np.float32))},
    "one_line": {"describe": lambda own, shape: "two\nlines"},
    "dtype_of_the_namespace": {"apply": of_outputs(lambda outputs, _, xp: outputs.astype(np.float64))},
    "outputs_are_finite": {"apply": of_outputs(lambda outputs, _, xp: outputs * np.inf)},
    "nothing_is_kept": {"apply": counted_calls},
    "is_kept_between": {"update": remembered_statistics},
    "kept_between_calls": {"notes": lambda: [1]},
    "nothing_is_kept_between": {"apply": with_more_shared},
    "is_kept_between_calls": {"update": with_inputs_in_place},
    "a_function_of_the_key": {"update": with_pass(with_the_next_key)},
    "random_numbers_are": {"update": with_pass(lambda at: attrs.evolve(at, key=np.array([1, 2], np.uint32)))},
    "on_other_rows": {"apply": of_outputs(lambda outputs, _, xp: outputs - xp.mean(outputs, axis=0))},
    "padding": {"update": with_other_weights(lambda at: at.xp.ones_like(at.weights))},
    "weight_2": {"update": with_other_weights(lambda at: at.xp.astype(at.weights > 0, at.xp.float))},
    "in_which_no_row_counts": {"update": with_buffers(lambda buffers: tree_map(lambda leaf: leaf * 0.9, buffers))},
    "survive_a_file": {"init": lambda own, *args: Variables(own(*args).params, {**own(*args).buffers, "empty": {}}),
                       "adapt": lambda own, variables, blocks, *, rng: variables,
                       "apply": with_empty_branch},
    "names_shapes_and_dtypes": {"update": with_buffers(lambda buffers: {"0": buffers["0"]})},
    "of_rows_and_generator": {"adapt": drawing},
    "cut_into_blocks": {"adapt": other_fit(lambda blocks: blocks[:1])},
    "as_its_weight_says": {"adapt": other_fit(weightless)},
    "changes_nothing_in_place": {"adapt": in_place},
    "central_differences": {"update": without_gradient},
    "numbers_of_float": {"apply": of_outputs(lambda outputs, _, xp: outputs * 6e4 / 6e4)},
    "kept_and_give": {"apply": of_outputs(lambda out, _, xp: out if xp.compute == xp.float else xp.stop_gradient(out))},
    "the_same_as_alone": {"apply": of_outputs(lambda out, x, xp: out if isinstance(x, np.ndarray) else 1.01 * out)},
    "on_its_chunk": {"apply": counted_calls},
}  # fmt: skip


def check_of(contract, rule):
    (check,) = (name for name in dir(contract) if name.startswith("test_") and rule in name and getattr(contract, name))
    return getattr(contract(), check)


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_layer_is_caught(rule):
    class Contract(TestWhole):
        def layer(self):
            return Whole(BROKEN[rule])

    with pytest.raises(AssertionError), np.errstate(invalid="ignore"):
        check_of(Contract, rule)()


def narrow_buffers(own, variables, inputs, at):
    outputs, buffers = own(variables, inputs, at)
    return outputs, tree_map(lambda leaf: at.xp.astype(leaf, at.xp.compute), buffers)


@attrs.frozen(kw_only=True)
class Wide(ReLU):
    def of(self, x, xp):
        return xp.astype(xp.relu(x), xp.float)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Wide(), "outputs in training are .*float32 in place of .*bfloat16"),
        (
            Whole({"apply": of_outputs(lambda outputs, _, xp: xp.astype(outputs, xp.float))}),
            "outputs outside training are .*float32",
        ),
        (Whole({"update": narrow_buffers}), "the buffer .* is .*bfloat16 in place of .*float32"),
    ],
    ids=["an activation", "a matrix product", "buffers"],
)
def test_another_dtype_than_that_of_narrow_inputs_is_caught(layer, message):
    class Contract(TestWhole):
        def layer(self):
            return layer

    with pytest.raises(AssertionError, match=message):
        check_of(Contract, "narrow")()


@pytest.mark.parametrize("rule", ["inverse", "abilities"])
def test_a_layer_with_a_broken_ability_is_caught(rule):
    class Contract(TestScaleTarget):
        def layer(self):
            return {"inverse": OneWay, "abilities": Unstated}[rule]()

    with pytest.raises(AssertionError):
        check_of(Contract, rule)()
