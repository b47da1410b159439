"""What of a request says what it is about: read of any client's dialect, and no more of it than needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from pointsman.members import BAD_JSON
from pointsman.types import Request

__all__ = ["Prompt", "prompt_of"]

INSTRUCTIONS = ("system", "instructions", "systemInstruction", "system_instruction")
TURNS = ("messages", "input", "contents", "prompt")
FORMS = ("response_format", "output_config", "text", "generationConfig", "generation_config")
"""Members that may ask for an answer of a certain form."""
OPERATOR = frozenset({"system", "developer"})
RESULTS = frozenset({"tool", "function"})
"""Roles of turns that hold what a tool answered."""
RESULT_TYPES = frozenset({"tool_result", "function_call_output", "custom_tool_call_output"})
MEDIA = {
    **{"image": "image", "image_url": "image", "input_image": "image"},
    **{"document": "document", "file": "document", "input_file": "document"},
    **{"input_audio": "audio", "audio": "audio", "video_url": "video", "video": "video"},
}
"""Kinds of what is not text, by the type of a part."""
EARLIER = 3
"""Turns of the user that are read besides the last, at most."""
LONGEST = 4000
"""Characters kept of a turn: more than anybody looks at."""

_turns = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder()


NOTHING = msgspec.Raw(b"null")


class _Turn(msgspec.Struct):
    role: str = "user"
    type: str | None = None
    content: msgspec.Raw = NOTHING
    parts: msgspec.Raw = NOTHING
    text: msgspec.Raw = NOTHING


_turn = msgspec.json.Decoder(_Turn)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the user asks `last`, `earlier` turns of theirs, and the operator's instructions.

    `tools` is how many are offered, `answered` says that the last turn holds what a tool answered, `schema`
    that the answer is to have a certain form; `media` are the kinds of what is not text.
    """

    last: str
    earlier: str = ""
    system: str = ""
    tools: int = 0
    answered: bool = False
    schema: bool = False
    media: frozenset[str] = frozenset()


def prompt_of(request: Request) -> Prompt:
    """Read it; what cannot be read is empty."""
    try:
        return _read(request.fields)
    except BAD_JSON:
        return Prompt("")


def _read(fields: dict[str, msgspec.Raw]) -> Prompt:
    system = [text for name in INSTRUCTIONS if name in fields for text in _texts(_any.decode(fields[name]))]
    asked: list[str] = []
    media: set[str] = set()
    answered = False
    raw = next((fields[name] for name in TURNS if name in fields), None)
    turns = _listed(raw)
    for number, turn in enumerate(reversed(turns)):
        if turn.role in OPERATOR:
            system.append(" ".join(_texts(_content(turn))))
            continue
        if turn.role in RESULTS or turn.type in RESULT_TYPES:
            answered = answered or (not asked and number == 0)
            continue
        if turn.role != "user" or len(asked) > EARLIER:
            continue
        content = _content(turn)
        text = "\n".join(_texts(content))
        if not asked:
            answered = answered or (number == 0 and _holds_result(content))
            media.update(_media(content))
        if text.strip():
            asked.append(text)
    return Prompt(
        asked[0] if asked else "",
        "\n".join(reversed(asked[1:])),
        "\n".join(system),
        _tools(fields),
        answered,
        _formed(fields),
        frozenset(media),
    )


def _listed(raw: msgspec.Raw | None) -> list[_Turn]:
    if raw is None:
        return []
    if not _begins(raw, b"["):
        return [_Turn(text=raw)]
    return [_turn.decode(each) if _begins(each, b"{") else _Turn(text=each) for each in _turns.decode(raw)]


def _begins(raw: msgspec.Raw, sign: bytes) -> bool:
    return bytes(memoryview(raw)[:1]) == sign


def _content(turn: _Turn) -> Any:
    return _any.decode(turn.content) or _any.decode(turn.parts) or _any.decode(turn.text)


def _texts(content: Any) -> Iterator[str]:
    """The texts of a turn: one, or those of its parts."""
    if isinstance(content, str):
        yield content if len(content) <= LONGEST else f"{content[: LONGEST // 2]}\n{content[-LONGEST // 2 :]}"
    elif isinstance(content, list):
        for part in content:
            yield from _texts(part)
    elif isinstance(content, dict):
        kind = content.get("type")
        if kind is None or kind in ("text", "input_text"):
            yield from _texts(content.get("text") or content.get("parts"))


def _holds_result(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(part, dict) and (part.get("type") in RESULT_TYPES or "functionResponse" in part)
        for part in content
    )


def _media(content: Any) -> Iterator[str]:
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict):
            if (kind := MEDIA.get(str(part.get("type")))) is not None:
                yield kind
            elif isinstance(data := part.get("inlineData") or part.get("fileData"), dict):
                mime = str(data.get("mimeType", "")).partition("/")[0]
                yield mime if mime in ("image", "audio", "video") else "document"


def _tools(fields: dict[str, msgspec.Raw]) -> int:
    raw = fields.get("tools") or fields.get("functions")
    if raw is None or not _begins(raw, b"["):
        return 0
    return len(_turns.decode(raw))


def _formed(fields: dict[str, msgspec.Raw]) -> bool:
    return any(
        b"chema" in bytes(fields[name]) or b"json" in bytes(fields[name]) for name in FORMS if name in fields
    )
