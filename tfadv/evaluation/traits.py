"""How a model is to be attacked: whether it is random, and whether it has gradients."""

from tfadv import attacks as registry
from tfadv import gradients
from tfadv.data.split import spread_over
from tfadv.errors import invalid
from tfadv.evaluation import metrics, model_noise
from tfadv.evaluation.model_noise import Noise

STANDARD, RANDOM, BLACK_BOX = "autoattack", "autoattack(version=rand)", ("square", "sparse_rs")
# It knows every norm, and needs no gradient.
ANY = "noise"
# AutoAttack's version for random models, where the image seeds the noise.
CLIMBING = ("apgd", "apgd(loss=margin)")
# Where noise is too strong for the standard ensemble, targets are tried all the same, the likeliest ones, on as many
# draws as the noise needs: at most half as many gradients again as the two attacks of AutoAttack's version for random
# models take together. (All nine on 5 draws break less.)
TARGETED, AT_MOST = "apgd_t(steps=50, target_classes=3)", 40
# Passes whose majority judges a random model.
DRAWS = 20
# Draws of a random model without gradients, whose noise cannot be measured by them.
ASKED = 5


class ModelTraits:
    """How a model is to be attacked: whether it is random, and whether it has gradients.

    Attributes:
        random: whether passes over the same images differ, so that several have to vote: `draws` of them.
        differentiable: whether gradients lead from the logits to the image.
        noise: the `Noise` of a model that is random, or looks deterministic as the image seeds what it draws; or None.
    """

    def __init__(self, random, differentiable, noise=None):
        self.random, self.differentiable, self.noise = random, differentiable, noise
        self.draws = DRAWS if random else 1

    @classmethod
    def of(cls, model, x):
        few = x[spread_over(len(x), 32)]
        varies, differentiable = model_noise.answers_vary(model, few), gradients.differentiable(model, few)
        jitter = 0.0 if varies else model_noise.jitter_of(model, few)
        if not (varies or jitter):
            return cls(False, differentiable)
        draws = ASKED
        if differentiable:
            draws = model_noise.draws_for(model, few, metrics.predictions(model, few), jitter)
        # Noise that all images of a batch seed together is another one for each company.
        together = jitter and model_noise.answers_depend_on_company(model, few)[0] > model_noise.COMPANY
        lasting = bool(jitter and not together)
        return cls(not lasting, differentiable, Noise(draws, jitter, lasting))

    @property
    def jitter(self):
        """By how much pixels move from vote to vote, where passes over the same images would all be the same."""
        return self.noise.jitter if self.random else 0.0

    def default_attacks(self, norm):
        """What judges the model unless attacks are named: those that know the norm."""
        asking = [attack for attack in map(registry.get, BLACK_BOX) if norm in attack.norms] or [registry.get(ANY)]
        if self.noise is None:
            return [registry.get(STANDARD)] if self.differentiable else asking
        if not self.differentiable:
            return asking if self.noise.lasting else [self.noise.expected(attack) for attack in asking]
        if self.noise.slight:
            return [self.noise.expected(STANDARD)]
        if not self.noise.jitter:
            draws = min(max(self.noise.draws, DRAWS), AT_MOST)
            return [registry.get(RANDOM), self.noise._replace(draws=draws).expected(TARGETED)]
        seeded = self.noise._replace(draws=DRAWS)
        return [seeded.expected(spec) for spec in CLIMBING] + asking * self.noise.lasting

    def check(self, members, model, x):
        """Refuse attacks that follow gradients where the model has none and the attack brings no surrogate."""
        for member in () if self.differentiable else members:
            followed = lambda known, member=member: member.surrogate(known) or member.logits_fn(known)  # noqa: E731
            if not member.black_box and not gradients.differentiable(model, x, followed):
                hint = "try square, or bpda, which uses a surrogate gradient."
                raise invalid("attacks on a model without gradients", "black-box attacks", str(member), hint)
