"""What an experiment is made of: recipes, measures, claims. The experiments themselves: `tfadv.experiments`."""

from tfadv.study.claims import Claim, largest_effect, ordered, published_gain
from tfadv.study.curves import AtHalf, Curve, Fgs, MinimalImages, Rho
from tfadv.study.experiment import Experiment
from tfadv.study.measures import Clean, Differs, First, History, LastEpoch, Protocol, Under, Weights
from tfadv.study.noise import NoiseOff, Unaware
from tfadv.study.pictures import FirstImages, Gallery
from tfadv.study.proofs import Certified, CertifiedAndFooled, CertifiedWithin
from tfadv.study.recipe import Network, Scale
from tfadv.study.representations import ByClass, FirstComponent, LayerSimilarity
from tfadv.study.sample import Sample

__all__ = [
    "AtHalf",
    "ByClass",
    "Certified",
    "CertifiedAndFooled",
    "CertifiedWithin",
    "Claim",
    "Clean",
    "Curve",
    "Differs",
    "Experiment",
    "Fgs",
    "First",
    "FirstComponent",
    "FirstImages",
    "Gallery",
    "History",
    "LastEpoch",
    "LayerSimilarity",
    "MinimalImages",
    "Network",
    "NoiseOff",
    "Protocol",
    "Rho",
    "Sample",
    "Scale",
    "Unaware",
    "Under",
    "Weights",
    "largest_effect",
    "ordered",
    "published_gain",
]
