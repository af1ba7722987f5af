"""(b) Seconds of a 10-fold cross-validation of digits: 64-64-10, Adam 1e-3, batch 64, 60 epochs, no early stopping."""

from frame import Comparison, Goal, Side
from parts.sides import both, keras_sides, on

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "10-fold cross-validation of digits"
SECONDS = {"full": 105, "quick": 60}
_OURS = (on("metal"), on("jax"))


def comparisons(setup):
    device, target = setup.device, "sides.torch_folds:cross_validation"
    epochs = "5" if setup.quick else "60"
    ways = {
        "torch loop": "loop", "torch loop, compiled": "compiled",
        "torch.vmap": "vmap", "torch.vmap, compiled": "vmap compiled",
    }  # fmt: skip
    learners = {
        "scikit-learn": {"n_jobs": 1, "threads": None},
        "scikit-learn, one thread": {"n_jobs": 1, "threads": 1},
        "scikit-learn, n_jobs=2": {"n_jobs": 2, "threads": 1},
    }
    slow = {"rounds": 1, "warm": False}
    frameworks = "sides.frameworks:cross_validation"
    yield Comparison(
        title=f"digits, 64-64-10, {epochs} epochs, 10 folds",
        about=(
            "Seconds of the whole call in a process that has made it before, and of the first call including the start "
            "of its process. Log loss: mean over held-out rows, median over rounds, which have different seeds."
        ),
        keys=(epochs,),
        columns={
            "s": "call, s",
            "first call s": "first call and start, s",
            "epochs alone s": "epochs alone, s",
            "log loss": "log loss",
        },
        sides=(
            *both("sides.ours:cross_validation", device),
            *(
                Side(name=name, target=target, options={"device": device, "way": way}, needs=("torch",))
                for name, way in ways.items()
            ),
            *(
                Side(name=name, target="sides.sklearn_mlp:cross_validation", options=options, needs=("sklearn",))
                for name, options in learners.items()
            ),
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
        ),
        references=_OURS,
        goals=(
            _faster("5 times faster than scikit-learn", learners, 5.0, epochs),
            _faster("3 times faster than the fastest torch loop", ("torch loop", "torch loop, compiled"), 3.0, epochs),
            _faster("first call and start: 5 times faster than scikit-learn", learners, 5.0, epochs, "first call s"),
            *(
                Goal(
                    text=f"log loss at most that of {name} plus two standard errors",
                    ours=_OURS[::-1],
                    theirs=tuple(others),
                    column="log loss",
                    key=epochs,
                    noisy=True,
                )
                for name, others in {"scikit-learn": learners, "torch": ways}.items()
            ),
        ),
    )


def _faster(text, others, factor, epochs, column="s"):
    return Goal(text=text, ours=_OURS, theirs=tuple(others), column=column, key=epochs, factor=factor)
