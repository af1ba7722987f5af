"""The profile of a run: its time by phase, counts, and memory."""

from collections.abc import Iterable, Mapping

from gmcore.app.composing.run import Run

__all__ = ["merged_profile", "profile_of"]

_LARGEST = ("peak_memory", "active_memory", "members_at_once")


def profile_of(run: Run) -> dict[str, float]:
    """Return the seconds of opening the data, and the measurements of the workflow since it was last closed."""
    return {"loading_seconds": run.loading, **run.workflow.metrics}


def merged_profile(profiles: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the profile of fleets that trained one after the other: sums, but the largest memory and chunk."""
    merged: dict[str, float] = {}
    for profile in profiles:
        for name, value in profile.items():
            previous = merged.get(name, 0.0)
            merged[name] = max(previous, value) if name in _LARGEST else previous + value
    return merged
