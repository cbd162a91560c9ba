"""PGD against the SVM and the ResNet: section "Attacking models" of Vuong 2020, for every eps and number of steps.

The document says neither eps nor T. Its PGD takes T steps of eps / T from the image itself; the customary one (Madry
et al. 2018) takes steps of 2.5 eps / T from a random point and projects. Beside both stands what no attacker can go
below on a linear network: the exact certificate.

Command: `tfadv reproduce svm-resnet-pgd`. Expected: the SVM is at 0 % from 4/255 on, the ResNet a little later.
"""

from tfadv.experiments.cifar_svm_resnet.networks import DOCUMENT, resnet, scales, svm
from tfadv.reports import figures
from tfadv.reports.document import Figure, Table, percent
from tfadv.study import CertifiedWithin, Claim, Clean, Curve, Experiment, Under
from tfadv.study.claims import ExactClaim

STEPS = (1, 5, 10, 40)
EPS = tuple(k / 255 for k in (0, 0.5, 1, 2, 4, 8, 16))
FORMS = {"document": "step_size='eps/T', random_start=False, keep_best=False", "customary": ""}
# What the document measured, at an eps that it does not say.
PUBLISHED = {"svm": 0.0, "resnet": 0.3}
SMALL, LARGE = "linf:1/255", "linf:4/255"


class SVMResNetPGD(Experiment):
    name, title = "svm_resnet_pgd", "PGD against an SVM and a ResNet"
    document, ids = DOCUMENT, ("svm-resnet-pgd",)
    scales = scales(minutes=1.7)
    only = dict.fromkeys(("hinge", "margin", "certified"), "svm")

    def networks(self):
        return {"svm": svm(self.preset), "resnet": resnet(self.preset)}

    def measures(self):
        steps = (1, 2) if self.preset == "smoke" else STEPS
        curves = {
            f"{form}-{count}": Curve(attack(form, count), "linf", EPS, f"{form} PGD, {count} step{'s' * (count > 1)}")
            for form in FORMS
            for count in steps
        }
        strong = attack("customary", steps[-1])
        return {
            "clean": Clean("Natural"),
            "small": Under(strong, SMALL, "PGD at 1/255"),
            "large": Under(strong, LARGE, "PGD at 4/255"),
            **curves,
            **{
                loss: Curve(attack("customary", steps[-1], f"loss={loss}"), "linf", EPS, f"PGD on the {loss} loss")
                for loss in ("hinge", "margin")
            },
            "certified": CertifiedWithin("linf", EPS, "Certified, exactly"),
        }

    def curve_names(self):
        """The names of the measures that attack at every eps."""
        return [key for key in self.measures() if key.startswith(tuple(FORMS))]

    def claims(self, found):
        strongest, weakest = self.curve_names()[-1], self.curve_names()[len(self.curve_names()) // 2 - 1]
        says = "At 4/255 PGD leaves at most 2 % of the SVM"
        yield Claim("svm", says, found["svm", "large"], below=0.02, published="0 % (eps not said)")
        says = "At 1/255 the ResNet is more robust than the SVM"
        gain = found["resnet", "small"] - found["svm", "small"]
        yield Claim("resnet", says, gain, above=0.0, published="30 % above 0 % (eps not said)")
        for name, network in found.networks.items():
            gap = found.at(name, weakest, 2 / 255) - found.at(name, strongest, 2 / 255)
            says = f"{network.title}: customary PGD leaves no more than the document's, at 2/255 and as many steps"
            yield Claim(f"form-{name}", says, gap, above=-1e-9, published="not compared")
        for key, what in (("hinge", "hinge loss"), ("margin", "margin"), (strongest, "cross-entropy")):
            gap = found["svm", key].map(excess, found["svm", "certified"])
            says = f"PGD on the {what} comes within 0.2 points of the exact robust accuracy of the SVM, at every eps"
            yield ExactClaim(f"exact-{what.split()[0]}", says, gap, below=0.002)

    def tables(self, found):
        columns = ["clean", "small", "large"]
        note = "Customary PGD with the most steps. 95 % intervals are over images, or over seeds."
        yield found.grid("table", "Natural accuracy and under PGD", columns=columns, note=note)
        attacks = (*self.curve_names(), "hinge", "margin", "certified")
        for name, network in found.networks.items():
            keys = [key for key in attacks if (name, key) in found]
            rows = [(found.measures[key].title, *self.row(found, name, key)) for key in keys]
            heads = ("Attack", *(f"{255 * eps:g}/255" for eps in EPS))
            yield Table(f"{network.title}: accuracy against eps", heads, tuple(rows), "", f"curve-{name}")

    def row(self, found, name, key):
        """Accuracies at every eps, as texts."""
        return [percent(found.at(name, key, eps).mean) for eps in EPS]

    def figures(self, found):
        for name, network in found.networks.items():
            keys = [key for key in (*self.curve_names(), "certified") if (name, key) in found]
            curves = {found.measures[key].title: found.curves(key, [name])[network.title] for key in keys}
            title = f"{network.title} under PGD"
            png = figures.accuracy_curves(curves, title=title, xlabel="eps (l_inf)")
            yield Figure(title, png, "Both forms of PGD, by their number of steps.", f"curves-{name}")
        png = figures.accuracy_bars(found.bars("clean", "small", "large"))
        yield Figure("Before and after the attack", png, "With 95% intervals.", "bars")

    def notes(self, found):
        if found.having(*self.curve_names()) == list(found.networks) and found.on_document_data:
            eps, key = min(((eps, key) for eps in EPS[1:] for key in self.curve_names()),
                           key=lambda pair: self.distance(found, *pair))  # fmt: skip
            left = " and ".join(percent(found.at(name, key, eps).mean) for name in PUBLISHED)
            yield (
                f"The document has 0 % for the SVM and about 30 % for the ResNet. Of all eps and attacks here the "
                f"nearest is {found.measures[key].title} at {255 * eps:g}/255: {left}. ResNet-50 and other weights "
                "than these have another such eps."
            )

    def distance(self, found, eps, key):
        """How far two accuracies are from the document's."""
        return sum(abs(found.at(name, key, eps).mean - accuracy) for name, accuracy in PUBLISHED.items())


def attack(form, steps, *more):
    """The spec of a form of PGD.

    >>> attack("customary", 40)
    'pgd(steps=40)'
    """
    return f"pgd({', '.join(filter(None, (f'steps={steps}', FORMS[form], *more)))})"


def excess(curve, certified):
    """How much more than the certificate an attack leaves, at the worst eps."""
    return (curve - certified.mean(axis=0)).max()
