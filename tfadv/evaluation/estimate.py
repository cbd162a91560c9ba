"""How long an evaluation still takes at most, from the passes that remain and the speed of those made."""

import time


class Estimate:
    """Seconds left, were no further image to fall.

    Args:
        costs: the `Passes` of each attack for one image, in order.
        counts: a function that returns the (forward, backward) passes made since some moment.

    Attributes:
        after: what follows the attacks, in forward passes.
    """

    def __init__(self, costs, counts):
        self.work = [work(*cost) for cost in costs]
        self.counts, self.after = counts, 0
        self.seconds, self.done = 0.0, 0.0
        self.begun = None

    def add(self, cost):
        """One more attack comes after the others; cost: its `Passes` for one image."""
        self.work.append(work(*cost))

    def drop(self):
        """The last attack is left out."""
        self.work.pop()

    def begin(self):
        """A batch begins."""
        self.begun = time.perf_counter(), self.counts()

    def end(self):
        """A batch has ended; returns its seconds and passes."""
        seconds, passes = self.batch()
        self.seconds, self.done, self.begun = self.seconds + seconds, self.done + work(*passes), None
        return seconds, passes

    def batch(self):
        """Seconds and passes of the batch that is running."""
        began, counts = self.begun
        passes = tuple(now - then for now, then in zip(self.counts(), counts, strict=True))
        return time.perf_counter() - began, passes

    def share(self, attack, images):
        """How much of the running batch of `images` is done, in [0, 1], at least."""
        return min(1.0, work(*self.batch()[1]) / (self.work[attack] * images))

    def left(self, attack, waiting, active):
        """Seconds.

        Args:
            attack: the number of the running attack.
            waiting: how many of its images are not done, with fractions.
            active: how many images the attacks after it will meet at most.
        """
        seconds, passes = self.batch() if self.begun else (0.0, (0, 0))
        seconds, done = self.seconds + seconds, self.done + work(*passes)
        if not done:
            return None
        to_do = self.work[attack] * waiting + sum(self.work[attack + 1 :]) * active
        return seconds / done * (to_do + self.after)

    def left_after(self, to_do):
        """Seconds that so much of what follows the attacks takes, in forward passes; None where no speed is known."""
        return self.seconds / self.done * to_do if self.done else None


def work(forward, backward):
    """In forward passes: a backward pass costs about as much as two of them."""
    return forward + 2 * backward
