"""What an experiment is made of: recipes, measures, claims. The experiments themselves: `tfadv.experiments`."""

from tfadv.study.claims import Claim, ordered
from tfadv.study.experiment import Experiment
from tfadv.study.measures import Clean, Curve, Fgs, First, Gallery, History, Protocol, Rho, Under
from tfadv.study.recipe import Network, Scale
from tfadv.study.sample import Sample

__all__ = [
    "Claim",
    "Clean",
    "Curve",
    "Experiment",
    "Fgs",
    "First",
    "Gallery",
    "History",
    "Network",
    "Protocol",
    "Rho",
    "Sample",
    "Scale",
    "Under",
    "ordered",
]
