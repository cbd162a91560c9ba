"""Attacks compiled: once per attack and architecture, run batch by batch, two halves of a batch at a time."""

import collections
import weakref

import numpy as np
import tensorflow as tf

from tfadv import gradients, passes, random, validation
from tfadv.attacks.problem import Problem
from tfadv.graph import architecture
from tfadv.graph.xla import on_gpu
from tfadv.threads import Future

# What was compiled last, the latest at the end, and how much of it is kept, 4 MB each: several times the attacks of an
# evaluation and its checks.
COMPILED, KEPT = collections.OrderedDict(), 128
# What stands for a model in the keys of COMPILED: the digest of its architecture, or a reference to the model itself.
# Of each model by the shape of an image and the number of variables, which a layer more changes.
OWNERS = weakref.WeakKeyDictionary()
# Batches of so many images or more are attacked in halves. What is random depends on it, so it is the same on every
# machine, whatever its cores and devices.
WORTH_HALVING = 64


class Compiled:
    """An attack compiled: with a free batch size, and under XLA for full batches where that pays.

    XLA compiles anew for every shape, so batches that are not full take the plain graph. Where the weights say all
    about a model (`shared`) they are arguments, and what is compiled serves every model of the architecture. Where XLA
    may pay, batches stay `whole`, whether it is used or not: random numbers must not depend on it.

    Args:
        graph: (problem, eps, seed) to images.
        views: model -> the function from images to logits that is attacked, and the attack's surrogate or None.
    """

    def __init__(self, graph, views, image_shape, targeted, shared, whole, xla):
        self.graph, self.views, self.shared, self.whole, self.xla = graph, views, shared, whole, xla
        self.image, self.labels = image_shape, 2 if targeted else 1
        self.traces = {}

    def run(self, model, arrays, eps, seed, batch_size):
        """Attack all batches: (n, h, w, c)."""
        todo, number = [], 0
        for parts in self._calls(arrays, batch_size):
            full = self.xla and len(parts[0][0]) == batch_size
            todo.append((number, self._traced(model, batch_size if full else None, len(parts)), parts))
            number += len(parts)
        weights = architecture.weights_of(model) if self.shared else []
        found, left = [None] * len(todo), iter(enumerate(todo))

        def work(counter):
            for k, (number, attack, parts) in left:  # each call comes to one of the workers
                parts = [list(map(tf.constant, part)) for part in parts]
                found[k] = attack(seed, tf.constant(number), eps, weights, parts, counter.handle).numpy()

        counters = passes.counters()[: 1 if on_gpu() else len(todo)]
        workers = [Future(lambda counter=counter: work(counter)) for counter in counters]
        try:
            for worker in workers:
                worker.result()
        finally:
            todo.clear()  # where one has failed, or the caller was interrupted, the rest is left alone
        return np.concatenate(found)

    def _calls(self, arrays, batch_size):
        """What one call attacks: lists of parts, each with random numbers of its own.

        On a CPU two threads take a half each, however many cores there are: what one core has to do by itself for the
        one half, another does for the other. A GPU gets both halves in one call, and each draws the same numbers as on
        a CPU. Under XLA, which compiles anew for every shape, batches stay whole and two of them are attacked at once.
        """
        starts = range(0, len(arrays[0]), batch_size)
        batches = [[array[start : start + batch_size] for array in arrays] for start in starts]
        if self.whole:
            return [[batch] for batch in batches]
        if on_gpu():
            return [halves(batch) for batch in batches]
        return [[half] for batch in batches for half in halves(batch)]

    def _traced(self, model, size, parts):
        if (size, parts) not in self.traces:
            self.traces[size, parts] = self._trace(model, size, parts)
        return self.traces[size, parts]

    def _trace(self, model, size, parts):
        signature = [tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32)]
        signature.append(architecture.weight_specs(model) if self.shared else [])
        part = [tf.TensorSpec([size, *self.image], tf.float32)] + [tf.TensorSpec([size], tf.int32)] * self.labels
        signature += [[part] * parts, tf.TensorSpec([], tf.resource)]
        run = self._function(model, parts)
        return tf.function(run, autograph=False, jit_compile=size is not None).get_concrete_function(*signature)

    def _function(self, model, parts):
        """What is compiled: the attack on so many parts."""
        held = weakref.ref(model)  # what is compiled does not keep it alive

        def run(seed, number, eps, weights, parts, counter):
            logits_fn, surrogate = self.views(held())
            if self.shared:
                logits_fn = architecture.with_weights(logits_fn, held(), weights)
            logits_fn, surrogate = (fn and passes.counted(fn, counter) for fn in (logits_fn, surrogate))
            keys = [random.key(seed, number + k) for k in range(len(parts))]
            problems = [Problem(logits_fn, *part, surrogate=surrogate) for part in parts]
            found = [self.graph(problem, eps, key) for problem, key in zip(problems, keys, strict=True)]
            return tf.concat(found, axis=0)

        return run


def halves(batch):
    """A batch of arrays as the parts that are attacked at the same time.

    >>> [len(x) for [x] in halves([np.zeros(64)])]
    [32, 32]
    """
    middle = -(-len(batch[0]) // 2)
    if len(batch[0]) < WORTH_HALVING:
        return [batch]
    return [[array[:middle] for array in batch], [array[middle:] for array in batch]]


def kept(key, make):
    """What is compiled under a key, made now if it is not, or no longer, there. The model is the key's first part."""
    if key not in COMPILED:
        COMPILED[key] = make()
    found = COMPILED[key]
    COMPILED.move_to_end(key)
    while len(COMPILED) > KEPT:
        COMPILED.popitem(last=False)
    return found


def check_classifier(model, x):
    """`validation.classifier`; after the first time by a compiled forward pass, as an eager one costs several steps.

    Returns:
        The number of classes, and what stands for the model in the keys of `kept`: the digest of its architecture
        where weights alone tell it from others (see `architecture.forward`), else a reference to it.
    """
    image = x.shape[1:]
    known = model in OWNERS and (image, len(model.variables)) in OWNERS[model]
    classes = validation.classifier(model, x, forward(model, image) if known else None)
    return classes, _owner(model, image)


def forward(model, image):
    """The model as a compiled function: images (n, h, w, c), each of the shape `image`, to float32 logits."""
    if not model.built:
        model(tf.zeros([1, *image]), training=False)
    owner = _owner(model, image)
    if isinstance(owner, str):
        traced = kept((owner, image), lambda: architecture.forward(model, image)[0])
        run = lambda x: traced(x, architecture.weights_of(model))  # noqa: E731
    else:
        run = kept((owner, image), lambda: _forward(owner, image))
    return lambda x: run(tf.constant(np.asarray(x, np.float32)))


def _owner(model, image):
    """What stands for a model in the keys of `kept`."""
    known, now = OWNERS.setdefault(model, {}), (image, len(model.variables))
    if now not in known:
        traced, digest = architecture.forward(model, image)
        known[now] = digest or own(model)
        if digest:
            kept((digest, image), lambda: traced)
    return known[now]


def own(model):
    """A reference to a model; what is kept under it goes when the model goes."""
    return weakref.ref(model, _forget)


def _forget(owner):
    for key in list(COMPILED):
        if key[0] is owner:
            del COMPILED[key]


def _forward(owner, image):
    forward = tf.function(lambda x: gradients.logits_of(owner())(x), autograph=False)
    return forward.get_concrete_function(tf.TensorSpec([None, *image], tf.float32))
