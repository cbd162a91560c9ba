"""Backward pass differentiable approximation: layers without a useful gradient get that of a smooth surrogate.

Athalye, Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security, 2018, section 4.1.
"""

import dataclasses

from tfadv.attacks.options import OF_MODEL
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.graph import rebuild
from tfadv.graph.straight_through import layer_names, straight_through


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class BPDA(AttackWrapper):
    """Another attack, for which a layer g has the gradient of a surrogate h ~ g: forward g(x), backward h'(x).

    The surrogate is the layer's own method `surrogate`; if it has none, the identity, or for a layer that changes the
    shape what it computes with sigmoids for steps and softmaxes for arg-maxes (`tfadv.graph.smooth`). To a layer of
    another library, `layer.surrogate = function` gives one.

    Args:
        attack: what is run, an attack or its spec, `"apgd(loss=dlr)"`.
        layers: names of the layers to replace, one or several, in nested models too; None looks for those whose
            gradient is zero or missing although their output varies.

    >>> BPDA(layers="quantize")(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    layers: tuple[str, ...] | str | None = dataclasses.field(default=None, metadata=OF_MODEL)

    def __post_init__(self):
        super().__post_init__()
        if self.layers is not None:
            object.__setattr__(self, "layers", layer_names(self.layers))

    def logits_fn(self, model):
        layers = rebuild.blocking(model) if self.layers is None else self.layers
        return super().logits_fn(straight_through(model, layers) if layers else model)
