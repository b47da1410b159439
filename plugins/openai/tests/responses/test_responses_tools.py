"""Tools and the choice among them."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.types import Tool, ToolChoice, Unknown
from pointsman_openai.responses.tools import (
    read_tool,
    read_tool_choice,
    unwrap,
    wrap,
    write_foreign_tool,
    write_tool,
    write_tool_choice,
)


@pytest.mark.parametrize(
    "data",
    [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
        {"type": "function", "name": "f", "parameters": None, "strict": None, "description": None},
        {"type": "function", "name": "f", "parameters": {}, "description": "", "defer_loading": True},
        {"type": "function", "name": "f"},
        {"type": "custom", "name": "patch", "description": "d", "format": {"type": "text"}},
        {
            "type": "custom",
            "name": "patch",
            "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
        },
    ],
    ids=str,
)
def test_a_tool_comes_back_as_it_was(data: dict[str, Any]) -> None:
    tool = read_tool(data, "tools[0]")
    assert isinstance(tool, Tool)
    assert write_tool(tool) == data


@pytest.mark.parametrize("kind", ["web_search", "mcp", "namespace", "local_shell"])
def test_tools_that_the_host_runs_are_unknown(kind: str) -> None:
    assert read_tool({"type": kind}, "tools[0]") == Unknown("openai-responses", {"type": kind})


def test_a_custom_tool_is_a_function_of_one_text() -> None:
    tool = read_tool({"type": "custom", "name": "patch"}, "tools[0]")
    assert isinstance(tool, Tool)
    assert tool.parameters["required"] == ["input"]
    assert unwrap(wrap('a "b"\n')) == 'a "b"\n'
    assert unwrap("no json") == "no json"
    assert unwrap('{"other":1}') == '{"other":1}'


def test_a_function_of_elsewhere_says_that_it_is_not_strict() -> None:
    assert write_foreign_tool(Tool("f")) == {
        "type": "function",
        "name": "f",
        "description": "",
        "parameters": {"type": "object", "properties": {}},
        "strict": False,
    }
    assert write_foreign_tool(Tool("f", strict=True))["strict"] is True


ALLOWED = {
    "type": "allowed_tools",
    "mode": "auto",
    "tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}],
}


@pytest.mark.parametrize(
    ("data", "choice"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("required", ("f",))),
        ({"type": "custom", "name": "f"}, ToolChoice("required", ("f",))),
        (ALLOWED, ToolChoice("auto", ("f", "g"))),
    ],
    ids=str,
)
def test_a_choice_is_read_and_comes_back(data: Any, choice: ToolChoice) -> None:
    found = read_tool_choice(data)
    assert found is not None
    assert (found.mode, found.names) == (choice.mode, choice.names)
    assert write_tool_choice(found) == data
    if data != {"type": "custom", "name": "f"}:
        assert write_tool_choice(choice) == data


@pytest.mark.parametrize(
    "data",
    [
        {"type": "file_search"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "x"}]},
        {"type": "allowed_tools", "mode": "auto", "tools": []},
    ],
)
def test_the_choice_of_a_tool_that_the_host_runs_is_none(data: dict[str, Any]) -> None:
    assert read_tool_choice(data) is None
