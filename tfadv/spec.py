"""Spec strings, `pgd(steps=40, step_size=2/255)`: the one language of command line, results and reports.

Parsed with `ast`, never evaluated.
"""

import ast
import keyword
import operator
import warnings
from collections.abc import Mapping
from typing import Any

from tfadv.errors import TfadvError

ARITHMETIC = {ast.Div: operator.truediv, ast.Mult: operator.mul, ast.Add: operator.add, ast.Sub: operator.sub}

# The key of the argument that a spec may give first and without a name: another spec, `awp(trades(beta=6))`.
INNER = ""

# MemoryError: the parser's own for expressions nested too deeply.
UNREADABLE = (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError)


def parse(text: object) -> tuple[str, dict[str, Any]]:
    """Split a spec into its name and its keyword arguments.

    A hyphen in a name is an underscore: `awp(deep-defense)` is `awp(deep_defense)`. Values are numbers (`+ - * /`),
    strings (quoted or bare words), `True`, `False`, `None`, specs and tuples of these. One spec may come first
    without a key; its key is `INNER`.

    >>> parse("pgd(steps=40, step_size=2/255, loss=margin)")
    ('pgd', {'steps': 40, 'step_size': 0.00784313725490196, 'loss': 'margin'})
    >>> parse("fgsm")
    ('fgsm', {})
    >>> parse("awp(trades(beta=6), gamma=0.005)")
    ('awp', {'': 'trades(beta=6)', 'gamma': 0.005})

    Raises:
        TfadvError: if the text is not of the form `name`, `name(key=value, ...)` or `name(spec, key=value, ...)`.
    """
    head, bracket, options = str(text).strip().partition("(")
    try:
        tree = _tree(head.strip().lower().replace("-", "_") + bracket + options)
        if isinstance(tree, ast.Name):
            return tree.id, {}
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and len(tree.args) <= 1:
            given = [(keyword.arg, keyword.value) for keyword in tree.keywords]
            given[:0] = [(INNER, node) for node in tree.args]
            keys = [key for key, _ in given]
            is_spec = all(isinstance(node, ast.Name | ast.Call) for node in tree.args)
            if is_spec and None not in keys and len(keys) == len(set(keys)):
                return tree.func.id, {key: _value(value) for key, value in given}
    except UNREADABLE:
        pass
    raise TfadvError(
        f"cannot read {_shortened(text)}: write it as name or name(key=value, ...), "
        "e.g. pgd(steps=40, step_size=2/255), with paths in quotes."
    )


def number(text: object) -> int | float:
    """Read a number or a fraction: `8/255`, `0.1`, `1e-3`.

    >>> number("8/255") == 8 / 255
    True

    Raises:
        TfadvError: if it is neither.
    """
    try:
        value = _value(_tree(str(text).strip()))
    except UNREADABLE:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TfadvError(f"cannot read {_shortened(text)} as a number: write e.g. 0.1 or 8/255.")
    return value


def _tree(text):
    with warnings.catch_warnings():
        # Python's advice on odd literals ("invalid escape sequence") is meant for programmers, not for spec
        # strings.
        warnings.simplefilter("ignore")
        return _Hyphens().visit(ast.parse(text, mode="eval")).body


class _Hyphens(ast.NodeTransformer):
    """Python reads `mi-fgsm(steps=3)` as the difference of a name and a call; here it is a name."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        match node:
            case ast.BinOp(left=ast.Name(id=left), op=ast.Sub(), right=ast.Name(id=right) as name):
                name.id = f"{left}_{right}"
                return name
            case ast.BinOp(left=ast.Name(id=left), op=ast.Sub(), right=ast.Call(func=ast.Name(id=right)) as call):
                call.func.id = f"{left}_{right}"
                return call
        return node


def _shortened(text):
    shown = repr(text)
    return shown if len(shown) <= 100 else f"{shown[:100]}..."


def _value(node):
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.Name(id=name):
            return name
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_numeric(_value(operand))
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(_value(item) for item in items)
        case ast.Call():  # a spec in a spec, `eot(attack=pgd(steps=10))`, is the text of the inner one
            return write(*parse(ast.unparse(node)))
        case ast.BinOp(left=ast.Name(id="eps"), op=ast.Div(), right=ast.Name(id="T")):
            return "eps/T"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return ARITHMETIC[type(op)](_numeric(_value(left)), _numeric(_value(right)))
    raise ValueError(ast.dump(node))


def _numeric(value):
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return value


def write(name: str, arguments: Mapping[str, Any]) -> str:
    """The inverse of `parse`: `parse(write(name, arguments)) == (name, arguments)`.

    >>> write("pgd", {"steps": 40, "step_size": 2/255})
    'pgd(steps=40, step_size=2/255)'
    """
    if not arguments:
        return name
    parts = [show(value) if key == INNER else f"{key}={show(value)}" for key, value in arguments.items()]
    return f"{name}({', '.join(parts)})"


def show(value: object) -> str:
    """A value as a person would write it: 8/255 and not 0.03137254901960784.

    >>> show(8 / 255), show(0.1), show("ce")
    ('8/255', '0.1', 'ce')
    """
    if isinstance(value, float):
        plain = repr(float(value))
        levels = round(value * 255, 6)
        if len(plain) > 8 and levels.is_integer() and levels / 255 == value:
            return f"{int(levels)}/255"
        return plain
    if isinstance(value, tuple):
        return f"({', '.join(map(show, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, str) and (value == "eps/T" or _is_bare(value) or _is_spec(value)):
        return value
    return repr(value)


def _is_spec(text):
    """Whether a text is a spec with options as `write` writes it."""
    try:
        return text.endswith(")") and _value(_tree(text)) == text
    except (TfadvError, *UNREADABLE):
        return False


def _is_bare(word):
    """Python normalizes identifiers beyond ASCII, and reads keywords as something else."""
    return word.isascii() and word.isidentifier() and not keyword.iskeyword(word)
