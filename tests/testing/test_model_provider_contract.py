"""The contract passes for a good model and fails for models that each break one rule."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.domain.tree import tree_map
from gmcore.errors import ConfigError
from gmcore.ports import Model, ModelProvider
from gmcore.testing.fakes import TinyModel, two_moons
from gmcore.testing.model_provider import ModelProviderContract


class TestTinyModel(ModelProviderContract):
    def provider(self):
        return Provider(TinyModel)

    def cases(self):
        return {"two moons": two_moons(30)}


@attrs.frozen
class Provider(ModelProvider):
    make: Callable[..., Any]

    def create(self, schema):
        if not schema.features:
            raise ConfigError(["model: needs a feature"])
        return self.make(schema=schema)


@attrs.frozen
class Broken(Model):
    """A tiny model with some methods replaced."""

    schema: Any
    replaced: dict[str, Callable[..., Any]]
    tiny: Any = attrs.field(init=False)

    @tiny.default
    def _tiny(self):
        return TinyModel(schema=self.schema)

    def _call(self, name, *args, **named):
        own = getattr(self.tiny, name)
        return self.replaced[name](own, *args, **named) if name in self.replaced else own(*args, **named)

    @property
    def info(self):
        return self.tiny.info

    def init(self, *args):
        return self._call("init", *args)

    def adapt(self, *args, **named):
        return self._call("adapt", *args, **named)

    def apply(self, *args):
        return self._call("apply", *args)

    def loss(self, *args):
        return self._call("loss", *args)

    def predict(self, *args, **named):
        return self._call("predict", *args, **named)


def remembering():
    first = {}

    def adapt(own, variables, rows, **named):
        model = own.__self__
        _, rows = first.setdefault(id(model), (model, rows))
        return own(variables, rows, **named)

    return adapt


def params_as(change):
    return lambda own, rng: Variables(tree_map(change, own(rng).params), own(rng).buffers)


def outputs_as(change):
    return lambda own, variables, inputs, at: change(at, own(variables, inputs, at))


def changed_in_place(own, variables, rows, **named):
    variables.params["hidden"]["weight"] *= 2
    return own(variables, rows, **named)


def unlike_the_last(own, variables, inputs, at, calls=[]):  # noqa: B006 - that is what is wrong with it
    calls.append(at)
    return own(variables, inputs, at) + len(calls)


def random_in_training(own, variables, inputs, at):
    other = None if at.key is None else np.random.default_rng().integers(0, 99, 2).astype(np.uint32)
    return own(variables, inputs, attrs.evolve(at, key=other))


def without_gradient(own, variables, inputs, at):
    return own(Variables(tree_map(at.xp.stop_gradient, variables.params), variables.buffers), inputs, at)


def normalised_with_padding(own, variables, inputs, at):
    outputs = own(variables, inputs, attrs.evolve(at, training=False))
    return outputs - at.xp.mean(outputs, axis=0) if at.training else outputs


BROKEN = {
    "fresh_variables": {"init": lambda own, rng: own(np.random.default_rng(0))},
    "float64": {"init": params_as(lambda leaf: leaf.astype(np.float32))},
    "keeps_the_shapes": {"adapt": changed_in_place},
    "uses_only_the_rows": {"adapt": remembering()},
    "have_their_shapes": {"loss": lambda own, *args: args[-1].xp.mean(own(*args))},
    "have_probabilities": {"predict": lambda own, variables, outputs, *, xp: xp.sigmoid(outputs)},
    "other_rows_of_a_batch": {"apply": outputs_as(lambda at, outputs: outputs - at.xp.mean(outputs, axis=0))},
    "outside_training": {"apply": unlike_the_last},
    "of_the_key": {"apply": random_in_training},
    "padding_changes_nothing": {"apply": normalised_with_padding},
    "difference_quotient": {"apply": without_gradient},
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_model_is_caught(rule):
    class Contract(TestTinyModel):
        def provider(self):
            return Provider(lambda schema: Broken(schema, BROKEN[rule]))

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises(AssertionError):
        getattr(Contract(), check)()
