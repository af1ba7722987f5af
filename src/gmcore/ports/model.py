"""Port: a model."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array, ModelInfo, Rows, Schema, Tree, Variables
from gmcore.ports.compute.namespace import Namespace

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
    def adapt(self, variables: Variables, rows: Rows) -> Variables:
        """Return the variables after fitting the preprocessing to `rows`, the training rows of a member.

        Shapes stay those of `init`. The rows may exceed the memory: `rows.inputs` gathers a column when it is read,
        and `rows.blocks()` gathers a block of rows at a time.
        """

    @abstractmethod
    def apply(
        self, variables: Variables, inputs: Mapping[str, Array], *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        """Return the outputs, `(batch, width)`, and the buffers after this pass.

        Args:
            variables: as `adapt` returned them, on the device.
            inputs: by name, as in `Rows.inputs`, `(batch, …)`.
            xp: the backend's namespace.
            key: random key for training; None if `training` is False.
            training: whether this is a training pass, in which layers such as dropout are active; otherwise the
                buffers are returned unchanged.
        """

    @abstractmethod
    def loss(self, variables: Variables, outputs: Array, targets: Array, *, xp: Namespace) -> Array:
        """Return the loss of each row, `(batch,)`; targets as in `Rows.targets`."""

    @abstractmethod
    def predict(self, variables: Variables, outputs: Array, *, xp: Namespace) -> Array:
        """Return the predictions for outputs.

        Probabilities, `(batch, classes)`, or values in the units of the target, `(batch, targets)`.
        """
