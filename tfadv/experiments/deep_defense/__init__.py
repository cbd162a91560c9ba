"""Deep Defense: Deng, Zhang, Zhao 2019 on Fashion-MNIST, and the original, Yan, Guo, Zhang 2018, on MNIST."""

from tfadv.errors import invalid
from tfadv.training import METHODS

METHODS.add("seed_deep_defense", "tfadv.experiments.deep_defense.seed_code:SeedDeepDefense")


def deep_defense(
    *, form="both", preset="laptop", seeds=1, seed=0, dataset=None, data_dir=None, precision=None, devices=None
):
    """Deep Defense on Fashion-MNIST, as its authors' code has it and as the paper does; or on MNIST."""
    from tfadv.experiments.deep_defense import fashion, mnist

    options = {"preset": preset, "seeds": seeds, "seed": seed, "data_dir": data_dir}
    options |= {"precision": precision, "devices": devices}
    if dataset != "mnist":
        return fashion.DeepDefense(form=form, dataset=dataset, **options)
    if form != "both":
        raise invalid("form", "none with --dataset mnist, which has one recipe", repr(form))
    return mnist.DeepDefenseMnist(**options)
