"""What shall hold of a comparison, and whether it does."""

import math
import statistics

import attrs

__all__ = ["Goal", "judged"]


@attrs.frozen(kw_only=True)
class Goal:
    """What shall hold of one column: a limit, or how many times cheaper some sides are than others.

    Attributes:
        text: for people.
        ours: the sides it is about; the best of several counts.
        column: which number.
        key: where.
        limit: what it shall not pass; in place of the following.
        theirs: the sides that it is held against, the best of them.
        factor: how many times less than theirs, at least; below 1 it may be so much more.
        their_key: where theirs is read, if not at `key`.
        noisy: whether the number is drawn anew each round, such as a loss by its seed: then the mean of ours, the first
            side there is, shall be at most the mean of theirs all together, but for two standard errors.
    """

    text: str
    ours: tuple
    column: str
    key: str
    limit: float | None = None
    theirs: tuple = ()
    factor: float = 1.0
    their_key: str = ""
    noisy: bool = False


def judged(goal, sides):
    """Return what was wanted and reached, and whether that is enough; None where there is too little to tell."""
    if goal.noisy:
        return _by_means(goal, sides)

    def best(names, key):
        found = [sides[name]["median"].get(key, {}).get(goal.column) for name in names if name in sides]
        return min((value for value in found if value is not None), default=None)

    ours = best(goal.ours, goal.key)
    if goal.limit is not None:
        met = ours is not None and ours <= goal.limit
        return ours and {"goal": goal.text, "wanted": f"<= {goal.limit:g}", "reached": ours, "met": met}
    theirs = best(goal.theirs, goal.their_key or goal.key)
    if ours is None or theirs is None:
        return None
    reached = theirs / ours
    return {"goal": goal.text, "wanted": f">= {goal.factor:.3g}x", "reached": reached, "met": reached >= goal.factor}


def _by_means(goal, sides):
    def drawn(name):
        known = sides.get(name, {}).get("rounds", {}).get(goal.key, [])
        return [one[goal.column] for one in known if goal.column in one]

    ours = next(filter(None, map(drawn, goal.ours)), [])
    # Ways that draw alike say nothing new.
    theirs = sorted({value for name in goal.theirs for value in drawn(name)})
    if min(len(ours), len(theirs)) < 2:
        return None
    error = math.sqrt(sum(statistics.variance(values) / len(values) for values in (ours, theirs)))
    wanted = statistics.mean(theirs) + 2 * error
    reached = statistics.mean(ours)
    return {"goal": goal.text, "wanted": f"<= {wanted:.4f}", "reached": reached, "met": reached <= wanted}
