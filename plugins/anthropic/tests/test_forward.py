"""Forwarding."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pointsman.dialects import Quirks
from pointsman.sealing import seal
from pointsman.testing import Recording
from pointsman.types import Reasoning, Request
from pointsman_anthropic.forward import forward

Make = Callable[[dict[str, Any]], Request]


def forwarded(
    request: Request, *, model: str = "claude-sonnet-4-5", **options: Any
) -> tuple[dict[str, Any], list[str]]:
    raw, lost = forward(request, **{"model": model, "quirks": Quirks(), "params": {}, **options})
    return json.loads(raw), lost


def test_a_request_in_which_nothing_changes_goes_out_as_it_came() -> None:
    raw = b'{ "model":"m", "max_tokens" : 5, "messages":[{"role":"user","content":"Hi"}] }'
    assert forward(Request(raw), model="m", quirks=Quirks(), params={}) == (raw, [])


def test_the_model_and_missing_parameters_are_set(request_of: Make) -> None:
    body, lost = forwarded(
        request_of({"max_tokens": 5}), model="x", params={"max_tokens": 9, "temperature": 0}
    )
    assert (body["model"], body["max_tokens"], body["temperature"], lost) == ("x", 5, 0, [])


def test_max_tokens_is_always_there(request_of: Make) -> None:
    assert forwarded(request_of({}))[0]["max_tokens"] == 8192
    assert forwarded(request_of({}), params={"max_tokens": 3})[0]["max_tokens"] == 3
    thinking = {"type": "enabled", "budget_tokens": 10_000}
    assert forwarded(request_of({"thinking": thinking}))[0]["max_tokens"] == 18_192
    assert "max_tokens" not in forwarded(request_of({}), refused={"max_tokens"}, params={"max_tokens": 3})[0]


def test_members_for_the_gateway_go_no_further_unless_the_host_knows_them(request_of: Make) -> None:
    request = request_of({"models": ["a"], "provider": {}, "fallbacks": None, "preset": "p"})
    body, lost = forwarded(request)
    assert (set(body), lost) == ({"model", "messages", "max_tokens"}, ["preset"])
    assert forwarded(request, quirks=Quirks(keeps=frozenset({"models"})))[0]["models"] == ["a"]


def test_quirks_rename_and_drop(request_of: Make) -> None:
    quirks = Quirks(drop=frozenset({"top_k"}), rename={"metadata": "meta"})
    body, lost = forwarded(request_of({"top_k": 1, "metadata": {"user_id": "u"}}), quirks=quirks)
    assert (body["meta"], lost) == ({"user_id": "u"}, ["top_k"])
    assert not {"top_k", "metadata"} & set(body)


SEALED = seal(Reasoning("Hm", signature="s", origin="openai-responses"))


def test_sealed_thoughts_are_taken_out_and_everything_else_stays(request_of: Make) -> None:
    own = {"type": "thinking", "thinking": "Ha", "signature": "EqQB"}
    messages = [
        {"role": "user", "content": "pm1. is only a text"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm", "signature": SEALED}]},
        {
            "role": "assistant",
            "content": [{"type": "redacted_thinking", "data": SEALED}, own, {"type": "text", "text": "b"}],
        },
        {"role": "user", "content": [{"type": "text", "text": SEALED}]},
    ]
    body, lost = forwarded(
        request_of({"messages": messages, "thinking": {"type": "enabled", "budget_tokens": 1024}})
    )
    assert lost == ["reasoning"]
    assert body["messages"] == [
        messages[0],
        {"role": "assistant", "content": [own, {"type": "text", "text": "b"}]},
        messages[3],
    ]
    assert "thinking" in body


def test_a_mention_of_a_seal_changes_nothing(request_of: Make) -> None:
    messages = [{"role": "user", "content": "what is pm1.abc?"}]
    request = request_of({"messages": messages, "max_tokens": 5})
    assert forward(request, model="claude-sonnet-4-5", quirks=Quirks(), params={}) == (request.raw, [])


def test_a_turn_that_lost_its_thoughts_does_not_go_on_thinking_in_a_budget(request_of: Make) -> None:
    messages = [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": SEALED},
                {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]},
    ]
    body, lost = forwarded(
        request_of({"messages": messages, "thinking": {"type": "enabled", "budget_tokens": 1024}})
    )
    assert ("thinking" in body, lost) == (False, ["reasoning"])
    assert "thinking" in forwarded(request_of({"messages": messages, "thinking": {"type": "adaptive"}}))[0]


def test_every_recorded_request_goes_out_as_it_came(recorded: list[Recording]) -> None:
    for each in recorded:
        raw = json.dumps(each.request).encode()
        refused = () if "max_tokens" in each.request else ("max_tokens",)
        out, lost = forward(
            Request(raw), model=each.request["model"], quirks=Quirks(), params={}, refused=refused
        )
        assert (out, lost) == (raw, []), each.id
