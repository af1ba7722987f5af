"""(e) What logging, validation with metrics, and checkpoints cost, each and together."""

from frame import Comparison, Goal, Side
from parts.sides import BACKENDS, on

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "the cost of watching"
SECONDS = {"full": 60, "quick": 60}

_OFF = {"watched": 0.0, "metrics": [], "log": False, "checkpoints": 0}
_METRICS = ["accuracy", "log_loss"]
WAYS = {
    "everything off": {},
    "+ history and log file": {"log": True},
    "+ metrics on a tenth of the rows": {"watched": 0.1, "metrics": _METRICS},
    "+ a checkpoint every epoch": {"checkpoints": 1},
    "log, metrics and checkpoints": {"log": True, "watched": 0.1, "metrics": _METRICS, "checkpoints": 1},
}


def comparisons(setup):
    keys = ("64-128-64-10 batch 64",) if setup.quick else ("64-128-64-10 batch 64", "256-512-512-10 batch 256")
    for backend, package in BACKENDS.items():
        names = {way: f"{on(backend)}, {way}" for way in WAYS}
        by_hand = f"{'MLX' if backend == 'metal' else 'JAX'} by hand"
        here = {"backend": backend, "device": setup.device}
        yield Comparison(
            title=f"an epoch of 256 steps on {backend}",
            about="Checkpoints are durable, fsync and all; metrics are computed on the rows that are watched.",
            keys=keys,
            columns={"ms": "ms an epoch"},
            sides=(
                Side(name=by_hand, target="sides.observing:hand_written", options=here, needs=(package,)),
                *(
                    Side(
                        name=names[way],
                        target="sides.observing:epochs",
                        options={**here, **_OFF, **options},
                        needs=(package,),
                    )
                    for way, options in WAYS.items()
                ),
            ),
            references=(by_hand, names["everything off"]),
            goals=tuple(
                Goal(
                    text=f"{key}: at most 1.05 of the hand-written step with everything on",
                    ours=(names["log, metrics and checkpoints"],),
                    theirs=(by_hand,),
                    column="ms",
                    key=key,
                    factor=1 / 1.05,
                )
                for key in keys
            ),
        )
