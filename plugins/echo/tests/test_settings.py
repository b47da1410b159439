"""The plugin's section and its scripts, as the configuration reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.errors import ConfigError


@pytest.mark.parametrize(
    ("scripts", "message"),
    [
        ({"tools": {"text": "x"}}, "`echo/tools` is built in; choose another name"),
        ({"fault-13": {"text": "x"}}, "`echo/fault-13` is built in"),
        ({"s": {"txt": "x"}}, "unknown key `txt`"),
        ({"s": {"finish": "tool_calls"}}, "stop, length, content_filter"),
        ({"s": {"chunk": 0}}, "chunk"),
        (
            {"s": {"usage": {"input": 1, "cache_read": 1, "cache_write": 1}}},
            "smaller than what of it was read",
        ),
        ({"s": {"usage": {"output": 1, "reasoning": 2}}}, "smaller than the reasoning in it"),
        ({"s": {"tool_calls": [{"arguments": {}}]}}, "name"),
        ({"s": {"turns": [{"turns": []}]}}, "unknown key `turns`"),
    ],
)
async def test_a_wrong_script_is_refused_with_its_place(
    echoing: Callable[..., Any], scripts: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        async with echoing(scripts):
            pass
    assert message in str(raised.value)
    assert "proxy.yaml:1" in str(raised.value)
