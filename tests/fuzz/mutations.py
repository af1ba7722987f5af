"""Changes that make input wrong in the ways it goes wrong: damaged bytes, and lying values in tables."""

import copy
from collections.abc import Callable, Iterator
from random import Random

__all__ = ["UNKNOWN", "changed_tree", "damaged", "odd_value", "places"]

_TEXTS = (
    "", " ", "x", "mlp", "csv", "kfold", "adamw", "relu", "mse", "one_hot", "metal", "jax", "auto", "gmcore/mlp",
    "a/b/c", "/etc/passwd", "../../x", "~/x", "cache_folder", "__class__", "use", "a\0b", "a\nb", "\x1b[31mred",
    "\u202eabc", "\ud7ff\U0001f600", "é", "x" * 5000, "nan", "inf", "1e3", "true", "None", "%s%n", "{0}", "$HOME",
    "null",
)  # fmt: skip
_NUMBERS = (
    0, 1, -1, 2, 3, 7, 255, 256, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63),
    10**30, 0.0, -0.0, 0.5, 1.0, 1.5, -0.5, 1e-320, 1e-30, 1e30, 1e39, 1e308, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
_NESTED = 200
UNKNOWN = ("extra", "\x1b", "é", "x" * 300)
"""Keys that no table has."""


def odd_value(random: Random) -> object:
    """Return a value of any type, of the sort that programs do not expect."""
    kind = random.randrange(8)
    if kind < 3:
        return random.choice(_NUMBERS)
    if kind < 5:
        return random.choice(_TEXTS)
    if kind == 5:
        return random.choice([True, False, None])
    if kind == 6:
        return random.choice([[], [[]], [1, "a"], [odd_value(random)] * random.choice([1, 2, 50]), _deep([], list)])
    return random.choice(
        [
            {},
            {"use": random.choice(_TEXTS)},
            {"use": odd_value(random)},
            {"": 1},
            {"x": odd_value(random)},
            _deep({}, dict),
        ]
    )


def damaged(random: Random, content: bytes) -> tuple[bytes, str]:
    """Return content after damage as by disks, networks and editors, and what was done."""
    damage = random.choice([_flip, _truncate, _zero, _repeat, _remove, _insert, _append, _as_text])
    found = damage(random, content)
    return found, damage.__name__.strip("_")


def places(tree: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Yield the path of every value within tables and lists."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in children:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed_tree(random: Random, tree: object, value: Callable[[Random], object] = odd_value) -> tuple[object, str]:
    """Return a copy of tables and lists after one change, and what was done: a value, a key, or two of them swapped."""
    found = copy.deepcopy(tree)
    path = random.choice(list(places(found)))
    parent = _at(found, path[:-1])
    name, key = ".".join(map(str, path)), path[-1]
    action = random.choice(["set", "set", "set", "remove", "add", "swap", "nest", "rename"])
    if action == "set":
        parent[key] = value(random)
        return found, f"{name} = {parent[key]!r:.80}"
    if action == "remove":
        del parent[key]
    elif action == "add" and isinstance(parent, dict):
        new = random.choice([*UNKNOWN, "path", "cache_folder", "use", "seed", str(key).upper(), f"{key}s"])
        parent[new] = value(random)
        return found, f"{name} has the neighbour {new!r:.40} = {parent[new]!r:.80}"
    elif action == "add":
        parent.append(value(random))
    elif action == "swap":
        other = random.choice(list(places(found)))
        if other[: len(path)] != path and path[: len(other)] != other:
            second = _at(found, other[:-1])
            parent[key], second[other[-1]] = second[other[-1]], parent[key]
        return found, f"{name} and {'.'.join(map(str, other))} swapped"
    elif action == "nest":
        parent[key] = random.choice([[parent[key]], {"use": parent[key]}, {str(key): parent[key]}])
    elif isinstance(parent, dict):
        parent[random.choice(_TEXTS)] = parent.pop(key)
    return found, f"{action} {name}"


def _at(tree: object, path: tuple[object, ...]) -> object:
    for key in path:
        tree = tree[key]
    return tree


def _deep(leaf: object, kind: type) -> object:
    for _ in range(_NESTED):
        leaf = [leaf] if kind is list else {"x": leaf}
    return leaf


def _span(random: Random, content: bytes) -> tuple[int, int]:
    start = random.randrange(len(content))
    return start, min(len(content), start + random.choice([1, 2, 8, 64, 512]))


def _flip(random: Random, content: bytes) -> bytes:
    found = bytearray(content)
    for _ in range(random.choice([1, 1, 1, 2, 8, 64])):
        found[random.randrange(len(found))] ^= 1 << random.randrange(8)
    return bytes(found)


def _truncate(random: Random, content: bytes) -> bytes:
    return content[: random.choice([0, 1, 7, 8, 9, len(content) - 1, random.randrange(len(content))])]


def _zero(random: Random, content: bytes) -> bytes:
    start, end = _span(random, content)
    return content[:start] + bytes(end - start) + content[end:]


def _repeat(random: Random, content: bytes) -> bytes:
    start, end = _span(random, content)
    return content[:end] + content[start:end] + content[end:]


def _remove(random: Random, content: bytes) -> bytes:
    start, end = _span(random, content)
    return content[:start] + content[end:]


def _insert(random: Random, content: bytes) -> bytes:
    start, _ = _span(random, content)
    return content[:start] + random.randbytes(random.choice([1, 2, 8])) + content[start:]


def _append(random: Random, content: bytes) -> bytes:
    return content + random.choice([b"\0", b"\n", b" " * 9, random.randbytes(64), content])


def _as_text(random: Random, content: bytes) -> bytes:
    """Return the content as after a transfer that takes it for text."""
    return random.choice(
        [content.replace(b"\n", b"\r\n"), content.decode("latin-1").encode(), b"\xef\xbb\xbf" + content]
    )
