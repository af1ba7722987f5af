"""(e) The cost of logging, of validation with metrics, and of checkpoints, each and together."""

from frame import Comparison, Goal, Side
from parts.sides import BACKENDS, on
from sides.observing import WAYS

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "cost of observing"
SECONDS = {"full": 65, "quick": 60}


def comparisons(setup):
    key = "64-128-64-10 batch 64"
    yield Comparison(
        title=f"{key}, epochs of 512 steps",
        about=(
            "Milliseconds per epoch. Checkpoints are durable, including fsync; a tenth of the rows is evaluated after "
            "every epoch. All variants and the hand-written step take turns in one process, because on a machine with "
            "two cores one process can be twice as slow as the next."
        ),
        keys=(key,),
        columns={"by hand": "by hand", **{name: name for name in WAYS}, "ratio": "all of it / by hand"},
        sides=tuple(
            Side(
                name=on(backend),
                target="sides.observing:ways",
                options={"backend": backend, "device": setup.device},
                needs=(package,),
            )
            for backend, package in BACKENDS.items()
        ),
        rounds=25,
        goals=tuple(
            Goal(
                text=f"{on(backend)}: with everything on, at most 1.05 times the hand-written step",
                ours=(on(backend),),
                column="ratio",
                key=key,
                limit=1.05,
            )
            for backend in BACKENDS
        ),
    )
