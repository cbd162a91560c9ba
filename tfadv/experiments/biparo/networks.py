"""The BasicNets that several tables of the document share, each recipe once, so that each is trained once.

And the four tests that its tables 1 to 6 have in common.

The document says eps 0.03, alpha 0.0075 and a learning rate of 0.01 with its drops. It does not say the number of PGD
steps (10 here, for which 2.5 eps / steps is its alpha), eps_2 (0.5 is customary, Maini et al. 2020; 0.83 is what
Araujo et al. 2020 have), the batch size, momentum, or augmentation. BasicNets begin with the weights after a few
epochs of natural training: adversarial training from scratch may end in a network that always says the same.
"""

from tfadv.study import Clean, First, Network, Scale, Under

DOCUMENT = "Bigaud, Papereux, Rolland 2021"
LINF, L2, L2_WIDE = "linf:0.03", "l2:0.5", "l2:0.83"
# What training attacks with: the last point, as customary, not the best.
ATTACKS = {
    "smoke": "pgd(steps=1, keep_best=False)",
    "laptop": "pgd(steps=3, keep_best=False)",
    "paper": "pgd(steps=10, keep_best=False)",
}
# As good as a random point of the ball: PGD's start, and a step too short to matter.
UNIFORM = "pgd(steps=1, step_size=1e-06, keep_best=False)"
BASICNET = Scale(
    dataset="cifar10",
    epochs=40,
    judged=5000,
    model="basicnet",
    batch_size=128,
    optimizer="sgd(learning_rate=0.01, momentum=0.9)",
    schedule="step(at=(20, 30))",
    augment="crop_flip",
    keep="last",
)
SMOKE = {
    "dataset": "digits",
    "epochs": 1,
    "model": "mlp(hidden=(16,), init=glorot)",
    "train": 300,
    "judged": 60,
    "optimizer": "adam(learning_rate=0.01)",
    "schedule": "constant",
    "augment": "none",
}
LAPTOP = {
    "train": 20_000,
    "epochs": 12,
    "batch_size": 64,
    "optimizer": "adam(learning_rate=0.001)",
    "schedule": "step(at=(0.6, 0.85))",
    "augment": "none",
}


def basicnet(**laptop):
    """The presets of a study of BasicNets.

    Args:
        laptop: what the study has of its own there, e.g. `minutes`.
    """
    return BASICNET.presets(smoke=SMOKE, laptop={**LAPTOP, **laptop})


def networks(preset, *names):
    """BasicNets by name, as a preset trains them, and the one that they begin with.

    >>> networks("laptop", "l2")["l2"].threat
    'l2:0.5'
    """
    known = {
        "standard": Network(title="Natural training", start=begun(preset)),
        "linf": pgd_trained(preset, "l_inf PGD training", LINF),
        "l2": pgd_trained(preset, "l_2 PGD training", L2),
        "fgsm": pgd_trained(preset, "l_inf FGSM training", LINF, attack="fgsm"),
        "noise": pgd_trained(preset, "Uniform noise", LINF, method="noise(kind=uniform)", attack=None),
        "mat_rand": mixed(preset, "MAT-Rand", "random"),
        "mat_max": mixed(preset, "MAT-Max", "worst"),
    }
    return warm(preset) | {name: known[name] for name in names}


def warm(preset, **options):
    """What BasicNets begin with, by name: an eighth of the epochs of natural training; in a smoke run nothing."""
    return {} if preset == "smoke" else {"warm": Network(title="", share=0.125, **options)}


def begun(preset):
    """The name of what BasicNets begin with, or None: the naturally trained ones too, for as many epochs."""
    return next(iter(warm(preset)), None)


def pgd_trained(preset, title, threat, **options):
    """A BasicNet trained against PGD in one ball."""
    options = {"attack": ATTACKS[preset], "start": begun(preset), "method": "adversarial", **options}
    return Network(title=title, threat=threat, **options)


def mixed(preset, title, pick, l2=L2, **options):
    """A BasicNet trained against PGD in two balls: of each image one drawn at random, or the worse."""
    return pgd_trained(preset, title, (LINF, l2), method=f"mixed(pick={pick})", **options)


def trades(preset, beta):
    """A BasicNet trained with TRADES in l_inf."""
    return pgd_trained(preset, f"TRADES, beta {beta}", LINF, method=f"trades(beta={beta})")


def tests():
    """The rows of the document's tables: natural, l_inf PGD, l_2 PGD, l_inf FGSM."""
    return {
        "clean": Clean("Natural"),
        "pgd_linf": Under("pgd(steps=20)", LINF, "l_inf PGD"),
        "pgd_l2": Under("pgd(steps=20)", L2, "l_2 PGD"),
        "fgsm": Under("fgsm", LINF, "l_inf FGSM"),
    }


def both_norms(found):
    """The derived column of what is right under both PGD attacks."""
    return {"union": ("both PGD", lambda name: found[name, "pgd_linf"] & found[name, "pgd_l2"])}


def random_tests(preset, n, draws):
    """The four tests for a network that answers at random, and PGD on one draw and on the mean of many, on n images.

    A smoke run has fewer and shorter ones: compiling attacks on a random network takes seconds.
    """
    few = preset == "smoke"
    attack, n, draws = ("fgsm", 30, 2) if few else ("pgd(steps=20)", n, draws)
    asked = {
        "one": First(n, Under(attack, LINF, f"l_inf PGD, one draw, {n} images")),
        "eot": First(n, Under(f"eot(attack={attack}, draws={draws})", LINF, f"the same, mean of {draws} draws")),
    }
    one_step = {"pgd_linf": Under(attack, LINF, "l_inf, one step"), "pgd_l2": Under(attack, L2, "l_2, one step")}
    return tests() | (one_step if few else {}) | asked
