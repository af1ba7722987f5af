"""A line search for the strong Wolfe conditions, of all members at once.

Nocedal and Wright, "Numerical optimization" (2006), algorithms 3.5 and 3.6, in the form of `torch.optim.LBFGS` with
`line_search_fn="strong_wolfe"`, to which the lengths are equal.

Each member is in one of two phases. It first makes its steps longer, until two neighbouring lengths enclose one that
fulfils the conditions (bracketing); then it makes the interval smaller (zooming):

    evaluate at `trial` ─▶ too high, or uphill? ─▶ interval [low, high] ─▶ trial within it
                       └─▶ fulfils both? ────────▶ done
                       └─▶ neither? ─────────────▶ trial beyond it (bracketing), or within a smaller interval (zooming)

All members are evaluated together, as often as the option says; those that are done keep their length under a mask.
"""

from collections.abc import Callable

from gmcore.domain import Array, Tree
from gmcore.ports import Namespace

__all__ = ["strong_wolfe"]

# Share of the decrease that the slope promises, which a step must reach (Armijo's condition).
_SUFFICIENT = 1e-4
# Largest share of the slope at the start that may be left at the end of a step (the curvature condition).
_FLATTER = 0.9
# An interval whose parameters differ by less than this is not made smaller.
_NARROWEST = 1e-9
# A trial closer to a bound of the interval than this share of its width counts as one at the bound.
_MARGIN = 0.1

# The rows of a point on the line, `(3, members)`.
_LENGTH, _LOSS, _SLOPE = range(3)

Along = Callable[[Array], tuple[Array, Array]]
"""A function of lengths, `(members,)`, that returns losses and slopes there, `(members,)` each."""


def strong_wolfe(
    along: Along,
    length: Array,
    *,
    loss: Array,
    slope: Array,
    largest: Array,
    searching: Array,
    evaluations: int,
    xp: Namespace,
) -> Array:
    """Return the lengths of the steps, `(members,)`; 0 where no length lowers the loss.

    A loss or slope that is not finite counts as too high.

    Args:
        along: evaluates the losses at given lengths.
        length: tried first, `(members,)`, positive.
        loss: at length 0, `(members,)`.
        slope: derivative of the loss by the length at 0, `(members,)`, negative.
        largest: largest absolute element of the direction, `(members,)`.
        searching: mask of the members that need a length, `(members,)` bool; that of the others is 0.
        evaluations: largest number of lengths that are tried.
        xp: the backend's namespace.
    """
    start = xp.stack([xp.zeros_like(length), xp.astype(loss, xp.float), slope])

    def evaluate(search: Tree, number: Array) -> tuple[Tree, None]:
        new = _evaluated(along, search["trial"], xp)
        after = _narrowed(search, new, start, number, xp)
        # The last evaluation decides by the loss alone where no interval has been found.
        ends = (number == evaluations - 1) & ~search["zooming"]
        low = xp.where(ends, xp.where(new[_LOSS] < start[_LOSS], new, start), after["low"])
        # Members that are done keep their length.
        after = {**after, "low": xp.where(search["done"], search["low"], low), "done": search["done"] | after["done"]}
        return _with_next_trial(after, largest, xp), None

    no = xp.zeros_like(searching)
    search: Tree = {
        "trial": xp.where(searching, length, 0.0),
        "low": start,
        "high": start,
        "low_is_first": ~no,
        "zooming": no,
        "near_bound": no,
        "done": ~searching,
    }
    search, _ = xp.scan(evaluate, search, xp.arange(evaluations))
    found: Array = search["low"][_LENGTH]
    return found


def _evaluated(along: Along, length: Array, xp: Namespace) -> Array:
    """Return the point at a length, `(3, members)`; numbers that are not finite become an infinite loss."""
    loss, slope = along(length)
    usable = xp.isfinite(loss) & xp.isfinite(slope)
    return xp.stack([length, xp.where(usable, loss, float("inf")), xp.where(usable, slope, 0.0)])


def _narrowed(search: Tree, new: Array, start: Array, number: Array, xp: Namespace) -> dict[str, Array]:
    """Return the search with a new point in place of `low` or `high`.

    While bracketing, `low` is the point before the new one. Of two equal losses the first point's is the lower one, as
    in torch, so the search remembers whether that is `low`.
    """
    low, high, zooming, first = search["low"], search["high"], search["zooming"], search["low_is_first"]
    sufficient = new[_LOSS] <= start[_LOSS] + _SUFFICIENT * new[_LENGTH] * start[_SLOPE]
    # torch compares with the point before from its third evaluation on.
    too_high = ~sufficient | ((zooming | (number > 1)) & (new[_LOSS] >= low[_LOSS]))
    done = ~too_high & (xp.abs(new[_SLOPE]) <= -_FLATTER * start[_SLOPE])
    encloses = too_high | (~zooming & ~done & (new[_SLOPE] >= 0))
    low_stays = encloses & ((low[_LOSS] < new[_LOSS]) | (first & (low[_LOSS] == new[_LOSS])))
    turned = new[_SLOPE] * (high[_LENGTH] - low[_LENGTH]) >= 0
    return {
        **search,
        "low": xp.where(low_stays, low, new),
        "high": xp.where(low_stays, new, xp.where(encloses | turned | ~zooming, low, high)),
        "low_is_first": first != (encloses & ~low_stays),
        "zooming": zooming | encloses,
        "done": done,
    }


def _with_next_trial(search: dict[str, Array], largest: Array, xp: Namespace) -> dict[str, Array]:
    """Return the search with the length to try next, or done if the interval is too small for one."""
    low, high, zooming = search["low"], search["high"], search["zooming"]
    ordered = low[_LENGTH] <= high[_LENGTH]
    left, right = xp.where(ordered, low, high), xp.where(ordered, high, low)
    lower, upper = left[_LENGTH], right[_LENGTH]
    width = upper - lower
    least, most = xp.where(zooming, lower, upper + 0.01 * width), xp.where(zooming, upper, 10 * upper)
    trial = _cubic_minimum(left, right, least, most, xp)
    margin = _MARGIN * width
    near = zooming & (xp.minimum(upper - trial, trial - lower) < margin)
    moved = near & (search["near_bound"] | (trial >= upper) | (trial <= lower))
    inside = xp.where(upper - trial < trial - lower, upper - margin, lower + margin)
    done = search["done"] | (zooming & (width * largest < _NARROWEST))
    return {
        **search,
        "trial": xp.where(done, low[_LENGTH], xp.where(moved, inside, trial)),
        "near_bound": near & ~moved,
        "done": done,
    }


def _cubic_minimum(left: Array, right: Array, least: Array, most: Array, xp: Namespace) -> Array:
    """Return where the cubic through two points with their slopes is lowest, within bounds; their middle without one.

    Args:
        left: the point of the smaller length, `(3, members)`.
        right: the other one.
        least: smallest length, `(members,)`.
        most: largest length, `(members,)`.
        xp: the backend's namespace.
    """
    width, first, second = right[_LENGTH] - left[_LENGTH], left[_SLOPE], right[_SLOPE]
    d1 = first + second - 3 * (left[_LOSS] - right[_LOSS]) / -width
    square = d1 * d1 - first * second
    d2 = xp.sqrt(xp.maximum(square, 0.0))
    share = (second + d2 - d1) / (second - first + 2 * d2)
    found = xp.minimum(xp.maximum(right[_LENGTH] - width * share, least), most)
    return xp.where((square >= 0) & xp.isfinite(share), found, (least + most) / 2)
