"""What Deng, Zhang, Zhao 2019 and this toolkit say about Deep Defense, held against what was measured."""

import numpy as np

from tfadv.experiments.base import claim, mean

DOCUMENT = ("vanilla", "finetune", "seed")
FACTORS = {
    "reduction": ("sum", "summing the loss"),
    "batch_size": (100, "the batch of 100 (fewer updates)"),
    "shuffle": (False, "the fixed order"),
}


def seed_claims(found):
    """What the document says, measured on what its code does."""
    if "seed" not in found.names:
        return []
    claims = [rho2_order(found), fgs_order(found), regularizer(found), areas_rise(found), areas_agree(found)]
    claims.append(images_change(found))
    if found.measured[0]["dataset"] != "fashion_mnist":
        return claims
    return [vanilla_accuracy(found), reference_eps(found), *claims]


def paper_claims(found):
    """What the original objective brings: the targets that this toolkit sets itself."""
    if "tuned" not in found.names:
        return []
    half = "at the vanilla network's eps of 50% error"
    rows = [
        ("rho2", "rho_2 is at least 2.4 times the vanilla network's", "1.41 (seed form)", found.ratio("tuned"), 2.4),
        (
            "fgs",
            f"at least 20 points more under FGS {half}",
            "16.35 points at eps_ref (seed form)",
            found.gain("tuned", "fgs_half"),
            0.20,
        ),
        (
            "pgd",
            f"at least 20 points more under PGD-40 with random restarts {half}",
            None,
            found.gain("tuned", "pgd_half"),
            0.20,
        ),
        (
            "clean",
            "clean accuracy at most 1 point lower",
            "+0.61 points (seed form)",
            found.gain("tuned", "clean"),
            -0.01,
        ),
    ]
    claims = [
        claim(f"paper-{id}", f"Paper form, tuned: {text}", published, values, mean(values) >= least)
        for id, text, published, values, least in rows
    ]
    plain = found.ratio("published")
    text = "Paper form with the published c, d, lambda: rho_2 at least 1.25 times the vanilla network's"
    return [*claims, claim("paper-published", text, "2.03 (MNIST MLP, original paper)", plain, mean(plain) >= 1.25)]


def vanilla_accuracy(found):
    clean = found.of("vanilla", "clean")
    text = "Accuracy of the vanilla network (holds within 1.5 points)"
    return claim("clean", text, 0.8738, clean, abs(mean(clean) - 0.8738) <= 0.015)


def reference_eps(found):
    refs = found.eps_ref()
    text = "eps_ref, where half of the images fool Deep Defense (holds within 0.003)"
    return claim("eps-ref", text, 0.028, refs, abs(mean(refs) - 0.028) <= 0.003)


def rho2_order(found):
    vanilla, tuned, ours = (mean(found.of(name, "rho2_mean")) for name in DOCUMENT)
    return claim(
        "rho2-order",
        "rho_2: Deep Defense above fine-tuning above vanilla (measured: Deep Defense / vanilla)",
        "5.54e-2 > 4.36e-2 > 3.92e-2",
        found.ratio("seed"),
        ours > tuned > vanilla,
        f"measured {ours:.3g}, {tuned:.3g}, {vanilla:.3g}",
    )


def fgs_order(found):
    vanilla, tuned, ours = (mean(found.at(name, 1.0)) for name in DOCUMENT)
    return claim(
        "fgs-order",
        "Accuracy on FGS images at eps_ref: Deep Defense above fine-tuning above vanilla (measured: Deep Defense)",
        "50.88% > 42.97% > 34.53%",
        found.at("seed", 1.0),
        ours > tuned > vanilla,
        f"measured {ours:.1%}, {tuned:.1%}, {vanilla:.1%}",
    )


def regularizer(found):
    changes = [not m["regularizer_changes_nothing"] for m in found.measured]
    note = (
        "With lambda 0 the network differs." if any(changes) else "With lambda 0 the network is the same, bit for bit."
    )
    return claim(
        "regularizer",
        "The regulariser makes the difference between fine-tuning and Deep Defense "
        "(measured: share of seeds where leaving it out changes the network)",
        "yes",
        [float(change) for change in changes],
        all(changes),
        f"{note} Of what differs, {largest_factor(found)} moves rho_2 most (table of the ablation).",
    )


def largest_factor(found):
    """Which of the three differences between the two trainings moves rho_2 most, averaged over the other two."""
    rows = [row for m in found.measured for row in m["ablation"][:8]]
    if len(rows) < 8:
        return "no single difference that this short run could tell"
    effects = {}
    for factor, (high, name) in FACTORS.items():
        sides = [[row["rho2"] for row in rows if (row[factor] == high) == side] for side in (True, False)]
        effects[name] = mean(sides[0]) - mean(sides[1]) if all(sides) else 0.0
    most = max(effects, key=lambda name: abs(effects[name]))
    return f"{most} ({effects[most]:+.2g})"


def areas_rise(found):
    areas = {name: mean(list(found.auc(name).values())) for name in DOCUMENT}
    least = min(areas["finetune"], areas["seed"])
    return claim(
        "auc-tuned",
        "Areas under the curve are close to 1 for the tuned networks (measured: mean area of Deep Defense; holds if "
        "both tuned networks' means are at least 0.97 and above the vanilla network's)",
        "0.9587 to 0.9995",
        [mean(list(m["networks"]["seed"]["auc"].values())) for m in found.measured],
        least >= 0.97 and areas["vanilla"] < least,
        "mean areas: " + ", ".join(f"{name} {area:.4f}" for name, area in areas.items()),
    )


def areas_agree(found):
    tuned, ours = (
        [mean(list(m["networks"][name]["auc"].values())) for m in found.measured] for name in ("finetune", "seed")
    )
    gaps = [abs(a - b) for a, b in zip(tuned, ours, strict=True)]
    text = "Fine-tuning and Deep Defense have the same areas (measured: difference of the means; holds below 0.01)"
    return claim("auc-same", text, "the same", gaps, mean(gaps) < 0.01)


def images_change(found):
    shares = {kind: [changed(m["images"], kind) for m in found.measured] for kind in ("deepfool", "fgs")}
    both = [mean(pair) for pair in zip(*shares.values(), strict=True)]
    return claim(
        "images",
        "FGS and DeepFool change the predictions of the images shown "
        "(measured: share of the correctly classified whose prediction changes)",
        "both change the prediction",
        both,
        min(map(min, shares.values())) == 1.0,
        f"DeepFool {mean(shares['deepfool']):.0%}, FGS {mean(shares['fgs']):.0%}",
    )


def changed(images, kind):
    """Of the images shown that are classified correctly, the share whose prediction `kind` of attack changes."""
    before, after = (np.array(images[name]["predicted"]) for name in ("clean", kind))
    return float((after != before)[before == np.array(images["labels"])].mean())
