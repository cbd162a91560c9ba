"""What an auditor asks of an evaluation, as blocks: believe it or not, who attacked, what was checked, what was not.

The attacker is described in the terms of NIST AI 100-2 E2025, Adversarial Machine Learning: A Taxonomy and Terminology
of Attacks and Mitigations, section 2.1: stage, goal, knowledge and capability.
"""

import shlex
from pathlib import Path

from tfadv import runs
from tfadv.evaluation.schema import OUTCOMES
from tfadv.provenance import digest
from tfadv.reports import proofs, threats
from tfadv.reports.document import Callout, Command, Facts, Findings, Table, Text, number, short

DOUBT = ("error", "warning")
NO_FINDINGS = "The checks for gradient masking and broken attacks found nothing suspicious."
BOUND = "Robust accuracy is an upper bound: a stronger attack can only lower it."
PASSES = ("backward", "forward")


def believe(result):
    """Whether to believe the robust accuracy, in one sentence or two."""
    found = [[f["code"] for f in result.findings if f["severity"] == severity] for severity in DOUBT]
    if "not_checked" in found[1] and not found[0]:
        return Callout(
            "open", "Not checked", "Only the verdict was requested: nothing has looked for what flatters it."
        )
    if not any(found):
        return Callout("good", "No check objects", f"{_made(result)}{BOUND}")
    title = "Do not quote this number" if found[0] else "Explain this number before you quote it"
    named = ", ".join(dict.fromkeys(code.replace("_", " ") for codes in found for code in codes))
    return Callout("bad" if found[0] else "open", title, f"The checks raise {objections(result)}: {named}. {BOUND}")


def believe_each(runs):
    """Which of several runs not to believe, by their labels, as a block; none where no check objects to any."""
    doubted = {label: objections(result) for label, result in runs.items() if objections(result)}
    if not doubted:
        return []
    wrong = any(finding["severity"] == "error" for result in runs.values() for finding in result.findings)
    title = "Do not quote all of these numbers" if wrong else "Explain these numbers before you quote them"
    said = ", ".join(f"{count} for {label}" for label, count in doubted.items())
    return [Callout("bad" if wrong else "open", title, f"The checks raise {said}. {BOUND}")]


def objections(result):
    """How many errors and warnings: `1 error and 2 warnings`, or an empty text."""
    counts = [(what, sum(finding["severity"] == what for finding in result.findings)) for what in DOUBT]
    return " and ".join(f"{count} {what}{'s' if count > 1 else ''}" for what, count in counts if count)


def _made(result):
    """How many checks were made."""
    passed, skipped = (sum(check["outcome"] == kind for check in result.checks or ()) for kind in ("passed", "skipped"))
    apart = f", {skipped} {'was' if skipped == 1 else 'were'} skipped" if skipped else ""
    many = "s" if passed > 1 else ""
    return f"{passed} check{many} for masked gradients and failed attacks passed{apart}. " if passed else ""


def findings(result, level):
    """What the checks object to, under a heading of this level."""
    if result.findings:
        return [Text("Findings", level=level), Findings(tuple(result.findings))]
    return [Text("Findings", (NO_FINDINGS,), level)]


def attacker(result, level):
    """The attacker in the terms of NIST AI 100-2."""
    moves = f"{threats.moves(result.threat)} ({result.threat})"
    facts = {
        "stage": "when the model is used (evasion); it was trained without the attacker's doing",
        "goal": "integrity: any wrong class will do for an image that was classified correctly",
        "knowledge": _knowledge(result),
        "capability": f"may {moves}, in test images only; may query without limit",
        "effort": _effort(result),
    }
    return [Text("The attacker", level=level), Facts({key: value for key, value in facts.items() if value})]


def _knowledge(result):
    if not result.attacks:
        return None
    white = any(attack["gradients"] for attack in result.attacks)
    known = "white box: architecture, weights and gradients, with every defense that is part of the model"
    random = ", how it draws at random but not what it will draw" if result.stochastic else ""
    return f"{known}{random}" if white else "black box: the logits of any image, no gradients"


def _effort(result):
    passes = [result.cost(kind) for kind in ("gradients", "forwards")]
    if not any(passes):
        return None
    each = " and ".join(_passes(total / result.dataset["n"], kind) for total, kind in zip(passes, PASSES, strict=True))
    n, several = len(result.attacks), " and " in result.threat
    many = f"attacks under {n} threat models" if several else f"{n} attack{'s' if n > 1 else ''}"
    trials = len(result.trials or ())
    many += f" and {trials} trial{'s' if trials > 1 else ''} on a few images" if trials else ""
    return f"{many}; on average {each} an image, {' and '.join(map(short, passes))} in all"


def _passes(count, kind):
    return f"{count:,.0f} {kind} pass{'' if round(count) == 1 else 'es'}"


def chosen(result):
    """The attacks that were chosen for this model, and why."""
    ran = [attack for attack in result.attacks if attack.get("why")]
    note = "Chosen by what the model is and by what the attacks before them met; they count like all others."
    tables = [_with_reasons("Attacks chosen for this model", "why", ran, note, "chosen")] if ran else []
    if result.trials:
        note = "On some of the images alone, to see whether it is worth more. What the trials cost is counted."
        title = "Attacks tried on a few images"
        tables.append(_with_reasons(title, "what success would show", result.trials, note, "trials"))
    return tables


def _with_reasons(title, reason, rows, note, name):
    cells = [[row[key] for key in ("attack", "why", "attacked", "fooled")] for row in rows]
    return Table(title, ["attack", reason, "attacked", "fooled"], cells, note, name)


def checks(result, level):
    """All checks by their outcome; those that were skipped by the reason."""
    if not result.checks:
        return []
    facts = {"fired": _names(result.checks, "fired"), "passed": _names(result.checks, "passed")}
    for reason in dict.fromkeys(check["reason"] for check in result.checks if check["outcome"] == "skipped"):
        skipped = [check for check in result.checks if check["reason"] == reason]
        facts[f"skipped, as {reason}" if reason else "skipped"] = _names(skipped, "skipped")
    counts = ", ".join(f"{sum(check['outcome'] == kind for check in result.checks)} {kind}" for kind in OUTCOMES)
    said = f"{len(result.checks)} checks looked for reasons not to believe the number: {counts}."
    return [Text("Checks", (said,), level), Facts({key: value for key, value in facts.items() if value})]


def _names(found, outcome):
    return ", ".join(check["code"].replace("_", " ") for check in found if check["outcome"] == outcome)


def not_tested(results):
    """What no number of the page speaks about."""
    threats_asked = list(dict.fromkeys(result.threat for result in results))
    natural = "" if all(result.corruptions for result in results) else ", blur, weather"
    judged = " and ".join(dict.fromkeys(number(result.dataset["n"]) for result in results))
    facts = {
        "stronger attacks": "an attack that was not run may fool more images; nothing here is a proof of robustness",
        "other changes": f"what is not in {' or '.join(threats_asked)}: other norms and sizes, rotations{natural}",
        "other images": f"judged were {judged} images of one source; the intervals speak of such images alone",
        "other goals": "one certain wrong class, false alarms of a detector, a slow or an unavailable service",
        "other attackers": "poisoned training data, backdoors, stolen models, leaked training images",
        "the system": "what surrounds the model: cameras, encoders, thresholds, rate limits, persons who look",
    }
    proven = [result.certificate for result in results]
    if all(proven):
        facts["stronger attacks"] = proofs.stronger(proven)
    return [Text("What was not tested"), Facts(facts)]


def verification(results):
    """The commands that verify the results that were read from a directory."""
    known = [result for result in results if result.directory and (result.fingerprints or " and " in result.threat)]
    if not known:
        return []
    lines, seals = [], {}
    for result in known:
        lines.append(shlex.join(["tfadv", "verify", result.directory]))
        sums = Path(result.directory) / runs.SUMS
        if sums.is_file():
            seals[str(sums)] = digest(sums)
    text = (
        "Every image that fooled the model was kept. This recomputes the accuracies from them in seconds, without "
        "attacking, and notices any altered file, image, weight or number."
    )
    facts = Facts({f"sha256 of {name}": value for name, value in seals.items()})
    return [Text("Verify it", (text,)), Command(tuple(lines)), facts]
