"""Measures of networks that answer at random: without their noise, and by attackers who do not know of it.

See `tfadv.study.measures`.
"""

import dataclasses

from tfadv.study.measures import Measure, titled


@dataclasses.dataclass(frozen=True)
class NoiseOff:
    """Another measure on the same weights with the noise switched off; of channels that compete the likeliest wins."""

    measure: Measure
    title: str = titled("")

    def __call__(self, network):
        from tfadv.graph.quiet import NoiseFree

        return self.measure(network.changed(model=NoiseFree(network.model)))


@dataclasses.dataclass(frozen=True)
class Unaware:
    """Right, with noise, on what an attack makes of the network without it, by one who does not know of the noise."""

    attack: str
    threat: str
    title: str = titled("")

    def __call__(self, network):
        from tfadv import attacks
        from tfadv.graph.quiet import NoiseFree

        without = network.changed(model=NoiseFree(network.model)).judge(self.threat)
        judge = network.judge(self.threat)
        return {"value": judge.clean & judge.correct(without.attack(attacks.get(self.attack)))}
