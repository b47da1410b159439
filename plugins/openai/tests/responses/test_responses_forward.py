"""Forwarding requests in their own dialect."""

from __future__ import annotations

import json
from typing import Any

from pointsman.dialects import Quirks
from pointsman.sealing import seal
from pointsman.types import Reasoning, Request
from pointsman_openai.responses.forward import forward

NONE = Quirks()


def sent(body: dict[str, Any], quirks: Quirks = NONE, **params: Any) -> tuple[Any, list[str]]:
    data, lost = forward(Request.of(body), model="m", quirks=quirks, params=params)
    return json.loads(data), lost


def test_a_request_in_which_nothing_changes_keeps_its_bytes() -> None:
    raw = b'{ "input" : "x",  "model":"m" }'
    assert forward(Request(raw), model="m", quirks=NONE, params={}) == (raw, [])


def test_the_model_is_set_and_params_are_added_that_are_missing() -> None:
    body, lost = sent({"model": "a/b", "input": "x", "top_p": 0.5}, top_p=1, temperature=0)
    assert body == {"model": "m", "input": "x", "top_p": 0.5, "temperature": 0}
    assert lost == []


def test_what_was_meant_for_the_gateway_is_consumed_unless_the_host_is_one() -> None:
    body = {"model": "m", "input": "x", "models": ["n"], "usage": {"include": True}, "provider": {"only": []}}
    assert sent(body) == ({"model": "m", "input": "x"}, [])
    assert sent(body, Quirks(keeps=frozenset({"models", "provider", "usage"})))[0] == body


def test_quirks_rename_and_drop() -> None:
    quirks = Quirks(rename={"max_output_tokens": "max_tokens"}, drop=frozenset({"store"}))
    body, lost = sent({"model": "m", "input": "x", "max_output_tokens": 9, "store": True}, quirks)
    assert body == {"model": "m", "input": "x", "max_tokens": 9}
    assert lost == ["store"]


def test_sealed_reasoning_is_taken_out_and_all_else_stays() -> None:
    sealed = seal(Reasoning("hm", signature="s", origin="anthropic-messages"), text=True)
    own = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAA"}
    user = {"role": "user", "content": f"what is {sealed}?"}
    items = [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": sealed}, own, user]
    body, lost = sent({"model": "m", "input": items})
    assert body["input"] == [own, user]
    assert lost == ["reasoning"]


def test_a_text_that_only_mentions_a_seal_changes_nothing() -> None:
    for given in ("pm1.abc", [{"role": "user", "content": "pm1.abc"}]):
        raw = json.dumps({"model": "m", "input": given}).encode()
        assert forward(Request(raw), model="m", quirks=NONE, params={}) == (raw, [])
