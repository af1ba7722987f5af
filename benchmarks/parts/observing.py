"""(e) What logging, validation with metrics, and checkpoints cost, each and together."""

from frame import Comparison, Goal, Side
from parts.sides import BACKENDS, on

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "the cost of watching"
SECONDS = {"full": 60, "quick": 60}

_OFF = {"watched": 0.0, "metrics": ["accuracy"], "log": False, "checkpoints": False}
_METRICS = ["accuracy", "log_loss", "f1"]
WAYS = {
    "everything off": {},
    "+ run folder and log": {"log": True},
    "+ a tenth of the rows watched, metrics": {"watched": 0.1, "metrics": _METRICS},
    "+ run folder and a checkpoint every epoch": {"log": True, "checkpoints": True},
    "all of it": {"log": True, "watched": 0.1, "metrics": _METRICS, "checkpoints": True},
}


def comparisons(setup):
    key = "64-128-64-10 batch 64"
    for backend, package in BACKENDS.items():
        names = {way: f"{on(backend)}, {way}" for way in WAYS}
        by_hand = f"{'MLX' if backend == 'metal' else 'JAX'} by hand"
        here = {"backend": backend, "device": setup.device}
        yield Comparison(
            title=f"{key}, an epoch of 512 steps on {backend}",
            about="Checkpoints are durable, fsync and all. What is watched is looked at after every epoch.",
            keys=(key,),
            columns={"ms": "ms an epoch"},
            sides=(
                Side(name=by_hand, target="sides.observing:hand_written", options=here, needs=(package,), warm=False),
                *(
                    Side(
                        name=names[way],
                        target="sides.observing:epochs",
                        options={**here, **_OFF, **options},
                        needs=(package,),
                        warm=False,
                    )
                    for way, options in WAYS.items()
                ),
            ),
            references=(by_hand, names["everything off"]),
            goals=(
                Goal(
                    text="at most 1.05 of the hand-written step with everything on",
                    ours=(names["all of it"],),
                    theirs=(by_hand,),
                    column="ms",
                    key=key,
                    factor=1 / 1.05,
                ),
            ),
        )
