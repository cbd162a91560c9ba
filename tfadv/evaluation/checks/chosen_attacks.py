"""What is suspect about the attacks that were chosen, and about what each of them left. Nothing is run again.

A check takes an `Evidence` and returns (severity, message, advice), None where it has nothing to object, or a text that
says why it could not look. Its name is the finding's code.
"""

from tfadv import attacks
from tfadv.attacks.apgd import APGDT
from tfadv.attacks.autoattack import PUBLISHED_NORMS
from tfadv.attacks.eot import EOT
from tfadv.attacks.quick import Quick
from tfadv.attacks.twin import Twin
from tfadv.evaluation.checks.evidence import (
    NO_ATTACK,
    NO_GRADIENTS,
    NONE_ROBUST,
    NOT_RANDOM,
    TOLERATED,
    by_chance,
    iterates,
    parts,
    too_many,
)


def single_step_only(evidence):
    """Nothing stronger than FGSM was run."""
    if not evidence.members:
        return NO_ATTACK
    if any(iterates(member) or member.black_box for member in evidence.members):
        return None
    return (
        "warning",
        "Only attacks of a single step were run, which overstates robustness.",
        "Leave out --attack, which runs AutoAttack, or add an attack of many steps: --attack apgd.",
    )


def black_box_only(evidence):
    """The model has gradients, and no attack used them."""
    if not (evidence.differentiable and evidence.members):
        return NO_ATTACK if evidence.differentiable else NO_GRADIENTS
    if not all(member.black_box for member in evidence.members):
        return None
    return (
        "warning",
        f"The model has gradients, but none of the attacks ({_names(evidence.members)}) follows them.",
        "Leave out --attack, which runs AutoAttack, or add --attack apgd.",
    )


def black_box_stronger(evidence):
    """Attacks without gradients broke images that those with gradients, which know more, do not break."""
    ran = list(zip(evidence.members, evidence.rows, strict=True))
    white = [place for place, (member, _) in enumerate(ran) if iterates(member)]
    later = [(member, row) for member, row in ran[white[0] :] if member.black_box] if white else []
    if not later:
        return "no attack without gradients ran after one that follows them"
    if not any(row["attacked"] for _, row in later):
        return NONE_ROBUST
    fooled = sum(row["fooled"] for _, row in later)
    if by_chance(fooled, evidence.n):
        return None
    said = f"Attacks without gradients ({_names(member for member, _ in later)}) broke {fooled} images, "
    said += f"{fooled / evidence.n:.1%} of all, that attacks with gradients had left"
    left = fooled if evidence.misled is None else evidence.misled
    if by_chance(left, evidence.n):
        said += f"; a longer attack with gradients breaks {fooled - left} of them."
        return "info", said, "As few as are left are no sign of masked gradients: the standard attacks ended early."
    said += "" if evidence.misled is None else f"; a longer attack with gradients leaves {left} of them too"
    much, (tried, more) = too_many(left, evidence.n), _past_gradients(evidence)
    if tried and not much and by_chance(more, evidence.n):
        said += f". What was chosen against misleading gradients broke {more or 'no'} more of {tried} images."
        return "info", said, "So few are normal where the loss is a little rugged. The robust accuracy counts them."
    return (
        "error" if much else "warning",
        f"{said}.",
        "The gradients mislead: look for what masks them, adapt the attack to it, and give square more queries.",
    )


def _past_gradients(evidence):
    """What was chosen against misleading gradients, smoother twins and labels alone: images attacked, and fooled."""
    past = lambda attack: attack.black_box or any(isinstance(part, Twin) for part in parts(attack))  # noqa: E731
    rows = [row for row in (*evidence.rows, *evidence.trials) if row.get("why") and past(attacks.get(row["attack"]))]
    return sum(row["attacked"] for row in rows), sum(row["fooled"] for row in rows)


def short_of_exact(evidence):
    """The model is so simple that its robust accuracy is known exactly, and the attacks left more."""
    if evidence.certified is None:
        return "the model is not linear"
    left = (evidence.logits.argmax(axis=1) == evidence.labels).sum() - sum(row["fooled"] for row in evidence.rows)
    if left <= evidence.certified:
        return None
    missed = left - evidence.certified
    return (
        "error" if missed > TOLERATED * evidence.n else "warning" if missed > 0.002 * evidence.n else "info",
        f"{evidence.certified} of {evidence.n} images withstand everything, as the model is linear; the attacks left "
        f"{missed} more.",
        "Quote the exact accuracy. The attacks are too weak: give them more steps, or leave out --attack.",
    )


def certificate_contradicted(evidence):
    """Images are proven to withstand every attack, and one of them was fooled."""
    if evidence.contradicted is None:
        return evidence.unproven
    if not evidence.contradicted:
        return None
    said = "1 image is" if evidence.contradicted == 1 else f"{evidence.contradicted} images are"
    return (
        "error",
        f"{said} proven to withstand every attack, and wrong or fooled all the same: the proof or the attack is false.",
        "They are those with certified and not robust in per_example.npz. Please report it, with the model.",
    )


def not_eot(evidence):
    """A random model was attacked one draw at a time."""
    if not evidence.stochastic:
        return NOT_RANDOM
    if any(isinstance(part, EOT) for part in evidence.parts):
        return None
    return (
        "error",
        f"The model is random, and no attack ({_names(evidence.members)}) takes the expectation over its draws.",
        'Leave out --attack, or wrap the attack: --attack "eot(attack=apgd, draws=20)".',
    )


def few_classes(evidence):
    """The loss of APGD-T needs four classes."""
    targeted = any(isinstance(part, APGDT) and part.loss is None for part in evidence.parts)
    if evidence.classes >= 4 or not targeted:
        return None
    return (
        "info",
        f"With {evidence.classes} classes the targeted difference of logits ratio is not defined: apgd_t raised the "
        "plain difference instead.",
        "Compare with figures for this data set that were made in the same way only.",
    )


def not_adapted(evidence):
    """The judge chose no attacks by itself."""
    if evidence.unadapted is None:
        return None
    if _only_quick(evidence):
        return "a quick verdict is that of the attack quick alone"
    return (
        "info",
        f"{evidence.unadapted.rstrip('.')}: no attack was chosen by what the model is and by what the others met.",
        "Leave out --attack; then the judge looks for masked gradients and networks inside, and attacks those too.",
    )


def not_standard(evidence):
    """The attacks are not those of published figures."""
    norm = evidence.judge.threat.norm
    if norm not in PUBLISHED_NORMS:
        return (
            "info",
            f"Not the standard AutoAttack, which does not know {norm}: what was run is {_names(evidence.members)}.",
            "Name these attacks where you quote the robust accuracy, and compare it with theirs only.",
        )
    version = "rand" if evidence.stochastic else "standard"
    missing = _missing(evidence, attacks.get(f"autoattack(version={version})"))
    if not missing:
        return None
    if _only_quick(evidence):
        return (
            "info",
            "A quick verdict, not AutoAttack: the attack quick may leave a few images that the standard ensemble "
            "breaks; docs/benchmarks.md says how many it left on which networks.",
            "Leave out --quick before you publish or compare the robust accuracy.",
        )
    if evidence.noise and not _missing(evidence, evidence.noise.expected("autoattack")):
        return (
            "info",
            f"The noise is slight: the standard AutoAttack was run on {_mean(evidence.noise.draws)}, which finds "
            "more than its version for random models, the one of published figures.",
            'Add --attack "autoattack(version=rand)" where you compare with those.',
        )
    return (
        "info",
        f"Not comparable with published figures of AutoAttack ({version}), which also runs {', '.join(missing)}.",
        _how_to_compare(evidence, version),
    )


def _how_to_compare(evidence, version):
    """What to do for a robust accuracy that compares with published ones."""
    if not evidence.differentiable:
        said = "Name the attacks that were run where you quote the robust accuracy"
        return f"{said}: those follow gradients, which the model has not."
    # Of a model without noise it is what runs by itself.
    return f'Add --attack "autoattack(version={version})".' if evidence.noise else "Leave out --attack to run it."


def _only_quick(evidence):
    """Whether the attack quick was run, and none beside it."""
    return bool(evidence.members) and all(
        any(isinstance(part, Quick) for part in parts(member)) for member in evidence.members
    )


def _mean(draws):
    return "one draw" if draws == 1 else f"the mean of {draws} draws"


def _missing(evidence, ensemble):
    """Those members of an ensemble, as specs, that were not run."""
    norm, ran = evidence.judge.threat.norm, {str(member.until_fooled()) for member in evidence.members}
    wanted = [one for one in ensemble.members(evidence.classes, norm) if norm in parts(one)[-1].norms]
    return [str(member) for member in wanted if str(member.until_fooled()) not in ran]


def _names(members):
    return ", ".join(dict.fromkeys(str(member.name) for member in members))
