"""Attacks compiled: once per attack and model, run batch by batch, two halves of a batch at a time on CPU."""

import weakref

import numpy as np
import tensorflow as tf

from tfadv import gradients, passes, random, validation
from tfadv.attacks.problem import Problem
from tfadv.threads import Future

# What is compiled for a model goes when the model goes.
COMPILED, PROBES = weakref.WeakKeyDictionary(), weakref.WeakKeyDictionary()
# Batches of so many images or more are attacked in halves. What is random depends on it, so it is the same on every
# machine.
WORTH_HALVING = 64


class Compiled:
    """An attack compiled for a model: with a free batch size, and under XLA for full batches where that pays.

    XLA compiles anew for every shape, so batches that are not full take the plain graph. The model is held
    weakly: what is compiled for it goes when it goes.
    """

    def __init__(self, graph, logits_fn, model, image_shape, targeted, xla):
        self.graph, self.logits_fn, self.model, self.xla = graph, logits_fn, weakref.ref(model), xla
        self.image, self.labels = image_shape, 2 if targeted else 1
        self.traces = {}
        passes.counts()

    def run(self, arrays, eps, seed, batch_size):
        """Attack all batches, two halves at a time: (n, h, w, c).

        What one core has to do by itself for the one half, the other does for the other. Under XLA, which locks the
        variables that count passes, halves would wait for each other.
        """
        starts = range(0, len(arrays[0]), batch_size)
        batches = [[array[start : start + batch_size] for array in arrays] for start in starts]
        todo = []
        for part in batches if self.xla else [half for batch in batches for half in halves(batch)]:
            attack = self._traced(batch_size if self.xla and len(part[0]) == batch_size else None)
            todo.append((len(todo), attack, part))
        found, shared = [None] * len(todo), iter(todo)

        def work():
            for k, attack, part in shared:  # each part comes to one of the workers
                found[k] = attack(seed, tf.constant(k), eps, *map(tf.constant, part)).numpy()

        workers = [Future(work) for _ in range(1 if self.xla else 2)]
        try:
            for worker in workers:
                worker.result()
        finally:
            todo.clear()  # where one has failed, or nobody waits any more, the rest is left alone
        return np.concatenate(found)

    def _traced(self, size):
        if size not in self.traces:
            self.traces[size] = self._trace(size)
        return self.traces[size]

    def _trace(self, size):
        def run(seed, number, eps, x, *labels):
            problem = Problem(passes.counted(self.logits_fn(self.model())), x, *labels)
            return self.graph(problem, eps, random.key(seed, number))

        signature = [tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32)]
        signature += [tf.TensorSpec([size, *self.image], tf.float32)] + [tf.TensorSpec([size], tf.int32)] * self.labels
        return tf.function(run, autograph=False, jit_compile=size is not None).get_concrete_function(*signature)


def halves(batch):
    """A batch of arrays as the batches that are attacked at the same time.

    >>> [len(x) for [x] in halves([np.zeros(64)])]
    [32, 32]
    """
    middle = -(-len(batch[0]) // 2)
    if len(batch[0]) < WORTH_HALVING:
        return [batch]
    return [[array[:middle] for array in batch], [array[middle:] for array in batch]]


def check_classifier(model, x):
    """`validation.classifier`; after the first time by a compiled forward pass, as an eager one costs several steps."""
    probes = PROBES.setdefault(model, {})
    image = x.shape[1:]
    classes = validation.classifier(model, x, probes.get(image))
    if image not in probes:
        held = weakref.ref(model)
        forward = tf.function(lambda x: gradients.logits_of(held())(x), autograph=False)
        probes[image] = forward.get_concrete_function(tf.TensorSpec([None, *image], tf.float32))
    return classes
