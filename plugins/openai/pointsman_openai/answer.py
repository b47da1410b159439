"""Whole answers of this dialect as canonical answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pointsman.types import Choice, Extra, Message, Response, Text, derive_finish

from .notes import is_blank, keep, rest
from .tap import read_whole
from .turns import decode_turn
from .usage import read_usage, served

__all__ = ["choice_extra", "decode_response", "made_id", "read_finish", "read_head"]

TAKEN = frozenset({"id", "object", "created", "model", "choices", "usage"})

LATEST = 2**53
"""No answer is from after this Unix time: what is beyond is no time."""


def decode_response(body: bytes) -> Response:
    """A `chat.completion` of any host that speaks this dialect, however it spells things.

    Raises UpstreamStatus for an error that the answer reports, MalformedAnswer for what is none.
    """
    answer = read_whole(body, holds="choices")
    answer_id, model, created = read_head(answer)
    usage = served(read_usage(answer.get("usage")), answer)
    taken = TAKEN if usage is None or usage.service_tier is None else TAKEN | {"service_tier"}
    choices = [each for each in answer["choices"] if isinstance(each, dict)]
    if len(choices) > 1 and all(isinstance(each.get("index"), int) for each in choices):
        choices.sort(key=lambda each: each["index"])
    return Response(
        answer_id,
        model,
        created,
        [_choice(each, f"{answer_id}/{place}") for place, each in enumerate(choices)],
        usage,
        rest(answer, taken) if not answer.keys() <= taken else {},
    )


def read_head(data: Mapping[str, Any]) -> tuple[str, str, int]:
    """Id, model and Unix time of an answer; empty or zero where they are not told."""
    answer_id, model, created = data.get("id"), data.get("model"), data.get("created")
    return (
        answer_id if isinstance(answer_id, str) else "",
        model if isinstance(model, str) else "",
        int(created) if isinstance(created, (int, float)) and 0 < created < LATEST else 0,
    )


def made_id(seed: str, place: int) -> str:
    """An id for a call that has none: one that no other call of a conversation has."""
    return f"call_{hashlib.sha256(f'{seed}/{place}'.encode('utf-8', 'replace')).hexdigest()[:24]}"


def _choice(data: Mapping[str, Any], seed: str) -> Choice:
    given = data.get("message")
    if isinstance(given, dict):
        message = decode_turn(given, "", made_id=lambda place: made_id(seed, place))
    else:
        text = data.get("text")
        message = Message("assistant", [Text(text)] if isinstance(text, str) and text else [])
    told = _take_logprobs(data.get("logprobs"), message)
    extra = choice_extra(data, ("message", "text", "logprobs") if told else ("message", "text"))
    native, sequence = read_finish(data)
    return Choice(message, derive_finish(native, message.parts, sequence=sequence), extra)


def choice_extra(data: Mapping[str, Any], taken: tuple[str, ...]) -> Extra:
    """What a choice holds beside its answer."""
    known = {"index", "finish_reason", *taken}
    if data.get("logprobs") is None:
        known.add("logprobs")
    return rest(data, known) if not data.keys() <= known else {}


def read_finish(data: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """A choice's finish reason, and the stop text that some hosts tell."""
    native, sequence = data.get("finish_reason"), data.get("stop_reason")
    return (
        native if isinstance(native, str) and native else None,
        sequence if isinstance(sequence, str) else None,
    )


def _take_logprobs(given: Any, message: Message) -> bool:
    """Give the log probabilities of a choice to the texts they are of; say whether all are given."""
    if not isinstance(given, dict) or is_blank(given) or not given.keys() <= {"content", "refusal"}:
        return False
    for name, refusal in (("content", False), ("refusal", True)):
        if not given.get(name):
            continue
        texts = [part for part in message.parts if isinstance(part, Text) and part.refusal is refusal]
        if not texts or not isinstance(given[name], list):
            return False
        texts[0].logprobs = given[name]
    if "refusal" not in given:
        keep(message.extra, "~logprobs", "content")
    return True
