"""Whole answers: a response object read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.errors import BadRequest, MalformedAnswer
from pointsman.losses import Losses
from pointsman.types import Choice, Extra, Finish, Message, Request, Response, derive_finish

from .errors import fault_in
from .items import Turn, read_item
from .notes import AS, DIALECT, form_of
from .output import Output
from .tap import native_finish, read_answer
from .usage import usage_in, usage_object

__all__ = ["decode_response", "encode_response", "ended", "response_object"]

_encode = msgspec.json.Encoder().encode
_CANONICAL = frozenset({"id", "model", "output"})
_SAID = frozenset(
    {
        *("object", "status", "error", "incomplete_details", "instructions", "max_output_tokens"),
        *("max_tool_calls", "parallel_tool_calls", "previous_response_id", "prompt_cache_key"),
        *("prompt_cache_retention", "prompt_cache_options", "reasoning", "safety_identifier"),
        *("service_tier", "store", "temperature", "text", "tool_choice", "tools", "top_logprobs"),
        *("top_p", "truncation", "user", "metadata", "background", "created_at", "completed_at"),
        *("frequency_penalty", "presence_penalty", "output_text", "usage", "billing", "tool_usage"),
    }
)
"""Members that repeat the request, or say what is said elsewhere: no loss in another dialect."""
_PLACED = _CANONICAL | _SAID
_REASONS: Mapping[str, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why an answer is incomplete, by the canonical reason."""
_ECHOES: Mapping[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What an answer repeats of its request, and what it says where the request is silent."""


def decode_response(body: bytes) -> Response:
    """A provider's whole answer. Raises UpstreamStatus and MalformedAnswer."""
    answer = read_answer(body)
    fault = fault_in(answer, phase="body")
    if fault is not None:
        raise fault
    turn = Turn()
    try:
        for index, item in enumerate(answer["output"]):
            if isinstance(item, dict):
                read_item(item, f"output[{index}]", turn)
    except BadRequest as error:
        raise MalformedAnswer(f"in the provider's answer {error.message}", phase="body") from None
    finish = derive_finish(native_finish(answer), turn.parts)
    ident, model, created = answer.get("id"), answer.get("model"), answer.get("created_at")
    return Response(
        ident if isinstance(ident, str) else "",
        model if isinstance(model, str) else "",
        int(created) if isinstance(created, int | float) and 0 < created < 2**53 else 0,
        [Choice(Message("assistant", turn.parts, turn.extra), finish, unplaced(answer))],
        usage_in(answer),
        {DIALECT: {AS: echo(answer)}},
    )


def unplaced(answer: Mapping[str, Any]) -> Extra:
    """The members that mean something, and that no other dialect has."""
    if answer.keys() <= _PLACED:
        return {}
    rest = {name: value for name, value in answer.items() if value and name not in _PLACED}
    return {DIALECT: rest} if rest else {}


def echo(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The members that are not canonical, or not of a canonical type, as they are."""
    kept = dict(answer)
    for name in _CANONICAL:
        kept.pop(name, None)
    if isinstance(kept.get("created_at"), int):
        del kept["created_at"]
    if isinstance(kept.get("usage"), dict):
        del kept["usage"]
    return kept


def encode_response(response: Response, *, request: Request, losses: Losses) -> bytes:
    """A canonical answer as a response object. There is room for one choice."""
    if len(response.choices) > 1:
        losses.answered("choices")
    choice = response.choices[0] if response.choices else Choice(Message("assistant", []), Finish("stop"))
    form = form_of(response.extra)
    output = Output(response.id, request, losses)
    items = output.items(choice.message, incomplete=choice.finish.reason in _REASONS)
    if form is None:
        losses.answered_extras(response.extra, own=DIALECT)
        losses.answered_extras(choice.extra, own=DIALECT)
        losses.answered_extras(choice.message.extra, own=DIALECT, path="message")
        if choice.finish.sequence is not None:
            losses.answered("stop_sequence")
        body = response_object(response, request)
        body.update(ended(choice.finish, response.created))
    else:
        body = {"id": response.id, "created_at": response.created, "model": response.model, **form}
    body["output"] = items
    if response.usage is not None:
        body["usage"] = usage_object(response.usage)
    return _encode(body)


def response_object(response: Response, request: Request) -> dict[str, Any]:
    """A response that has just begun, with what it repeats of its request."""
    asked = request.body
    given = {name: value for name, value in asked.items() if value is not None and name in _ECHOES}
    tools = asked.get("tools")
    reasoning = asked.get("reasoning")
    usage, mine = response.usage, DIALECT in response.extra
    return {
        "id": response.id if mine or response.id.startswith("resp_") else f"resp_{response.id}",
        "object": "response",
        "created_at": response.created,
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": response.model,
        "output": [],
        **_ECHOES,
        **given,
        "reasoning": {"effort": None, "summary": None, **(reasoning if isinstance(reasoning, dict) else {})},
        "service_tier": (usage.service_tier if usage else None) or "default",
        "store": False,
        "tools": [_tool(tool) for tool in tools] if isinstance(tools, list) else [],
        "usage": None,
    }


def _tool(tool: Any) -> Any:
    """A tool as answers repeat it: with the members that requests may leave out."""
    if isinstance(tool, dict) and tool.get("type") == "function":
        return {"description": None, "parameters": None, "strict": None, **tool}
    return tool


def ended(finish: Finish, at: int) -> dict[str, Any]:
    """The members that say how an answer ended; `at` is when, in Unix seconds."""
    if finish.reason == "error":
        fault = {"code": "server_error", "message": "the model stopped with an error"}
        return {"status": "failed", "error": fault}
    reason = _REASONS.get(finish.reason)
    if reason is not None:
        return {"status": "incomplete", "incomplete_details": {"reason": reason}}
    return {"status": "completed", "completed_at": at}
