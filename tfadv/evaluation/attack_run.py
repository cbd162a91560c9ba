"""The attacks of an evaluation, one after another: who still stands, and what broke the others."""

import numpy as np

from tfadv import passes
from tfadv.evaluation import metrics
from tfadv.evaluation.estimate import Estimate
from tfadv.evaluation.statistics import wilson
from tfadv.threads import Future

POLL = 0.5  # seconds between looks at a running batch
KEPT = 64  # fooling images, for the pictures


class AttackRun:
    """The state of one evaluation. Each attack runs on the images that none before it has broken.

    Args:
        model: the classifier; x, y: images and labels.
        members: the attacks, in order.
        draws: forward passes that judge an image; more than one where the model is random.
        journal: a `Journal`; what it holds of this evaluation is taken up.
        progress: called with what is being done, how much of how much is done, and the seconds left at most.
        crafted_on: the model that attacks work on, if it is another than the one that judges: in a faster precision.
    """

    def __init__(self, model, x, y, threat, members, *, seed, batch_size, draws, journal, progress, crafted_on=None):
        self.model, self.x, self.y, self.threat = model, x, y, threat
        self.crafted_on = crafted_on or model
        # A random model is fooled now and then by luck, which is no reason to stop.
        self.members = [member if draws > 1 else member.until_fooled() for member in members]
        self.specs = [str(member) for member in members]
        self.seed, self.batch_size, self.draws = seed, batch_size, draws
        self.journal, self.progress = journal, progress
        self.z = metrics.logits(model, x, batch_size)
        self.classes = self.z.shape[1]
        self.clean = metrics.correct(model, x, y, batch_size, draws) if draws > 1 else self.z.argmax(axis=1) == y
        self.robust = self.clean.copy()
        self.distance = np.zeros(len(x), np.float32)
        self.broken_by = np.full(len(x), -1, np.int32)
        self.fooling = {}
        self.rows = []
        self.estimate = Estimate([member.cost(self.classes) for member in self.members], passes.counts)
        self.at, self.batches_done = np.flatnonzero(self.robust), 0
        self._take_up(journal.read())

    def run(self):
        """Attack until all attacks are done or nothing stands."""
        for number in range(len(self.rows), len(self.members)):
            self._attack(number)

    def _attack(self, number):
        starts = range(0, len(self.at), self.batch_size)
        if self.batches_done == 0:
            self.partial = {"seconds": 0.0, "forwards": 0, "gradients": 0}
        for k in range(self.batches_done, len(starts)):
            at = self.at[starts[k] : starts[k] + self.batch_size]
            self._batch(number, at, starts[k], (self.seed * 1009 + number) * 100_003 + k)
            self.batches_done = k + 1
            self._write()
        fooled = self.distance[self.broken_by == number]
        self.rows.append(
            {
                "attack": self.specs[number],
                "attacked": len(self.at),
                "fooled": fooled.size,
                "accuracy": self.robust.mean(),
                "interval": wilson(self.robust.sum(), self.robust.size),
                "median_distance": float(np.median(fooled)) if fooled.size else None,
                "max_distance": float(fooled.max()) if fooled.size else None,
                **self.partial,
            }
        )
        self.at, self.batches_done = np.flatnonzero(self.robust), 0
        self._write()

    def _batch(self, number, at, start, seed):
        """Craft in a thread, so that this one can tell how far it is, and hear Ctrl-C."""
        x, y = self.x[at], self.y[at]
        self.estimate.begin()
        done = Future(lambda: self._craft(number, self.crafted_on, x, y, seed))
        while not done.wait(POLL):
            self._tell(number, start + self.estimate.share(number, len(at)) * len(at))
        x_adv, right = done.result()
        seconds, (forwards, gradients) = self.estimate.end()
        self.partial["seconds"] = round(self.partial["seconds"] + seconds, 3)
        self.partial["forwards"] += forwards
        self.partial["gradients"] += gradients
        self._record(number, at, x_adv, ~right)
        self._tell(number, start + len(at))

    def _craft(self, number, crafted_on, x, y, seed):
        """Adversarial images, and where the model is right about them all the same."""
        options = {"batch_size": self.batch_size}
        x_adv = self.members[number](crafted_on, x, y, threat=self.threat, seed=seed, **options)
        right = metrics.correct(self.model, x_adv, y, self.batch_size, self.draws)
        if crafted_on is not self.model:
            # What fooled the faster precision only was let go too early.
            again = np.flatnonzero(right & ~metrics.correct(crafted_on, x_adv, y, self.batch_size))
            if again.size:
                x_adv[again], right[again] = self._craft(number, self.model, x[again], y[again], seed)
        return x_adv, right

    def _tell(self, number, done):
        left = self.estimate.left(number, len(self.at) - done, int(self.robust.sum()))
        self.progress(self.specs[number], int(done), len(self.at), left)

    def _record(self, number, at, x_adv, fooled):
        self.distance[at[fooled]] = self.threat.distance(x_adv[fooled], self.x[at[fooled]]).numpy()
        self.broken_by[at[fooled]] = number
        self.robust[at[fooled]] = False
        of_class = np.bincount([self.y[i] for i in self.fooling], minlength=self.classes)
        for i, image in zip(at[fooled], x_adv[fooled], strict=True):
            if of_class[self.y[i]] < max(1, KEPT // self.classes):
                of_class[self.y[i]] += 1
                self.fooling[int(i)] = image

    def _write(self):
        facts = {"rows": self.rows, "batches_done": self.batches_done, "partial": self.partial}
        arrays = {name: getattr(self, name) for name in ("robust", "distance", "broken_by", "at")}
        pictures = np.stack(list(self.fooling.values())) if self.fooling else np.zeros((0, *self.x.shape[1:]))
        self.journal.write(facts, {**arrays, "fooling": np.array(list(self.fooling), np.int64), "pictures": pictures})

    def _take_up(self, written):
        if written is None:
            return
        facts, arrays = written
        self.rows, self.batches_done, self.partial = facts["rows"], facts["batches_done"], facts["partial"]
        for name in ("robust", "distance", "broken_by", "at"):
            setattr(self, name, arrays[name])
        self.fooling = dict(zip(arrays["fooling"].tolist(), arrays["pictures"].astype(np.float32), strict=True))
        self.progress("taking up the interrupted evaluation", len(self.rows), len(self.members))

    def gallery(self, class_names, size=8):
        """A few fooled images, of as many classes as there are."""
        if not self.fooling:
            return {}
        chosen = spread(sorted(self.fooling), self.y, size)
        x_adv = np.stack([self.fooling[i] for i in chosen])
        before, after = (metrics.probabilities(z) for z in (self.z[chosen], metrics.logits(self.model, x_adv)))
        return {
            "x": self.x[chosen],
            "x_adv": x_adv,
            "label": self.y[chosen],
            "predicted": before.argmax(axis=1),
            "confidence": before.max(axis=1),
            "predicted_adv": after.argmax(axis=1),
            "confidence_adv": after.max(axis=1),
            "attack": np.array([self.specs[self.broken_by[i]] for i in chosen]),
            "class_names": np.array(class_names),
        }


def spread(indices, labels, size):
    """`size` of the indices, going round the classes.

    >>> spread([0, 1, 2, 3], np.array([7, 7, 7, 8]), 2)
    [0, 3]
    """
    times, order = {}, []
    for i in indices:
        label = int(labels[i])
        order.append((times.get(label, 0), i))
        times[label] = times.get(label, 0) + 1
    return sorted(i for _, i in sorted(order)[:size])
