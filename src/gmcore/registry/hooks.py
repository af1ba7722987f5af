"""The hook specifications, and the compilation of hook plugins to tuples of functions."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FunctionType, MethodType, ModuleType

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
    OutOfMemory,
    RunEnd,
    RunError,
    RunStart,
    SearchStart,
    TrialEnd,
)
from gmcore.domain.hooks import deferred_kind
from gmcore.errors import ConfigError, InputError, PluginLoadError, did_you_mean
from gmcore.registry.registry import Registry

__all__ = ["HookSpecs", "compile_hooks", "hookimpl"]

hookspec = pluggy.HookspecMarker("gmcore")
hookimpl = pluggy.HookimplMarker("gmcore")
"""Decorator of hook functions: a method `@hookimpl` must have the name of a hook in `HookSpecs`."""


class HookSpecs:
    """The hooks, one per event of a run; each is called with one frozen context.

    A hook can't change the results, and its return value is ignored. An exception that it raises ends the run.
    """

    @hookspec
    def run_start(self, context: RunStart) -> None:
        """A command starts."""

    @hookspec
    def run_end(self, context: RunEnd) -> None:
        """A command has finished."""

    @hookspec
    def run_error(self, context: RunError) -> None:
        """A command has raised an error."""

    @hookspec
    def fit_start(self, context: FitStart) -> None:
        """The training of a chunk starts."""

    @hookspec
    def fit_end(self, context: FitEnd) -> None:
        """The training of a chunk has finished."""

    @hookspec
    def epoch_start(self, context: EpochStart) -> None:
        """The steps of an epoch are about to be enqueued."""

    @hookspec
    def epoch_end(self, context: EpochEnd) -> None:
        """An epoch has been computed and read."""

    @hookspec
    def member_failed(self, context: MemberFailed) -> None:
        """A member's loss or weights are no longer finite."""

    @hookspec
    def out_of_memory(self, context: OutOfMemory) -> None:
        """The device ran out of memory: fewer members are computed at once."""

    @hookspec
    def batch_end(self, context: BatchEnd) -> None:
        """Some steps were enqueued; listening to this event slows training down."""

    @hookspec
    def fold_start(self, context: FoldStart) -> None:
        """The training of a fold is about to start."""

    @hookspec
    def fold_end(self, context: FoldEnd) -> None:
        """A fold has been trained and scored."""

    @hookspec
    def search_start(self, context: SearchStart) -> None:
        """A search starts to train."""

    @hookspec
    def trial_end(self, context: TrialEnd) -> None:
        """A trial has been trained and scored."""

    @hookspec
    def checkpoint_saved(self, context: CheckpointSaved) -> None:
        """A checkpoint or a model file has been written and is durable."""


Listener = Callable[[object], object]
_NAMES = tuple(field.name for field in attrs.fields(Hooks))


def compile_hooks(plugins: Iterable[object], registry: Registry[object], *, base: Path | None = None) -> Hooks:
    """Return the functions of hook plugins by event, in pluggy's order: the last plugin of the list is called first.

    Args:
        plugins: each a name in the registry, a pair of a name and its options, a function with the name of a hook,
            or the plugin itself: an object, class or module with functions marked `@hookimpl`.
        registry: `PluginRegistry.hooks`.
        base: folder that relative paths in the options start from.

    Raises:
        PluginLoadError: if a plugin has an unknown hook, a hook with wrong arguments, or no hook.
        ConfigError: if a plugin is listed twice, its options are invalid, or several plugins have problems.
        UnknownNameError, AmbiguousNameError: as for a lookup.
    """
    manager = pluggy.PluginManager("gmcore")
    manager.add_hookspecs(HookSpecs)
    titles: dict[object, str] = {}
    errors: list[InputError] = []
    for plugin in plugins:
        try:
            title, made = _made(plugin, registry, base)
            if isinstance(plugin, str | tuple) and title in titles.values():
                raise ConfigError([f"hooks: {title} is listed twice"])
            titles[_register(manager, title, made)] = title
        except InputError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigError(line for error in errors for line in getattr(error, "problems", (f"hooks: {error}",)))
    return Hooks(**{name: _compiled(getattr(manager.hook, name), titles) for name in _NAMES})


def _made(plugin: object, registry: Registry[object], base: Path | None) -> tuple[str, object]:
    """Return the title of a plugin in messages, and the plugin."""
    if isinstance(plugin, FunctionType | MethodType):
        title = f"hook function {plugin.__qualname__}"
        _refuse_deferred(title, plugin)
        return title, _of_function(plugin)
    if not isinstance(plugin, str | tuple):
        made = plugin() if isinstance(plugin, type) else plugin
        return f"hook plugin {getattr(made, '__name__', type(made).__qualname__)}", made
    name, options = (plugin, {}) if isinstance(plugin, str) else plugin
    if not isinstance(name, str):
        raise ConfigError([f"hooks: a hook plugin must be given by name, got {name!r}"])
    made = registry.build(name, options, path=f"hooks.{name}", base=base)
    info = registry.info(name)
    source = f"{info.distribution} {info.version}".strip() or info.value
    return f"hook plugin {info.name!r} of {source}", made


def _of_function(function: FunctionType | MethodType) -> ModuleType:
    """Return a plugin with a function as its only hook."""
    if function.__name__ not in _NAMES:
        hint = did_you_mean(function.__name__, _NAMES) or f"; hooks are {', '.join(_NAMES)}"
        raise ConfigError([f"hooks: the function {function.__name__!r} does not have the name of a hook{hint}"])
    plugin = ModuleType(function.__name__)
    marked = getattr(function, "gmcore_impl", None) is not None
    # A bound method takes no mark, so a function in front of it does.
    unmarked = function if isinstance(function, FunctionType) else lambda context: function(context)  # noqa: PLW0108 - see above
    setattr(plugin, function.__name__, function if marked else hookimpl(unmarked))
    return plugin


def _register(manager: pluggy.PluginManager, title: str, plugin: object) -> ModuleType:
    marked = [name for name in dir(plugin) if manager.parse_hookimpl_opts(plugin, name) is not None]
    forgotten = [name for name in _NAMES if name not in marked and callable(getattr(plugin, name, None))]
    if forgotten or not marked:
        what = f"its {forgotten[0]!r} is not" if forgotten else "nothing in it is"
        raise PluginLoadError(f"{title} would not be called: {what} marked with @hookimpl")
    for name in marked:
        _refuse_deferred(title, getattr(plugin, name), manager.parse_hookimpl_opts(plugin, name))
    # pluggy compares plugins with ==, and two plugins with the same options may be equal.
    stand_in = ModuleType(title)
    vars(stand_in).update({name: getattr(plugin, name) for name in marked})
    try:
        manager.register(stand_in, name=str(id(stand_in)))
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        unknown = [caller.name for caller in manager.get_hookcallers(stand_in) or () if not caller.has_spec()]
        if unknown:
            what = f"has {unknown[0]!r}, which is not a hook of gmcore{did_you_mean(unknown[0], _NAMES)}"
        else:
            name = next((name for name in marked if repr(name) in str(error)), "")
            what = f"has a {name!r} whose only argument is not 'context': {str(error).splitlines()[-1]}"
        raise PluginLoadError(f"{title} {what}") from error
    return stand_in


def _refuse_deferred(title: str, function: object, options: pluggy.HookimplOpts | None = None) -> None:
    """Raise if a call of a hook's function does not run its body; a wrapper is a generator function by design."""
    is_wrapper = options is not None and (options["wrapper"] or options["hookwrapper"])
    kind = deferred_kind(function)
    if kind and not (is_wrapper and "generator" in kind):
        raise PluginLoadError(f"{title} has {kind}, whose body a call does not run: make it a plain function")


def _compiled(caller: pluggy.HookCaller, titles: Mapping[object, str]) -> tuple[Listener, ...]:
    """Return the functions of a hook in pluggy's order; if one is a wrapper, the only function is pluggy's caller."""
    implementations = caller.get_hookimpls()[::-1]
    if any(each.wrapper or each.hookwrapper for each in implementations):
        plugins = ", ".join(titles[each.plugin] for each in implementations)
        return (_noted(lambda context: caller(context=context), f"in hook {caller.name}, implemented by {plugins}"),)
    return tuple(
        _noted(_one_argument(each), f"in hook {caller.name} of {titles[each.plugin]}") for each in implementations
    )


def _one_argument(implementation: pluggy.HookImpl) -> Listener:
    """Return a hook's function, which may have no argument, as a function of the context."""
    function: Callable[..., object] = implementation.function
    return function if implementation.argnames else lambda _: function()


def _noted(function: Listener, note: str) -> Listener:
    """Return a function that adds a note to every exception that `function` raises."""

    def listener(context: object) -> object:
        try:
            return function(context)
        except BaseException as error:
            error.add_note(note)
            raise

    return listener
