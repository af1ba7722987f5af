"""The generated reference pages are up to date: each component has its formula, source, options and tests there."""

import runpy
from pathlib import Path

import attrs
import pytest

SCRIPT = runpy.run_path(str(Path(__file__).with_name("component_pages.py")))
TESTS = sorted(Path(__file__).parent.glob("nn/losses/test_*.py"))


@pytest.mark.parametrize("page", SCRIPT["PAGES"], ids=lambda page: page.kind)
def test_a_page_is_what_make_pages_writes(page):
    assert page.path.read_text() == page.text(), "run `make pages`"


@attrs.frozen(kw_only=True)
class Huber:
    """A loss.

    Formula:
        `error²`.

    Source:
        Huber (1964).

    Attributes:
        delta: in units
            of the targets.
    """

    delta: float = 1.0


def test_a_part_of_a_page_has_formula_source_options_and_tests():
    text = SCRIPT["component_text"]("huber", Huber, TESTS)
    assert text.startswith("## `huber`\n\nA loss.\n\n**Formula.** `error²`.\n\n**Source.** Huber (1964).\n\n| Option |")
    assert "| `delta` | `1` | in units of the targets. |" in text
    assert "Tests: [test_contract](../../tests/nn/losses/test_contract.py), [test_error_losses]" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Formula": "Form"}, "Huber lacks the section Formula"),
        ({"Source": "Author"}, "Huber lacks the section Source"),
        ({"delta": "beta"}, "does not describe the option delta"),
    ],
)
def test_a_docstring_that_lacks_a_part_is_an_error(changes, message):
    (old, new) = next(iter(changes.items()))
    lacking = attrs.make_class("Huber", {"delta": attrs.field(default=1.0)})
    lacking.__doc__ = Huber.__doc__.replace(f"{old}:", f"{new}:")
    with pytest.raises(ValueError, match=message):
        SCRIPT["component_text"]("huber", lacking, TESTS)


def test_a_component_that_no_test_names_is_an_error():
    with pytest.raises(ValueError, match="no test names Unknown or"):
        SCRIPT["component_text"]("unknown", type("Unknown", (Huber,), {"__doc__": Huber.__doc__}), TESTS)
