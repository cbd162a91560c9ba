"""What a document says, held against what was measured: whether it holds is read off the interval, only here."""

import dataclasses
import itertools
import math

import numpy as np

from tfadv.errors import invalid
from tfadv.study.sample import Sample

ONE_SEED = "One seed: the interval is over {} and speaks of these networks."
NO_SPREAD = "One seed, and all {} give the same number: nothing says how sure it is."
ONE_NUMBER = "One seed, and a number without an interval: another seed may say the opposite; three tell."


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence and the number that decides it.

    Attributes:
        says: the sentence.
        measured: the number, a `Sample`.
        above, below: the claim holds where the number lies above, or below; near: (value, tolerance). One of the three.
        published: what the document prints, a number or a text.
        over: what the interval of one seed is over.

    Raises:
        TfadvError: unless exactly one of `above`, `below` and `near` is given.
    """

    id: str
    says: str
    measured: Sample
    _: dataclasses.KW_ONLY
    above: float | None = None
    below: float | None = None
    near: tuple[float, float] | None = None
    published: object = None
    note: str = ""
    over: str = "images"

    def __post_init__(self):
        given = [bound for bound in (self.above, self.below, self.near) if bound is not None]
        if len(given) != 1:
            raise invalid(f"claim {self.id!r}", "one of above, below and near", f"{len(given)} of them")

    @property
    def holds(self):
        """True or False where the whole interval lies inside or outside the bounds, None where this run cannot tell.

        Nor can it where there is no interval: of a single number another seed may say the opposite. An interval over
        images that all give the same number has no width, however few they are: it is none either.
        """
        if self.measured.interval is None or self._without_spread:
            return None
        return self._decided(*self.measured.interval)

    def _decided(self, low, high):
        """Whether numbers from `low` to `high` are within the bounds: all of them, none of them, or some (None)."""
        if self.near is not None:
            value, tolerance = self.near
            inside = value - tolerance <= low and high <= value + tolerance
            return True if inside else False if high < value - tolerance or low > value + tolerance else None
        if self.below is not None:
            low, high, bound = -high, -low, -self.below
        else:
            bound = self.above
        return True if low > bound else False if high <= bound else None

    def to_json(self):
        """The claim as `ExperimentResult.claims` has it."""
        return {
            "id": self.id,
            "statement": self.says,
            "published": self.published,
            "measured": self.measured.mean,
            "interval": self.measured.interval,
            "shown": f"{self.measured} points" if self.measured.in_points else str(self.measured),
            "holds": self.holds,
            "note": " ".join(filter(None, (self.note, self._caveat()))),
        }

    @property
    def _without_spread(self):
        """Whether one seed's interval has no width. Seeds that all give the same number do repeat the experiment."""
        return len(self.measured.per_seed) == 1 and math.isclose(*self.measured.interval, abs_tol=1e-12)

    def _caveat(self):
        if len(self.measured.per_seed) > 1:
            return ""
        if self.measured.interval is None:
            return ONE_NUMBER
        return (NO_SPREAD if self._without_spread else ONE_SEED).format(self.over)


class ExactClaim(Claim):
    """A claim that is decided by its number alone, of each seed: it has no interval, as nothing was drawn.

    >>> ExactClaim("error", "The error is small", Sample.of(1e-9), below=1e-6).holds
    True
    """

    @property
    def holds(self):
        """Whether the numbers of all seeds lie within the bound; None where nothing was measured."""
        if self.measured.mean is None:
            return None
        values = self.measured.values
        return self._decided(min(values), max(values)) is True

    def _caveat(self):
        return "One seed, of which it is exact." if len(self.measured.per_seed) == 1 else ""


def ordered(id, says, *samples, **options):
    """The claim that each sample lies above the next; measured is the difference of two neighbors that decides it.

    That is one that contradicts the claim if there is one, else one that this run cannot tell, else the smallest.

    Args:
        **options: of `Claim`.
    """
    gaps = [Claim(id, says, a - b, above=0.0, **options) for a, b in itertools.pairwise(samples)]
    severity = {False: 0, None: 1, True: 2}
    return min(
        gaps, key=lambda gap: (severity[gap.holds], math.inf if gap.measured.mean is None else gap.measured.mean)
    )


def published_gain(published, cell, other):
    """What a document's table says of a difference that a claim is about: `+4.78 points`.

    Args:
        published: network -> {column: share}, as `Found.grid` takes it.
        cell, other: (network, column).

    >>> published_gain({"a": {"clean": 0.7994}, "b": {"clean": 0.7516}}, ("a", "clean"), ("b", "clean"))
    '+4.78 points'
    """
    (network, column), (than, beside) = cell, other
    return f"{100 * (published[network][column] - published[than][beside]):+.2f} points"


def largest_effect(factors, outcomes):
    """Which of several two-level factors moves an outcome most, averaged over the others, as a text for a note.

    Args:
        factors: what each is called.
        outcomes: levels, one of each factor -> number, or None where there is none; all combinations, the first of
            each factor's levels first.

    >>> largest_effect(("letter", "digit"), {("a", 1): 0.0, ("a", 2): 1.0, ("b", 1): 10.0, ("b", 2): 11.0})
    'letter (+10)'
    """
    if None in outcomes.values():
        return "no single difference that this short run could tell"
    first, effects = next(iter(outcomes)), {}
    for k, factor in enumerate(factors):
        same = [value for levels, value in outcomes.items() if levels[k] == first[k]]
        other = [value for levels, value in outcomes.items() if levels[k] != first[k]]
        effects[factor] = np.mean(other) - np.mean(same)
    most = max(effects, key=lambda name: abs(effects[name]))
    return f"{most} ({effects[most]:+.2g})"
