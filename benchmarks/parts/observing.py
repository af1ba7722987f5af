"""(e) What logging, validation with metrics, and checkpoints cost, each and together."""

from frame import Comparison, Goal, Side
from parts.sides import BACKENDS, on
from sides.observing import WAYS

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "the cost of watching"
SECONDS = {"full": 75, "quick": 60}


def comparisons(setup):
    key = "64-128-64-10 batch 64"
    yield Comparison(
        title=f"{key}, epochs of 512 steps",
        about=(
            "Milliseconds an epoch. Checkpoints are durable, fsync and all; what is watched, a tenth of the rows, is "
            "looked at after every epoch. All ways, and the hand-written step, take turns in one process, because a "
            "process on a machine of two cores can be twice as slow as the next."
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
                text=f"{on(backend)}: at most 1.05 of the hand-written step with everything on",
                ours=(on(backend),),
                column="ratio",
                key=key,
                limit=1.05,
            )
            for backend in BACKENDS
        ),
    )
