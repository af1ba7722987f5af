"""Goals of a comparison, and whether they are met."""

import math
import statistics

import attrs

__all__ = ["Goal", "judged"]


@attrs.frozen(kw_only=True)
class Goal:
    """A goal for one column: an upper limit, or a ratio of the best of some sides to the best of others.

    Attributes:
        text: description in the report.
        ours: names of the sides that the goal is for; the best one counts.
        column: name of the number.
        key: the case.
        limit: largest allowed value; instead of the attributes below.
        theirs: names of the sides to compare with; the best one counts.
        factor: smallest allowed ratio of theirs to ours; below 1, ours may be larger.
        their_key: the case of theirs, if it is not `key`.
        noisy: whether the number is random, such as a loss that depends on the seed. Then the mean over rounds of ours
            (the first side with results) must be at most the mean of all of theirs plus two standard errors.
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
    """Return the wanted and the reached value, and whether the goal is met; None without enough results."""
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
    # Sides with the same random numbers give the same values, which count once.
    theirs = sorted({value for name in goal.theirs for value in drawn(name)})
    if min(len(ours), len(theirs)) < 2:
        return None
    error = math.sqrt(sum(statistics.variance(values) / len(values) for values in (ours, theirs)))
    wanted = statistics.mean(theirs) + 2 * error
    reached = statistics.mean(ours)
    return {"goal": goal.text, "wanted": f"<= {wanted:.4f}", "reached": reached, "met": reached <= wanted}
