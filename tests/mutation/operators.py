"""Mutation operators for wiring, which cosmic-ray does not have: a call that is not made, an argument not passed on."""

import parso
from cosmic_ray.operators.operator import Example, Operator
from parso.python.tree import PythonNode

__all__ = ["RemoveCall", "RemoveKeywordArgument"]


class RemoveCall(Operator):
    """Replaces a statement that is only a call, such as `lock.release()`, by `pass`."""

    def mutation_positions(self, node):
        if node.type == "simple_stmt" and _is_call(node.children[0]):
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        node.children[0] = parso.parse(f"{node.children[0].get_first_leaf().prefix}pass").children[0]
        return node

    @classmethod
    def examples(cls):
        return (Example("file.close()\n", "pass\n"),)


class RemoveKeywordArgument(Operator):
    """Removes a keyword argument from a call, so that its default is used, if it has one."""

    def mutation_positions(self, node):
        for argument in _keyword_arguments(node):
            yield argument.start_pos, argument.end_pos

    def mutate(self, node, index):
        argument = _keyword_arguments(node)[index]
        if node.type == "trailer":  # the only argument
            del node.children[1]
            return node
        place = node.children.index(argument)
        # With the comma that separates it from its neighbour.
        del node.children[slice(place - 1, place + 1) if place else slice(0, 2)]
        return node

    @classmethod
    def examples(cls):
        return (
            Example("train(rows, seed=3)", "train(rows)"),
            Example("train(seed=3)", "train()"),
            Example("train(seed=3, jobs=2)", "train( jobs=2)"),
            Example("train(seed=3, jobs=2)", "train(seed=3)", occurrence=1),
        )


def _is_call(node: parso.tree.NodeOrLeaf) -> bool:
    if node.type != "atom_expr" or node.children[0].type == "keyword":
        return False
    last = node.children[-1]
    return last.type == "trailer" and last.children[0].value == "("


def _keyword_arguments(node: parso.tree.NodeOrLeaf) -> list[PythonNode]:
    if node.type == "trailer" and node.children[0].value == "(":
        candidates = node.children[1:2]
    elif node.type == "arglist":
        candidates = node.children
    else:
        return []
    return [one for one in candidates if one.type == "argument" and one.children[1] == "="]
