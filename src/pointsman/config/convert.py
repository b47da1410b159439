"""Conversion: one scalar node into one value of a scalar kind."""

from __future__ import annotations

import difflib
import math
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pointsman.secrets import Secret

from .document import ScalarNode, describe
from .kinds import NULL, Anything, Basic, Choice, Either, Kind, Value
from .resolve import resolve

__all__ = ["SCALAR_KINDS", "Refused", "convert"]

SCALAR_KINDS = (Basic, Choice, Value, Anything)


class Refused(ValueError):
    """A scalar is not of its kind. `hint` may be empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def convert(kind: Kind, node: ScalarNode) -> Any:
    """The value of a scalar. Raises Refused, whose message shows no value that came from elsewhere."""
    match kind:
        case Basic(type=type_):
            return _basic(type_, node)
        case Choice(values=values):
            return _choice(values, node)
        case Value(type=type_):
            return _value(type_, node)
        case Anything():
            return _finite(node)
        case Either(options=options):
            return _either([option for option in options if isinstance(option, SCALAR_KINDS)], node)
        case _:
            raise _mismatch(node)


def _either(options: list[Basic | Choice | Value | Anything], node: ScalarNode) -> Any:
    if Basic(NULL) in options and Basic(Secret) in options and not node.text:
        return None
    refusals = []
    for option in options:
        try:
            return convert(option, node)
        except Refused as refusal:
            if option != Basic(NULL):
                refusals.append(refusal)
    raise refusals[0] if len(refusals) == 1 else _mismatch(node)


def _basic(type_: type, node: ScalarNode) -> Any:
    if type_ in (str, Secret, Path):
        return _text(type_, node)
    if type_ is Decimal:
        return _decimal(node)
    if type_ is float and type(node.value) in (int, float):
        return float(_finite(node))
    if type(node.value) is type_:
        return node.value
    if node.expanded and isinstance(node.value, str):
        value = resolve(node.text)  # "${PORT}" in quotes: what it comes to may be a number all the same
        if type_ is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if type(value) is type_:
            return value
    if isinstance(node.value, str):
        if type_ is bool and node.text.lower() in ("yes", "no", "on", "off", "y", "n"):
            raise _mismatch(node, hint="yes, no, on and off are texts")
        if type_ in (int, float) and not node.plain:
            raise _mismatch(node, hint="without quotes this may be a number")
    raise _mismatch(node)


def _text(type_: type, node: ScalarNode) -> Any:
    number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if not (isinstance(node.value, str) or node.expanded or (number and type_ is Secret)):
        raise _mismatch(node, hint=f'write "{node.text}" in quotes to mean the text' if node.text else "")
    if type_ is not Path:
        return type_(node.text)
    if not node.text or "\0" in node.text:
        raise _mismatch(node)
    return node.mark.source.base / node.text


def _decimal(node: ScalarNode) -> Decimal:
    if node.value is None or isinstance(node.value, bool):
        raise _mismatch(node)
    try:
        number = Decimal(node.text)
    except InvalidOperation:
        raise _mismatch(node) from None
    if not number.is_finite():
        raise _mismatch(node)
    return number


def _choice(values: tuple[str | int | bool, ...], node: ScalarNode) -> Any:
    for value in values:
        if type(value) is type(node.value) and value == node.value:
            return value
        if isinstance(value, str) and node.expanded and value == node.text:
            return value
    near = difflib.get_close_matches(
        node.text[:100], [value for value in values if isinstance(value, str)], 1
    )
    raise _mismatch(node, hint=f"did you mean {near[0]}?" if near else "")


def _value(type_: Any, node: ScalarNode) -> Any:
    if (node.value is None or isinstance(node.value, bool)) and not node.expanded:
        raise _mismatch(node)
    try:
        return type_.parse(node.text)
    except ValueError as error:
        if node.expanded:
            raise _mismatch(node) from None
        raise Refused(str(error)) from None


def _finite(node: ScalarNode) -> Any:
    if isinstance(node.value, float) and not math.isfinite(node.value):
        raise _mismatch(node, hint="infinite numbers and not-a-number have no use here")
    return node.value


def _mismatch(node: ScalarNode, *, hint: str = "") -> Refused:
    return Refused(f"this cannot be {describe(node)}", hint=hint)
