"""Groups of parameters by name, with settings of their own, around any optimizer."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.nested import filled, skeleton
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import ConfigError
from gmcore.nn.optimizers.adam import AdamW
from gmcore.nn.optimizers.validators import NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import instance_of_port
from gmcore.ports import Namespace, Optimizer, SupportsEvaluations

__all__ = ["Group", "Grouped"]

_REST = "rest"
# Names of parameters in a message.
_NAMED = 8


@attrs.frozen(kw_only=True)
class Group:
    """The parameters whose names match a pattern, and how their steps differ.

    Attributes:
        pattern: shell pattern of names such as `trunk.0.weight`, with `*`, `?` and `[abc]`; case counts.
        rate: factor of the learning rate.
        weight_decay: in place of the optimizer's; None keeps it.
        frozen: whether the parameters stay as they are; the optimizer then keeps nothing of them.
    """

    pattern: str
    rate: float = attrs.field(default=1.0, validator=POSITIVE)
    weight_decay: float | None = attrs.field(default=None, validator=attrs.validators.optional(NOT_NEGATIVE))
    frozen: bool = attrs.field(default=False)

    @frozen.validator
    def _check_frozen(self, _: "attrs.Attribute[bool]", value: Any) -> None:
        if value and (self.rate != 1 or self.weight_decay is not None):
            raise ValueError(f"a frozen group takes no steps: leave out rate and weight_decay of {self.pattern!r}")


@attrs.frozen(kw_only=True)
class Grouped(Optimizer):
    """Another optimizer, with other settings for groups of parameters.

    A parameter's name is that of its layer, as `gmcore check` shows it, and its own: `trunk.0.weight`. It belongs to
    the first group whose pattern matches; the rest are the optimizer's as they are. Schedules, searches and members
    that differ in a setting act on all groups, but for a `weight_decay` that a group replaces. Gradients of frozen
    parameters are computed, and count in `clip_norm`.

    Formula:
        `parameter = parameter after the optimizer's step with learning_rate * rate, and the group's weight_decay`

    Source:
        The parameter groups of `torch.optim.Optimizer`.

    Attributes:
        optimizer: the one that takes the steps; it can't be one that evaluates losses itself, such as `lbfgs`.
        groups: in order; each must have a parameter.
    """

    optimizer: Optimizer = attrs.field(default=AdamW(), validator=instance_of_port(Optimizer))
    groups: tuple[Group, ...] = attrs.field(default=())

    @optimizer.validator
    def _check_optimizer(self, _: "attrs.Attribute[Optimizer]", value: Optimizer) -> None:
        if isinstance(value, SupportsEvaluations):
            kind = type(value).__name__
            raise ValueError(f"{kind} evaluates losses along one direction of all parameters: use it without groups")  # noqa: TRY004 - like attrs
        if isinstance(value, Grouped):
            raise ValueError("groups of groups can't be told apart: put all groups into one list")  # noqa: TRY004 - like attrs

    @groups.validator
    def _check_groups(self, _: "attrs.Attribute[tuple[Group, ...]]", value: tuple[Group, ...]) -> None:
        known = self.optimizer.settings
        for group in value:
            if group.weight_decay is not None and "weight_decay" not in known:
                kind = type(self.optimizer).__name__
                raise ValueError(f"{kind} has no weight_decay: leave it out of the group {group.pattern!r}")

    @property
    def settings(self) -> Mapping[str, float]:
        return self.optimizer.settings

    @property
    def linear_in_rate(self) -> tuple[str, ...]:
        prefixes = ("", *map(_prefix, self._moving))
        return tuple(prefix + name for prefix in prefixes for name in self.optimizer.linear_in_rate)

    def problems(self, names: Collection[str]) -> Iterator[str]:
        """Yield what is wrong with the groups, given the parameters' names, such as `trunk.0.weight`."""
        parts = self._parts(names)
        for number, group in enumerate(self.groups):
            if str(number) in parts:
                continue
            where, shown = f"groups[{number}].pattern", repr(group.pattern)
            if any(fnmatchcase(name, group.pattern) for name in names):
                yield f"{where}: {shown} matches only parameters of the groups before it: put this group first"
            else:
                yield f"{where}: {shown} matches no parameter, nearest first there are {_nearest(group.pattern, names)}"

    def trains_none_of(self, names: Collection[str]) -> bool:
        """Return whether all parameters of these names are frozen."""
        return not self._parts(names).keys() - {str(place) for place, one in enumerate(self.groups) if one.frozen}

    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        flat = tree_flatten(params)
        states = {key: self.optimizer.init(_some(flat, names), xp=xp) for key, names in self._trained(flat).items()}
        return {key: state for key, state in states.items() if state}

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        known = dict(self.optimizer.coefficients(step, settings))
        for number, group in self._moving.items():
            own = {**settings, "learning_rate": settings["learning_rate"] * group.rate}
            if group.weight_decay is not None:
                own["weight_decay"] = np.full_like(step, group.weight_decay)
            found = self.optimizer.coefficients(step, own)
            known |= {_prefix(number) + name: values for name, values in found.items()}
        return known

    def update(
        self,
        gradients: Tree,
        state: Tree,
        params: Tree,
        *,
        coefficients: Mapping[str, Array],
        taken: Array,
        xp: Namespace,
    ) -> tuple[Tree, Tree]:
        """Return `(params, state)` after one step.

        Raises:
            ConfigError: if a group has no parameter.
        """
        flat, slopes = tree_flatten(params), tree_flatten(gradients)
        if problems := [f"training.optimizer.{problem}" for problem in self.problems(flat)]:
            raise ConfigError(problems)
        moved, kept = dict(flat), dict[str, Tree]()
        for key, names in self._trained(flat).items():
            own = self._own(coefficients, key)
            before, mine = state.get(key, {}), _some(flat, names)
            new, after = self.optimizer.update(_some(slopes, names), before, mine, coefficients=own, taken=taken, xp=xp)
            moved |= tree_flatten(new)
            kept |= {key: after} if after else {}
        return filled(skeleton(params), [moved[name] for name in flat]), kept

    @property
    def _moving(self) -> dict[str, Group]:
        """The groups that are not frozen, by number."""
        return {str(number): group for number, group in enumerate(self.groups) if not group.frozen}

    def _own(self, coefficients: Mapping[str, Array], key: str) -> dict[str, Array]:
        """Return the coefficients of a group, or of the rest, by their names in the optimizer."""
        prefixes = tuple(map(_prefix, self._moving))
        if key == _REST:
            return {name: value for name, value in coefficients.items() if not name.startswith(prefixes)}
        mine = _prefix(key)
        return {name.removeprefix(mine): value for name, value in coefficients.items() if name.startswith(mine)}

    def _trained(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Return the names of each group that is not frozen, and of the rest; groups without any are left out."""
        moving = self._moving
        return {key: own for key, own in self._parts(names).items() if key == _REST or key in moving}

    def _parts(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Return the names of each group by its number, and of the rest; groups without any are left out."""
        parts: dict[str, list[str]] = {}
        for name in names:
            matching = (str(number) for number, one in enumerate(self.groups) if fnmatchcase(name, one.pattern))
            parts.setdefault(next(matching, _REST), []).append(name)
        return parts


def _prefix(key: str) -> str:
    return f"group{key}_"


def _some(flat: Mapping[str, Array], names: Iterable[str]) -> Tree:
    return tree_unflatten({name: flat[name] for name in names})


def _nearest(pattern: str, names: Collection[str]) -> str:
    near = difflib.get_close_matches(pattern, names, n=_NAMED, cutoff=0.0)
    return ", ".join(near) + (f" and {len(names) - len(near)} more" if len(names) > len(near) else "")
