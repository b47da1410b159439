"""Content blocks and canonical parts, both ways.

What a block holds beside the members known here is kept in the part's `extra`, and a block whose shape is not
known is kept whole: written back, every block is what it was.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pointsman.arguments import UNPARSED, arguments_object, arguments_text
from pointsman.sealing import MARK, unseal
from pointsman.types import Citation, Media, Part, Reasoning, Text, ToolCall, ToolResult, Unknown

from .names import DIALECT, extra_of, members

__all__ = [
    "TEXT_ALONE",
    "read_block",
    "read_blocks",
    "read_citation",
    "write_block",
    "write_citation",
    "write_media",
]

TEXT_ALONE = "~~text"
"""The note that a content was a text and not a list of blocks."""
ABSENT = "~~absent"
"""The note that a result of a tool had no content at all."""
DIRECT = {"type": "direct"}
"""The caller of nearly every tool call: the model itself."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def read_blocks(blocks: list[Any]) -> list[Part]:
    """The parts of a list of blocks; what is no object is kept as it is."""
    parts: list[Part] = []
    for block in blocks:
        if not isinstance(block, dict):
            parts.append(Unknown(DIALECT, block))
            continue
        text = block.get("text")
        if len(block) == 2 and isinstance(text, str) and block.get("type") == "text":
            parts.append(Text(text))  # as nearly every block is
        else:
            parts.append(read_block(block))
    return parts


def read_block(block: dict[str, Any]) -> Part:
    """One block as a part."""
    reader = _READERS.get(str(block.get("type")))
    part = reader(block) if reader is not None else None
    return part if part is not None else Unknown(DIALECT, block)


def _rest(block: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """The members of a block that are not among those known."""
    rest = dict(block)
    for name in known:
        rest.pop(name, None)
    return rest


def _cache(block: Mapping[str, Any], rest: dict[str, Any]) -> dict[str, Any] | None:
    """The prompt-cache mark of a block, taken out of the rest."""
    mark = block.get("cache_control")
    if not isinstance(mark, dict):
        return None
    del rest["cache_control"]
    return mark


def _read_text(block: dict[str, Any]) -> Part | None:
    text = block.get("text")
    if not isinstance(text, str):
        return None
    rest = _rest(block, "type", "text")
    part = Text(text, cache=_cache(block, rest))
    citations = rest.get("citations")
    if isinstance(citations, list):
        if citations and all(isinstance(each, dict) for each in citations):
            del rest["citations"]
            part.citations = [read_citation(each) for each in citations]
        elif not citations:
            rest["~citations"] = rest.pop("citations")
    part.extra = extra_of(rest)
    return part


def read_citation(data: Mapping[str, Any]) -> Citation:
    """A citation. Its place in what is cited stays in its `extra`, as does its type."""
    rest = dict(data)
    titled = "document_title" if "document_title" in rest else "title"
    found = {
        name: rest.pop(name) if isinstance(rest.get(name), str) else None
        for name in ("url", titled, "cited_text")
    }
    return Citation(
        url=found["url"],
        title=found[titled],
        quote=found["cited_text"],
        extra=extra_of({"~~": titled, **rest}),
    )


def write_citation(citation: Citation) -> dict[str, Any]:
    """A citation that came from this dialect, as it was."""
    titled = citation.extra[DIALECT]["~~"]
    known = (("url", citation.url), (titled, citation.title), ("cited_text", citation.quote))
    return {
        **members(citation.extra),
        **{name: value for name, value in known if value is not None},
    }


def _read_thinking(block: dict[str, Any]) -> Part | None:
    text, signature = block.get("thinking"), block.get("signature")
    if not isinstance(text, str) or not isinstance(signature, str | None):
        return None
    if signature is not None and signature.startswith(MARK):
        return unseal(signature, text) or Reasoning(text)
    rest = _rest(block, "type", "thinking", "signature")
    if not signature and "signature" in block:
        rest["~signature"] = signature
    return Reasoning(text, signature=signature or None, origin=DIALECT, extra=extra_of(rest))


def _read_redacted(block: dict[str, Any]) -> Part | None:
    data = block.get("data")
    if not isinstance(data, str) or not data:
        return None
    if data.startswith(MARK):
        return unseal(data) or Reasoning("")
    return Reasoning("", redacted=data, origin=DIALECT, extra=extra_of(_rest(block, "type", "data")))


def _read_media(block: dict[str, Any]) -> Part | None:
    """An image or document, inline or by URL. What is stored at the provider is nobody else's."""
    source = block.get("source")
    if not isinstance(source, dict):
        return None
    kind: Any = block["type"]
    rest = _rest(block, "type", "source")
    part = Media(kind, cache=_cache(block, rest))
    held = source.get("url" if source.get("type") == "url" else "data")
    mime = source.get("media_type")
    if not isinstance(held, str) or not isinstance(mime, str | None):
        return None
    part.mime = mime
    match source.get("type"):
        case "url":
            part.url = held
        case "base64":
            part.data = held
        case "text":
            part.data = base64.b64encode(held.encode()).decode()
            part.mime = mime or "text/plain"
        case _:
            return None
    if write_media(part)["source"] != source:
        rest["~source"] = source
    if isinstance(rest.get("title"), str):
        part.name = rest.pop("title")
    part.extra = extra_of(rest)
    return part


def _read_call(block: dict[str, Any]) -> Part | None:
    identity, name, given = block.get("id"), block.get("name"), block.get("input")
    if not isinstance(identity, str) or not isinstance(name, str):
        return None
    rest = _rest(block, "type", "id", "name", "input")
    call = ToolCall(identity, name, arguments_text(given), cache=_cache(block, rest))
    if not isinstance(given, dict) or UNPARSED in given:
        if "input" not in block:
            return None
        rest["~input"] = given
    if rest.get("caller") == DIRECT:
        rest["~caller"] = rest.pop("caller")
    call.extra = extra_of(rest)
    return call


def _read_result(block: dict[str, Any]) -> Part | None:
    call_id, content = block.get("tool_use_id"), block.get("content")
    if not isinstance(call_id, str) or not isinstance(content, str | list | None):
        return None
    rest = _rest(block, "type", "tool_use_id", "content")
    result = ToolResult(call_id, [], cache=_cache(block, rest))
    if isinstance(content, str):
        result.parts = [Text(content)] if content else []
        rest[TEXT_ALONE] = True
    elif isinstance(content, list):
        result.parts = read_blocks(content)
    elif "content" in block:
        rest["~content"] = None
    else:
        rest[ABSENT] = True
    flag = rest.get("is_error")
    if isinstance(flag, bool):
        del rest["is_error"]
        result.is_error = flag
        if not flag:
            rest["~is_error"] = False
    result.extra = extra_of(rest)
    return result


_READERS: Mapping[str, Callable[[dict[str, Any]], Part | None]] = {
    "text": _read_text,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
    "image": _read_media,
    "document": _read_media,
    "tool_use": _read_call,
    "tool_result": _read_result,
}


def write_block(part: Part) -> Any:
    """A part that came from this dialect as the block it was; one from elsewhere as near as can be."""
    block: dict[str, Any]
    match part:
        case Text():
            return _write_text(part)
        case Unknown():
            return part.data
        case ToolCall():
            block = {
                "type": "tool_use",
                "id": part.id,
                "name": part.name,
                "input": arguments_object(part.arguments),
            }
        case ToolResult():
            block = _write_result(part)
        case Reasoning() if part.redacted is not None:
            block = {"type": "redacted_thinking", "data": part.redacted}
        case Reasoning():
            block = {"type": "thinking", "thinking": part.text}
            if part.signature is not None:
                block["signature"] = part.signature
            return {**block, **members(part.extra)}
        case Media():
            block = write_media(part)
    if part.extra:
        block.update(members(part.extra))
    if not isinstance(part, Reasoning) and part.cache is not None:
        block["cache_control"] = part.cache
    return block


def _write_text(part: Text) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": part.text}
    if part.extra:
        block.update(members(part.extra))
    if part.cache is not None:
        block["cache_control"] = part.cache
    cited = [write_citation(each) for each in part.citations if DIALECT in each.extra]
    if cited:
        block["citations"] = cited
    return block


def _write_result(part: ToolResult) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id}
    form = part.extra.get(DIALECT, {})
    if TEXT_ALONE in form:
        block["content"] = "".join(each.text for each in part.parts if isinstance(each, Text))
    elif ABSENT not in form:
        block["content"] = [write_block(each) for each in part.parts]
    if part.is_error:
        block["is_error"] = True
    return block


def write_media(part: Media) -> dict[str, Any]:
    """An image or document."""
    source: dict[str, Any]
    text = None
    if part.kind == "document" and (part.mime or "").startswith("text/"):
        text = _plain(part.data or "")
    if part.url is not None:
        source = {"type": "url", "url": part.url}
    elif text is not None:
        source = {"type": "text", "media_type": "text/plain", "data": text}
    else:
        source = {"type": "base64", "media_type": part.mime, "data": part.data}
    block: dict[str, Any] = {"type": part.kind, "source": source}
    if part.name is not None and part.kind == "document":
        block["title"] = part.name
    return block


def _plain(data: str) -> str | None:
    """The text behind base64, or None where there is none."""
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
