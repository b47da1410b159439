"""Dress: answers of chats and completions as OpenRouter's clients know them.

They take an answer's id for that of its generation, look for a `system_fingerprint` in every whole answer,
and take a `usage` in a chunk for an object, where chunks have a null only because usage is always asked for.
"""

from __future__ import annotations

import re

from .splice import json_in_place, members

__all__ = ["dressed_answer", "dressed_events"]

FINGERPRINT = b'"system_fingerprint"'
_EMPTY_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_FIRST_ID = re.compile(rb'^(\s*(?:data:\s*)?\{\s*"id"\s*:\s*)"[^"\\]*"')
_EVENT = re.compile(rb".+?(?:\r\n\r\n|\n\n|\r\r|\Z)", re.DOTALL)


def dressed_answer(body: bytes, generation_id: str) -> bytes:
    """A whole answer. One that is no JSON object comes back unchanged."""
    opening = body.find(b"{")
    if opening < 0 or b'"choices"' not in body:
        return body
    body = _with_id(body, generation_id, stream=False)
    if FINGERPRINT in body:
        return body
    return body[: opening + 1] + FINGERPRINT + b":null," + body[opening + 1 :]


def dressed_events(events: bytes, generation_id: str) -> bytes:
    """Whole events of a stream."""
    if b'"usage"' in events:
        events = _EMPTY_USAGE.sub(b"", events)
    return b"".join([_with_id(event, generation_id, stream=True) for event in _EVENT.findall(events)])


def _with_id(text: bytes, generation_id: str, *, stream: bool) -> bytes:
    """An answer or an event with another id, if it has one."""
    quoted = b'"%b"' % generation_id.encode()
    first = _FIRST_ID.match(text)
    if first is not None:
        return first[1] + quoted + text[first.end() :]
    if b'"id"' not in text:
        return text
    blank = json_in_place(text) if stream else text
    opening = blank.find(b"{")
    for name, start, end in members(blank, opening) if opening >= 0 else ():
        if name == "id":
            return text[:start] + quoted + text[end:]
    return text
