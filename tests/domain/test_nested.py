import pytest

from gmcore.domain.nested import filled, leaves, leaves_like, map_leaves, named_leaves, skeleton

TREES = [1, None, {}, (), {"a": 1}, {"b": (1, {"c": 2}), "a": None, "d": ((3,), ())}]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_a_tree_is_its_skeleton_filled_with_its_leaves(tree):
    assert filled(skeleton(tree), leaves(tree)) == tree


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_every_leaf_has_a_name(tree):
    assert list(named_leaves(tree).values()) == leaves(tree)


def test_a_name_is_the_way_to_a_leaf():
    assert named_leaves(TREES[-1]) == {"b.0": 1, "b.1.c": 2, "d.0.0": 3}
    assert named_leaves(7) == {"": 7}


def test_leaves_are_mapped_and_empty_branches_kept():
    assert map_leaves(lambda leaf: -leaf, TREES[-1]) == {"b": (-1, {"c": -2}), "a": None, "d": ((-3,), ())}


def test_leaves_are_listed_in_another_trees_order():
    assert leaves_like(skeleton({"a": 0, "b": (0, 0)}), {"b": (2, 3), "a": 1}) == [1, 2, 3]
