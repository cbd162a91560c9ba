"""What to do about a model that is no classifier of these images: the line that mends it, for error messages."""

import math

from tfadv.errors import invalid


def matches(takes, have):
    """Whether an input shape, with None for a free size, takes images of the shape `have`."""
    return len(takes) == len(have) and all(d is None or d == size for d, size in zip(takes, have, strict=True))


def how_to_fit(takes, have):
    """What to do where images of the shape `have` meet a model that takes another one."""
    if len(have) != 3:
        same = None not in takes and math.prod(takes) == math.prod(have)
        return f"reshape them with x.reshape(-1, {str(takes)[1:]}." if same else "take another model."
    height, width, channels = have
    if matches(takes, (width, channels, height)):
        return "move the channels last with x.transpose(0, 2, 3, 1)."
    if matches(takes, (channels, height, width)):
        return behind("Permute((3, 1, 2))", have)
    if len(takes) == 3 and matches(takes[:2], (height, width)) and {takes[2], channels} == {1, 3}:
        made = "x.repeat(3, axis=-1)" if channels == 1 else "x.mean(axis=-1, keepdims=True)"
        return f"make their {channels} channels {takes[2]} with {made}, or take another model."
    if len(takes) != 3 and None not in takes and math.prod(takes) == math.prod(have):
        return behind(f"Reshape({takes})", have)
    return "resize them or take another model."


def behind(layer, shape):
    """The line that makes a model of images (height, width, channels) of one that takes them in another form."""
    return f"put a layer before it: model = keras.Sequential([keras.Input({shape}), keras.layers.{layer}, model])."


def size_of(shape):
    """A shape in words: `28 x 28 x 1`, `any x any x 3`."""
    return " x ".join("any" if d is None else str(d) for d in shape)


def no_logits(takes, gives, last=None, squashed=False):
    """The error for a model whose output, of the shape `gives`, is not the logits of two classes or more.

    Args:
        takes, gives: shapes of images and of outputs, the number of them first.
        last: the layer or operation that gives the output; None if it is unknown.
        squashed: whether it applies a sigmoid.
    """
    expected, received, hint = "logits (n, classes) of at least 2 classes", f"the shape {gives}", ""
    if len(gives) == 4 and matches(takes[1:], gives[1:]):
        received = f"images of {size_of(gives[1:])}, which an autoencoder gives"
        hint = (
            "put a classifier behind it with `tfadv defend CLASSIFIER AUTOENCODER --defense encoded`, or train one of "
            "its codes with `tfadv train --model AUTOENCODER --method latent_codes`."
        )
    elif len(gives) == 2:
        hint = _two_logits(last, squashed)
    return invalid("the classifier's output", expected, received, hint)


def _two_logits(last, squashed):
    """What to do about a model of one unit. Only of a known last layer is known whether it gives a logit."""
    if squashed or type(last).__name__ == "Dense":
        return "make the two logits [0, z] of its one unit z with tfadv.as_logits_model(model)."
    return "return two logits: [0, z] for one unit z, with z = log(p / (1 - p)) for a probability p."


def several_outputs(model, outputs):
    """The error for a model with more than its logits to give: which line keeps them alone.

    Args:
        model: with the list or dict `outputs`, of tensors or of arrays.
    """
    keys = list(outputs) if isinstance(outputs, dict) else list(range(len(outputs)))
    likely = "logits" if "logits" in keys else next((key for key in keys if len(outputs[key].shape) == 2), keys[0])
    received = f"{type(outputs).__name__} of {', '.join(map(repr, keys)) if isinstance(outputs, dict) else len(keys)}"
    hint = f"keep one of them: model = keras.Model(model.input, model.output[{likely!r}])."
    if not getattr(model, "outputs", None):
        hint = "return the logits alone from its call()."
    return invalid("the classifier's output", "one tensor of logits", received, hint)
