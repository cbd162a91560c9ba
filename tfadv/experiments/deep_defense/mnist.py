"""Deep Defense on MNIST by the recipe of Yan, Guo, Zhang 2018: their networks, SGD, lambda 15, c 25, d 5.

Command: `tfadv reproduce deep-defense --dataset mnist` (9 minutes on two cores: it fine-tunes on 10,000 images),
`--preset paper` for all 60,000. The published figures were read from memory of the paper and not checked again.
"""

from tfadv.study import Claim, Clean, Experiment, Fgs, First, Network, Rho, Scale, Under

TITLES = {"mlp_mnist": "MLP 784-500-150-10", "lenet": "LeNet 20-50-500-10"}
PUBLISHED = {
    "mlp_mnist": {"clean": 0.9831, "rho2": 1.11e-1},
    "mlp_mnist_defended": {"clean": 0.9865, "rho2": 2.25e-1},
    "lenet": {"clean": 0.9902, "rho2": 2.05e-1},
    "lenet_defended": {"clean": 0.9934, "rho2": 2.84e-1},
}
# Images that Deep Defense trains on, and test images on which distances are measured.
SIZES = {"smoke": (200, 100), "laptop": (10_000, 2_000), "paper": (60_000, 10_000)}
MNIST = Scale(dataset="mnist", epochs=5, batch_size=100, keep="last")
RECIPE = {
    "method": "deep_defense(lam=15, c=25, d=5)",
    "optimizer": "sgd(learning_rate=0.0005, momentum=0.9, weight_decay=0.0005)",
    "schedule": "step(at=(0.8,), factor=0.5)",
}


class DeepDefenseMnist(Experiment):
    name, title = "deep_defense_mnist", "Deep Defense on MNIST, the original recipe"
    document, ids = "Yan, Guo, Zhang 2018", ("deep-defense-orig",)
    scales = MNIST.presets(smoke={"dataset": "digits", "epochs": 2}, laptop={"minutes": 8.8})

    def networks(self):
        named = {}
        for model in ["mlp_mnist"] if self.preset == "smoke" else TITLES:  # digits are too small for LeNet
            named[model] = Network(title=f"{TITLES[model]}, reference", model=model, optimizer="adam", share=2)
            options = {"start": model, "train": SIZES[self.preset][0], **RECIPE}
            named[f"{model}_defended"] = Network(title=f"{TITLES[model]}, Deep Defense", **options)
        return named

    def measures(self):
        few, eps = SIZES[self.preset][1], tuple(round(0.01 * k, 2) for k in range(21))
        pgd = Under("pgd(steps=40)", "linf:0.1", "PGD-40 at l_inf 0.1")
        few = {name: First(few, of) for name, of in (("rho2", Rho()), ("fgs", Fgs(eps, clip=True)), ("pgd", pgd))}
        return {"clean": Clean("Accuracy"), **few}

    def claims(self, found):
        for name, title in TITLES.items():
            after, more = f"{name}_defended", PUBLISHED[f"{name}_defended"]
            ratio, gain = found[after, "rho2"] / found[name, "rho2"], found[after, "clean"] - found[name, "clean"]
            says, printed = f"{title}: rho_2 rises by a quarter or more", more["rho2"] / PUBLISHED[name]["rho2"]
            yield Claim(f"{name}-rho2", says, ratio, above=1.25, published=f"x {printed:.2f}")
            says, printed = f"{title}: accuracy falls by at most 0.2 points", more["clean"] - PUBLISHED[name]["clean"]
            yield Claim(f"{name}-clean", says, gain, above=-0.002, published=f"{100 * printed:+.2f} points")

    def tables(self, found):
        trained, few = SIZES[self.preset]
        note = f"Fine-tuned on {trained:,} images for 5 epochs; rho_2 and PGD-40 on {few:,} test images."
        options = {"columns": ["clean", "rho2", "pgd"], "published": PUBLISHED, "note": note}
        yield found.grid("table-mnist", "Reference and Deep Defense networks", **options)

    def notes(self, found):
        yield "The original fine-tunes on all training images, subtracts their mean, and starts from other references."
        yield "Keras' weight decay does not pass through the momentum. The published values are quoted from memory."
