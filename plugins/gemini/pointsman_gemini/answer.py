"""Whole answers, both ways."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from pointsman.arguments import arguments_object
from pointsman.losses import Losses
from pointsman.types import (
    Choice,
    Citation,
    Extra,
    Finish,
    Media,
    Message,
    Part,
    Reasoning,
    Response,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    derive_finish,
)

from .logprobs import read_logprobs, write_logprobs
from .names import DIALECT, extra_of, made_id, members, rest_of
from .parts import UNSIGNED, read_part, sealed, write_media, write_part
from .tap import BLOCKED, Searches, block_reason, candidates_in, parse_whole, parts_in
from .usage import read_usage, usage_object

__all__ = [
    "REASONS",
    "Calls",
    "Signs",
    "candidate_extra",
    "citations_in",
    "decode_answer",
    "encode_answer",
    "finish_reason",
    "head_extra",
    "head_of",
    "place_for",
    "refusal_of",
    "write_answered",
]

HEAD = ("candidates", "usageMetadata", "modelVersion", "responseId", "createTime")
CANDIDATE = ("content", "finishReason", "index")
REASONS = frozenset(
    {
        *(
            "STOP",
            "MAX_TOKENS",
            "SAFETY",
            "RECITATION",
            "LANGUAGE",
            "OTHER",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
        ),
        *("SPII", "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_OTHER"),
        *("NO_IMAGE", "IMAGE_RECITATION", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MODEL_ARMOR"),
        *("MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE", "FINISH_REASON_UNSPECIFIED"),
    }
)
"""The words this dialect has for the end of an answer."""
WORDS: Mapping[str, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "error": "OTHER",
}
"""Those words by canonical reason."""

GROUNDED: Extra = {DIALECT: {"~~grounded": True}}
"""The note of a citation that the candidate tells, too."""
ENDS = ("startIndex", "endIndex")


class Signs:
    """The signatures of the calls of one candidate, until those are written. The first call has one in any
    case, for it to be taken back."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._called = False

    def keep(self, call_id: str, signature: str) -> None:
        """Take the signature of a call to come."""
        self._known[call_id] = signature

    def on(self, call_id: str) -> dict[str, str]:
        """What stands beside a call."""
        signature = self._known.pop(call_id, None if self._called else UNSIGNED)
        self._called = True
        return {"thoughtSignature": signature} if signature is not None else {}


class Calls:
    """Makes ids for the calls of one answer that come without."""

    def __init__(self, answer_id: str) -> None:
        self._seed = answer_id or secrets.token_hex(8)
        self._made = 0

    def __call__(self, name: str, given: str | None) -> str:
        self._made += 1
        return given or made_id(self._seed, self._made)


def head_of(answer: Mapping[str, Any]) -> tuple[str, str, int]:
    """Id, model and Unix time of an answer."""
    identity, model, created = (answer.get(name) for name in ("responseId", "modelVersion", "createTime"))
    try:
        when = int(datetime.fromisoformat(created).timestamp()) if isinstance(created, str) else 0
    except (ValueError, OverflowError):
        when = 0
    return (
        identity if isinstance(identity, str) else "",
        model if isinstance(model, str) else "",
        when or int(time.time()),
    )


def head_extra(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer holds beside its candidates; also that it is of this dialect, where that is nothing."""
    rest = rest_of(answer, *HEAD)
    if "createTime" in answer:
        rest["~createTime"] = answer["createTime"]
    return rest


def candidate_extra(candidate: Mapping[str, Any], *, told: bool) -> dict[str, Any]:
    """What a candidate holds beside its content; its log probabilities only where nothing has `told` them."""
    return rest_of(candidate, *CANDIDATE, *(("logprobsResult",) if told else ()))


def decode_answer(body: bytes) -> Response:
    """A provider's whole answer. Raises UpstreamStatus, MalformedAnswer."""
    answer = parse_whole(body)
    identity, model, created = head_of(answer)
    usage = read_usage(answer.get("usageMetadata"), searches=Searches().take(answer))
    response = Response(identity, model, created, [], usage, {DIALECT: head_extra(answer)})
    calls = Calls(identity)
    for _, candidate in sorted(candidates_in(answer), key=lambda each: each[0]):
        response.choices.append(_choice(candidate, calls))
    if not response.choices:
        blocked = refusal_of(answer)
        if blocked is not None:
            parts: list[Part] = [blocked]
            response.choices.append(Choice(Message("assistant", parts), derive_finish(BLOCKED)))
    return response


def refusal_of(answer: Mapping[str, Any]) -> Text | None:
    """What a prompt that was not answered for what it says is answered with; None for any other."""
    reason = block_reason(answer)
    if reason is None:
        return None
    message = answer["promptFeedback"].get("blockReasonMessage")
    return Text(
        message if isinstance(message, str) and message else f"the prompt was blocked: {reason}", refusal=True
    )


def _choice(candidate: Mapping[str, Any], calls: Calls) -> Choice:
    parts: list[Part] = []
    for data in parts_in(candidate):
        if data != {"text": ""}:
            parts += read_part(data, calls)
    texts = [part for part in parts if isinstance(part, Text)]
    logprobs = read_logprobs(candidate.get("logprobsResult"))
    if texts and logprobs:
        texts[0].logprobs = logprobs
    if len(texts) == 1:
        texts[0].citations = citations_in(candidate, texts[0].text)
    native = candidate.get("finishReason")
    finish = derive_finish(native if isinstance(native, str) else None, parts)
    extra = candidate_extra(candidate, told=bool(texts and logprobs))
    return Choice(Message("assistant", parts), finish, extra_of(extra))


def citations_in(candidate: Mapping[str, Any], text: str) -> list[Citation]:
    """Where a text has something from, as far as that is pages of the web. Places count bytes here."""
    grounding = candidate.get("groundingMetadata")
    if not isinstance(grounding, dict):
        return []
    chunks = grounding.get("groundingChunks")
    supports = _supports(grounding.get("groundingSupports")) if isinstance(chunks, list) else []
    at = _characters(text, (place for start, end, _ in supports for place in (start, end)))
    return [
        Citation(web["uri"], _title(web), start=at.get(start), end=at.get(end), extra=GROUNDED)
        for start, end, places in supports
        for place in places
        if (web := _web(chunks, place)) is not None
    ]


def _supports(given: Any) -> list[tuple[int | None, int | None, list[Any]]]:
    """What a text has from elsewhere: where it starts and ends in bytes, and from which chunks it is."""
    found = []
    for support in given if isinstance(given, list) else ():
        segment = support.get("segment") if isinstance(support, dict) else None
        places = support.get("groundingChunkIndices") if isinstance(support, dict) else None
        if isinstance(segment, dict) and isinstance(places, list):
            start, end = (at if isinstance(at, int) else None for at in map(segment.get, ENDS))
            found.append((start if segment.get(ENDS[0]) else 0, end, places))
    return found


def _web(chunks: Any, place: Any) -> dict[str, Any] | None:
    chunk = chunks[place] if isinstance(place, int) and 0 <= place < len(chunks) else None
    web = chunk.get("web") if isinstance(chunk, dict) else None
    return web if isinstance(web, dict) and isinstance(web.get("uri"), str) else None


def _title(web: Mapping[str, Any]) -> str | None:
    title = web.get("title")
    return title if isinstance(title, str) else None


def _characters(text: str, places: Iterable[int | None]) -> dict[int | None, int]:
    """Places in a text in characters, by the same in bytes; without what is no place in it."""
    raw = text.encode()
    found: dict[int | None, int] = {}
    before = count = 0
    for place in sorted({each for each in places if each is not None and 0 <= each <= len(raw)}):
        start = place
        while 0 < start < len(raw) and raw[start] & 0xC0 == 0x80:  # within a character
            start -= 1
        count += len(raw[before:start].decode())
        before = start
        found[place] = count
    return found


def encode_answer(response: Response, *, losses: Losses) -> bytes:
    """A `GenerateContentResponse`. What it has no place for goes to `losses`."""
    own = DIALECT in response.extra
    losses.answered_extras(response.extra, own=DIALECT)
    candidates = [_candidate(index, choice, losses, own) for index, choice in enumerate(response.choices)]
    body: dict[str, Any] = {"candidates": candidates}
    if response.usage is not None:
        body["usageMetadata"] = usage_object(response.usage, own=own)
    body |= {"modelVersion": response.model, "responseId": response.id, **members(response.extra)}
    return msgspec.json.encode(body)


def _candidate(index: int, choice: Choice, losses: Losses, own: bool) -> dict[str, Any]:
    losses.answered_extras(choice.extra, own=DIALECT, path="choices")
    losses.answered_extras(choice.message.extra, own=DIALECT, path="message")
    if choice.finish.sequence is not None:
        losses.answered("stop_sequence")
    parts: list[Any] = []
    signs = Signs()
    logprobs: list[Any] = []
    for part in choice.message.parts:
        if isinstance(part, Text) and part.logprobs:
            logprobs += part.logprobs
        if place_for(part, losses):
            written = write_answered(part, signs, own=own)
            if written is not None:
                parts.append(written)
    body: dict[str, Any] = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": finish_reason(choice.finish),
        "index": index,
        **members(choice.extra),
    }
    if logprobs:
        body["logprobsResult"] = write_logprobs(logprobs)
    return body


def finish_reason(finish: Finish) -> str:
    """This dialect's word for the end of an answer."""
    return str(finish.native) if finish.native in REASONS else WORDS[finish.reason]


def place_for(part: Part, losses: Losses) -> bool:
    """Whether this dialect's answers have a place for a part; reports where not, and what stands beside."""
    if isinstance(part, Unknown):
        if part.dialect == DIALECT:
            return True
        kind = part.data.get("type") if isinstance(part.data, dict) else None
        losses.answered(str(kind or "content"))
        return False
    if part.extra:
        losses.answered_extras(part.extra, own=DIALECT, path="content")
    if isinstance(part, Text) and any(DIALECT not in each.extra for each in part.citations):
        losses.answered("citations")
    return not isinstance(part, ToolResult)


def write_answered(part: Part, signs: Signs, *, own: bool) -> Any:
    """A part for a client; None for a signature that waits in `signs` for the call it is of. The thoughts of
    another dialect go sealed."""
    match part:
        case Reasoning() if part.origin != DIALECT:
            return {"text": part.text, "thought": True, "thoughtSignature": sealed(part)}
        case Reasoning() if not own and part.redacted is not None and part.id is not None:
            signs.keep(part.id, part.redacted)
            return None
        case ToolCall() if not own:
            call = {"id": part.id, "name": part.name, "args": arguments_object(part.arguments)}
            return {"functionCall": call, **signs.on(part.id)}
        case Media() if part.url is not None and not own:
            return write_media(Media(part.kind, part.url, mime=part.mime))
    return write_part(part)
