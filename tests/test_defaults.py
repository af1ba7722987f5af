"""The defaults that the documentation states are those of the code."""

import contextlib
import re
import tomllib
from pathlib import Path

import pytest

import gmcore
from gmcore.app.composing.run_config import TrainingTable, spelt_out
from gmcore.domain import AverageConfig, CheckpointConfig, EarlyStoppingConfig, WorkflowConfig
from gmcore.registry import structure

ROOT = Path(__file__).parents[1]
RUN_FILE = "docs/reference/run-file.md"

TABLES = {
    "## `[training]`": TrainingTable,
    "### `early_stopping`": EarlyStoppingConfig,
    "### `average`": AverageConfig,
    "### `checkpoint`": CheckpointConfig,
}
REQUIRED = {"### `average`": {"kind": "swa"}}
PLUGINS = {
    "gm_csv_data": ("data_providers", "csv", {"path": "rows.csv"}),
    "gm_jax_backend": ("backends", "jax", {}),
    "gm_kfold_cv": ("cross_validators", "kfold", {}),
    "gm_metal_backend": ("backends", "metal", {}),
    "gm_mlp_model": ("model_providers", "mlp", {}),
}


def section(page, heading):
    text = (ROOT / page).read_text().partition(f"{heading}\n")[2]
    return re.split(r"\n##", text, maxsplit=1)[0]


def values(cells):
    """Return the defaults that are written as in a run file, by name; others are described in words."""
    found = {}
    for name, text in cells:
        with contextlib.suppress(tomllib.TOMLDecodeError):
            found[name] = tomllib.loads(f"value = {text.strip('` ')}")["value"]
    return found


def table(text):
    """Return the defaults in a table with the columns key, default and meaning."""
    return values(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, flags=re.MULTILINE))


def stated(text):
    """Return the defaults in a text such as "`rho` 0.99, `nesterov` false"."""
    return values(re.findall(r"`(\w+)` (`[^`]+`|[\d.e-]*\d|true|false)", text))


def assert_defaults(make, written):
    """Check that an object without these options is equal to one that has them."""
    assert written
    default, given = make({}), make(written)
    for name in written:
        assert getattr(default, name) == getattr(given, name), name


@pytest.mark.parametrize("heading", TABLES)
def test_the_defaults_of_a_table_are_the_stated_ones(heading):
    # In the table of a whole run file, where a name is short for a table.
    written = spelt_out({"training": table(section(RUN_FILE, heading))})["training"]
    assert_defaults(lambda options: structure({**REQUIRED.get(heading, {}), **options}, TABLES[heading]), written)


def test_a_workflow_that_is_configured_in_code_has_the_same_defaults():
    assert WorkflowConfig() == TrainingTable().config


def test_the_defaults_of_activations_are_the_stated_ones():
    lines = re.findall(r"^\| `(\w+)` \|(.*)\|$", section(RUN_FILE, "## Activations"), flags=re.MULTILINE)
    written = {name: found for name, line in lines if (found := stated(line))}
    assert written
    for name, options in written.items():
        assert_defaults(lambda given, name=name: gmcore.float64.layers.create(name, **given), options)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_defaults_of_a_plugin_are_the_stated_ones(plugin):
    kind, name, required = PLUGINS[plugin]
    registry = gmcore.float32.registries[kind]
    if name not in registry:
        pytest.skip(f"{plugin} is not installed")
    written = table((ROOT / "plugins" / plugin / "README.md").read_text())
    assert_defaults(lambda given: registry.create(name, **required, **given), written)
