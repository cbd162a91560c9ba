"""Suspicion: what makes a robust accuracy look better than it is.

One function a check; its name is the code of its finding, and `docs/findings.md` says what to make of it. Athalye,
Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security, 2018; Carlini et al.: On Evaluating Adversarial
Robustness, 2019; Croce & Hein 2020 (the checks of AutoAttack); Pintor et al.: Indicators of Attack Failure, 2022.
"""

import functools

from tfadv import attacks
from tfadv.evaluation.checks import chosen_attacks, controls, model, outputs
from tfadv.evaluation.checks.evidence import GRADIENTS, IMAGES, Evidence
from tfadv.evaluation.command import with_more
from tfadv.evaluation.estimate import work

__all__ = ["CHECKS", "SEVERITIES", "Evidence", "answers", "findings", "outcomes", "work_at_most"]

# Findings that say that attacks with gradients failed. What the judge has tried against it is the advice.
OF_GRADIENTS = (
    "no_gradients", "zero_gradients", "misleading_gradients", "noise_stronger", "black_box_stronger",
    "single_step_stronger", "loss_not_rising", "not_converged", "stands_large_eps", "saturated_logits",
)  # fmt: skip
SEVERITIES = ("error", "warning", "info")
# What may explain all others, if it is more than an info: a rejecting class that counts as any other class.
EXPLAINS = "abstentions"
CHECKS = (
    model.no_gradients,
    model.zero_gradients,
    model.misleading_gradients,
    outputs.probabilities,
    outputs.randomized,
    outputs.seeded_noise,
    chosen_attacks.not_eot,
    controls.few_draws,
    outputs.batch_dependent,
    outputs.abstentions,
    controls.noise_stronger,
    chosen_attacks.black_box_stronger,
    chosen_attacks.short_of_exact,
    chosen_attacks.certificate_contradicted,
    controls.single_step_stronger,
    controls.loss_not_rising,
    controls.not_converged,
    controls.stands_large_eps,
    controls.saturated_logits,
    chosen_attacks.single_step_only,
    chosen_attacks.black_box_only,
    model.knows_little,
    model.dark_images,
    model.not_held_out,
    model.few_images,
    chosen_attacks.few_classes,
    chosen_attacks.not_standard,
    chosen_attacks.not_adapted,
)


def work_at_most(classes, noise=None):
    """What the checks take at most, in forward passes: four take the longer attack, two the one by itself.

    Args:
        noise: the `Noise` of the model, or None.
    """
    control, longer, once = (
        work(*attacks.get(spec).cost(classes)) for spec in (controls.NOISE, controls.LONGER, "fgsm")
    )
    if noise and not noise.slight:
        return 2 * work(GRADIENTS, GRADIENTS)
    again = IMAGES * (4 * longer + once) * (noise.draws if noise else 1)
    return controls.NOISE_IMAGES * control + again + 2 * work(GRADIENTS, GRADIENTS)


def answers(evidence, kept=lambda name, check: check()):
    """What every check says of an `Evidence`.

    Args:
        kept: calls a check, or knows already what it says, under its name.

    Returns:
        name -> None where it has nothing to object, a text on why it could not look, or (severity, message, advice).
    """
    said = {}
    for done, check in enumerate(CHECKS):
        evidence.progress("checks", done, len(CHECKS))
        answer = kept(check.__name__, functools.partial(check, evidence))
        said[check.__name__] = _with_tried(evidence, check.__name__, answer) if fired(answer) else answer
    evidence.progress("checks", len(CHECKS), len(CHECKS))
    return said


def findings(said):
    """Of these `answers` what makes the robust accuracy suspect: what may explain the others, then the worst first.

    Returns:
        A list of dicts: `code`, `severity` (`"error"`, `"warning"` or `"info"`), `message`, `advice`.
    """
    found = [
        {"code": name, **dict(zip(("severity", "message", "advice"), answer, strict=True))}
        for name, answer in said.items()
        if fired(answer)
    ]
    explains = lambda item: item["code"] == EXPLAINS and item["severity"] != "info"  # noqa: E731
    return sorted(found, key=lambda item: (not explains(item), SEVERITIES.index(item["severity"])))


def outcomes(said):
    """Of these `answers` which checks passed, fired and were skipped, and why: dicts `code`, `outcome`, `reason`."""
    return [
        {
            "code": name,
            "outcome": "passed" if answer is None else "fired" if fired(answer) else "skipped",
            "reason": answer if isinstance(answer, str) else None,
        }
        for name, answer in said.items()
    ]


def fired(answer):
    """Whether a check objects, where others have nothing to object or nothing to look at."""
    return answer is not None and not isinstance(answer, str)


def _with_tried(evidence, code, answer):
    """The advice is what the judge has tried by itself against masked gradients, where that has broken something."""
    chosen = [row for row in evidence.rows if row.get("why") and row["fooled"]]
    if code not in OF_GRADIENTS or not chosen or answer[0] == "info":
        return answer
    best = max(chosen, key=lambda row: row["fooled"])
    more = sum(row["fooled"] for row in chosen)
    images = "images" if more > 1 else "image"
    said = f"The judge adapted its attacks and fooled {more} more {images}, which the robust accuracy counts. "
    line = evidence.command and with_more(evidence.command, evidence.rows, best)
    if line:
        return *answer[:2], f"{said}Look whether more steps of the strongest one find more: {line}"
    hint = f'Most by --attack "{best["attack"]}": give that more steps and restarts until nothing changes.'
    return *answer[:2], said + hint
