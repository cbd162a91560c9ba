"""How long an evaluation still takes at most, from the passes that remain and the speed of those made."""

import time


class Estimate:
    """Seconds left, were no further image to fall.

    What a batch takes before its first pass is no pass: large networks are traced and compiled for minutes. Each attack
    to come is expected to take as long for that as those before it, on average. A running batch tells its speed only
    from the look on at which passes were first seen: part of the time before it went into compiling.

    Args:
        costs: the `Passes` of each attack for one image, in order.
        counts: a function that returns the (forward, backward) passes made since some moment.

    Attributes:
        after: what follows the attacks, in forward passes.
    """

    def __init__(self, costs, counts):
        self.work = [work(*cost) for cost in costs]
        self.counts, self.after = counts, 0
        self.seconds, self.done, self.compiled = 0.0, 0.0, 0.0
        self.begun, self.waited, self.seen = None, 0.0, None

    def add(self, cost):
        """One more attack comes after the others; cost: its `Passes` for one image."""
        self.work.append(work(*cost))

    def drop(self):
        """The last attack is left out."""
        self.work.pop()

    def begin(self):
        """A batch begins."""
        self.begun, self.waited, self.seen = (time.perf_counter(), self.counts()), 0.0, None

    def end(self):
        """A batch has ended; returns its seconds and passes."""
        seconds, passes = self.batch()
        self.seconds, self.done = self.seconds + seconds - self.waited, self.done + work(*passes)
        self.compiled, self.begun, self.waited = self.compiled + self.waited, None, 0.0
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
        seconds, done = self._passing() if self.begun else (0.0, 0)
        seconds, done = self.seconds + seconds, self.done + done
        if not done:
            return None
        later = self.work[attack + 1 :]
        compiling = (self.compiled + self.waited) / (attack + 1) * len(later)
        return seconds / done * (self.work[attack] * waiting + sum(later) * active + self.after) + compiling

    def look(self):
        """Whether anything has passed in the running batch; the oftener it is asked, the better the first estimates."""
        seconds, passes = self.batch()
        if not any(passes):
            self.waited = seconds
        elif self.seen is None:
            self.seen = seconds, work(*passes)
        return self.seen is not None

    def _passing(self):
        """Seconds of the running batch, and its passes, since passes were first seen."""
        if not self.look():
            return 0.0, 0
        (seconds, passes), (began, before) = self.batch(), self.seen
        done = work(*passes) - before
        return (seconds - began, done) if done else (0.0, 0)

    def left_after(self, to_do):
        """Seconds that so much of what follows the attacks takes, in forward passes; None where no speed is known."""
        return self.seconds / self.done * to_do if self.done else None


def work(forward, backward):
    """In forward passes: a backward pass costs about as much as two of them."""
    return forward + 2 * backward
