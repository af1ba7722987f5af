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

    def adapt(self, *args):
        return self._call("adapt", *args)

    def apply(self, *args, **named):
        return self._call("apply", *args, **named)

    def loss(self, *args, **named):
        return self._call("loss", *args, **named)

    def predict(self, *args, **named):
        return self._call("predict", *args, **named)


def remembering():
    first = {}

    def adapt(own, variables, rows):
        model = own.__self__
        _, rows = first.setdefault(id(model), (model, rows))
        return own(variables, rows)

    return adapt


def params_as(change):
    return lambda own, rng: Variables(tree_map(change, own(rng).params), own(rng).buffers)


def outputs_as(change):
    def apply(own, *args, xp, **named):
        outputs, buffers = own(*args, xp=xp, **named)
        return change(xp, outputs), buffers

    return apply


def changed_in_place(own, variables, rows):
    variables.params["hidden"]["weight"] *= 2
    return own(variables, rows)


def counting(own, variables, inputs, *, training, **named):
    outputs, buffers = own(variables, inputs, training=training, **named)
    return outputs, {**buffers, "mean": buffers["mean"] + 1}


def random_in_training(own, *args, key, training, **named):
    other = None if key is None else np.random.default_rng().integers(0, 99, 2).astype(np.uint32)
    return own(*args, key=other, training=training, **named)


def without_gradient(own, variables, *args, xp, **named):
    return own(Variables(tree_map(xp.stop_gradient, variables.params), variables.buffers), *args, xp=xp, **named)


BROKEN = {
    "fresh_variables": {"init": lambda own, rng: own(np.random.default_rng(0))},
    "float64": {"init": params_as(lambda leaf: leaf.astype(np.float32))},
    "keeps_the_shapes": {"adapt": changed_in_place},
    "uses_only_the_rows": {"adapt": remembering()},
    "have_their_shapes": {"loss": lambda own, *args, xp: xp.mean(own(*args, xp=xp))},
    "have_probabilities": {"predict": lambda own, variables, outputs, *, xp: xp.sigmoid(outputs)},
    "other_rows_of_a_batch": {"apply": outputs_as(lambda xp, outputs: outputs - xp.mean(outputs, axis=0))},
    "outside_training": {"apply": counting},
    "of_the_key": {"apply": random_in_training},
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
