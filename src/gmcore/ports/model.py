"""Port: a model."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array, ModelInfo, Rows, Schema, Variables
from gmcore.ports.compute.namespace import Namespace
from gmcore.ports.forward_pass import Pass

__all__ = ["Model"]


@runtime_checkable
class Model(Protocol):
    """A pure function of variables and inputs, written once against a `Namespace`.

    `init` returns float64 NumPy arrays (int32 for codes), so that every backend and both dtypes start from the same
    numbers. `apply`, `loss` and `predict` compute one member, without the members axis; the core vectorises them.
    They are traced: they must not branch on values, read them, or make shapes depend on them.
    """

    schema: Schema

    @property
    @abstractmethod
    def info(self) -> ModelInfo:
        """The layers, shapes and parameter counts."""

    @abstractmethod
    def init(self, rng: np.random.Generator) -> Variables:
        """Return initial variables; equal generator states give equal variables."""

    @abstractmethod
    def adapt(self, variables: Variables, rows: Rows, *, rng: np.random.Generator) -> Variables:
        """Return the variables after fitting the preprocessing to `rows`, the training rows of a member.

        Shapes stay those of `init`. The rows may exceed the memory: `rows.inputs` gathers a column when it is read,
        and `rows.blocks()` gathers a block of rows at a time.

        Args:
            variables: as `init` returned them.
            rows: the member's training rows, with targets and weights; `rows.numbers` are their places among all rows.
            rng: the member's own generator; equal generator states and rows give equal variables.
        """

    @abstractmethod
    def apply(self, variables: Variables, inputs: Mapping[str, Array], at: Pass) -> Array:
        """Return the outputs, `(batch, width)`.

        A model that changes buffers in training has the ability `SupportsUpdate`, and `stateful=True` in its `info`;
        in training its `update` is then called instead.

        Args:
            variables: as `adapt` returned them, on the device.
            inputs: by name, as in `Rows.inputs`, `(batch, …)`.
            at: the namespace, the weights of the rows, the random key, and whether this is a training pass.
        """

    @abstractmethod
    def loss(self, variables: Variables, outputs: Array, targets: Array, at: Pass) -> Array:
        """Return the loss of each row, `(batch,)`; a loss of the whole batch is that of each of its rows.

        Args:
            variables: as for `apply`.
            outputs: as `apply` returned them, in `xp.float`.
            targets: as in `Rows.targets`.
            at: as for `apply`; the core weighs the losses, so only a loss of the whole batch reads the weights.
        """

    @abstractmethod
    def predict(self, variables: Variables, outputs: Array, *, xp: Namespace) -> Array:
        """Return the predictions for outputs.

        Probabilities, `(batch, classes)`, or values in the units of the target, `(batch, targets)`.
        """
