"""Suspicion: what makes a robust accuracy look better than it is. One function a check, each gives findings or none.

Athalye, Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security, 2018; Carlini et al.: On Evaluating
Adversarial Robustness, 2019.
"""

import numpy as np

from tfadv import attacks
from tfadv.evaluation import curves
from tfadv.evaluation.metrics import gradient_signs, logits


def finding(code, severity, message, advice):
    return {"code": code, "severity": severity, "message": message, "advice": advice}


def randomized(model, x):
    """Two forward passes on the same images give different logits."""
    first, second = logits(model, x), logits(model, x)
    if np.array_equal(first, second):
        return []
    return [
        finding(
            "randomized",
            "error",
            f"The model is random: two passes over the same images differ by up to {np.abs(first - second).max():.2g}.",
            "Attack the expectation over its randomness; a single pass overstates robustness.",
        )
    ]


def zero_gradients(model, x, y):
    """Images whose input gradient vanishes, so that gradient attacks have nothing to follow."""
    signs = gradient_signs(model, x, y)
    share = float(np.mean(~signs.reshape(len(x), -1).any(axis=1)))
    if share <= 0.01:
        return []
    return [
        finding(
            "zero_gradients",
            "error" if share > 0.1 else "warning",
            f"The gradient of the cross-entropy is exactly zero for {share:.1%} of the images.",
            "Attack with loss=margin, which does not saturate; look for rounding or step functions in the model.",
        )
    ]


def single_step_stronger(outcomes):
    """FGSM lowers accuracy further than an iterative attack, which contains it.

    Args:
        outcomes: attack spec -> per-example correctness, (n,) bool.
    """
    single = [right.mean() for spec, right in outcomes.items() if spec.startswith("fgsm")]
    iterated = {spec: right.mean() for spec, right in outcomes.items() if spec.startswith("pgd")}
    return [
        finding(
            "single_step_stronger",
            "error",
            f"FGSM leaves {min(single):.1%} but {spec} leaves {accuracy:.1%}: the iterative attack fails.",
            "The gradient is masked, or the attack has too few steps; do not trust the robust accuracy.",
        )
        for spec, accuracy in iterated.items()
        if single and min(single) < accuracy - 0.005
    ]


def single_step_only(outcomes):
    """Nothing stronger than FGSM was run."""
    if not outcomes or any(not spec.startswith("fgsm") for spec in outcomes):
        return []
    return [
        finding(
            "single_step_only",
            "warning",
            "Only FGSM was run, which overstates robustness.",
            'Add an iterative attack with restarts: --attack "pgd(steps=40, restarts=5)".',
        )
    ]


def stands_large_eps(model, x, y, threat, seed):
    """Accuracy does not fall towards zero where the ball holds every gray image."""
    if len(np.unique(logits(model, x).argmax(axis=1))) == 1:
        return []  # One class for every image is right on that class at any eps; `knows_little` says so.
    eps = curves.large(threat, x[0].size)
    attack = attacks.get("pgd(steps=40)")
    accuracy = curves.accuracy_curve(model, x, y, threat, [eps], attack, seed=seed)[0]
    if accuracy <= 0.02:
        return []
    return [
        finding(
            "stands_large_eps",
            "error" if accuracy > 0.1 else "warning",
            f"Accuracy is still {accuracy:.1%} at {threat.norm}:{eps:.3g}, where every image may become the same gray.",
            "The gradients mislead the attack: try loss=margin, more restarts, or an attack without gradients.",
        )
    ]


def knows_little(z, y):
    """The classifier is hardly better than chance: its robustness means nothing.

    Args:
        z: logits (n, classes); y: labels (n,).
    """
    predicted = z.argmax(axis=1)
    accuracy, chance = (predicted == y).mean(), 1 / z.shape[1]
    only = len(np.unique(predicted)) == 1 < len(np.unique(y))
    # Twice chance, or half of the way to 1 where there are few classes.
    if accuracy > min(2 * chance, (1 + chance) / 2) and not only:
        return []
    said = "names the same class for every image" if only else f"is right on {accuracy:.1%} of the clean images"
    return [
        finding(
            "knows_little",
            "warning",
            f"The classifier {said}; chance is {chance:.1%}.",
            "Does it expect pixels in 0 to 255, or another order of the classes? Then put that into the model.",
        )
    ]


def data_seen(same_split, n):
    """The images were not held out, or are few."""
    found = []
    if same_split:
        found.append(
            finding(
                "not_held_out",
                "warning",
                "The data set has no test part of its own: a model trained on it is judged on images it has seen.",
                "Put images into train/ and test/, or x_train, y_train, x_test, y_test into the .npz.",
            )
        )
    if n < 1000:
        found.append(
            finding(
                "few_images",
                "info",
                f"Only {n} images were judged: read the intervals.",
                "Judge 1,000 images or more.",
            )
        )
    return found
