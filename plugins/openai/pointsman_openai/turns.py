"""An assistant's turn, in a request's history or in an answer: its members as parts, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pointsman.errors import BadRequest
from pointsman.members import wrong
from pointsman.types import Citation, Media, Message, Part, Reasoning, Text, ToolCall, Unknown

from .errors import DIALECT
from .notes import is_blank, keep, members, note, rest
from .parts import IN_CONTENT, decode_content, decode_part, object_at, part_object, text_at
from .reasoning import decode_thoughts
from .tools import decode_call, is_call

__all__ = [
    "citation_object",
    "citations_of",
    "decode_citation",
    "decode_turn",
    "image_object",
    "in_content",
    "is_plain",
    "turn_parts",
]


def decode_turn(
    data: Mapping[str, Any], path: str, *, made_id: Callable[[int], str] | None = None
) -> Message:
    """An assistant's message. Raises BadRequest.

    With `made_id`, which makes ids for calls that have none, it reads an answer, and raises nothing: what
    cannot be read is carried as it is.
    """
    parts, said = decode_thoughts(data)
    taken = {"role", *said}
    if parts and isinstance(data.get("reasoning_details"), list):
        taken.add("reasoning_details")
    content, form = _content(data, path, lenient=made_id is not None)
    parts += content
    if form != "unreadable":
        taken.add("content")
    refusal = data.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append(Text(refusal, refusal=True))
        taken.add("refusal")
    elif refusal is None and made_id is not None:
        taken.add("refusal")  # every answer we write has it
    if "annotations" in data and _cite(parts, data["annotations"]):
        taken.add("annotations")
    images = _images(data["images"]) if "images" in data else ()
    if images:
        parts += images
        taken.add("images")
    parts += _calls(data, path, made_id, taken)
    message = Message("assistant", parts, rest(data, taken) if not data.keys() <= taken else {}, path)
    if said != {"reasoning_content": None} and (said or "reasoning_details" in taken):
        keep(message.extra, "~thought", said)
    if form is not None and form not in ("unreadable", _usual(parts)):
        keep(message.extra, IN_CONTENT, form)
    return message


def _usual(parts: Sequence[Part]) -> str:
    """The form that content without parts has, where nothing is noted."""
    return "null" if any(isinstance(part, ToolCall) for part in parts) else "empty"


def _content(data: Mapping[str, Any], path: str, *, lenient: bool) -> tuple[list[Part], str | None]:
    try:
        parts, form = decode_content(data, path)
    except BadRequest:
        if not lenient:
            raise
        given = data["content"]
        if not isinstance(given, list):
            return [], "unreadable"
        parts, form = [_readable(each, path) for each in given], "list"
    if form == "list":
        for part in parts:
            if isinstance(part, Media):
                keep(part.extra, IN_CONTENT, True)
    return parts, form


def _readable(data: Any, path: str) -> Part:
    try:
        return decode_part(data, path)
    except BadRequest:
        return Unknown(DIALECT, data)


def _cite(parts: Sequence[Part], annotations: Any) -> bool:
    """Give the annotations of a message to its last text; say whether it took them."""
    texts = [part for part in parts if isinstance(part, Text) and not part.refusal]
    if not texts or not isinstance(annotations, list) or not annotations:
        return False
    if not all(isinstance(each, dict) for each in annotations):
        return False
    texts[-1].citations += map(decode_citation, annotations)
    return True


def decode_citation(data: Mapping[str, Any]) -> Citation:
    """One annotation. Those of other kinds than web pages are carried as they are."""
    found = data.get("url_citation")
    if data.get("type") != "url_citation" or not isinstance(found, dict):
        return Citation(extra={DIALECT: dict(data)})
    citation = Citation(extra=rest(data, ("type", "url_citation")))
    taken = set()
    for name, member, kind in (
        ("url", "url", str),
        ("title", "title", str),
        ("quote", "content", str),
        ("start", "start_index", int),
        ("end", "end_index", int),
    ):
        value = found.get(member)
        if isinstance(value, kind):
            setattr(citation, name, value)
            taken.add(member)
    left = {name: value for name, value in found.items() if name not in taken}
    if left:
        keep(citation.extra, "~left" if all(map(is_blank, left.values())) else "url_citation", left)
    return citation


def citation_object(citation: Citation, *, offset: int = 0) -> dict[str, Any] | None:
    """A citation as an annotation, or None for one without a page. `offset` is added to its place."""
    own = members(citation.extra)
    if citation.url is None:
        return own if "type" in own else None
    found: dict[str, Any] = {"url": citation.url}
    if citation.title is not None:
        found["title"] = citation.title
    if citation.quote is not None:
        found["content"] = citation.quote
    if citation.start is not None:
        found["start_index"] = citation.start + offset
    if citation.end is not None:
        found["end_index"] = citation.end + offset
    left = own.pop("url_citation", None) or note(citation.extra, "~left", {})
    return {"type": "url_citation", "url_citation": {**found, **left}, **own}


def citations_of(parts: Sequence[Part]) -> list[tuple[Citation, int]]:
    """The citations of the texts, each with how many characters stand before its text."""
    found: list[tuple[Citation, int]] = []
    offset = 0
    for part in parts:
        if isinstance(part, Text) and not part.refusal:
            if part.citations:
                found += [(citation, offset) for citation in part.citations]
            offset += len(part.text)
    return found


def _images(given: Any) -> list[Part]:
    """Pictures a model made; none where one of them cannot be read."""
    if not isinstance(given, list):
        return []
    parts = [_readable(each, "images") for each in given]
    return parts if all(isinstance(part, Media) for part in parts) else []


def image_object(image: Media) -> dict[str, Any] | None:
    """A picture as this dialect writes it; None for other media."""
    return part_object(image, cache=False) if image.kind == "image" else None


def _calls(
    data: Mapping[str, Any], path: str, made_id: Callable[[int], str] | None, taken: set[str]
) -> list[Part]:
    """The tool calls of a message; the older `function_call` has its name for an id."""
    calls: list[Part] = []
    given = data.get("tool_calls")
    if isinstance(given, list) and given:
        taken.add("tool_calls")
        for index, each in enumerate(given):
            where = f"{path}.tool_calls[{index}]"
            try:
                calls.append(decode_call(each, where, made_id=partial(made_id, index) if made_id else None))
            except BadRequest:
                if made_id is None:
                    raise
                calls.append(Unknown(DIALECT, each))
    elif given is not None and not isinstance(given, list) and made_id is None:
        raise wrong(f"{path}.tool_calls", "a list")
    older = data.get("function_call")
    if older is None or is_blank(older) or (made_id is not None and not isinstance(older, dict)):
        return calls
    taken.add("function_call")
    where = f"{path}.function_call"
    function = object_at(older, where)
    try:
        name, arguments = text_at(function, "name", where), text_at(function, "arguments", where)
    except BadRequest:
        if made_id is None:
            raise
        taken.discard("function_call")
        return calls
    call = ToolCall(name, name, arguments, rest(function, ("name", "arguments")))
    keep(call.extra, "~older", True)
    return [*calls, call]


def in_content(part: Part) -> bool:
    """Whether a part of an assistant's turn stands in its content, and not in a member of its own."""
    if isinstance(part, Text):
        return not part.refusal or bool(note(part.extra, IN_CONTENT))
    if isinstance(part, Unknown):
        return part.dialect == DIALECT and not is_call(part.data)
    if isinstance(part, Media):
        return bool(note(part.extra, IN_CONTENT))
    return isinstance(part, Reasoning) and bool(part.extra) and "~thinking" in part.extra.get(DIALECT, ())


def is_plain(message: Message) -> bool:
    """Whether a turn is texts and calls and nothing else, as nearly every one is: no thoughts, refusals or
    citations, and no notes of this dialect."""
    if DIALECT in message.extra:
        return False
    for part in message.parts:
        if isinstance(part, Text):
            if part.refusal or part.citations:
                return False
        elif not isinstance(part, ToolCall) or DIALECT in part.extra:
            return False
    return True


def turn_parts(message: Message) -> dict[str, Any]:
    """The members refusal and function_call, for those parts that have them."""
    body: dict[str, Any] = {}
    for part in message.parts:
        if isinstance(part, Text):
            if part.refusal and not in_content(part):
                body["refusal"] = body.get("refusal", "") + part.text
        elif isinstance(part, ToolCall) and note(part.extra, "~older"):
            older = {"name": part.name, "arguments": part.arguments, **members(part.extra)}
            body["function_call"] = older
    return body
