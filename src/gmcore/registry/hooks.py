"""What plugins are told along the way: the specifications, and their plugins compiled to tuples."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pluggy

from gmcore.domain import (
    BatchEnd,
    CheckpointSaved,
    EpochEnd,
    EpochStart,
    FitEnd,
    FitStart,
    FoldEnd,
    FoldStart,
    Hooks,
    MemberFailed,
    RunEnd,
    RunError,
    RunStart,
    SearchStart,
    TrialEnd,
)
from gmcore.errors import ConfigError, InputError, PluginLoadError, did_you_mean
from gmcore.registry.registry import Registry

__all__ = ["HookSpecs", "compile_hooks", "hookimpl"]

hookspec = pluggy.HookspecMarker("gmcore")
hookimpl = pluggy.HookimplMarker("gmcore")
"""Marks a function as a hook: `@hookimpl` on a method that is named as in `HookSpecs`."""


class HookSpecs:
    """The moments of a run; each is told to all hook plugins of the run with one frozen context.

    A hook can't change the numbers, and what it returns is ignored. What it raises ends the run.
    """

    @hookspec
    def run_start(self, context: RunStart) -> None:
        """A command begins."""

    @hookspec
    def run_end(self, context: RunEnd) -> None:
        """A command is done."""

    @hookspec
    def run_error(self, context: RunError) -> None:
        """A command ends with an error."""

    @hookspec
    def fit_start(self, context: FitStart) -> None:
        """A chunk of a fleet begins."""

    @hookspec
    def fit_end(self, context: FitEnd) -> None:
        """A chunk of a fleet is done."""

    @hookspec
    def epoch_start(self, context: EpochStart) -> None:
        """An epoch is about to be enqueued."""

    @hookspec
    def epoch_end(self, context: EpochEnd) -> None:
        """An epoch's numbers are here."""

    @hookspec
    def member_failed(self, context: MemberFailed) -> None:
        """A member's loss is no longer finite."""

    @hookspec
    def batch_end(self, context: BatchEnd) -> None:
        """Steps were enqueued; listening to this has a price."""

    @hookspec
    def fold_start(self, context: FoldStart) -> None:
        """A fold's member enters the fleet."""

    @hookspec
    def fold_end(self, context: FoldEnd) -> None:
        """A fold is trained and scored."""

    @hookspec
    def search_start(self, context: SearchStart) -> None:
        """A search begins to train."""

    @hookspec
    def trial_end(self, context: TrialEnd) -> None:
        """A trial is trained and scored."""

    @hookspec
    def checkpoint_saved(self, context: CheckpointSaved) -> None:
        """A file is durable."""


_NAMES = tuple(field.name for field in attrs.fields(Hooks))


def compile_hooks(plugins: Iterable[Any], registry: Registry[object], *, base: Path | None = None) -> Hooks:
    """Return who is told of what, in pluggy's order: the plugin that was named last goes first.

    Args:
        plugins: each a name in the registry, a pair of a name and its options, or the plugin
            itself: an object, class or module with functions that are marked with `hookimpl`.
        registry: `PluginRegistry.hooks`.
        base: the folder that relative paths among the options start from.

    Raises:
        PluginLoadError: if a plugin has a hook that gmcore doesn't know, one with wrong arguments, or none.
        ConfigError: if a plugin is named twice, its options are wrong, or several things are.
        UnknownNameError, AmbiguousNameError: as when looking a name up.
    """
    manager = pluggy.PluginManager("gmcore")
    manager.add_hookspecs(HookSpecs)
    titles: dict[object, str] = {}
    errors: list[InputError] = []
    for plugin in plugins:
        try:
            title, made = _made(plugin, registry, base)
            if isinstance(plugin, str | tuple) and title in titles.values():
                raise ConfigError([f"hooks: {title} is named twice"])
            titles[_register(manager, title, made)] = title
        except InputError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigError(line for error in errors for line in getattr(error, "problems", (f"hooks: {error}",)))
    return Hooks(**{name: _compiled(getattr(manager.hook, name), titles) for name in _NAMES})


def _made(plugin: Any, registry: Registry[object], base: Path | None) -> tuple[str, object]:
    """Return what errors call a plugin, and the plugin."""
    if not isinstance(plugin, str | tuple):
        made = plugin() if isinstance(plugin, type) else plugin
        return f"hook plugin {getattr(made, '__name__', type(made).__qualname__)}", made
    name, options = (plugin, {}) if isinstance(plugin, str) else plugin
    if not isinstance(name, str):
        raise ConfigError([f"hooks: a hook plugin is used by its name, got {name!r}"])
    made = registry.build(name, options, path=f"hooks.{name}", base=base)
    info = registry.info(name)
    source = f"{info.distribution} {info.version}".strip() or info.value
    return f"hook plugin {info.name!r} of {source}", made


def _register(manager: pluggy.PluginManager, title: str, plugin: object) -> ModuleType:
    marked = [name for name in dir(plugin) if manager.parse_hookimpl_opts(plugin, name) is not None]
    forgotten = [name for name in _NAMES if name not in marked and callable(getattr(plugin, name, None))]
    if forgotten or not marked:
        what = f"its {forgotten[0]!r} is not" if forgotten else "nothing in it is"
        raise PluginLoadError(f"{title} would not be called: {what} marked with @hookimpl")
    # A stand-in, since pluggy compares plugins with ==, which two with the same options may be.
    stand_in = ModuleType(title)
    vars(stand_in).update({name: getattr(plugin, name) for name in marked})
    try:
        manager.register(stand_in, name=str(id(stand_in)))
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        unknown = [caller.name for caller in manager.get_hookcallers(stand_in) or () if not caller.has_spec()]
        if unknown:
            what = f"has {unknown[0]!r}, which is no hook of gmcore{did_you_mean(unknown[0], _NAMES)}"
        else:
            name = next((name for name in marked if repr(name) in str(error)), "")
            what = f"has a {name!r} that can't be called with 'context' alone: {str(error).splitlines()[-1]}"
        raise PluginLoadError(f"{title} {what}") from error
    return stand_in


def _compiled(caller: pluggy.HookCaller, titles: Mapping[object, str]) -> tuple[Callable[[Any], object], ...]:
    """Return a hook's functions in the order of pluggy's calls, or pluggy's call itself where one wraps others."""
    implementations = caller.get_hookimpls()[::-1]
    if any(each.wrapper or each.hookwrapper for each in implementations):
        among = ", ".join(titles[each.plugin] for each in implementations)
        return (_noted(lambda context: caller(context=context), f"in hook {caller.name}, told to {among}"),)
    return tuple(
        _noted(_one_argument(each), f"in hook {caller.name} of {titles[each.plugin]}") for each in implementations
    )


def _one_argument(implementation: pluggy.HookImpl) -> Callable[[Any], object]:
    function: Callable[..., object] = implementation.function
    return function if implementation.argnames else lambda _: function()


def _noted(function: Callable[[Any], object], note: str) -> Callable[[Any], object]:
    def told(context: Any) -> object:
        try:
            return function(context)
        except Exception as error:
            error.add_note(note)
            raise

    return told
