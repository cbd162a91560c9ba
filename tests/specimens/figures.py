"""How many of 60 images each attack written by hand leaves right, and what the judge misses of it.

`python benchmarks/judged.py --images 60` prints them as shares.
"""

BY_HAND = {
    "quantized": 24,
    "jpeg": 16,
    "dead_zone": 28,
    "smoothed_variation": 34,
    "thermometer": 32,
    "winners_take_all": 32,
    "mean_sparse": 35,
    "pruned_at_random": 24,
    "noise": 22,
    "noise_of_the_image": 29,
    "resized": 36,
    "anti_adversary": 27,
    "anti_adversary_with_noise": 28,
    "purified": 30,
    "rerouted": 33,
    "rejecting": 26,
    "votes": 22,
    "multi_resolution": 15,
    "output_codes": 38,
    "annealed": 27,
    "clipped_logits": 27,
    "adaptive_ode": 27,
    "distilled": 29,
    "steep_activations": 19,
    "misled": 27,
    "plain": 34,
    "base": 27,
    "trades": 26,
    "linear": 31,
    "mlp": 19,
    "batch_normalized": 31,
    "max_pooled": 31,
}

STRONG_NOISE = "20 draws are too few for so much noise"
MISSED = {
    "resized": STRONG_NOISE,
    "pruned_at_random": STRONG_NOISE,
}
