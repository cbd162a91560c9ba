"""Broken defenses of the literature and honest networks, small and trained, each with an attack written for it by hand.

    model = SPECIMENS["voting"].build()
    x_adv = SPECIMENS["voting"].hand_made(model, x, y, threat)

They see the 8x8 images of `digits`. Weights lie in `weights/`; `python -m specimens.train` makes them.
"""

from specimens import anti_adversary, controls, hidden, noisy, quantizing, rerouting, saturating, sparse, voting

SPECIMENS = {
    **quantizing.SPECIMENS,
    **sparse.SPECIMENS,
    **noisy.SPECIMENS,
    **anti_adversary.SPECIMENS,
    **rerouting.SPECIMENS,
    **hidden.SPECIMENS,
    **voting.SPECIMENS,
    **saturating.SPECIMENS,
}
CONTROLS = controls.CONTROLS
EVERYTHING = SPECIMENS | CONTROLS
