from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from pointsman.config import Duration, Size, Usd
from pointsman.config.compose import compose
from pointsman.config.convert import Refused, convert
from pointsman.config.document import MappingNode, ScalarNode
from pointsman.config.interpolate import interpolate
from pointsman.config.kinds import kind_of
from pointsman.config.problems import Findings
from pointsman.secrets import Secret

ENV = {"N": "12", "T": "true", "S": "text", "E": ""}


def scalar(text: str) -> ScalarNode:
    root = compose(f"v: {text}", "a.yaml", Path("/base"), Findings())
    assert isinstance(root, MappingNode)
    interpolate(root, ENV)
    node = root.entries["v"].node
    assert isinstance(node, ScalarNode)
    return node


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (bool, "true", True),
        (int, "0x10", 16),
        (int, "${N}", 12),
        (int, '"${N}"', 12),
        (float, '"${N}"', 12.0),
        (bool, '"${T}"', True),
        (float, "1.5", 1.5),
        (float, "2", 2.0),
        (str, "a", "a"),
        (str, "'5'", "5"),
        (str, "yes", "yes"),
        (str, "${N}", "12"),
        (str, "${T}", "true"),
        (str, "${E}", ""),
        (str | None, "${E}", None),
        (str | None, "", None),
        (str | None, "''", ""),
        (Secret, "a", Secret("a")),
        (Secret, "0123", Secret("0123")),
        (Secret | None, "''", None),
        (Secret | None, "${E}", None),
        (Secret | None, '"${E}"', None),
        (Decimal, "0.10", Decimal("0.10")),
        (Decimal, "'1e3'", Decimal(1000)),
        (Path, "a/b", Path("/base/a/b")),
        (Path, "/a", Path("/a")),
        (Literal["a", "b"], "b", "b"),
        (Literal["12", 1], "${N}", "12"),
        (Literal["1", 1, True], "1", 1),
        (Literal["1", 1, True], "true", True),
        (Literal["1", 1, True], "'1'", "1"),
        (Duration, "5", 5.0),
        (Duration, "5m", 300.0),
        (Duration, "${N}", 12.0),
        (Size, "1kB", 1000),
        (Usd, "0.1", 100_000_000),
        (Usd, "1_000.5", 1_000_500_000_000),
        (Any, "text", "text"),
        (Any, "~", None),
        (Duration | Literal["never"], "never", "never"),
        (Duration | Literal["never"], "1s", 1.0),
        (str | int, "5", 5),
        (str | int, "'5'", "5"),
        (float | int, "5", 5),
        (bool | str, "true", True),
        (bool | str, "yes", "yes"),
    ],
)
def test_scalars_become_values(hint: Any, text: str, value: Any) -> None:
    converted = convert(kind_of(hint), scalar(text))
    assert converted == value
    assert isinstance(converted, type(value))
    assert isinstance(converted, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    ("hint", "text", "message"),
    [
        (bool, "1", "this cannot be the integer 1"),
        (bool, "'true'", "this cannot be the string 'true'"),
        (int, "true", "this cannot be the boolean true"),
        (int, "1.0", "this cannot be the number 1.0"),
        (int, "${S}", "this cannot be a string from env S"),
        (int, '"${T}"', "this cannot be a string from env T"),
        (float, ".inf", "this cannot be the number .inf"),
        (float, "true", "this cannot be the boolean true"),
        (str, "5", "this cannot be the integer 5"),
        (str, "true", "this cannot be the boolean true"),
        (str, "~", "this cannot be null"),
        (Secret, "~", "this cannot be null"),
        (Secret, "true", "this cannot be the boolean true"),
        (Decimal, "a", "this cannot be the string 'a'"),
        (Decimal, ".nan", "this cannot be the number .nan"),
        (Decimal, "'NaN'", "this cannot be the string 'NaN'"),
        (Decimal, "true", "this cannot be the boolean true"),
        (Path, "''", "this cannot be the string ''"),
        (Path, '"a\\0"', "this cannot be the string 'a\\x00'"),
        (Literal["a"], "c", "this cannot be the string 'c'"),
        (Literal[1], "true", "this cannot be the boolean true"),
        (Duration, "soon", "'soon' is not a duration"),
        (Duration, "${S}", "this cannot be a string from env S"),
        (Duration, "true", "this cannot be the boolean true"),
        (Usd, "1e-30", "'1e-30' is finer than a nano-dollar (nine decimals)"),
        (Any, ".nan", "this cannot be the number .nan"),
        (Duration | None, "soon", "'soon' is not a duration"),
        (Duration | int, "soon", "this cannot be the string 'soon'"),
        (tuple[str, ...], "a", "this cannot be the string 'a'"),
    ],
)
def test_scalars_of_another_kind_are_refused(hint: Any, text: str, message: str) -> None:
    with pytest.raises(Refused) as caught:
        convert(kind_of(hint), scalar(text))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("hint", "text", "hint_text"),
    [
        (bool, "Yes", "yes, no, on and off are texts"),
        (int, "'5'", "without quotes this may be a number"),
        (str, "5", 'write "5" in quotes to mean the text'),
        (Literal["always", "never"], "alway", "did you mean always?"),
        (Literal["always", "never"], "x", ""),
        (str, "", ""),
    ],
)
def test_refusals_help(hint: Any, text: str, hint_text: str) -> None:
    with pytest.raises(Refused) as caught:
        convert(kind_of(hint), scalar(text))
    assert caught.value.hint == hint_text
