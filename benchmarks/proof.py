"""What a proof takes of an evaluation: seconds of the processor beside the attacks, on networks of several kinds.

    python benchmarks/proof.py [--images 1000] [--model NAME ...] [--repeats 3]

Networks learn from Fashion-MNIST for an epoch, "ibp" for three by the method of that name; "smoothed" is the vote of
noisy copies of "cnn". An evaluation is that of `tfadv evaluate`, with its checks; the proof's share is of its seconds
on the processor, compilation included, so that the machine need not be idle.
"""

import functools
import statistics
import tempfile
import time

import subjects
import timing

import tfadv
from tfadv.data import Dataset, Split
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.subject import Subject

THREATS = {
    "linear": "linf:0.03",
    "mlp": "linf:0.03",
    "cnn": "linf:0.03",
    "cnn_maxpool": "linf:0.03",
    "ibp": "linf:0.1",
    "smoothed": "l2:0.25",
}


def main():
    parser = subjects.options(__doc__, 1000, known=THREATS, repeats=3)
    given = parser.parse_args()
    timing.machine()
    x, y, x_test, y_test = subjects.data(given.data_dir)
    names = tuple(str(label) for label in range(10))
    data = Dataset(
        "benchmark", Split(x, y), Split(x_test, y_test).spread(given.images), names, "benchmarks/subjects.py"
    )
    print("| Network, threat | Certified | Attacked | Proof, s | Evaluation, s | Share |\n|---|---|---|---|---|---|")
    for name in given.model or THREATS:
        model = network(name, data)
        took = [measured(model, data, THREATS[name]) for _ in range(given.repeats)]
        result, proof, whole = took[0]
        proof, whole = (statistics.median(seconds[k] for seconds in took) for k in (1, 2))
        certified = result.certificate["accuracy"] if result.certificate else 0.0
        print(
            f"| {name}, `{THREATS[name]}` | {certified:.1%} | {result.robust_accuracy:.1%} | {proof:.1f} "
            f"| {whole:.1f} | {proof / whole:.1%} |",
            flush=True,
        )


def network(name, data):
    """The classifier of that name."""
    if name == "ibp":
        learn = {"model": "cnn", "method": "ibp", "threat": THREATS[name], "epochs": 3, "eps_ramp": 0.5}
        with tempfile.TemporaryDirectory() as out:
            return tfadv.train(data, out=f"{out}/run", progress=False, **learn).classifier
    plain = subjects.classifier("cnn" if name == "smoothed" else name, data.train.x, data.train.y)
    return tfadv.defend(plain, "smoothed(sigma=0.25)") if name == "smoothed" else plain


def measured(model, data, threat):
    """The result of an evaluation, and the seconds of the processor that its proof took, and that all of it took."""
    spent, subject = [], Subject(model, data.test)
    found = subject.proof_method

    def proof_method(judge):
        method = found(judge)
        if isinstance(method, str):
            return method
        return method._replace(prove=functools.partial(clocked, method.prove, spent))

    subject.proof_method = proof_method
    begin = time.process_time()
    result = evaluate(model, data, threat=threat, subject=subject)
    return result, sum(spent), time.process_time() - begin


def clocked(prove, spent, *given, **options):
    begin = time.process_time()
    found = prove(*given, **options)
    spent.append(time.process_time() - begin)
    return found


if __name__ == "__main__":
    main()
