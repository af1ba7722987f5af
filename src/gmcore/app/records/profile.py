"""Where a run's time went, and how much memory it took."""

from collections.abc import Iterable, Mapping

from gmcore.app.composing.run import Run

__all__ = ["profile_of", "together"]

_MEMORY = ("peak_memory", "active_memory")


def profile_of(run: Run) -> dict[str, float]:
    """Return the seconds of opening the data, and what the workflow measured since it was last closed."""
    return {"loading_seconds": run.loading, **run.workflow.metrics}


def together(profiles: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the profile of several fleets that trained one after the other: sums, and of memory the most."""
    found: dict[str, float] = {}
    for profile in profiles:
        for name, value in profile.items():
            before = found.get(name, 0.0)
            found[name] = max(before, value) if name in _MEMORY else before + value
    return found
