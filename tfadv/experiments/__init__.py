"""Experiments of the literature, each reproduced from one command and held against what was published."""

from tfadv.registry import Registry

EXPERIMENTS = Registry(
    "experiment",
    {
        "demo": "tfadv.experiments.demo:Demo",
        "deep_defense": "tfadv.experiments.deep_defense:deep_defense",
        "deep_defense_mnist": "tfadv.experiments.deep_defense.mnist:DeepDefenseMnist",
        "deep_defense_tuning": "tfadv.experiments.deep_defense.tuning:DeepDefenseTuning",
    },
)
