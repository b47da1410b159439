"""Arguments of tool calls, as text and as objects."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.arguments import are_arguments, arguments_object, arguments_text


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("", {}),
        (" ", {}),
        ("null", {}),
        ('{"a": [1]}', {"a": [1]}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('"text"', {"_raw": '"text"'}),
        ("[1]", {"_raw": "[1]"}),
        ("{broken", {"_raw": "{broken"}),
    ],
)
def test_arguments_are_an_object(text: str, given: dict[str, Any]) -> None:
    assert arguments_object(text) == given
    assert are_arguments(text) == ("_raw" not in given)


def test_an_object_is_text_again() -> None:
    assert arguments_text({"a": "é"}) == '{"a":"é"}'
    assert arguments_text({}) == "{}"
    assert arguments_text(arguments_object("{broken")) == "{broken"
    assert arguments_text({"_raw": 5}) == '{"_raw":5}'
