"""(d) A million rows of 20 columns from CSV: reading and the first epoch, later epochs, peak memory."""

from importlib.util import find_spec

from frame import Comparison, Side
from parts.sides import BACKENDS, on

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "a large CSV"
SECONDS = {"full": 90, "quick": 50}

# gmcore's variants: whether the file's rows are cached already, and options of `[training]`.
WAYS = {
    "": (False, {}),
    ", rows cached": (True, {}),
    ", rows cached and streamed": (True, {"row_memory": 20_000_000}),
}


def comparisons(setup):
    from sides.rows_from_csv import generate

    rows = 100_000 if setup.quick else 1_000_000
    path = str(setup.folder / "rows.csv")
    if find_spec("polars"):
        generate(path, rows)
    ways = {"torch, an epoch's rows at once": "rows", "torch, a batch's rows": "batches",
            "torch DataLoader, batch sampler": "batch sampler", "torch DataLoader": "loader"}  # fmt: skip
    settings = {"fresh": True, "warm": False, "rounds": 3}
    yield Comparison(
        title=f"{rows:,} rows of 20 columns, 20-64-32-1, batch 1024",
        about="Each turn is a new process; polars reads the file for torch. Peak memory is that of the first epoch.",
        keys=(str(rows),),
        columns={
            "first epoch s": "reading and first epoch, s",
            "later epoch s": "a later epoch, s",
            "rows a second": "rows per second, later",
            "peak MB": "peak memory, MB",
            "loss": "loss",
        },
        sides=(
            *(
                Side(
                    name=on(backend) + way,
                    target="sides.rows_from_csv:ours",
                    options={"backend": backend, "device": setup.device, "path": path, "kept": kept, "training": more},
                    needs=(package, "gm_csv_data", "polars"),
                    **settings,
                )
                for way, (kept, more) in WAYS.items()
                for backend, package in BACKENDS.items()
            ),
            *(
                Side(
                    name=name,
                    target="sides.rows_from_csv:torch_loop",
                    options={"device": setup.device, "path": path, "way": way},
                    needs=("torch", "polars"),
                    **{**settings, "rounds": 1 if way == "loader" else settings["rounds"]},
                )
                for name, way in ways.items()
            ),
        ),
        references=(on("metal"), on("jax")),
        rounds=3,
    )  # fmt: skip
