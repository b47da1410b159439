"""Parts of this dialect and canonical parts, both ways.

What a part holds beside the members known here is kept in the canonical part's `extra`, and the part as it
came in a note, so that written back it is what it was. A signature stands on the part that it signs: as a
canonical part it is a thought of its own, without words. That of a call is `redacted` and has the call's
`id`; that of a text is the `signature` of a thought before it, or, where it came after the text, as streams
may have it, `redacted`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pointsman.arguments import arguments_object, arguments_text
from pointsman.members import BAD_JSON
from pointsman.sealing import MARK, seal, unseal
from pointsman.types import Media, Part, Reasoning, Text, ToolCall, ToolResult, Unknown

from .names import DIALECT, extra_of, note, pick, rest_of

__all__ = [
    "PART",
    "SEALED",
    "SIGNED",
    "UNSIGNED",
    "kind_of",
    "opened",
    "read_part",
    "sealed",
    "signature_of",
    "write_media",
    "write_part",
    "write_response",
]

PART = "~~part"
"""The note that holds a part as it came."""
SIGNED = "~~signed"
"""The note of a signature that stands on the part it signs."""
UNSIGNED = "skip_thought_signature_validator"
"""What stands in place of a signature on a call that another model made: newer models demand one."""
SEALED = base64.b64encode(MARK.encode())[:5]
"""How a sealed signature begins."""
KINDS = (
    "text",
    "functionCall",
    "functionResponse",
    "inlineData",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
"""The members of which a part has one."""
BESIDE = ("thought", "thoughtSignature")
_PUBLIC = re.compile(r"https?://(?!generativelanguage\.googleapis\.com/)", re.IGNORECASE)
"""Addresses that others can fetch, too: what is stored at the provider is nobody else's."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
CallId = Callable[[str, str | None], str]
"""The id of a call, or of the call that a result answers, from a function's name and the id that is given."""


Readable = Media | ToolCall | ToolResult


def kind_of(mime: str | None) -> Any:
    """What a media type is to others: image, audio, video or document."""
    kind = (mime or "").partition("/")[0].lower()
    return kind if kind in ("image", "audio", "video") else "document"


def signature_of(data: Mapping[str, Any]) -> str | None:
    """The signature on a part; what stands in place of one is none."""
    found = pick(data, "thoughtSignature")
    return found if isinstance(found, str) and found not in ("", UNSIGNED) else None


def sealed(thought: Reasoning) -> str:
    """A thought of another dialect as a signature, which clients take for base64."""
    return base64.b64encode(seal(thought).encode()).decode()


def opened(signature: str, text: str = "") -> Reasoning | None:
    """The thought of another dialect that a signature seals; None where it is none."""
    if not signature.startswith(SEALED.decode()):
        return None
    try:
        inside = base64.b64decode(signature, altchars=b"-_" if "-" in signature else None).decode()
    except (binascii.Error, ValueError):
        return None
    return unseal(inside, text)


def read_part(data: Any, call_id: CallId) -> list[Part]:
    """A part as canonical parts: one, and what signs it."""
    if not isinstance(data, dict):
        return [Unknown(DIALECT, data)]
    kind = next((each for each in KINDS if pick(data, each) is not None), None)
    value = pick(data, kind) if kind is not None else None
    signature = signature_of(data)
    if kind == "text" and isinstance(value, str):
        return _read_text(data, value, signature)
    reader = _READERS.get(kind) if isinstance(value, dict) and data.get("thought") is not True else None
    part = reader(value, call_id) if reader is not None and isinstance(value, dict) else None
    if part is None:
        return [Unknown(DIALECT, data)]
    own = {**part.extra.get(DIALECT, {}), **rest_of(data, str(kind), *BESIDE), PART: data}
    part.extra = extra_of(own)
    if signature is None:
        return [part]
    signs = Reasoning("", redacted=signature, origin=DIALECT, extra=extra_of({SIGNED: True}))
    if isinstance(part, ToolCall):
        signs.id = part.id
        return [signs, part]
    return [part, signs]


def _read_text(data: dict[str, Any], text: str, signature: str | None) -> list[Part]:
    extra = extra_of({**rest_of(data, "text", *BESIDE), PART: data})
    foreign = opened(signature, text) if signature is not None else None
    if foreign is not None:
        return [foreign] if data.get("thought") is True or not text else [foreign, Text(text)]
    if data.get("thought") is True:
        return [Reasoning(text, signature, extra, origin=DIALECT, summary=True)]
    if signature is None:
        return [Text(text, extra)]
    if not text:
        return [Reasoning("", redacted=signature, origin=DIALECT, extra=extra)]
    return [Reasoning("", signature, extra_of({SIGNED: True}), DIALECT), Text(text, extra)]


def _read_call(value: dict[str, Any], call_id: CallId) -> Readable | None:
    name, given, args = value.get("name"), value.get("id"), value.get("args")
    if not isinstance(name, str) or not name or not isinstance(args, dict | None):
        return None
    identity = call_id(name, given if isinstance(given, str) and given else None)
    return ToolCall(
        identity, name, arguments_text(args or {}), extra_of(rest_of(value, "name", "id", "args"))
    )


def _read_result(value: dict[str, Any], call_id: CallId) -> Readable | None:
    name, given, response = value.get("name"), value.get("id"), value.get("response")
    if not isinstance(name, str) or not isinstance(response, dict | None):
        return None
    result = ToolResult(call_id(name, given if isinstance(given, str) and given else None), [])
    words = {key: response[key] for key in response} if response else {}
    alone = next(iter(words.values())) if len(words) == 1 else None
    if isinstance(alone, str) and words.keys() <= {"output", "error"}:
        result.is_error = "error" in words
        result.parts = [Text(alone)] if alone else []
    elif words:
        result.parts = [Text(_encode(words).decode())]
    inner = value.get("parts")
    for each in inner if isinstance(inner, list) else ():
        result.parts += read_part(each, call_id)
    result.extra = extra_of(rest_of(value, "name", "id", "response", "parts"))
    return result


def write_response(result: ToolResult) -> dict[str, Any]:
    """What a function came to, as an object: the very one where its text is one, else its text as output, or
    as error."""
    text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
    if result.is_error:
        return {"error": text}
    if not text:
        return {}
    try:
        found = _decode(text)
    except BAD_JSON:
        found = None
    return found if isinstance(found, dict) and found else {"output": text}


def _read_inline(value: dict[str, Any], _: CallId) -> Readable | None:
    return _media(value, "data")


def _read_file(value: dict[str, Any], _: CallId) -> Readable | None:
    address = pick(value, "fileUri")
    return _media(value, "fileUri") if isinstance(address, str) and _PUBLIC.match(address) else None


def _media(value: dict[str, Any], holds: str) -> Media | None:
    """What is inline as `data`, or at an address."""
    held, mime, name = pick(value, holds), pick(value, "mimeType"), pick(value, "displayName")
    if not isinstance(held, str) or not isinstance(mime, str | None):
        return None
    media = Media(kind_of(mime), mime=mime, name=name if isinstance(name, str) else None)
    if holds == "data":
        media.data = held
    else:
        media.url = held
    media.extra = extra_of(rest_of(value, holds, "mimeType", "displayName"))
    return media


_READERS: Mapping[str | None, Callable[[dict[str, Any], CallId], Readable | None]] = {
    "functionCall": _read_call,
    "functionResponse": _read_result,
    "inlineData": _read_inline,
    "fileData": _read_file,
}


def write_part(part: Part) -> Any:
    """A part that came from this dialect as it was; one from elsewhere, or changed, as near as can be.

    None for a signature that stands on another part.
    """
    if isinstance(part, Unknown):
        return part.data
    if note(part.extra, SIGNED):
        return None
    given = note(part.extra, PART)
    if given is not None and _is_still(part, given):
        return given
    match part:
        case Text():
            return {"text": part.text}
        case Media():
            return write_media(part)
        case ToolCall():
            return {
                "functionCall": {"id": part.id, "name": part.name, "args": arguments_object(part.arguments)},
            }
        case ToolResult():
            name = pick(given, "functionResponse")["name"] if given is not None else part.call_id
            return {"functionResponse": {"id": part.call_id, "name": name, "response": write_response(part)}}
        case Reasoning():
            body: dict[str, Any] = {"text": part.text}
            if part.text:
                body["thought"] = True
            if part.signature or part.redacted:
                body["thoughtSignature"] = part.signature or part.redacted
            return body


def _is_still(part: Part, given: Mapping[str, Any]) -> bool:
    """Whether a part says what it said when it came."""
    match part:
        case Text() | Reasoning():
            return bool(part.text == given.get("text"))
        case ToolCall():
            call = pick(given, "functionCall")
            return bool(
                call.get("name") == part.name and arguments_text(call.get("args") or {}) == part.arguments
            )
        case ToolResult():
            read = _read_result(pick(given, "functionResponse"), lambda *_: part.call_id)
            return isinstance(read, ToolResult) and read.parts == part.parts
        case Media():
            inline = pick(given, "inlineData")
            if inline is not None:
                return bool(part.data == inline.get("data") and part.url is None)
            return bool(part.data is None and part.url == pick(pick(given, "fileData"), "fileUri"))
    return True


def write_media(part: Media) -> dict[str, Any]:
    """A picture, sound, film or document: inline, or by its address."""
    if part.url is not None:
        file: dict[str, Any] = {"fileUri": part.url}
        if part.mime is not None:
            file["mimeType"] = part.mime
        return {"fileData": file}
    return {"inlineData": {"mimeType": part.mime, "data": part.data}}
