"""Hooks for one fleet of a search, which number its members across all fleets."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import attrs

from gmcore.domain import FitStart, Hooks, MemberFailed, OutOfMemory

__all__ = ["renumbered"]

_EVENTS = ("fit_start", "epoch_start", "batch_end", "epoch_end", "fit_end")


class _ContextOfMembers(Protocol):
    """The context of an event of several members."""

    members: tuple[int, ...]


C = TypeVar("C", bound=_ContextOfMembers)


def renumbered(hooks: Hooks, first: int) -> Hooks:
    """Return hooks for one fleet whose listeners get the numbers of its members, counted from `first`.

    In a search, the members of a fold have the same index in all trials, since it determines their randomness.
    """
    chunk = _Chunk(upcoming=first)
    wrapped = {name: tuple(map(chunk.of_members, getattr(hooks, name))) for name in _EVENTS}
    failed = tuple(map(chunk.of_one, hooks.member_failed))
    wrapped["fit_start"] = (chunk.begin, *wrapped["fit_start"])
    again = (*map(chunk.of_chunk, hooks.out_of_memory), chunk.begin_again)
    return attrs.evolve(hooks, **wrapped, member_failed=failed, out_of_memory=again)


@attrs.define(eq=False)
class _Chunk:
    """The numbers of the members of the current chunk; the chunks of a fleet train one after the other."""

    upcoming: int
    members: tuple[int, ...] = ()

    def begin(self, context: FitStart) -> None:
        self.members = tuple(range(self.upcoming, self.upcoming + len(context.members)))
        self.upcoming += len(context.members)

    def begin_again(self, context: OutOfMemory) -> None:
        if context.members:
            self.upcoming = self.members[0]

    def of_members(self, listener: Callable[[C], object]) -> Callable[[C], object]:
        return lambda context: listener(attrs.evolve(context, members=self.members))  # type: ignore[misc] # all are attrs

    def of_chunk(self, listener: Callable[[OutOfMemory], object]) -> Callable[[OutOfMemory], object]:
        return lambda context: listener(attrs.evolve(context, members=self.members if context.members else ()))

    def of_one(self, listener: Callable[[MemberFailed], object]) -> Callable[[MemberFailed], object]:
        return lambda context: listener(attrs.evolve(context, member=self.members[context.place]))
