import pytest

from tfadv.data.datasets import Dataset
from tfadv.data.split import Split


@pytest.fixture(scope="module")
def dataset(images, labels):
    split = Split(images, labels)
    return Dataset("some digits", split, split, tuple("0123456789"), "a test", same_split=False)
