"""The fleets of a search before they train: how each is cut, and what it is estimated to take."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from gmcore.app.searching.candidates import Candidate, Plan, members_of
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import ConfigError
from gmcore.training.chunks import ChunkPlan, plan_chunks

__all__ = ["Fleet", "fleets_of"]


@attrs.frozen(kw_only=True, eq=False)
class Fleet:
    """One group of a search's trials, which share shapes and programs.

    Attributes:
        trials: their places among all trials, from 0.
        members: how many models it has: one a trial and fold.
        chunks: how it is cut, and what is estimated of its memory.
        common: the settings in which its trials agree and others of the search differ, by path.
    """

    trials: tuple[int, ...]
    members: int
    chunks: ChunkPlan
    common: Mapping[str, Any]


def fleets_of(plan: Plan) -> tuple[Fleet, ...]:
    """Return the fleets of a search, in order; nothing is trained.

    Raises:
        ConfigError: for each of them of which a single model takes more than the memory.
    """
    varied = [path for path in plan.candidates[0].trial.settings if not _agree(plan.candidates, path)]
    fleets, problems = [], []
    for group in plan.groups:
        first = group[0]
        common = {path: first.trial.settings[path] for path in varied if _agree(group, path)}
        members = members_of(group)
        try:
            chunks = plan_chunks(first.run.task(Hooks(), Cancellation()), members)
        except ConfigError as error:
            problems += [f"search.space: trial {first.trial.index}{_told(common)}: {text}" for text in _own(error)]
            continue
        trials = tuple(one.trial.index for one in group)
        fleets.append(Fleet(trials=trials, members=members, chunks=chunks, common=common))
    if problems:
        raise ConfigError(problems)
    return tuple(fleets)


def _agree(candidates: Sequence[Candidate], path: str) -> bool:
    first = candidates[0].trial.settings[path]
    return all(one.trial.settings[path] == first for one in candidates)


def _told(settings: Mapping[str, Any]) -> str:
    text = ", ".join(f"{path} = {value}" for path, value in settings.items())
    return f" ({text})" if text else ""


def _own(error: ConfigError) -> list[str]:
    """Return what is wrong without the place, which is not the run file's `[training]` here."""
    return [problem.removeprefix("training: ") for problem in error.problems]
