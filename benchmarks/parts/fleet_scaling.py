"""(c) Microseconds per step and model, for 1 to 100 networks 10-16-2 at once."""

from frame import Comparison, Goal
from parts.sides import both, on

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "fleet scaling"
SECONDS = {"full": 60, "quick": 30}


def comparisons(setup):
    keys = ("1", "50") if setup.quick else ("1", "5", "20", "50", "100")
    yield Comparison(
        title="models at once, 10-16-2, batch 8",
        about="The other side is the hand-written step, vectorised over the models; on JAX one scan per epoch.",
        keys=keys,
        columns={"us a model": "µs per step and model"},
        sides=tuple(both("sides.ours:fleets", setup.device, by_hand="sides.hand_written:fleets")),
        references=(on("metal"), on("jax")),
        goals=(
            Goal(
                text="fifty on metal: 20 times cheaper per model than one alone",
                ours=(on("metal"),),
                theirs=(on("metal"),),
                their_key="1",
                column="us a model",
                key="50",
                factor=20.0,
            ),
            Goal(
                text="fifty on jax: within 1.1 of the hand-written scan",
                ours=(on("jax"),),
                theirs=("JAX by hand",),
                column="us a model",
                key="50",
                factor=1 / 1.1,
            ),
        ),
    )
