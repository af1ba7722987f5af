"""(a) Microseconds per training step: one network, Adam, batches of shuffled rows in memory."""

from frame import Comparison, Goal, Side
from parts.sides import both, keras_sides, on
from problems import NETWORKS

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "step time"
SECONDS = {"full": 150, "quick": 60}


def comparisons(setup):
    device = setup.device
    keys = tuple(NETWORKS)[1:2] if setup.quick else tuple(NETWORKS)
    frameworks = "sides.frameworks:steps"
    slow = {"rounds": 2, "warm": False}  # they leave out their first epochs themselves
    sides = (
        *both("sides.ours:steps", device, by_hand="sides.hand_written:steps"),
        *(
            Side(
                name=name,
                target="sides.torch_networks:steps",
                options={"device": device, "compiled": name == "torch compiled"},
                needs=("torch",),
            )
            for name in ("torch eager", "torch compiled")
        ),
        Side(name="scikit-learn", target="sides.sklearn_mlp:steps", needs=("sklearn",), **slow),
        *(
            Side(
                name=name,
                target=frameworks,
                options={"framework": name.lower(), "device": device},
                needs=("torch", name.lower()),
                **slow,
            )
            for name in ("skorch", "Lightning")
        ),
        *keras_sides(frameworks, device, **slow),
    )
    largest = keys[-1]
    yield Comparison(
        title="one network alone",
        about="Median over epochs. gmcore's number is its whole loop: shuffling, history, hooks, the end of an epoch.",
        keys=keys,
        columns={"us": "µs a step"},
        sides=sides,
        references=(on("metal"), on("jax")),
        goals=(
            Goal(
                text=f"{largest}: the faster backend is not slower than torch",
                ours=(on("metal"), on("jax")),
                theirs=("torch eager", "torch compiled"),
                column="us",
                key=largest,
            ),
        ),
    )
