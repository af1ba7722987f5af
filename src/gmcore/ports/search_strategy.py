"""Port: a strategy that proposes the trials of a search."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from gmcore.domain import SearchSpace

__all__ = ["SearchStrategy", "Study"]


@runtime_checkable
class Study(Protocol):
    """One search by a strategy: it proposes trials and receives their scores.

    It is a deterministic function of its strategy, its arguments and the calls so far. A search resumes by the same
    calls: `ask` again, and `tell` with the scores that have been computed.
    """

    @abstractmethod
    def ask(self, count: int) -> Sequence[Mapping[str, object]]:
        """Return the settings of the next trials, at most `count`; none if the search is over.

        Trials are numbered from 0 in the order in which they are returned. Their models train together, so a strategy
        that does not wait for scores returns as many as it may.

        Args:
            count: largest number of trials, at least 1.

        Returns:
            For each trial a value of every path of the space.
        """

    @abstractmethod
    def tell(self, trial: int, step: int, value: float) -> None:
        """Receive the score of a trial.

        It is called in the order in which `ask` returned the trials, whatever the order in which they ended.

        Args:
            trial: number of the trial.
            step: epochs that it was trained.
            value: its score; NaN if it failed.

        Raises:
            ValueError: if `ask` has returned no trial with that number.
        """


@runtime_checkable
class SearchStrategy(Protocol):
    """A strategy that proposes the trials of a search; its options are frozen."""

    @abstractmethod
    def study(self, space: SearchSpace, *, seed: int, higher_is_better: bool) -> Study:
        """Return a new study of a space.

        Args:
            space: the values or the range of each path.
            seed: seed of all random draws.
            higher_is_better: whether higher scores are better.

        Raises:
            ConfigError: if the strategy can't search the space; with all problems, each with its path, such as
                `search.space.model.dropout`.
        """
