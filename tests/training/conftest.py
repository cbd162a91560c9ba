import pytest


@pytest.fixture(scope="session")
def digits():
    from tfadv.data import datasets

    return datasets.load("digits")
