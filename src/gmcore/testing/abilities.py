"""Contract suites with checks of optional abilities, and the backends that suites check components on."""

# ruff: noqa: S101 - these are checks

from abc import ABC
from collections.abc import Callable, Iterator
from typing import ClassVar, TypeVar

from gmcore.errors import InputError
from gmcore.ports import Backend
from gmcore.registry import plugin_registry

__all__ = ["OfAbilities", "needs", "usable_backends"]

C = TypeVar("C", bound=Callable[..., None])


def needs(*abilities: type) -> Callable[[C], C]:
    """Return a decorator that marks a check as one of these abilities."""

    def mark(check: C) -> C:
        check.needs = abilities  # type: ignore[attr-defined]
        return check

    return mark


class OfAbilities(ABC):  # noqa: B024 - the suites have abstract methods
    """Base of a suite for a port with optional abilities.

    A check that needs an ability that is not in `abilities` is not a test of that suite, so no test passes by checking
    nothing.

    Attributes:
        optional: the abilities that a component may have.
        abilities: those that the component has; by default all.
    """

    optional: ClassVar[tuple[type, ...]] = ()
    abilities: ClassVar[tuple[type, ...]] = ()

    def __init_subclass__(cls, **options: object) -> None:
        """Remove the checks that do not apply; pytest collects no None."""
        super().__init_subclass__(**options)
        if OfAbilities in cls.__bases__:  # the suite itself, whose subclasses choose
            return
        checks = {
            name: check for base in reversed(cls.__mro__) for name, check in vars(base).items() if callable(check)
        }
        for name, check in checks.items():
            needed = getattr(check, "needs", ())
            if needed:
                setattr(cls, name, check if set(needed) <= set(cls.abilities) else None)

    @classmethod
    def assert_abilities(cls, component: object) -> None:
        """Check that a component has the stated abilities and no others."""
        for ability in cls.optional:
            has, stated = isinstance(component, ability), ability in cls.abilities
            name = ability.__name__
            assert stated or not has, f"{type(component).__name__} has {name}: add it to the suite's `abilities`"
            assert has or not stated, (
                f"{type(component).__name__} lacks {name}: leave it out of the suite's `abilities`"
            )


def usable_backends(dtype: str, compute: str = "auto") -> Iterator[Backend]:
    """Yield every installed backend of a dtype that is available, on the CPU; check that there is one.

    Of a narrower `compute`, which a backend need not have, there may be none.
    """
    registry, options = plugin_registry(dtype).backends, {} if compute == "auto" else {"compute": compute}
    count = 0
    for name in registry:
        try:
            backend = registry.create(name, device="cpu", **options)
        except InputError:  # broken or unavailable, which is not the component's fault
            continue
        count += 1
        yield backend
    assert count or options, f"no {dtype} backend can be used here, so nothing is checked: pip install gm-jax-backend"
