"""Evidence for checks: of a model that is attacked here, or of attacks and what they broke alone."""

import dataclasses

import numpy as np

from tfadv import attacks
from tfadv.evaluation import checks, metrics
from tfadv.evaluation.judge import Judge
from tfadv.threat import LInf
from toy_models import digits

THREAT = LInf(0.1)


def case_of(model, specs=(), n=100, threat=THREAT, x=None, y=None, draws=1, **facts):
    """The evaluation of a model by these attacks, on digits that it was not trained on."""
    x, y = (digits()[k][1000 : 1000 + n] if given is None else given for k, given in enumerate((x, y)))
    judge = Judge(model, x, y, threat, draws=draws)
    z = judge.clean_logits
    right = z.argmax(axis=1) == y
    robust, members, rows = right.copy(), tuple(map(attacks.get, specs)), []
    for member in members:
        at = np.flatnonzero(robust)
        robust[at] &= metrics.correct(model, member.until_fooled()(model, x[at], y[at], threat=threat), y[at])
        rows.append({"attack": str(member), "attacked": len(at), "fooled": int((~robust[at]).sum())})
    # As if there were ten times as many images of the same kind.
    known = {"logits": np.tile(z, (10, 1)), "labels": np.tile(y, 10), "members": members, "rows": tuple(rows)}
    return checks.Evidence(judge=judge, right=right, robust=robust, **known | facts)


def told(specs, fooled=(), n=1000, classes=10, draws=1, **facts):
    """An evaluation of which only the attacks and what they broke are known."""
    members = tuple(map(attacks.get, specs))
    counts = zip(specs, fooled or [0] * len(specs), strict=True)
    rows = tuple({"attack": spec, "attacked": n, "fooled": k} for spec, k in counts)
    z, labels, no = np.zeros((n, classes), "float32"), np.zeros(n, "int32"), np.zeros(1, bool)
    judge = Judge(None, np.zeros((1, 8, 8, 1), "float32"), labels[:1], THREAT, draws=draws)
    about = {"judge": judge, "logits": z, "labels": labels, "right": no, "robust": no}
    return checks.Evidence(members=members, rows=rows, **about, **facts)


def with_threat(case, threat):
    return dataclasses.replace(case, judge=dataclasses.replace(case.judge, threat=threat))


def severity(said):
    return said[0] if checks.fired(said) else None
