"""What the attacks missed: a few images are attacked once more, in ways that should find nothing new.

A check takes an `Evidence` and returns (severity, message, advice), None where it has nothing to object, or a text that
says why it could not look. Its name is the finding's code.

A model with slight noise is attacked in expectation, as by the attacks before; all but `few_draws` leave models with
strong noise alone, of which one draw more fools some images by luck.
"""

import numpy as np

from tfadv import attacks
from tfadv.attacks.eot import EOT
from tfadv.evaluation import curves, model_noise
from tfadv.evaluation.checks.evidence import (
    NOISY,
    NONE_RIGHT,
    NONE_ROBUST,
    NOT_RANDOM,
    UNFOLLOWED,
    loss_of,
    some,
)

LONGER = "apgd(steps=200, loss=margin)"
NOISE, NOISE_IMAGES = "noise(draws=100)", 50
# Where the other logits lie so far below the first, 1 - softmax is less than half of float32's last bit: the
# cross-entropy is 0, and its gradient leaves out the logit of the label.
ONE_HOT = 24 * np.log(2)


def noise_stronger(evidence):
    """Uniform noise finds what the attacks missed."""
    at = some(evidence.robust, NOISE_IMAGES)
    noisy = evidence.stochastic and not evidence.gradients_mean
    if noisy or not at.size:
        return NOISY if noisy else NONE_ROBUST
    fooled = int(evidence.fooled(attacks.get(NOISE), at).sum())
    if fooled <= (1 if evidence.stochastic else 0):  # one image may lie where votes differ
        return None
    return (
        "error",
        f"{NOISE} fools {fooled} of {len(at)} images that had withstood every attack.",
        "The attacks do not work on this model: look for what misleads them before anything else.",
    )


def single_step_stronger(evidence):
    """FGSM fools more images than an attack of many steps, each run by itself."""
    if evidence.no_single_attack:
        return evidence.no_single_attack
    _, name, at, _, after, _ = evidence.single_attack
    once, often = evidence.fooled(evidence.expected("fgsm"), at).sum(), _misclassified(after, evidence.judge.y[at])
    if once - often <= max(0.01 * len(at), 1):
        return None
    return (
        "error",
        f"By itself FGSM fools {once} of {len(at)} images and {name} only {often}: the iterated attack fails.",
        "The gradient is masked, or the attack has too few steps; do not trust the robust accuracy.",
    )


def loss_not_rising(evidence):
    """An attack ends where its loss is no higher than on the clean image."""
    if evidence.no_single_attack:
        return evidence.no_single_attack
    _, name, at, before, after, _ = evidence.single_attack
    stuck, few = at[~_nearer(before, after, evidence.judge.y[at])], max(0.01 * len(at), 1)
    if stuck.size <= few:
        return None
    said = f"{name} leaves {stuck.size} of {len(at)} images no nearer to another class than they were"
    if evidence.adapted_in_vain and _others_climb(evidence, stuck, few):
        said += f"; the other attacks and {LONGER} do not stop there, and what the judge chose by itself fools no more."
        return "info", said, "The robust accuracy is that of the others: its own loss has no slope at these images."
    return (
        "error" if stuck.size > 0.1 * len(at) else "warning",
        f"{said}.",
        "Its gradients are zero or point elsewhere, or its steps are too long: try loss=margin, apgd, square.",
    )


def _others_climb(evidence, stuck, few):
    """Whether others fooled these images, or come nearer to another class where a longer attack does not fool them."""
    left = stuck[evidence.robust[stuck]]
    if not left.size:
        return True
    judge, y = evidence.judge, evidence.judge.y[left]
    before, after = (
        judge.logits(x) for x in (judge.x[left], judge.attack(evidence.expected(LONGER), left, fresh=True))
    )
    return _misclassified(after, y) <= few and (~_nearer(before, after, y)).sum() <= few


def saturated_logits(evidence):
    """Logits so far apart that float32 knows no cross-entropy between them."""
    right = evidence.logits.argmax(axis=1) == evidence.labels
    if not right.any():
        return NONE_RIGHT
    gaps = _gap(evidence.logits[right], evidence.labels[right])
    typical, share = float(np.median(gaps)), (gaps > ONE_HOT).mean()
    if typical <= ONE_HOT:
        return None
    said = f"The two largest logits are {typical:.3g} apart in the median: for {share:.1%} of the images the "
    said += "cross-entropy is 0 in float32 and its gradient too small or wrong."
    severity = "info" if any(not m.black_box and loss_of(m) != "ce" for m in evidence.members) else "warning"
    if evidence.single_attack is not None and loss_of(evidence.single_attack.attack) == "ce":
        _, name, at, _, after, _ = evidence.single_attack
        ce, margin = _misclassified(after, evidence.judge.y[at]), _longer(evidence, at).sum()
        said += f" By itself {name} fools {ce} of {len(at)} images, {LONGER} fools {margin}."
        if margin - ce > max(0.01 * len(at), 1):
            severity = "warning" if severity == "info" else "error"
    return severity, said, "Attack with loss=margin or loss=dlr, or divide the logits by a constant."


def not_converged(evidence):
    """A longer attack with other starts still finds something."""
    at = some(evidence.robust)
    if not evidence.gradients_mean or not at.size:
        return UNFOLLOWED if not evidence.gradients_mean else NONE_ROBUST
    fooled = int(_longer(evidence, at).sum())
    # Of all judged images, as the robust accuracy is.
    points = fooled / len(at) * evidence.robust.mean()
    if fooled < 2 or points <= 0.005:
        return None
    return (
        "error" if points > 0.02 else "warning",
        f"{LONGER} from new starts fools {fooled} of {len(at)} images that had withstood every attack, about "
        f"{100 * points:.1f} points of accuracy: more steps still lower it.",
        "Give the attacks more steps and restarts until nothing changes, or leave out --attack to run AutoAttack.",
    )


def stands_large_eps(evidence):
    """Accuracy does not fall towards zero where the ball holds every gray image."""
    # One class for every image is right on that class at any eps; `knows_little` says so.
    if not evidence.gradients_mean or len(np.unique(evidence.logits.argmax(axis=1))) == 1:
        return UNFOLLOWED if not evidence.gradients_mean else "the model names one class for every image"
    at = some(evidence.right)
    if not at.size:
        return NONE_RIGHT
    threat, left = evidence.judge.threat, at
    eps = curves.large(threat, evidence.judge.x[0].size)
    if not np.isfinite(eps):  # a patch hides nothing beside it
        return "no image looks like every other within any eps of this threat model"
    # The longer one is compiled only for images that withstand the one that ran before.
    for attack in (evidence.single_attack and evidence.single_attack.attack, evidence.expected(LONGER)):
        if attack and left.size:
            left = left[~evidence.fooled(attack, left, eps)]
    if left.size <= 0.02 * len(at):
        return None
    return (
        "error" if left.size > 0.1 * len(at) else "warning",
        f"{left.size} of {len(at)} images are still right at {threat.norm}:{eps:.3g}, where every image may "
        "become the same gray.",
        "The gradients mislead the attack: try loss=margin, more restarts, or an attack without gradients.",
    )


def few_draws(evidence):
    """The mean gradient of so many draws still depends on the draws."""
    draws = [part.draws for part in evidence.parts if isinstance(part, EOT)]
    at = some(evidence.right, 16)
    noisy = evidence.stochastic or evidence.noise is not None
    if not noisy or not at.size:
        return NONE_RIGHT if noisy else NOT_RANDOM
    if not (evidence.differentiable and draws):
        return "no mean gradient was attacked"
    judge, jitter = evidence.judge, evidence.noise.jitter if evidence.noise else 0.0
    cosine = float(np.mean(model_noise.agreement(judge.model, judge.x[at], judge.y[at], max(draws), jitter)))
    if cosine >= model_noise.COSINE:
        return None
    return (
        "warning" if cosine < 0.5 else "info",  # below it a mean holds more noise than gradient
        f"Mean gradients of {max(draws)} draws have a cosine of {cosine:.2f} with those of {max(draws)} others.",
        "Take more draws, until it is above 0.9 or the robust accuracy falls no further.",
    )


def _longer(evidence, at):
    return evidence.fooled(evidence.expected(LONGER), at)


def _nearer(before, after, y):
    """Whether the cross-entropy rose or the margin fell: (n,) bool."""
    return (_cross_entropy(after, y) > _cross_entropy(before, y)) | (_gap(after, y) < _gap(before, y))


def _misclassified(z, y):
    return (z.argmax(axis=1) != y).sum()


def _gap(z, y):
    """z_y - max_{j != y} z_j: (n,)."""
    own = np.arange(len(y)), y
    others = z.astype(np.float64)
    others[own] = -np.inf
    return z[own] - others.max(axis=1)


def _cross_entropy(z, y):
    """log(1 + sum_{j != y} exp(z_j - z_y)), which does not round to 0: (n,)."""
    own = np.arange(len(y)), y
    below = z.astype(np.float64) - z[own][:, None]
    below[own] = -np.inf
    return np.log1p(np.exp(np.minimum(below, 700)).sum(axis=1))
