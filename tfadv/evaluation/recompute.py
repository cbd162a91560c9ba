"""What a verification asks the model again, one function a step: each says what it found, or raises `Failed`."""

import numpy as np

from tfadv.evaluation import gate, metrics, records, reprove, revote
from tfadv.evaluation.records import ROUNDING, Failed

# Two logits that are nearer to each other than this share of the spread of all are a tie: another processor, or another
# number of images at a time, rounds them to another order.
TIE = 1e-3


def clean_outcomes_agree(work):
    """The model is right on the same clean images."""
    if work.judge.random:
        return _clean_votes_agree(work)
    clean, arrays = work.judge.clean, work.result.arrays
    work.robust, work.recomputed["clean"] = clean.copy(), float(clean.mean())
    differ = np.flatnonzero(clean != arrays["clean"])
    ties = _ties(work.judge.clean_logits[differ], work.y[differ])
    if not ties.all():
        raise Failed(f"the model answers otherwise than recorded on {(~ties).sum():,} clean images")
    work.ties = differ
    return f"{clean.mean():.2%} of {len(clean):,} clean images are right, as recorded{_but(differ)}"


def _clean_votes_agree(work):
    votes, recorded, draws = work.clean_votes, work.result.arrays["clean"], work.judge.draws
    work.robust, work.recomputed["clean"] = votes.right.copy(), float(votes.right.mean())
    if against := votes.contradicted(recorded).sum():
        raise Failed(f"on {against:,} clean images nine of ten fresh passes of the random model contradict the record")
    chance, now = votes.tolerance(draws), f"{votes.right.mean():.2%} of {len(recorded):,} clean images are right in "
    said = f"{now}a fresh vote of {draws} random passes, recorded {recorded.mean():.2%}; chance may change {chance:.2%}"
    if abs(votes.right.mean() - recorded.mean()) > chance + ROUNDING:
        raise Failed(said)
    return said


def images_are_allowed(work):
    """Each image that fooled lies in the ball and in the box, as far from the clean one as recorded."""
    at, x_adv, arrays = work.at, work.x_adv, work.result.arrays
    inside = work.threat.contains(x_adv, work.x[at]).numpy() if len(at) else np.zeros(0, bool)
    if not inside.all():
        raise Failed(f"{(~inside).sum():,} of {len(at):,} images lie outside {work.result.threat}")
    far = work.threat.distance(x_adv, work.x[at]).numpy() if len(at) else np.zeros(0)
    if not np.allclose(far, arrays["distance"][at], rtol=ROUNDING, atol=ROUNDING):
        raise Failed("the images are not as far from the clean ones as recorded")
    return f"all {len(at):,} lie within {work.result.threat} and between black and white"


def images_fool(work):
    """Each image that is said to fool the model does."""
    if work.judge.random:
        return _images_fool_votes(work)
    right = work.judge.correct(work.x_adv, work.at) if len(work.at) else np.zeros(0, bool)
    work.robust[work.at] &= right
    back = np.flatnonzero(right)
    ties = _ties(work.judge.logits(work.x_adv[back]), work.y[work.at[back]]) if back.size else np.ones(0, bool)
    if not ties.all():
        raise Failed(f"the model is right on {(~ties).sum():,} of the {len(right):,} images that are said to fool it")
    work.ties = np.union1d(work.ties, work.at[back])
    return f"all {len(right):,} fool the model{_but(back)}"


def _images_fool_votes(work):
    fooled = np.zeros(len(work.at), bool)
    votes = revote.fresh(work.judge, work.x_adv, work.at, fooled, attacked=True) if len(fooled) else None
    right = votes.share > 0.5 if votes else fooled
    work.robust[work.at] &= right
    if votes and (never := votes.share > 1 - revote.FOOLED).any():
        raise Failed(f"of {never.sum():,} images less than a quarter of 100 fresh passes of the random model is fooled")
    unclear = f", and {right.sum():,} in a quarter to a half of 100" if right.any() else ""
    return f"{(~right).sum():,} of {len(right):,} fool most of the fresh passes of the random model{unclear}"


def robust_accuracy_follows(work):
    """The robust accuracy is the share of images that are right and for which nothing that fools was kept."""
    robust = work.robust
    work.recomputed["robust"] = float(robust.mean())
    if work.judge.random:
        return _robust_votes_agree(work)
    differ = np.flatnonzero(robust != work.result.arrays["robust"])
    if np.setdiff1d(differ, work.ties).size:
        raise Failed(
            f"{robust.mean():.2%} follow from the images, and the result says {work.result.robust_accuracy:.2%}"
        )
    return f"at most {work.result.robust_accuracy:.2%}: so many withstood the attacks{_but(differ)}"


def _robust_votes_agree(work):
    now, recorded, (low, high) = work.recomputed["robust"], work.result.robust_accuracy, work.result.robust_interval
    # Attacks choose among many votes, so luck is on their side: it may not be worth more than the choice of the images.
    chance = max(high - recorded, recorded - low, work.clean_votes.tolerance(work.judge.draws))
    said = f"{now:.2%} of all images are right in fresh votes, recorded at most {recorded:.2%}; chance may change "
    if abs(now - recorded) > chance:
        raise Failed(f"{said}{chance:.2%}")
    return f"{said}{chance:.2%}"


def answer_follows(work):
    """The answer to `--at-least` follows from the images that were judged, and those are what the seed draws."""
    asked, judge, arrays = work.result.gate, work.judge, work.result.arrays
    seed, possible = work.result.provenance.get("seed"), len(work.x) <= asked["of"] <= len(work.test)
    if not (isinstance(seed, int) and possible and "image" in arrays and len(asked["interval"]) == 2):
        raise Failed("the result does not say which of how many images were drawn")
    places = gate.drawn(len(work.test), asked["of"], seed)
    if not np.array_equal(arrays["image"], places[: len(work.x)]):
        raise Failed("the judged images are not those that the seed draws")
    split = work.test.select(places)
    z = np.zeros((0, 1)) if judge.random else metrics.logits(judge.model, split.x, judge.batch_size)
    candidates = np.ones(len(places), bool) if judge.random else z.argmax(axis=1) == split.y
    proof = reprove.all_images(work, split)
    question = gate.Question(asked["at_least"], candidates, proof)
    needs, (low, high) = question.needs, question.needs.interval(*question.seen(arrays["robust"]))
    rounding = ROUNDING + (0 if judge.random else _ties(z, split.y).sum() / asked["of"])
    rounding += reprove.SHARE if proof else 0
    if not np.allclose((low, high), asked["interval"], rtol=0, atol=rounding):
        raise Failed(f"of all images {low:.2%} to {high:.2%} are robust, which is not what the result says")
    enough = asked["interval"][0] >= needs.share - ROUNDING
    sound = all(finding["severity"] != "error" for finding in work.result.findings)
    answered = enough or asked["interval"][1] < needs.share or not sound  # an error ends it sooner
    if asked["holds"] != (enough and sound) or not answered:
        raise Failed(f"that at least {needs.share:.2%} are robust is not answered so by {low:.2%} to {high:.2%}")
    doubt = ", as a check found an error" if enough and not sound else ""
    answer = f"at least {needs.share:.2%} of {needs.of:,} images are robust: {'yes' if asked['holds'] else 'no'}{doubt}"
    return (
        f"{answer}; {low:.2%} to {high:.2%} follow from {len(work.x):,} drawn by seed {work.result.provenance['seed']}"
    )


def _ties(z, y):
    """Where the logit of the label and the largest other are a tie, (k,) bool."""
    own = np.arange(len(y)), y
    others = z.copy()
    others[own] = -np.inf
    return np.abs(z[own] - others.max(axis=1, initial=-np.inf)) <= TIE * np.ptp(z, axis=1)


def _but(ties):
    n = len(ties)
    return f", but for {n:,} tie{'s' if n > 1 else ''} of two logits, which rounding decides" if n else ""


STEPS = {
    "files": records.files_are_unaltered,
    "numbers": records.numbers_follow,
    "data": records.data_are_the_same,
    "model": records.model_is_the_same,
    "clean accuracy": clean_outcomes_agree,
    "ball and box": images_are_allowed,
    "each image fools": images_fool,
    "robust accuracy": robust_accuracy_follows,
    "certificate": reprove.certificate_follows,
    "at least": answer_follows,
}
# Those that are of some results only.
WHERE = {"certificate": reprove.has_certificate, "at least": lambda result: result.gate}
# Without these nothing after them can be looked at.
NEEDED = (records.files_are_unaltered, records.numbers_follow, records.data_are_the_same, records.model_is_the_same)
