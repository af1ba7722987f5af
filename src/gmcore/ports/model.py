"""Port: what is trained, saved and loaded."""

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

    Variables start on the host, as float64 NumPy arrays (int32 for codes), so every backend and both dtypes start
    from the same numbers. `apply`, `loss` and `predict` see one member, without a fleet's axis; the core
    vectorises them. They are traced: no `if` on values, no reads, no shapes that depend on values.
    """

    schema: Schema

    @property
    @abstractmethod
    def info(self) -> ModelInfo:
        """What it is made of."""

    @abstractmethod
    def init(self, rng: np.random.Generator) -> Variables:
        """Return fresh variables; the same generator state gives the same ones."""

    @abstractmethod
    def adapt(self, variables: Variables, rows: Rows) -> Variables:
        """Return the variables with what preprocessing learns from `rows`, a member's training rows alone.

        Shapes stay as `init` made them. There may be more rows than fit into memory: each of `rows.inputs` is gathered
        when it is asked for, and `rows.blocks()` gathers some rows at a time.
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
            key: for what is random in training; None when `training` is False.
            training: whether dropout and its like are on. Where it is False the buffers come back as they were.
        """

    @abstractmethod
    def loss(self, variables: Variables, outputs: Array, targets: Array, *, xp: Namespace) -> Array:
        """Return each sample's loss, `(batch,)`; targets as in `Rows.targets`."""

    @abstractmethod
    def predict(self, variables: Variables, outputs: Array, *, xp: Namespace) -> Array:
        """Return what outputs mean, one row a sample.

        Probabilities, `(batch, classes)`, or values in the target's own units, `(batch, targets)`.
        """
