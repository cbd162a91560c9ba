"""The attacks of an evaluation, one after another: which images stay right, and what fooled the others."""

import dataclasses
import itertools

import numpy as np

from tfadv import passes
from tfadv.data.split import spread_over
from tfadv.evaluation import metrics
from tfadv.evaluation.attack_rows import attack_row
from tfadv.evaluation.estimate import Estimate
from tfadv.evaluation.fooling import FoolingImages
from tfadv.evaluation.schema import COUNTED
from tfadv.threads import Future

# Seconds between looks at a running batch; after how many looks it is told of, and without a pass, of compiling.
LOOK, TELL, LONG = 0.05, 10, 100
# What a journal keeps beside the arrays.
STATE = ("rows", "trials", "first", "batches_done", "partial")


class AttackRun:
    """The state of one evaluation. Each attack runs on the images that none before it has fooled.

    Args:
        judge: the model, images and threat model: a `Judge`.
        members: the attacks, in order.
        journal: a `Journal`; what it holds of this evaluation is resumed.
        progress: called with what is being done, how much of how much is done, and the seconds left at most.
        crafted_on: the model that attacks work on, if it is another than the one that judges: in a faster precision.

    Attributes:
        rows: of the attacks that are done, as `schema.ATTACK` says.
        trials: of the attacks that ran on a few images and count for nothing but their cost, as `schema.TRIAL` says.
    """

    def __init__(self, judge, members, *, journal, progress, crafted_on=None):
        self.judge = judge
        self.crafted_on = crafted_on or judge.model
        self.members = list(map(judge.until_fooled, members))
        self.specs, self.whys = [str(member) for member in members], [None] * len(members)
        self.journal, self.progress = journal, progress
        costs = [member.cost(judge.classes) for member in self.members]
        self.robust = judge.clean.copy()
        self.distance = np.zeros(len(judge.x), np.float32)
        self.broken_by = np.full(len(judge.x), -1, np.int32)
        self.fooling = FoolingImages(judge.x.shape[1:], journal)
        self.rows, self.trials, self.partial = [], [], {}
        self.estimate = Estimate(costs, passes.counts)
        self.at, self.first, self.batches_done = np.flatnonzero(self.robust), 0, 0
        self._resume(journal.read())

    def run(self):
        """Attack until all attacks are done or no image is right."""
        for number in range(len(self.rows), len(self.members)):
            self._attack(number)

    def add(self, attack, why, most=None):
        """Run a further attack on the images that are still right.

        Args:
            attack: an `Attack`, chosen for what the ones before it have met.
            why: the sentence of the report that says so.
            most: try it on so many of the images first, and leave it out if it fools none of them; None runs it on all.

        Returns:
            Whether it is one of the attacks now; False if it was tried in vain.
        """
        if self._tried(str(attack), why):  # before an interruption
            return False
        self.members.append(self.judge.until_fooled(attack))
        self.specs.append(str(attack))
        self.whys.append(why)
        self.estimate.add(attack.cost(self.judge.classes))
        number = len(self.members) - 1
        if number < len(self.rows):  # it ran before an interruption
            return True
        if most and not self.batches_done:
            tried = self.at[spread_over(len(self.at), most)]
            self.at, self.first = np.concatenate([tried, np.setdiff1d(self.at, tried)]), len(tried)
        self._attack(number)
        return number < len(self.members)

    def withstand(self, attack, at, why):
        """How many of the images `at`, indices, withstand an attack that is none of these; its cost is counted.

        Args:
            why: the sentence of the report that says why it ran.
        """
        known = [row for row in self._tried(str(attack), why) if row["attacked"] == len(at)]
        if not known:
            self.estimate.begin()
            x_adv = self.judge.attack(self.judge.until_fooled(attack), at, fresh=True)
            outcomes = self.judge.outcomes(x_adv, at)
            counted = dict.fromkeys(COUNTED, 0)
            known = [self._trial(attack, why, len(at), int((~outcomes.right).sum()), self._counted(counted, outcomes))]
            self._write()
        return known[0]["attacked"] - known[0]["fooled"]

    def _tried(self, spec, why):
        return [row for row in self.trials if (row["attack"], row["why"]) == (spec, why)]

    def _trial(self, attack, why, attacked, fooled, counted):
        """Keep the row of an attack that ran on a few images; returns it."""
        row = {"attack": str(attack), "why": why, "attacked": attacked, "fooled": fooled} | counted
        self.trials.append(row)
        return row

    def _attack(self, number):
        if self.batches_done == 0:
            self.partial = dict.fromkeys(COUNTED, 0)
        for k, (at, attacked) in enumerate(self._batches()):
            if k >= self.batches_done and not self._in_vain(number, attacked):
                self._batch(number, at, attacked, (self.judge.seed * 1009 + number) * 100_003 + k)
                self.batches_done = k + 1
                self._write()
        if self._in_vain(number, len(self.at)):
            return self._leave_out(number)
        about = {"attack": self.specs[number], "why": self.whys[number], "attacked": len(self.at)}
        outcome = attack_row(number, self.judge.clean, self.broken_by, self.distance)
        self.rows.append(about | outcome | self.partial)
        self._begin_anew()

    def _batches(self):
        """The images of each batch, and how many images come before it; those of a trial are the first."""
        size, count = self.judge.batch_size, len(self.at)
        starts = [*range(0, self.first, size), *range(self.first, count, size)]
        return [(self.at[start:end], start) for start, end in itertools.pairwise([*starts, count])]

    def _in_vain(self, number, attacked):
        """Whether so many images, and with them all of a trial, were attacked without success."""
        return 0 < self.first <= attacked and not (self.broken_by == number).any()

    def _leave_out(self, number):
        """The attack was tried, and found nothing new."""
        self._trial(self.specs[number], self.whys[number], self.first, 0, self.partial)
        for told in (self.members, self.specs, self.whys):
            told.pop()
        self.estimate.drop()
        self._begin_anew()

    def _begin_anew(self):
        self.at, self.first, self.batches_done = np.flatnonzero(self.robust), 0, 0
        self._write()

    def _batch(self, number, at, start, seed):
        """Craft in a thread, so that this one can report progress and receive Ctrl-C."""
        self.estimate.begin()
        # What was chosen for the parts of the model may not fit a copy of it.
        crafted_on = self.crafted_on if self.whys[number] is None else self.judge.model
        done = Future(lambda: self._craft(number, crafted_on, at, seed))
        looks = 0
        while not done.wait(LOOK):
            passing, looks = self.estimate.look(), looks + 1
            if looks % TELL == 0:
                compiling = not (passing or self.batches_done) and looks > LONG
                self._tell(number, start + self.estimate.share(number, len(at)) * len(at), compiling)
        x_adv, outcomes = done.result()
        self.partial = self._counted(self.partial, outcomes)
        self._record(number, at, x_adv, ~outcomes.right)
        self._tell(number, start + len(at))

    def _counted(self, before, outcomes):
        """What is counted of an attack, and of the batch that has ended with these `Outcomes`."""
        seconds, (forwards, gradients) = self.estimate.end()
        told = seconds, gradients, forwards, int(outcomes.returned.sum()), int(outcomes.abstained.sum())
        return {name: round(before[name] + more, 3) for name, more in zip(COUNTED, told, strict=True)}

    def _craft(self, number, crafted_on, at, seed):
        """Adversarial images, and the `Outcomes` on them."""
        crafting = dataclasses.replace(self.judge, model=crafted_on, seed=seed, draws=1)
        x_adv = crafting.attack(self.members[number], at)
        outcomes = self.judge.outcomes(x_adv, at)
        if crafted_on is not self.judge.model:
            # What fooled the faster precision only was let go too early.
            again = np.flatnonzero(outcomes.right & ~crafting.correct(x_adv, at))
            if again.size:
                x_adv[again], anew = self._craft(number, self.judge.model, at[again], seed)
                for told, part in zip(outcomes, anew, strict=True):
                    told[again] = part
        return x_adv, outcomes

    def _tell(self, number, done, compiling=False):
        left = self.estimate.left(number, len(self.at) - done, int(self.robust.sum()))
        what = f"{self.specs[number]}, compiling the network for it" if compiling else self.specs[number]
        self.progress(what, int(done), len(self.at), left)

    def _record(self, number, at, x_adv, fooled):
        at, x_adv = at[fooled], x_adv[fooled]
        self.distance[at] = self.judge.threat.distance(x_adv, self.judge.x[at]).numpy()
        self.broken_by[at] = number
        self.robust[at] = False
        self.fooling.add(at, x_adv)

    def _write(self):
        facts = {name: getattr(self, name) for name in STATE}
        arrays = {name: getattr(self, name) for name in ("robust", "distance", "broken_by", "at")}
        self.journal.write(facts | {"batches_kept": self.fooling.batches}, arrays)

    def _resume(self, written):
        facts, arrays = written or ({}, {})
        if not facts.keys() >= set(STATE) or not self.fooling.resume(facts["batches_kept"]):
            self.journal.parts.clear()  # they are of outcomes that are lost
            return
        for name in STATE:
            setattr(self, name, facts[name])
        for name in ("robust", "distance", "broken_by", "at"):
            setattr(self, name, arrays[name])
        self.progress("resuming the interrupted evaluation", len(self.rows), len(self.members))

    def fooled(self):
        """What fooled the model: `image` (k,), which of the judged images, and `x_adv` (k, h, w, c) float32."""
        at = np.flatnonzero(self.broken_by >= 0)
        return {"image": at, "x_adv": self.fooling.of(at)}

    def gallery(self, class_names, size=8):
        """A few of what fooled the model, of as many classes as there are."""
        judge, chosen = self.judge, spread(np.flatnonzero(self.broken_by >= 0), self.judge.y, size)
        if not chosen:
            return {}
        x_adv = self.fooling.of(chosen)
        before, after = (metrics.probabilities(z) for z in (judge.clean_logits[chosen], judge.logits(x_adv)))
        return {
            "x": judge.x[chosen],
            "x_adv": x_adv,
            "label": judge.y[chosen],
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
