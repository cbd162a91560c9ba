"""What `tfadv evaluate` leaves and says: files, the table of accuracies, what is suspect about them."""

from tfadv import runs
from tfadv.reports import gate, proofs

from . import output
from .target import shown


def write(out):
    """The report about the result in a directory."""
    from tfadv.reports import page

    page.write([out], out / runs.REPORT)


def tell(found, as_json):
    """Print one result, or several and at last what they say together.

    Args:
        found: directory -> result, in the order of printing.
    """
    *each, (_, worst) = found.items()
    if as_json:
        together = {"results": [result.to_json() for _, result in each]} if each else {}
        output.as_json(worst.to_json() | together)
        return
    for out, result in found.items():
        show(result, out)
        if result is not worst:
            output.line()


def show(result, out):
    """The table of accuracies, what is suspect about them, and where the files are."""
    data = result.dataset
    output.heading(f"{result.model['name']}: {data['n']:,} {data['split']} images of {data['name']}, {result.threat}\n")
    rows = [["clean", None, None, *_accuracy(result.clean_accuracy, result.clean_interval), None]]
    rows += [
        [a["attack"], a["attacked"], a["fooled"], *_accuracy(a["accuracy"], a["interval"]), a["median_distance"]]
        for a in result.attacks
    ]
    # The interval of images that were judged until the answer was known is that of the question.
    interval = result.gate["interval"] if result.gate else result.robust_interval
    rows.append(["robust", None, None, *_accuracy(result.robust_accuracy, interval), None])
    output.table(["", "attacked", "fooled", "accuracy so far", "95 % interval", "median distance"], rows)
    output.line()
    output.facts(_beside(result))
    output.line()
    output.findings(result.findings)
    names = runs.RESULT, runs.PER_EXAMPLE, runs.FOOLING, runs.REPORT
    written = [name for name in names if (out / name).is_file()]
    output.line(f"\nWritten to {out}: {', '.join(written)}")
    output.line(f"Check it without attacking again: tfadv verify {shown(out)}")


def _beside(result):
    """What was found beside the accuracies."""
    passes = [result.cost(kind) for kind in ("gradients", "forwards")]
    facts = {"cost": "{:,} gradients and {:,} forward passes".format(*passes)}
    if asked := result.gate:
        answer = "yes" if asked["holds"] else "no"
        share = gate.interval(asked)
        share = f"{share} are robust, with 95 % confidence" if gate.is_open(asked) else f"exactly {share} are robust"
        facts[f"at least {output.percent(asked['at_least'])}"] = (
            f"{answer}: of all {asked['of']:,} images {share}{_unsound(result)}"
        )
    if result.corruptions:
        facts["common corruptions"] = f"{output.percent(result.corruptions['mean'])} accuracy on average"
    if result.control:
        facts["uniform noise"] = f"{output.percent(result.control['accuracy'])} accuracy ({result.control['attack']})"
    if noise := result.noise:
        off = "" if noise["off"] is None else f", {output.percent(noise['off'])} with the noise switched off"
        facts["its noise"] = (
            f"{output.percent(noise['known'])} accuracy under an attacker who knows of it, "
            f"{output.percent(noise['unknown'])} under one who does not{off} ({noise['attack']}, {noise['n']} images)"
        )
    if proof := result.certificate:
        facts[f"{proofs.kind(proof)} accuracy"] = proofs.said(proof, result.robust_accuracy)
    if result.rho2:
        mean, median = (output.number(result.rho2[key]) for key in ("mean", "median"))
        facts["rho_2 of DeepFool"] = f"{mean} on average, median {median}"
    return facts


def _unsound(result):
    """Why the answer is no, whatever the interval says."""
    errors = [finding["code"] for finding in result.findings if finding["severity"] == "error"]
    return f"; an error was found, {errors[0]}, so the answer is no" if errors else ""


def _accuracy(value, interval):
    return output.percent(value), " to ".join(dict.fromkeys(f"{100 * bound:.1f}" for bound in interval))
