"""The profile of a run as a table: time per phase, and memory."""

from collections.abc import Mapping

from gmcore.cli.output import table
from gmcore.domain.sizes import size_text

__all__ = ["profile_table"]

_PHASES = {
    "loading_seconds": "opening the data",
    "compiling_seconds": "compiling",
    "enqueuing_seconds": "enqueuing steps",
    "waiting_seconds": "waiting for the device",
    "feeding_seconds": "waiting for rows",
    "saving_seconds": "checkpoints",
    "scoring_seconds": "scoring",
}


def profile_table(profile: Mapping[str, float], seconds: float) -> str:
    """Return one line per phase, then counts and memory.

    Args:
        profile: the run's profile.
        seconds: wall time of the run, without opening the data.
    """
    spent = {text: profile.get(name, 0.0) for name, text in _PHASES.items()}
    total = profile.get("loading_seconds", 0.0) + seconds
    spent["other"] = max(0.0, total - sum(spent.values()))
    rows = [(text, float(value), f"{100 * value / total:3.0f} %") for text, value in {**spent, "total": total}.items()]
    counts = (
        f"{profile.get('compilations', 0):,.0f} programs compiled, "
        f"{profile.get('reads', 0):,.0f} reads from the device in training"
    )
    peak, active = (size_text(profile.get(name, 0)) for name in ("peak_memory", "active_memory"))
    memory = f"memory: {peak} at most, {active} at the end"
    return "\n".join(["", table(("phase", "seconds", ""), rows), "", counts, memory])
