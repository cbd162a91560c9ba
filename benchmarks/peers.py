"""The same attacks in other libraries, where they are installed.

python -m venv peers && peers/bin/pip install -e . foolbox adversarial-robustness-toolbox
peers/bin/pip install --no-deps cleverhans
peers/bin/python benchmarks/pgd.py
"""

import warnings

import numpy as np
import tensorflow as tf


def available(makers):
    """Build what can be imported: name -> function; a line is printed for each that cannot."""
    found = {}
    for name, make in makers.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[name] = make()
        except ImportError as error:
            print(f"  {name}: skipped ({error})")
    return found


def pgd(model, x, y, eps, step_size, steps, batch_size):
    """PGD in the norm linf with a random start: name -> function without arguments."""
    pixels, labels = tf.constant(x), tf.constant(y, tf.int64)  # Foolbox takes no other labels

    def foolbox():
        import foolbox

        wrapped = foolbox.models.TensorFlowModel(model, bounds=(0, 1))
        attack = foolbox.attacks.LinfPGD(abs_stepsize=step_size, steps=steps)
        return lambda: [
            attack(wrapped, pixels[i : i + batch_size], labels[i : i + batch_size], epsilons=eps)
            for i in range(0, len(x), batch_size)
        ]

    def art():
        from art.attacks.evasion import ProjectedGradientDescent

        attack = ProjectedGradientDescent(
            _art(model, x), eps=eps, eps_step=step_size, max_iter=steps, num_random_init=1,
            batch_size=batch_size, verbose=False,
        )  # fmt: skip
        return lambda: attack.generate(x, y)

    def cleverhans():
        from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent as attack

        return lambda: [
            attack(model, pixels[i : i + batch_size], eps, step_size, steps, np.inf, clip_min=0.0,
                   clip_max=1.0, y=labels[i : i + batch_size], sanity_checks=False)
            for i in range(0, len(x), batch_size)
        ]  # fmt: skip

    return available({"Foolbox": foolbox, "ART": art, "CleverHans": cleverhans})


def deepfool(model, x, y, batch_size):
    """DeepFool in the norm l2, 50 iterations, overshoot 0.02: name -> function that returns the images."""

    def foolbox():
        import foolbox

        wrapped = foolbox.models.TensorFlowModel(model, bounds=(0, 1))
        attack = foolbox.attacks.L2DeepFoolAttack(steps=50, candidates=10, overshoot=0.02)
        parts = [slice(i, i + batch_size) for i in range(0, len(x), batch_size)]

        def run():
            images = [(tf.constant(x[part]), tf.constant(y[part], tf.int64)) for part in parts]
            return np.concatenate([attack(wrapped, *pair, epsilons=None)[0].numpy() for pair in images])

        return run

    def art():
        from art.attacks.evasion import DeepFool

        attack = DeepFool(_art(model, x), 50, epsilon=0.02, nb_grads=10, batch_size=batch_size, verbose=False)
        return lambda: attack.generate(x)

    return available({"Foolbox": foolbox, "ART": art})


def minimum_norm(model, x, y, cw_steps):
    """ART's DeepFool and Carlini-Wagner in the norm l2: name -> function that returns the images."""

    def deepfool():
        from art.attacks.evasion import DeepFool

        return lambda: DeepFool(_art(model, x), 50, epsilon=0.02, nb_grads=10, verbose=False).generate(x)

    def cw():
        from art.attacks.evasion import CarliniL2Method

        attack = CarliniL2Method(
            _art(model, x), max_iter=cw_steps, binary_search_steps=9, batch_size=len(x), verbose=False
        )
        return lambda: attack.generate(x, y)

    return available({"deepfool": deepfool, "cw": cw})


def _art(model, x):
    from art.estimators.classification import TensorFlowV2Classifier

    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return TensorFlowV2Classifier(model, 10, x.shape[1:], loss_object=loss, clip_values=(0, 1))
