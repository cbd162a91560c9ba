"""What the experiments of the lecture share: the document, and MNIST as Madry et al. 2018 train on it."""

from tfadv.study import Scale

DOCUMENT = "Landwehr, lecture"
MNIST = Scale(dataset="mnist", epochs=20, model="cnn", batch_size=100, optimizer="adam", keep="last", judged=2000)
SMOKE = {"dataset": "digits", "epochs": 1, "model": "mlp(hidden=(16,), init=glorot)", "train": 300, "judged": 60}
