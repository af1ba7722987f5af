"""The mutants of a checkout: small wrong changes, made by cosmic-ray's operators and those for wiring."""

import ast
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

import attrs
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator
from mutation.operators import RemoveCall, RemoveKeywordArgument
from parso.tree import NodeOrLeaf

__all__ = ["Mutant", "all_mutants", "sample"]

# A `|` is usually part of an annotation, and an exchange of one operator for each other one gives mutants that differ
# little.
_CORE = [
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Mod_Mul", "Pow_Mul", "BitAnd_BitOr")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *("ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not", "AddNot"),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "NumberReplacer", "ZeroIterationForLoop"),
]
_FEWEST_OF_A_ROOM = 3
# Test code, which tests/testing tests with deliberately wrong components; Protocols, which have no logic.
_LEFT_OUT = ("testing", "ports", "__main__")
# Arguments that change nothing that a correct caller sees, or speed alone.
_WITHOUT_EFFECT = (
    "assume_unique", "bound", "check", "encoding", "eq", "init", "kw_only", "maxsize", "repr", "slots", "strict",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Mutant:
    """One change to one file.

    Attributes:
        path: the file, relative to the checkout.
        room: `training`, `app` and so on for a file of the core, else the name of the plugin.
        operator: what makes the change.
        occurrence: which of the places in the file where the operator can make a change.
        lines: the first and the last line of the changed node.
    """

    path: Path
    room: str
    operator: str
    occurrence: int
    lines: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.path}:{self.lines[0]} {self.operator} {self.occurrence}"

    def applied(self, source: str) -> str:
        """Return the source of the file with the change."""
        changed: str = mutate_code(source, _operators()[self.operator], self.occurrence)
        return changed


def all_mutants(checkout: Path) -> list[Mutant]:
    """Return the mutants of the core and of the plugins, in a fixed order."""
    sources = [checkout / "src", *sorted(checkout.glob("plugins/*/src"))]
    paths = [path for source in sources for path in sorted(source.rglob("*.py")) if path.name != "__init__.py"]
    mutants = (mutant for path in paths for mutant in _mutants_of(path, path.relative_to(checkout)))
    return [mutant for mutant in mutants if mutant.room not in _LEFT_OUT]


def sample(checkout: Path, mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return `count` mutants in random order, each room's share like its share of the mutants, but at least three."""
    rng = random.Random(seed)  # noqa: S311 - not for security
    chosen: list[Mutant] = []
    others: list[Mutant] = []
    of_room: Counter[str] = Counter()
    for mutant in rng.sample(mutants, len(mutants)):
        of_room[mutant.room] += 1
        (chosen if of_room[mutant.room] <= _FEWEST_OF_A_ROOM else others).append(mutant)
    valid = (mutant for mutant in (*chosen, *others) if _is_valid(mutant, checkout))
    return rng.sample(taken := list(islice(valid, count)), len(taken))


def _is_valid(mutant: Mutant, checkout: Path) -> bool:
    """Return whether Python reads the changed file, and reads something else in it."""
    source = (checkout / mutant.path).read_text(encoding="utf-8")
    try:
        return ast.dump(ast.parse(mutant.applied(source))) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


@cache
def _operators() -> dict[str, Operator]:
    core = {name: get_operator(f"core/{name}")() for name in _CORE}
    return core | {one.__name__: one() for one in (RemoveCall, RemoveKeywordArgument)}


def _mutants_of(path: Path, relative: Path) -> Iterator[Mutant]:
    nodes = list(ast_nodes(get_ast(path.read_text(encoding="utf-8"))))
    room = relative.parts[1] if relative.parts[0] == "plugins" else relative.parts[2].removesuffix(".py")
    for name, operator in _operators().items():
        places = ((node, place) for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (node, (start, stop)) in enumerate(places):
            minus_one = name == "NumberReplacer" and occurrence % 2  # the same number is changed by +1, too
            if minus_one or _is_without_effect(node, start):
                continue
            yield Mutant(path=relative, room=room, operator=name, occurrence=occurrence, lines=(start[0], stop[0]))


def _is_without_effect(node: NodeOrLeaf, place: tuple[int, int]) -> bool:
    """Return whether a change at this place of a node is in a decorator, a `*` of a signature or such an argument."""
    if node.type == "operator" and node.parent is not None and node.parent.type in ("param", "parameters"):
        return True
    changed = next((child for child in getattr(node, "children", ()) if child.start_pos == place), node)
    while changed is not None:
        if changed.type == "decorator":
            return True
        if changed.type == "argument" and getattr(changed.children[0], "value", "") in _WITHOUT_EFFECT:
            return True
        changed = changed.parent
    return False
