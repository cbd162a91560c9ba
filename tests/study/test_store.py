"""What is kept is read back under the same digest only, and damage is as good as nothing."""

import numpy as np

import tfadv
from tfadv.study.store import Store, digest


def test_kept_under_a_digest(tmp_path):
    store = Store(tmp_path / "mat")
    store.write(0, "plain", "fgs0.1", "abc", {"value": np.array([True, False])}, seconds=1.5)
    arrays, about = store.read(0, "plain", "fgs0.1", "abc")
    assert arrays["value"].tolist() == [True, False] and about["seconds"] == 1.5 and list(arrays) == ["value"]
    assert store.read(0, "plain", "fgs0.1", "abd") is None
    assert store.read(0, "plain", "fgs0.2", "abc") is None
    assert store.read(1, "plain", "fgs0.1", "abc") is None


def test_what_is_damaged_is_measured_again(tmp_path):
    store = Store(tmp_path / "mat")
    store.write(0, "plain", "clean", "abc", {"value": np.arange(1000)})
    path = store.path(0, "plain", "clean")
    for content in (path.read_bytes()[:-200], b"", b"PK\x03\x04"):
        path.write_bytes(content)
        assert store.read(0, "plain", "clean", "abc") is None
    np.savez(path, value=np.arange(3))
    assert store.read(0, "plain", "clean", "abc") is None


def test_experiments_side_by_side_share_their_networks(tmp_path):
    assert Store(tmp_path / "a").networks == Store(tmp_path / "b").networks == tmp_path / "networks"
    assert Store(tmp_path / "a", tmp_path / "elsewhere").networks == tmp_path / "elsewhere"


def test_a_digest_is_of_values_and_of_the_version(monkeypatch):
    assert digest({"a": 1, "b": (1, 2)}) == digest({"b": (1, 2), "a": 1})
    assert digest({"a": 1}, None) != digest({"a": 2}, None)
    before = digest(1)
    monkeypatch.setattr(tfadv, "__version__", "9.9")
    assert digest(1) != before
