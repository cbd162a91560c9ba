"""DeepFool (l2) against the cost of the Jacobians it needs, and its distances against those of the peers.

    python benchmarks/deepfool.py [--images 10000] [--repeats 3]

The Jacobians it needs: at each iteration, for exactly the examples that still resist (in the attack's own
batches, at the attack's own points), the derivatives of the nine differences of logits with respect to the
image, by the fastest of the forms below.
"""

import contextlib

import numpy as np
import peers
import subjects
import tensorflow as tf
import timing

from tfadv import DeepFool, gradients
from tfadv.attacks import compiled, deepfool
from tfadv.evaluation import metrics

TARGET = 1.5
BATCH_SIZE = 1000
CLIPPED = "tfadv, clip=True"


def main():
    parser = subjects.options(__doc__, images=10_000)
    given = parser.parse_args()
    timing.machine()
    x, y, x_test, y_test = subjects.data(given.data_dir)
    for name in given.model or ["mlp"]:
        model = subjects.classifier(name, x, y, epochs=5)
        compare(name, model, x_test[: given.images], y_test[: given.images], given.repeats)


def compare(name, model, x, y, repeats):
    """Print the ratio of times, then median distances and times of the peers."""
    # As published: away from the prediction, whether it is right or not, so that all images take part.
    predicted = metrics.predictions(model, x)
    points = linearized(model, x, predicted)
    ways = {f"Jacobians: {way}": form(model) for way, form in JACOBIANS.items()}
    forms = {way: lambda run=run: [run(*point) for point in points] for way, run in ways.items()}
    forms["tfadv"] = lambda: DeepFool().minimal(model, x, predicted, batch_size=BATCH_SIZE)
    seconds = timing.medians(forms, repeats)
    floor = min(seconds[way] for way in forms if way != "tfadv")
    count = sum(len(point) for point, _ in points)
    title = f"DeepFool, {name}, {len(x)} images, {count} Jacobians in {len(points)} batches: {repeats} repeats"
    timing.report(title, seconds, floor, list(forms), ("tfadv", TARGET))
    distances(model, x, y, peers.deepfool(model, x, y, BATCH_SIZE))


def linearized(model, x, y):
    """What each iteration takes Jacobians of: (images (m, h, w, c), directions (m, 9, classes))."""
    points, taken = [], []

    def note_points(logits_fn, x):
        with tf.control_dependencies([tf.numpy_function(lambda x: points.append(x) or np.int32(0), [x], tf.int32)]):
            return pullback_at(logits_fn, tf.identity(x))

    def note_directions(logits, pullback, directions, *options):
        def note(directions):
            taken.append((tf.constant(points[-1].reshape(-1, *x.shape[1:])), tf.constant(directions)))
            return np.int32(0)

        with tf.control_dependencies([tf.numpy_function(note, [directions], tf.int32)]):
            return nearest(tf.identity(logits), pullback, directions, *options)

    pullback_at, nearest = gradients.logits_and_pullback, deepfool.nearest
    compiled.COMPILED.clear()
    with (
        replaced(gradients, "logits_and_pullback", note_points),
        replaced(deepfool, "nearest", note_directions),
        replaced(compiled, "WORTH_HALVING", np.inf),
    ):
        for start in range(0, len(x), BATCH_SIZE):  # one batch after the other: two at once would mix their notes
            batch = x[start : start + BATCH_SIZE], y[start : start + BATCH_SIZE]
            DeepFool().minimal(model, *batch, batch_size=BATCH_SIZE)
    compiled.COMPILED.clear()  # what notes its points is not what is timed
    return taken


@contextlib.contextmanager
def replaced(module, name, value):
    original = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, original)


def traced(jacobian):
    """One graph for all sizes; only the Jacobian itself is computed and kept."""

    def form(model):
        image, classes = model.input_shape[1:], model.output_shape[-1]
        points = tf.TensorSpec([None, *image], tf.float32)
        directions = tf.TensorSpec([None, classes - 1, classes], tf.float32)
        graph = tf.function(lambda x, d: jacobian(model, x, d), autograph=False)
        return graph.get_concrete_function(points, directions)

    return form


def backward_passes(model, x, directions):
    return gradients.logits_and_jacobian(gradients.logits_of(model), x, directions)[1]


def batch_jacobian(model, x, directions):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        differences = tf.einsum("nk,nrk->nr", model(x, training=False), directions)
    return tape.batch_jacobian(differences, x)


def tiled(model, x, directions):
    """One backward pass over nine copies of each image."""
    rows = directions.shape[1]
    copies = tf.repeat(x, rows, axis=0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(copies)
        logits = model(copies, training=False)
    gradient = tape.gradient(logits, copies, tf.reshape(directions, [-1, directions.shape[2]]))
    return tf.reshape(gradient, [-1, rows, *x.shape[1:]])


JACOBIANS = {
    "one backward pass a class": traced(backward_passes),
    "batch_jacobian": traced(batch_jacobian),
    "one pass over copies": traced(tiled),
}


def distances(model, x, y, others):
    """Print each library's median l2 distance over the images that the model gets right, and its time."""
    correct = np.argmax(model.predict(x, batch_size=1000, verbose=0), axis=1) == y
    # The peers keep every iterate in [0, 1]; the papers, and tfadv by default, do not.
    kinds = {"tfadv": DeepFool(), CLIPPED: DeepFool(clip=True)}
    ways = {
        name: lambda attack=attack: attack.minimal(model, x, y, batch_size=BATCH_SIZE) for name, attack in kinds.items()
    }
    ways |= others
    medians = {}
    print(f"  median l2 distance of the {correct.sum()} images that the model gets right:")
    for name, run in ways.items():
        images, once = timing.once(run)
        moved = np.asarray(images)[correct] - x[correct]
        fooled = np.argmax(model.predict(images, batch_size=1000, verbose=0), axis=1) != y
        medians[name] = np.median(np.sqrt(np.square(moved).sum(axis=(1, 2, 3))))
        print(f"    {name:<16} {medians[name]:.4f}, fooled {fooled[correct].mean():.2%}, {once:.2f} s")
    if "Foolbox" in medians:
        timing.verdict("median distance over Foolbox's", medians[CLIPPED] / medians["Foolbox"], 1.0)


if __name__ == "__main__":
    main()
