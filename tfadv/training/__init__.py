"""Ways of training: `keras.Model`s around a classifier that differ in what they craft and what they minimize."""

import typing

from tfadv.registry import Registry, lazy_names

METHODS = Registry(
    "training method",
    {
        "standard": "tfadv.training.standard:Standard",
        "adversarial": "tfadv.training.adversarial:Adversarial",
        "deepfool_finetune": "tfadv.training.deepfool_finetune:DeepFoolFinetune",
        "deep_defense": "tfadv.training.deep_defense:DeepDefense",
        "trades": "tfadv.training.trades:Trades",
        "mixed": "tfadv.training.mixed:Mixed",
        "fast": "tfadv.training.fast:Fast",
        "free": "tfadv.training.free:Free",
        "mart": "tfadv.training.mart:Mart",
        "awp": "tfadv.training.awp:AWP",
        "noise": "tfadv.training.noise:Noise",
        "ibp": "tfadv.training.ibp:IBP",
    },
)
# Those of autoencoders and of classifiers behind one: they start from other models than `METHODS` do.
OF_AUTOENCODERS = Registry(
    "training method of autoencoders",
    {
        "reconstruction": "tfadv.training.reconstruction:Reconstruction",
        "latent_codes": "tfadv.training.latent_codes:LatentCodes",
    },
)
METHODS.unlisted |= OF_AUTOENCODERS.places

OPTIMIZERS = Registry(
    "optimizer",
    {
        "adam": "keras.optimizers:Adam",
        "adamw": "keras.optimizers:AdamW",
        "sgd": "keras.optimizers:SGD",
    },
)
SCHEDULES = Registry(
    "learning rate schedule",
    {
        "constant": "tfadv.training.schedules:constant",
        "step": "tfadv.training.schedules:Step",
        "plateau": "tfadv.training.schedules:plateau",
        "cosine_decay": "tfadv.training.schedules:CosineDecay",
        "cyclic": "tfadv.training.schedules:Cyclic",
    },
)
AVERAGES = Registry(
    "average of weights",
    {
        "none": "tfadv.training.average:none",
        "ema": "tfadv.training.average:EMA",
        "swa": "tfadv.training.average:SWA",
    },
)

if typing.TYPE_CHECKING:
    from tfadv.training.adversarial import Adversarial as Adversarial
    from tfadv.training.awp import AWP as AWP
    from tfadv.training.deep_defense import DeepDefense as DeepDefense
    from tfadv.training.deepfool_finetune import DeepFoolFinetune as DeepFoolFinetune
    from tfadv.training.fast import Fast as Fast
    from tfadv.training.free import Free as Free
    from tfadv.training.ibp import IBP as IBP
    from tfadv.training.mart import Mart as Mart
    from tfadv.training.mixed import Mixed as Mixed
    from tfadv.training.noise import Noise as Noise
    from tfadv.training.run import Run as Run
    from tfadv.training.run import ensure as ensure
    from tfadv.training.run import train as train
    from tfadv.training.settings import Settings as Settings
    from tfadv.training.standard import Standard as Standard
    from tfadv.training.trades import Trades as Trades
    from tfadv.training.trainer import Trainer as Trainer
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        METHODS,
        "tfadv.training.trainer:Trainer",
        "tfadv.training.run:Run",
        "tfadv.training.run:ensure",
        "tfadv.training.run:train",
        "tfadv.training.settings:Settings",
    )
