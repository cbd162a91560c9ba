"""Ways of training: `keras.Model`s around a classifier that differ in what they craft and what they minimise."""

from tfadv.registry import Registry

METHODS = Registry(
    "training method",
    {
        "standard": "tfadv.training.standard:Standard",
        "adversarial": "tfadv.training.adversarial:Adversarial",
        "deepfool_finetune": "tfadv.training.deepfool_finetune:DeepFoolFinetune",
        "deep_defense": "tfadv.training.deep_defense:DeepDefense",
    },
)
