"""Scripts: how an answer is to be; the same in the configuration and in a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pointsman.config import Duration, SettingError, setting

__all__ = ["CallSettings", "ScriptSettings", "TurnSettings", "UsageSettings"]


@dataclass(frozen=True)
class CallSettings:
    """A tool call."""

    name: str = setting(help="The tool to call.", example="get_weather")
    arguments: dict[str, Any] | str = setting(
        factory=dict, help="What to call it with; a text is sent as it stands, be it JSON or not."
    )


@dataclass(frozen=True)
class UsageSettings:
    """Tokens to report; what is not given is counted in words."""

    input: int | None = setting(default=None, minimum=0, help="All of the input.")
    output: int | None = setting(default=None, minimum=0, help="All of the output.")
    cache_read: int = setting(default=0, minimum=0, help="Input that was read from a cache.")
    cache_write: int = setting(default=0, minimum=0, help="Input that was written to a cache.")
    reasoning: int | None = setting(default=None, minimum=0, help="Output that was reasoning.")

    def check(self) -> None:
        """A part is not larger than its whole."""
        if self.input is not None and self.cache_read + self.cache_write > self.input:
            raise SettingError(
                "input", "the input is smaller than what of it was read from or written to a cache"
            )
        if self.output is not None and (self.reasoning or 0) > self.output:
            raise SettingError("output", "the output is smaller than the reasoning in it")


@dataclass(frozen=True)
class TurnSettings:
    """One answer: what it says, and at which pace."""

    text: str | None = setting(
        default=None, help="What to say; without it, and without tool calls, the user's last words."
    )
    reasoning: str | None = setting(default=None, help="What to think first.")
    tool_calls: tuple[CallSettings, ...] = setting(default=(), help="Tool calls, after the text.")
    usage: UsageSettings = setting(factory=UsageSettings)
    finish: Literal["stop", "length", "content_filter"] = setting(
        default="stop", help="Why the answer ends; one that stops with tool calls ends with `tool_calls`."
    )
    latency: Duration = setting(default=Duration(0), help="Silence before the answer.", example="500ms")
    interval: Duration = setting(default=Duration(0), help="Silence between two chunks.", example="20ms")
    chunk: int | None = setting(
        default=None, minimum=1, help="Characters in a chunk; without it a chunk is a word."
    )
    fail_after: int | None = setting(
        default=None, minimum=0, help="Break off after so many chunks of content.", example=3
    )


@dataclass(frozen=True)
class ScriptSettings(TurnSettings):
    """A script: one answer, or a list of them for conversations."""

    turns: tuple[TurnSettings, ...] = setting(
        default=(),
        help="The first, second, … answer of a conversation; beyond them the script's own keys answer.",
    )
