"""Scripts that come with a request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import Request
from pointsman_echo.request import script_in
from pointsman_echo.script import ScriptSettings


def script(value: Any, surface: str = "chat") -> ScriptSettings | None:
    return script_in(Request(json.dumps({"model": "echo/echo", "echo": value}).encode()), surface=surface)


def test_a_script_is_read_as_in_the_configuration() -> None:
    read = script({"text": "no", "latency": "1500ms", "turns": [{"tool_calls": [{"name": "f"}]}], "chunk": 2})
    assert read is not None
    assert (read.text, read.latency, read.chunk) == ("no", 1.5, 2)
    assert read.turns[0].tool_calls[0].name == "f"


def test_none_is_none() -> None:
    assert script_in(Request(b'{"model": "echo/echo"}'), surface="chat") is None
    assert script(None) is None


def test_the_switch_of_that_name_that_completions_have_is_no_script() -> None:
    assert script(True, "completions") is None
    with pytest.raises(BadRequest):
        script(True)


def test_a_text_stays_a_text() -> None:
    read = script({"text": "12", "tool_calls": [{"name": "true", "arguments": "null"}]})
    assert read is not None
    assert (read.text, read.tool_calls[0].name, read.tool_calls[0].arguments) == ("12", "true", "null")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"txt": "x"}, "unknown key `txt` in `echo`"),
        ({"text": 3}, "`echo.text`"),
        ({"turns": [{"finish": "x"}]}, "`echo.turns.0.finish`"),
        ({"latency": "soon"}, "`echo.latency`"),
        ({"usage": {"output": -1}}, "`echo.usage.output`"),
        ([], "`echo`"),
        ("hello", "`echo`"),
    ],
)
def test_what_is_wrong_is_named(value: Any, message: str) -> None:
    with pytest.raises(BadRequest) as raised:
        script(value)
    assert message in raised.value.message
    assert raised.value.param == "echo"
