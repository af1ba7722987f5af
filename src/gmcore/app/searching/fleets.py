"""The fleets of a search before training: their chunks and estimated memory."""

from collections.abc import Mapping, Sequence

import attrs

from gmcore.app.searching.candidates import Candidate, Round, members_of
from gmcore.app.searching.plan import Plan
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import ConfigError
from gmcore.training.chunks import ChunkPlan, plan_chunks

__all__ = ["Fleet", "fleets_of"]


@attrs.frozen(kw_only=True, eq=False)
class Fleet:
    """A group of trials that share shapes and programs.

    Attributes:
        trials: indices of the trials, from 0.
        members: number of models: one per trial and fold.
        chunks: its division into chunks, and its estimated memory.
        common: the settings that its trials share but not all trials of the search, by path.
    """

    trials: tuple[int, ...]
    members: int
    chunks: ChunkPlan
    common: Mapping[str, object]


def fleets_of(plan: Plan | Round) -> tuple[Fleet, ...]:
    """Return the fleets of a round, or of the first one of a search, in order; nothing is trained.

    Raises:
        ConfigError: if one model of a fleet does not fit the memory; with a problem for each such fleet.
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
            problems += [
                f"search.space: trial {first.trial.index}{_described(common)}: {text}" for text in _texts(error)
            ]
            continue
        trials = tuple(one.trial.index for one in group)
        fleets.append(Fleet(trials=trials, members=members, chunks=chunks, common=common))
    if problems:
        raise ConfigError(problems)
    return tuple(fleets)


def _agree(candidates: Sequence[Candidate], path: str) -> bool:
    first = candidates[0].trial.settings[path]
    return all(one.trial.settings[path] == first for one in candidates)


def _described(settings: Mapping[str, object]) -> str:
    text = ", ".join(f"{path} = {value}" for path, value in settings.items())
    return f" ({text})" if text else ""


def _texts(error: ConfigError) -> list[str]:
    """Return the problems without the path `training`, since the settings are those of a trial."""
    return [problem.removeprefix("training: ") for problem in error.problems]
