"""What holds for every registered attack under every norm that it supports. Newcomers are enrolled by name.

Each option of a newcomer must change its result; where another value of it alone does not, `OPTIONS` says what does.
"""

import dataclasses
import functools
import inspect
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tfadv import attacks, models, passes, random, threat
from tfadv.attacks import ATTACKS
from tfadv.attacks.base import Attack, MinimumNormAttack
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.errors import TfadvError
from toy_models import nan_gradients, normal
from trap_models import drawing_anew, trap

FOLDER = tempfile.TemporaryDirectory()
SAVED = f"{FOLDER.name}/model.keras"
models.build("linear", (8, 8, 1), 10).save(SAVED)

# Every option has an effect: the attack with another value of it (`variations`) gives another result on some fixture.
# Where three steps show too little, or the effect needs other options beside it, this says what shows it.
BASES = {
    "deepfool": "deepfool",
    "ddn": "ddn(steps=20)",
    "cw": "cw(steps=20)",
    "sigma_zero": "sigma_zero(steps=20)",
    "goal": "goal(steps=20)",
    "gradient_descent": "gradient_descent(steps=50)",
    "autoattack": "autoattack(steps=1, queries=1, target_classes=1)",
    "transfer": "transfer(attack=fgsm, rounds=1)",
    "eot": "eot(attack=fgsm, draws=2)",
    "bpda": "bpda(attack=fgsm)",
}
OPTIONS = {
    "deepfool": {"variant": ("deepfool(steps=3)", "deepfool(steps=3, variant=deepdefense)")},
    "pgd": {
        "keep_best": ("pgd(steps=3, step_size=1)", "pgd(steps=3, step_size=1, keep_best=False)"),
    },
    "autoattack": {"queries": ("autoattack(steps=1, queries=1)", "autoattack(steps=1, queries=50)")},
    "apgd": {"rho": ("apgd(steps=20)", "apgd(steps=20, rho=0)")},
    "apgd_t": {"rho": ("apgd_t(steps=20)", "apgd_t(steps=20, rho=0)")},
    "sigma_zero": {
        "sigma": ("sigma_zero(steps=20)", "sigma_zero(steps=20, sigma=0.1)"),
        "threshold": ("sigma_zero(steps=20)", "sigma_zero(steps=20, threshold=0.6)"),
        "rate": ("sigma_zero(steps=20)", "sigma_zero(steps=20, rate=0.1)"),
    },
    "sparse_rs": {"alpha_init": ("sparse_rs(queries=200)", "sparse_rs(queries=200, alpha_init=1)")},
    "transfer": {
        "attack": ("transfer(attack=fgsm, rounds=0)", "transfer(attack=pgd(steps=2), rounds=0)"),
        "source": ("transfer(attack=fgsm, rounds=0)", f"transfer(attack=fgsm, source={SAVED!r}, rounds=0)"),
    },
    "cw": {"abort_early": ("cw(steps=100)", "cw(steps=100, abort_early=False)")},
    "gradient_descent": {
        "floor": (
            "gradient_descent(steps=50, keep_nearest=False)",
            "gradient_descent(steps=50, keep_nearest=False, floor=False)",
        ),
    },
    "eot": {"attack": ("eot(attack=fgsm)", "eot(attack=pgd(steps=2))")},
    "bpda": {
        "attack": ("bpda(attack=fgsm)", "bpda(attack=pgd(steps=2))"),
        "layers": ("bpda(attack=fgsm)", "bpda(attack=fgsm, layers=trap)"),
    },
}
NAMES = list(ATTACKS)
# An ensemble's members are here themselves; all of them together would take minutes to compile.
# What a wrapper does is the same in every norm.
NORMS_OF = {
    name: ATTACKS.get(name).norms[: 3 if issubclass(ATTACKS.get(name), AttackWrapper) else None] for name in NAMES
}
PAIRS = [(name, norm) for name in NAMES for norm in NORMS_OF[name] if not ATTACKS.get(name).ensemble]
EPS = {"linf": 0.1, "l2": 0.5, "l1": 4.0, "l0": 6.0, "patch": 0.5}
# Large enough to break most examples, small enough to leave room for a better attack.
SMALL = {"linf": 0.04, "l2": 0.2, "l1": 1.0, "l0": 4.0, "patch": 0.2}


def pairs(test):
    return pytest.mark.parametrize(("name", "norm"), PAIRS)(test)


def singles(test):
    """Each attack once, under the first norm that it knows: for what has nothing to do with geometry."""
    first = dict(reversed(PAIRS))
    return pytest.mark.parametrize(("name", "norm"), [(name, first[name]) for name in NAMES if name in first])(test)


# What is tried where any network would do: one for all, as each new one costs a second of compiling for every attack.
SUBJECT = "batchnorm_dropout"
# Loops of more passes than this are run compiled, shorter ones eagerly, which is quicker than to compile them.
SHORT = 100
ORDERS = {"linf": np.inf, "l2": 2, "l1": 1, "patch": np.inf}


def ball(norm, eps=None):
    return threat.NORMS[norm](EPS[norm] if eps is None else eps)


def usual(name):
    """l_2, or the first norm that the attack knows."""
    return "l2" if "l2" in NORMS_OF[name] else NORMS_OF[name][0]


def brief(name, **options):
    """The attack with few steps, where it counts them."""
    attack = attacks.get(name)
    known = {f.name for f in dataclasses.fields(attack)}
    values = {"steps": 3, "draws": 2, "queries": 20, "rounds": 1, "target_classes": 2, **options}
    if isinstance(attack, AttackWrapper):
        values["attack"] = brief(attack.inner.name, **options)
    return dataclasses.replace(attack, **{k: v for k, v in values.items() if k in known})


def variations(name):
    """Option -> (the attack, the same with another value of the option), as specs."""
    base = attacks.get(BASES[name]) if name in BASES else brief(name)
    special = OPTIONS.get(name, {})
    options = [f.name for f in dataclasses.fields(base)]
    return {o: special.get(o) or (str(base), str(dataclasses.replace(base, **{o: another(base, o)}))) for o in options}


def another(attack, option):
    """The other flag, another of the known words, half a number (or 2 for 1, 1 for 0); for None the least, or 0.1."""
    value = getattr(attack, option)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return (value // 2 if value > 1 else value + 1) if isinstance(value, int) else value / 2 or 1.0
    with pytest.raises(TfadvError) as error:
        dataclasses.replace(attack, **{option: "nonsense"})
    expected = str(error.value).partition("expected ")[2].partition(", received")[0]
    if expected.startswith("one of "):
        return next(word for word in expected.removeprefix("one of ").split(", ") if word != value)
    return int(expected.split()[-1]) if "whole number" in expected else 0.1


def is_long(attack):
    return attack.ensemble or sum(attack.cost(10)) > SHORT


def craft(attack, model, x, y, within, targets=None):
    """What a call gives, for the same seed; without compiling where the loop is short."""
    if is_long(attack):
        return attack(model, x, y, threat=within, targets=targets)
    given = {"threat": within, "seed": random.key(0, 0), "targets": targets}
    return attack.craft(model, tf.constant(x), tf.constant(y), **given).numpy()


def distance(norm, x_adv, x):
    delta = np.abs(x_adv.astype("float64") - x.astype("float64")).reshape(len(x), -1)
    if norm == "l0":
        return (x_adv != x).any(axis=3).sum(axis=(1, 2))
    return np.linalg.norm(delta, ORDERS[norm], axis=1)


def loss(y, logits):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits).numpy()


def assert_inside(x_adv, x, norm, eps):
    assert x_adv.dtype == np.float32 and x_adv.shape == x.shape and np.isfinite(x_adv).all()
    assert x_adv.min() >= 0 and x_adv.max() <= 1
    # Pixels of [0, 1] are rounded to 2^-25 at most; the sum of all roundings grows with their number.
    slack = {"linf": 1e-7, "l2": 1e-7 * (1 + eps), "l1": 1e-6 * (1 + eps), "l0": 0, "patch": 1e-7}[norm]
    assert (distance(norm, x_adv, x) <= np.float32(eps) + slack).all()
    if norm == "patch":
        assert np.array_equal(*(np.where(ball(norm).mask(x.shape[1:]), 0, z) for z in (x_adv, x)))


@functools.cache
def model_of(shape):
    return nan_gradients(shape, 3) if shape[0] == 3 else models.build("linear", shape, 3)


@pairs
@settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # an example compiles an attack: shrinking would take minutes
)  # fmt: skip
@given(
    shape=st.sampled_from([(1, 1, 1), (3, 2, 3)]),
    n=st.integers(1, 4),
    eps=st.one_of(st.sampled_from([0.0, 1e-6, 8 / 255, 1.0, 1e3]), st.floats(0, 20, width=32)),
    seed=st.integers(-(2**63), 2**63 - 1),
    corners=st.booleans(),
)
def test_stays_inside_ball_and_box(name, norm, shape, n, eps, seed, corners):
    rng = np.random.default_rng(abs(seed))
    x = rng.uniform(0, 1, (n, *shape)).astype("float32")
    x = np.round(x) if corners else x
    y = rng.integers(0, 3, n)
    x_adv = brief(name)(model_of(shape), x, y, threat=ball(norm, eps), seed=seed)
    assert_inside(x_adv, x, norm, eps)


class Reckless(Attack):
    """An attack whose own code keeps no rule at all."""

    norms = tuple(threat.NORMS)

    def perturb(self, problem, threat, seed):
        wild = tf.constant([1e38, -1e38, np.nan, np.inf, -np.inf, 1e-40, 0.5, 3e20])
        return tf.reshape(tf.tile(wild, [tf.size(problem.x) // 8]), tf.shape(problem.x))

    def cost(self, classes):
        return 0


@pytest.mark.parametrize("norm", threat.NORMS)
@pytest.mark.parametrize("eps", [0, 0.01, 2.0])
def test_base_class_guarantees_what_an_attack_forgets(norm, eps, classifiers, images, labels):
    x_adv = Reckless()(classifiers("linear"), images, labels, threat=ball(norm, eps))
    assert_inside(x_adv, images, norm, eps)


@singles
@pytest.mark.parametrize("model", ["nan_gradients", "saturated", "constant", "two_classes"])
def test_stays_inside_on_difficult_models(name, norm, model, classifiers, images, labels):
    y = labels % 2 if model == "two_classes" else labels
    attack = brief(name, steps=20) if model == "nan_gradients" else brief(name)  # as the next test has compiled it
    x_adv = attack(classifiers(model), images, y, threat=ball(norm))
    assert_inside(x_adv, images, norm, EPS[norm])


@singles
def test_nan_gradients_do_not_stop_it(name, norm, classifiers, images, predict):
    """sqrt has no finite gradient at half of the pixels; the others still lead across the boundary."""
    if attacks.get(name).black_box:
        pytest.skip("it follows no gradient of this model")
    model = classifiers("nan_gradients")
    y = predict(model, images)
    x_adv = brief(name, steps=20)(model, images, y, threat=ball(norm))
    assert np.mean(loss(y, model(x_adv)) > loss(y, model(images))) > 0.8


@singles
def test_eps_zero_is_the_identity(name, norm, classifiers, images, labels):
    assert np.array_equal(brief(name)(classifiers(SUBJECT), images, labels, threat=ball(norm, 0)), images)


@singles
@pytest.mark.parametrize("n", [1, 7])
def test_any_number_of_images(name, norm, n, classifiers, images, labels):
    x_adv = brief(name)(classifiers(SUBJECT), images[:n], labels[:n], threat=ball(norm))
    assert_inside(x_adv, images[:n], norm, EPS[norm])


@singles
def test_ragged_batches_new_eps_and_new_seeds_do_not_retrace(name, norm, classifiers, images, labels, monkeypatch):
    attack, model, traced = brief(name), classifiers(SUBJECT), []

    def run(n, size, eps, seed):
        attack(model, images[:n], labels[:n], threat=ball(norm, eps), seed=seed, batch_size=size)

    # One free batch size, and full batches under XLA where that pays; attacks within it are traced along with it.
    run(27, 16, eps=EPS[norm], seed=0)
    whole = Attack.perturb_projected
    monkeypatch.setattr(Attack, "perturb_projected", lambda self, *a: traced.append(self) or whole(self, *a))
    run(3, 500, eps=EPS[norm], seed=0)
    run(19, 16, eps=SMALL[norm], seed=1)
    assert not traced


@singles
def test_same_seed_same_bits_other_seed_other_bits(name, norm, classifiers, images, labels):
    run = lambda seed: brief(name)(classifiers(SUBJECT), images, labels, threat=ball(norm), seed=seed)  # noqa: E731
    assert np.array_equal(run(3), run(3))
    seeded = brief(name).seeded
    assert np.array_equal(run(3), run(2**40 + 3)) is not seeded
    assert np.array_equal(run(3), run(4)) is not seeded


@pytest.mark.parametrize("name", NAMES)
def test_model_is_left_as_it_was(name, classifiers, images, labels):
    model = classifiers(SUBJECT)
    state = model.variables
    assert any("seed" in v.path for v in state) and any("moving" in v.path for v in state)
    before = [np.array(v) for v in state]
    brief(name)(model, images, labels, threat=ball(NORMS_OF[name][0]))
    assert all(np.array_equal(old, new) for old, new in zip(before, state, strict=True))


DUAL = {"linf": 1, "l2": 2, "l1": np.inf}


def gains(w, x):
    """By how much each pixel alone can raise w . x within the box, the best first."""
    return np.sort(np.where(w > 0, 1 - x, x) * np.abs(w), axis=-1)[..., ::-1]


def highest_rise(norm, w, x, eps):
    """Of w . x within the ball, w and x (n, pixels) of an 8 x 8 image, with no pixel near the box."""
    if norm == "l0":
        return gains(w, x)[:, : int(eps)].sum(axis=1)
    if norm == "patch":
        return eps * np.abs(w[:, ball(norm).mask((8, 8, 1)).ravel()]).sum(axis=1)
    return eps * np.linalg.norm(w, DUAL[norm], axis=1)


def shortest(norm, w, x, gap):
    """The way to where w . x is higher by `gap`; w (n, classes, pixels), x (n, 1, pixels), gap (n, classes)."""
    if norm == "l0":
        return np.where(gap > 0, 1 + (np.cumsum(gains(w, x), axis=2) < gap[:, :, None]).sum(axis=2), np.inf)
    length = np.linalg.norm(w, DUAL[norm], axis=2)
    return np.divide(gap, length, out=np.full_like(gap, np.inf), where=length > 0)


@pairs
def test_reaches_the_optimum_of_a_linear_model(name, norm, classifiers, gray, predict):
    """Two classes and no pixel near the box: the margin drops by eps times the dual norm of w."""
    model, attack = classifiers("two_classes"), attacks.get(name)
    if isinstance(attack, MinimumNormAttack):
        pytest.skip("it looks for the nearest boundary, see the next test")
    y = predict(model, gray)
    kernel = model.layers[-1].kernel.numpy()
    w = kernel[:, 1] - kernel[:, 0]
    sign, eps = np.where(y == 1, 1, -1), 3 if norm == "l0" else 0.1
    x_adv = attack(model, gray, y, threat=ball(norm, eps))
    gap = lambda x: (model(x).numpy() @ [-1, 1]) * sign  # noqa: E731
    optimum = highest_rise(norm, -sign[:, None] * w, gray.reshape(len(gray), -1), eps)
    drop = gap(gray) - gap(x_adv)
    assert (drop <= optimum * (1 + 1e-4)).all()
    if attack.black_box:  # it stops where the label changes, or cannot know the way
        assert (drop > 0).all()
        return
    # A random start in l2 and l1 is still a few degrees off the best direction after the last step; in l0 the gradient
    # does not tell that pixels of 0.6 have less room than those of 0.4.
    assert (drop >= optimum * (2 / 3 if norm == "l0" else 0.95 if attack.seeded else 1 - 1e-4)).all()


@pairs
def test_minimum_norm_attacks_find_the_nearest_hyperplane(name, norm, classifiers, gray, predict):
    attack, model = attacks.get(name), classifiers("linear")
    if not isinstance(attack, MinimumNormAttack):
        pytest.skip("it maximises a loss, see the test before")
    kernel, z, y = model.layers[-1].kernel.numpy(), model(gray).numpy(), predict(model, gray)
    w = kernel.T[None] - kernel.T[y][:, None]
    gap = z[np.arange(len(y)), y][:, None] - z
    exact = shortest(norm, w, gray.reshape(len(gray), 1, -1), gap).min(axis=1)
    found = attack.minimal(model, gray, y, norm=norm)
    assert (predict(model, found) != y).all()
    ratio = distance(norm, found, gray) / exact
    # Without gradients it comes near, and so it does with those of the cross-entropy, a mean of several boundaries'.
    if attack.optimality != "nearest" or attack.black_box or getattr(attack, "loss", None) == "ce":
        assert (ratio >= 1 - 1e-4).all()
        assert np.median(ratio) < (np.inf if attack.optimality == "beyond" else 1.5)
        return
    # DeepFool oversteps by 2%.
    assert (ratio > 1 - 1e-3).all() and (ratio < 1.021 + 2e-4 / exact).all()


@pairs
@pytest.mark.parametrize("option", ["steps", "restarts"])
def test_more_is_never_worse_where_the_best_is_kept(name, norm, option, classifiers, images, labels, predict):
    if not {option, "keep_best"} <= {f.name for f in dataclasses.fields(attacks.get(name))}:
        pytest.skip(f"it has no {option} and keep_best")
    x, y = images, labels
    # A step as long as the ball is wide jumps about, so that the last point is often not the best one.
    options = {"step_size": 1.5 * SMALL[norm]}
    model = classifiers("cnn")
    worst = []
    for amount in (1, 2, 4):
        x_adv = craft(brief(name, **{**options, option: amount}), model, x, y, ball(norm, SMALL[norm]))
        worst.append((predict(model, x_adv) != y, loss(y, model(x_adv))))
    for (reached, height), (more_reached, more_height) in zip(worst, worst[1:], strict=False):
        assert (more_reached >= reached).all()
        assert (more_height >= height - 1e-5)[reached == more_reached].all()


@singles
def test_targeted_lowers_the_loss_of_the_target(name, norm, classifiers, images, labels):
    targets = (labels + 3) % 10
    model = classifiers("cnn")
    x_adv = craft(brief(name, steps=10, draws=10), model, images, labels, ball(norm), targets)
    assert_inside(x_adv, images, norm, EPS[norm])
    before, after = (loss(targets, model(z)) for z in (images, x_adv))
    assert np.mean(after < before) > 0.9 and after.mean() < before.mean()  # some climb another loss than this one


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_an_effect(name, classifiers, images, labels):
    assert set(OPTIONS.get(name, ())) <= {f.name for f in dataclasses.fields(attacks.get(name))}
    adaptive = issubclass(ATTACKS.get(name), AttackWrapper)
    subjects = [trap("noisy")] if adaptive else [classifiers("mlp"), classifiers("cnn")]
    for option, specs in variations(name).items():
        assert any(differ(model, images, labels, specs) for model in subjects), (option, specs)


def differ(model, x, y, specs):
    one, other = map(attacks.get, specs)
    if isinstance(one, AttackWrapper):
        within = ball("l2", SMALL["l2"])
        results = [attack(drawing_anew(model), x, y, threat=within) for attack in (one, one, other)]
        assert np.array_equal(*results[:2])
        return not np.array_equal(*results[1:])
    return not np.array_equal(found(one, model, x, y), found(other, model, x, y))


def found(attack, model, x, y):
    """What an attack finds in a small ball, or the nearest point that it finds."""
    norm = usual(attack.name)
    if isinstance(attack, MinimumNormAttack):
        if attack.black_box or is_long(attack):
            return attack.minimal(model, x, y)
        return craft(attack, model, x, y, ball(norm, 1e3))
    return craft(attack, model, x, y, ball(norm, SMALL[norm]))


@pytest.mark.parametrize("name", NAMES)
def test_spec_strings_round_trip(name):
    assert attacks.get(name) == ATTACKS.get(name)() == attacks.get(str(attacks.get(name)))
    for specs in variations(name).values():
        for attack in map(attacks.get, specs):
            again = attacks.get(str(attack))
            assert again == attack and hash(again) == hash(attack) and str(again) == str(attack)
            assert eval(repr(attack), {type(attack).__name__: type(attack)}) == attack


@pytest.mark.parametrize("name", NAMES)
def test_refuses_bad_options_in_one_sentence(name):
    make = ATTACKS.get(name)
    for option, default in {k: p.default for k, p in inspect.signature(make).parameters.items()}.items():
        of_model = any(f.name == option and f.metadata.get("of_model") for f in dataclasses.fields(make))
        bad = [] if of_model else [("x",), "nonsense"]
        if not isinstance(default, bool | str):
            bad += [-1, float("nan"), float("inf"), True]
        for value in bad + [0, 1] * isinstance(default, bool):
            with pytest.raises(TfadvError, match=rf"{name}: {option}: expected .*, received") as error:
                make(**{option: value})
            assert "\n" not in str(error.value)
    for text, message in (
        (f"{name}(nonsense=1)", "has no option 'nonsense'"),
        (f"{name}x", f"did you mean '{name}'"),
    ):
        with pytest.raises(TfadvError, match=message):
            attacks.get(text)


@pytest.mark.parametrize("name", NAMES)
def test_is_an_immutable_value(name):
    attack = attacks.get(name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        attack.loss = "ce"
    assert {attack: 1}[ATTACKS.get(name)()] == 1


@singles
def test_xla_and_eager_agree_with_the_graph(name, norm, classifiers, images, labels):
    model, attack, within = classifiers(SUBJECT), brief(name), ball(norm)
    images, labels = images[:16], labels[:16]
    plain = attack(model, images, labels, threat=within, batch_size=500)
    full = attack(model, images, labels, threat=within, batch_size=len(images))
    eager = attack.craft(model, tf.constant(images), tf.constant(labels), threat=within, seed=random.key(0, 0))
    for other in (full, eager.numpy()):
        # Rounding may turn the sign of a vanishing gradient: a few pixels may differ, most may not.
        assert np.mean(np.abs(other - plain) > 1e-4) < 0.01
        assert np.abs(model(other).numpy() - model(plain).numpy()).max() < 0.05


@functools.cache
def of_codes():
    """A classifier of latent codes in R^12."""
    return keras.Sequential([keras.Input((12,)), keras.layers.Dense(3, kernel_initializer=normal(5))])


@pytest.mark.parametrize(("name", "norm"), [pair for pair in PAIRS if pair[1] in threat.balls()])
def test_attacks_vectors_without_a_box(name, norm, predict):
    """Latent codes far from [0, 1]: only the ball counts, and a wide one leads to other classes."""
    wide = {"linf": 8.0, "l2": 25.0, "l1": 60.0}
    if norm not in wide:
        pytest.skip("a patch lies in an image, and without a box a single pixel reaches everything")
    codes = (5 * np.random.default_rng(0).normal(size=(6, 12))).astype("float32")
    y, within = predict(of_codes(), codes), threat.NORMS[norm](wide[norm], box=None)
    # The steps of attacks that know no eps are made for pixels.
    steps = {"step_size": 1.0} if issubclass(ATTACKS.get(name), MinimumNormAttack) else {}
    attack = brief(name, steps=10, queries=40, draws=10, **steps)
    if name == "transfer":
        with pytest.raises(TfadvError, match="transfer: expected images, .*, received vectors"):
            attack.craft(of_codes(), tf.constant(codes), tf.constant(y), threat=within, seed=random.key(0))
        attack = dataclasses.replace(attack, source=of_codes())
    x_adv = attack.craft(of_codes(), tf.constant(codes), tf.constant(y), threat=within, seed=random.key(0)).numpy()
    assert np.isfinite(x_adv).all() and (distance(norm, x_adv, codes) <= within.eps * (1 + 1e-5)).all()
    assert np.mean(predict(of_codes(), x_adv) != y) >= 0.5


def test_calls_take_vectors_and_boxes(predict):
    codes = (5 * np.random.default_rng(0).normal(size=(6, 12))).astype("float32")
    y, pgd = predict(of_codes(), codes), attacks.get("pgd(steps=10)")
    x_adv = pgd(of_codes(), codes, y, threat=threat.L2(25.0, box=None))
    assert x_adv.shape == codes.shape and np.mean(predict(of_codes(), x_adv) != y) >= 0.5
    boxed = pgd(of_codes(), codes.clip(-1, 1), y, threat=threat.L2(25.0, box=(-1, 1)))
    assert boxed.min() >= -1 and boxed.max() <= 1 and (np.abs(boxed) == 1).any()
    found = attacks.get("fab(steps=5)").minimal(of_codes(), codes, y, box=None)
    assert (predict(of_codes(), found) != y).all() and np.abs(found).max() > 1
    with pytest.raises(TfadvError, match=r"vectors: expected values in \[-1, 1\], received .*Clip them"):
        pgd(of_codes(), codes, y, threat=threat.L2(25.0, box=(-1, 1)))
    with pytest.raises(TfadvError, match="vectors: expected values in"):
        pgd(of_codes(), codes, y, threat=threat.L2(25.0))


@pytest.mark.parametrize("name", NAMES)
def test_passes_are_counted_and_never_more_than_it_says(name, classifiers, images, labels):
    attack, within = brief(name), ball(ATTACKS.get(name).norms[0])
    before = passes.counts()
    attack(classifiers(SUBJECT), images, labels, threat=within)
    forward, backward = (after - was for after, was in zip(passes.counts(), before, strict=True))
    most = attack.cost(10)
    assert 0 < forward <= most.forward * len(images)
    assert (backward == 0) if attack.black_box else (0 < backward <= most.backward * len(images))


@pytest.mark.parametrize("name", NAMES)
def test_refuses_a_norm_it_does_not_know(name, classifiers, images, labels):
    for norm in set(threat.NORMS) - set(attacks.get(name).norms):
        with pytest.raises(TfadvError, match=f"{name}: norm: expected .*received '{norm}'"):
            attacks.get(name)(classifiers("linear"), images, labels, threat=ball(norm))
