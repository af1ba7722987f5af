"""(f) Start-up: imports, `plugins list`, `--help`, and the first epoch of each backend in a new process."""

from frame import Comparison, Goal, Side
from parts.sides import BACKENDS, on

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "start-up"
SECONDS = {"full": 45, "quick": 60}

_COMMAND = "import sys; sys.argv = ['gmcore', {}]; from gmcore.cli import main; main()"
_DATA = "import numpy as np; x = np.random.default_rng(0).normal(size=(256, 10)); y = (x[:, 0] > 0).astype(int)\n"
_GMCORE = (
    _DATA + "import gmcore; gmcore.train(x, y, model={{'use': 'mlp', 'hidden': [16]}}, "
    "backend={{'use': '{}', 'device': '{}'}}, training={{'max_epochs': 1, 'batch_size': 8}})"
)
_TORCH = (
    _DATA
    + """
import torch
x, y = torch.from_numpy(x).float(), torch.from_numpy(y)
model = torch.nn.Sequential(torch.nn.Linear(10, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), fused=True)
for rows in torch.randperm(256).split(8):
    torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
    optimizer.step()
    optimizer.zero_grad()
"""
)
_SKLEARN = (
    _DATA + "from sklearn.neural_network import MLPClassifier; MLPClassifier((16,), batch_size=8, max_iter=1).fit(x, y)"
)


def comparisons(setup):
    listing = _COMMAND.format("'plugins', 'list', '--no-import'")
    scripts = {
        "import gmcore": ("import gmcore", {}),
        "gmcore --help": (_COMMAND.format("'--help'"), {}),
        "gmcore train --help": (_COMMAND.format("'train', '--help'"), {}),
        "gmcore plugins list --no-import": (listing, {}),
        "the same with 200 more plugins": (listing, {"plugins": 200}),
        "import numpy": ("import numpy", {}),
        "import torch": ("import torch", {"needs": ("torch",), "rounds": 1}),
        "import sklearn.neural_network": ("import sklearn.neural_network", {"needs": ("sklearn",), "rounds": 1}),
        "import skorch": ("import skorch", {"needs": ("skorch",), "rounds": 1}),
        "import lightning": ("import lightning", {"needs": ("lightning",), "rounds": 1}),
        "import keras (over torch)": ("import keras", {"needs": ("keras", "torch"), "rounds": 1}),
    }
    yield Comparison(
        title="processes, compared with a bare interpreter",
        about="Each takes turns with `python -c pass`; medians of the differences.",
        keys=("process",),
        columns={"over bare ms": "over bare, ms", "ms": "ms"},
        sides=tuple(_side(name, *script) for name, script in scripts.items()),
        rounds=3,
        goals=(
            _goal("import gmcore: at most 2 ms over a bare interpreter", "import gmcore", 2.0),
            _goal("gmcore --help: at most 40 ms over", "gmcore --help", 40.0),
            _goal("gmcore train --help: at most 60 ms over", "gmcore train --help", 60.0),
            _goal("plugins list with 200 more plugins: at most 60 ms over", "the same with 200 more plugins", 60.0),
        ),
    )
    yield Comparison(
        title="a process that trains one epoch, 10-16-2, 32 steps of 8 rows",
        about="From start to end of the interpreter: imports, compiling, one epoch, and scoring where there is any.",
        keys=("process",),
        columns={"over bare ms": "over bare, ms", "ms": "ms"},
        sides=(
            *(
                _side(on(backend), _GMCORE.format(backend, setup.device), {"needs": (package,)})
                for backend, package in BACKENDS.items()
            ),
            _side("torch eager", _TORCH, {"needs": ("torch",)}),
            _side("scikit-learn", _SKLEARN, {"needs": ("sklearn",)}),
        ),
        references=(on("metal"), on("jax")),
        rounds=3,
    )


def _side(name, code, more):
    options = {"code": code}
    if "plugins" in more:
        options["plugins"] = more["plugins"]
    return Side(
        name=name,
        target="sides.processes:process",
        options=options,
        needs=more.get("needs", ()),
        warm=False,
        rounds=more.get("rounds", 3),
        environment={"KERAS_BACKEND": "torch"},
    )


def _goal(text, side, limit):
    return Goal(text=text, ours=(side,), column="over bare ms", key="process", limit=limit)
