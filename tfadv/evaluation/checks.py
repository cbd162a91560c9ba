"""Suspicion: what makes a robust accuracy look better than it is.

One function a check; its name is the code of its finding, and `docs/findings.md` says what to make of it. Athalye,
Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security, 2018; Carlini et al.: On Evaluating Adversarial
Robustness, 2019; Croce & Hein 2020 (the checks of AutoAttack); Pintor et al.: Indicators of Attack Failure, 2022.
"""

from tfadv.evaluation import attack_checks, control_attacks, model_checks
from tfadv.evaluation.case import Case

__all__ = ["CHECKS", "SEVERITIES", "Case", "findings"]

SEVERITIES = ("error", "warning", "info")
CHECKS = (
    model_checks.no_gradients,
    model_checks.zero_gradients,
    model_checks.misleading_gradients,
    model_checks.probabilities,
    model_checks.randomized,
    attack_checks.not_eot,
    control_attacks.few_draws,
    model_checks.batch_dependent,
    control_attacks.noise_stronger,
    attack_checks.black_box_stronger,
    attack_checks.short_of_exact,
    control_attacks.single_step_stronger,
    control_attacks.loss_not_rising,
    control_attacks.not_converged,
    control_attacks.stands_large_eps,
    control_attacks.saturated_logits,
    attack_checks.single_step_only,
    attack_checks.black_box_only,
    model_checks.knows_little,
    model_checks.dark_images,
    model_checks.not_held_out,
    model_checks.few_images,
    attack_checks.few_classes,
    attack_checks.not_standard,
)


def findings(case):
    """What makes the robust accuracy of a `Case` suspect, worst first.

    Returns:
        A list of dicts: `code`, `severity` (`"error"`, `"warning"` or `"info"`), `message`, `advice`.
    """
    found = []
    for done, check in enumerate(CHECKS):
        case.progress("checks", done, len(CHECKS))
        said = check(case)
        if said is not None:
            found.append({"code": check.__name__, **dict(zip(("severity", "message", "advice"), said, strict=True))})
    case.progress("checks", len(CHECKS), len(CHECKS))
    return sorted(found, key=lambda item: SEVERITIES.index(item["severity"]))
