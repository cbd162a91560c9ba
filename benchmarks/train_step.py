"""An adversarial train step (PGD-7) against one standard train step plus seven input gradients.

    python benchmarks/train_step.py [--model mlp] [--images 128] [--repeats 7]

Steps are Keras' own train function on one fixed batch of --images; the input gradients are one compiled
function, called seven times on that batch. The fastest bare form of seven sign steps is printed too.
"""

import bare
import keras
import subjects
import tensorflow as tf
import timing

from tfadv import PGD, LInf, models
from tfadv.training import METHODS

EPS, STEPS = 0.1, 7
TARGET = 1.10
# A step takes milliseconds: each timing is of so many.
CALLS = 20


def main():
    parser = subjects.options(__doc__, images=128)
    given = parser.parse_args()
    timing.machine()
    x, y, *_ = subjects.data(given.data_dir)
    x, y = x[: given.images], y[: given.images]
    for name in given.model or subjects.MODELS:
        compare(name, x, y, given.repeats)


def compare(name, x, y, repeats):
    """Print the times of the steps and gradients, and their ratio."""
    model = models.build(name, x.shape[1:], 10)
    attack = {"attack": PGD(steps=STEPS), "threat": LInf(EPS)}
    setting = {"eps": EPS, "step_size": 2.5 * EPS / STEPS, "steps": STEPS, "batch_size": len(x)}
    sign_steps = bare.forms(model, x, y, **setting)
    forms = {
        "standard step": train_step("standard", models.build(name, x.shape[1:], 10), x, y),
        "seven input gradients": input_gradients(model, tf.constant(x), tf.constant(y)),
        **sign_steps,
        "adversarial step": train_step("adversarial", models.build(name, x.shape[1:], 10), x, y, **attack),
    }
    many = {way: lambda form=form: [form() for _ in range(CALLS)] for way, form in forms.items()}
    seconds = {way: total / CALLS for way, total in timing.medians(many, repeats).items()}
    floor = seconds["standard step"] + seconds["seven input gradients"]
    title = f"train step with PGD-{STEPS}, {name}, batch of {len(x)}: {repeats} repeats of {CALLS} steps"
    timing.report(title, seconds, floor, list(forms), ("adversarial step", TARGET))
    strict = seconds["standard step"] + min(seconds[way] for way in sign_steps)
    print(f"  against a standard step + the fastest bare sign steps: {seconds['adversarial step'] / strict:.2f}")


def train_step(method, classifier, x, y, **options):
    """One call of the train function that Keras' fit calls, on the same batch each time."""
    trainer = METHODS.get(method)(classifier, **options)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    trainer.make_train_function()
    batches = iter(tf.data.Dataset.from_tensors((x, y)).repeat())
    return lambda: trainer.train_function(batches)


def input_gradients(model, x, y):
    compiled = tf.function(lambda x, y: bare.gradient(model, x, y), autograph=False)
    return lambda: [compiled(x, y) for _ in range(STEPS)]


if __name__ == "__main__":
    main()
