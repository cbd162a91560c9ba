import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfadv import spec
from tfadv.errors import TfadvError

WORDS = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda w: not spec.keyword.iskeyword(w))
SCALARS = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.text(),
)
VALUES = st.one_of(SCALARS, st.tuples(SCALARS), st.tuples(SCALARS, SCALARS))


@given(WORDS, st.dictionaries(WORDS, VALUES, max_size=3))
def test_what_is_written_is_read_back(name, arguments):
    read = spec.parse(spec.write(name, arguments))
    assert read == (name, arguments)
    # 1 == 1.0 == True, but they are not the same option.
    assert [type(v) for v in read[1].values()] == [type(v) for v in arguments.values()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" pgd ( steps = 40 ) ", ("pgd", {"steps": 40})),
        ("deep-defense(lam=5)", ("deep_defense", {"lam": 5})),
        ("a(b=2/255, c=-1, d=2*3+1-0.5)", ("a", {"b": 2 / 255, "c": -1, "d": 6.5})),
        (
            "a(b=(500, 150), c=[1], d='x y', e=word)",
            ("a", {"b": (500, 150), "c": (1,), "d": "x y", "e": "word"}),
        ),
        ("pgd(step_size=eps/T)", ("pgd", {"step_size": "eps/T"})),
        ("a(b=True, c=None)", ("a", {"b": True, "c": None})),
        ("awp(trades)", ("awp", {"": "trades"})),
        ("awp( trades(beta = 6), gamma=0.01)", ("awp", {"": "trades(beta=6)", "gamma": 0.01})),
        ("awp(deep-defense, gamma=0.01)", ("awp", {"": "deep_defense", "gamma": 0.01})),
        ("awp(deepfool-finetune(a=1-2))", ("awp", {"": "deepfool_finetune(a=-1)"})),
        ("eot(attack=mi-fgsm, b=a-b-c(d='e-f'))", ("eot", {"attack": "mi_fgsm", "b": "a_b_c(d='e-f')"})),
        ("eot(bpda(pgd(steps=2*5)), draws=3)", ("eot", {"": "bpda(pgd(steps=10))", "draws": 3})),
    ],
)
def test_reads(text, expected):
    assert spec.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["awp(trades)", "awp(trades(beta=6), gamma=0.01)", "eot(bpda(pgd(steps=10)), draws=3)"]
)
def test_a_spec_without_a_name_is_written_as_it_was_read(text):
    assert spec.write(*spec.parse(text)) == text


HOSTILE = [
    "",
    " ",
    "(",
    "pgd(",
    "pgd)",
    "pgd(40)",
    "pgd(steps=40",
    "pgd(steps=1, steps=2)",
    "pgd(**{'a': 1})",
    "pgd(*[1])",
    "pgd('x')",
    "pgd(None)",
    "pgd(a, b)",
    "pgd(a=1, b)",
    "pgd(x(**{}))",
    "pgd(x.y(1))",
    "pgd(steps=__import__('os').system('touch pwned'))",
    "__import__('os').system('touch pwned')",
    "pgd()()",
    "pgd(a=[x for x in (1,)])",
    "pgd(a=lambda: 1)",
    "pgd(a=f'{1}')",
    "pgd(a=b'1')",
    "pgd(a={})",
    "pgd(a=1j)",
    "pgd(a=...)",
    "pgd(a=10**10**10)",
    "pgd(a='x'*999999999)",
    "pgd(a=1/0)",
    "pgd(a=1e308/1e-308/0)",
    "pgd(a=x.y)",
    "pgd(a=(b:=1))",
    "pgd(a=True+1)",
    "pgd(a=-x)",
    "pgd(a=not 1)",
    "pgd\0",
    "a.b(c=1)",
    "pgd; import os",
    "pgd(a=1)\nimport os",
    "1",
    "pgd(a=" + "9" * 5000 + ")",
    "pgd(a=" + "-" * 9000 + "1)",
    "pgd(a=" + "1+" * 9000 + "1)",
    "(" * 9000,
    "pgd(a=10*" + "9" * 400 + "/3)",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_refuses_in_one_short_sentence(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TfadvError, match="cannot read .*write it as name") as error:
        spec.parse(text)
    assert "\n" not in str(error.value) and len(str(error.value)) < 250
    assert not (tmp_path / "pwned").exists()


def test_odd_literals_warn_nobody(recwarn):
    assert spec.parse(r"pgd(a='\d')") == ("pgd", {"a": r"\d"})
    assert not recwarn.list


@pytest.mark.parametrize(
    ("text", "value"), [("8/255", 8 / 255), ("0.1", 0.1), ("1e-3", 1e-3), ("-1", -1), (" 12 ", 12)]
)
def test_number(text, value):
    assert spec.number(text) == value


@pytest.mark.parametrize("text", ["", "x", "True", "1/0", "'1'", "1,2", "eps/T", "nan", "1 2", "open('x')"])
def test_number_refuses(text):
    with pytest.raises(TfadvError, match="as a number"):
        spec.number(text)


def test_shows_fractions_of_255_and_no_numpy():
    assert [spec.show(k / 255) for k in (1, 2, 8, 100)] == ["1/255", "2/255", "8/255", "100/255"]
    assert spec.show(0.1) == "0.1" and spec.show(np.float64(0.1)) == "0.1" and spec.show(1 / 7) == repr(1 / 7)
