"""What is said of trainings that ended at chance, and that nothing is said of others."""

import numpy as np
import pytest

from tfadv.training import collapse
from tfadv.training.settings import Settings

LABELS = np.repeat(np.arange(10), 100)
ROBUST = {"method": "adversarial", "attack": "pgd", "threat": "linf:0.2"}


AVERAGE = ["The weights of the first step are 40% of the average."]


def said(clean, attacked=None, learned=0.5, held_out=1000, averaging=(), **settings):
    metrics = {"accuracy": learned, "val_accuracy": clean}
    metrics |= {} if attacked is None else {"val_adv_accuracy": attacked}
    return collapse.remarks([metrics], 0, Settings(dataset="digits", **settings), LABELS, held_out, averaging)


def test_a_constant_prediction_is_a_collapse():
    (remark,) = said(0.115, 0.1, **ROBUST)
    assert remark.startswith("The training collapsed: 11.5% of the images are classified correctly")
    assert "right on 10.0%" in remark and "--eps-ramp 0.5" in remark
    (remark,) = said(0.1)
    assert "eps" not in remark and "another learning rate" in remark


def test_chance_under_attack_is_said_of_methods_that_train_within_eps():
    (remark,) = said(0.8, 0.05, **ROBUST, eps_ramp=3)
    assert "5.0% of the images are right under attack" in remark and "--eps-ramp" not in remark
    assert said(0.98, 0.0, threat="linf:0.2") == []


@pytest.mark.parametrize(("clean", "attacked"), [(0.3, 0.2), (0.14, 0.135), (0.98, 0.9)])
def test_nothing_is_said_of_a_network_that_has_learned(clean, attacked):
    assert said(clean, attacked, **ROBUST) == []


def test_an_average_with_the_first_weights_is_the_cause_unless_the_weights_are_at_chance_too():
    assert said(0.1, 0.1, averaging=AVERAGE, **ROBUST) == said(0.8, 0.7, averaging=AVERAGE, **ROBUST) == AVERAGE
    # It has learned, but not to withstand.
    assert said(0.8, 0.05, averaging=AVERAGE, **ROBUST) == AVERAGE + said(0.8, 0.05, **ROBUST)
    (remark,) = said(0.1, 0.1, learned=0.1, averaging=AVERAGE, **ROBUST)
    assert remark.startswith("The training collapsed") and "--eps-ramp" in remark
    epochs = [{"accuracy": 0.5, "val_accuracy": a, "val_adv_accuracy": b} for a, b in ((0.1, 0.1), (0.8, 0.05))]
    average, remark = collapse.remarks(epochs, 0, Settings(dataset="digits", **ROBUST), LABELS, 1000, AVERAGE)
    assert [average] == AVERAGE and remark.endswith("it is in last.keras.")


def test_few_held_out_images_alone_are_no_reason():
    labels, settings = np.repeat(np.arange(3), 54), Settings(dataset="digits", **ROBUST)

    def few(clean, attacked, learned):
        metrics = {"accuracy": learned, "val_accuracy": clean, "val_adv_accuracy": attacked}
        return collapse.remarks([metrics], 0, settings, labels, held_out=18)

    assert few(0.6, 0.5, 0.4) == few(0.3, 0.3, 0.7) == few(0.9, 0.2, 0.7) == []
    (remark,) = few(0.3, 0.3, 0.34)
    assert remark.startswith("The training collapsed: 30.0%") and "right on 33.3%" in remark


def test_a_constant_network_of_an_early_epoch_is_not_taken_for_the_whole_training():
    epochs = [{"accuracy": 0.5, "val_accuracy": a, "val_adv_accuracy": b} for a, b in ((0.1, 0.1), (0.8, 0.05))]
    (remark,) = collapse.remarks(epochs, 0, Settings(dataset="digits", **ROBUST), LABELS, 1000)
    assert remark.startswith("Epoch 1 was kept, as no other withstands attacks better, but is right on 10.0%")
    assert "right on 80.0%: it is in last.keras" in remark and "--eps-ramp 0.5" in remark


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ({}, "The training collapsed: 11.0%"),
        (ROBUST, "The training did not make the network robust: 11.0% of the images are right under attack"),
        (ROBUST | {"method": "awp(trades)"}, "The training collapsed: 11.0%"),
    ],
)
def test_without_held_out_images_the_training_accuracy_counts_for_what_it_is(method, said):
    settings = Settings(dataset="digits", validation=0, keep="last", **method)
    (remark,) = collapse.remarks([{"accuracy": 0.11}], 0, settings, LABELS)
    assert remark.startswith(said)
    assert collapse.remarks([{"accuracy": 0.5}], 0, settings, LABELS) == []
