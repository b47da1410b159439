"""Forwarding."""

from __future__ import annotations

import json
from typing import Any

from pointsman.dialects import Quirks
from pointsman.types import Reasoning, Request
from pointsman_gemini.forward import forward
from pointsman_gemini.parts import sealed

CONTENTS = [{"role": "user", "parts": [{"text": "Hi"}]}]


def sent(body: dict[str, Any], *, quirks: Quirks | None = None, **params: Any) -> tuple[Any, list[str]]:
    raw, lost = forward(Request.of(body), quirks=quirks or Quirks(), params=params)
    return json.loads(raw), lost


def test_model_and_stream_are_no_members() -> None:
    assert sent({"model": "m", "stream": True, "contents": CONTENTS}) == ({"contents": CONTENTS}, [])


def test_what_is_for_the_gateway_stays_here() -> None:
    body = {"contents": CONTENTS, "models": ["n"], "provider": {"only": ["x"]}, "preset": "p"}
    assert sent(body) == ({"contents": CONTENTS}, ["preset"])
    assert "provider" in sent(body, quirks=Quirks(keeps=frozenset({"provider"})))[0]


def test_a_request_in_which_nothing_changes_goes_as_it_came() -> None:
    raw = b'{ "contents" : [{"parts": [{"text": "\\u00e9"}]}] }'
    assert forward(Request(raw), quirks=Quirks(), params={}) == (raw, [])


def test_defaults_are_added_where_they_belong() -> None:
    body, lost = sent(
        {"contents": CONTENTS, "generationConfig": {"topP": 0.5}},
        max_tokens=100,
        top_p=0.9,
        stop="END",
        thinkingConfig={"thinkingBudget": 0},
        safetySettings=[{"category": "X"}],
        service_tier="flex",
    )
    assert body == {
        "contents": CONTENTS,
        "generationConfig": {
            "topP": 0.5,
            "maxOutputTokens": 100,
            "stopSequences": ["END"],
            "thinkingConfig": {"thinkingBudget": 0},
        },
        "safetySettings": [{"category": "X"}],
        "serviceTier": "flex",
    }
    assert lost == []
    spelled = {"contents": CONTENTS, "generation_config": {"top_p": 0.5}, "safety_settings": []}
    assert sent(spelled, top_p=0.9, safetySettings=[1])[0] == spelled


def test_defaults_are_added_where_the_configuration_is_null() -> None:
    for name in ("generationConfig", "generation_config"):
        body = {"contents": CONTENTS, name: None}
        assert sent(body, top_p=0.9)[0] == {"contents": CONTENTS, name: {"topP": 0.9}}
        assert sent(body, safetySettings=[])[0] == {**body, "safetySettings": []}


def test_thoughts_of_other_dialects_are_taken_out() -> None:
    signature = sealed(Reasoning("Hm.", "theirs", origin="other"))
    contents = [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "Hm.", "thought": True, "thoughtSignature": signature}]},
        {
            "role": "model",
            "parts": [
                {"text": "", "thought_signature": signature},
                {"text": "So.", "thoughtSignature": signature},
                {"text": "Own.", "thoughtSignature": "c2ln"},
            ],
        },
        {"role": "user"},
    ]
    body, lost = sent({"contents": contents})
    assert lost == ["reasoning"]
    assert body["contents"] == [
        contents[0],
        {"role": "model", "parts": [{"text": "So."}, {"text": "Own.", "thoughtSignature": "c2ln"}]},
        {"role": "user"},
    ]


def test_what_only_looks_sealed_stays() -> None:
    contents = [{"role": "user", "parts": [{"text": "cG0xLg"}, "odd"]}]
    assert sent({"contents": contents}) == ({"contents": contents}, [])


def test_quirks() -> None:
    body = {"contents": CONTENTS, "safetySettings": [], "cachedContent": "c"}
    quirks = Quirks(drop=frozenset({"cachedContent"}), rename={"safetySettings": "safety"})
    assert sent(body, quirks=quirks) == ({"contents": CONTENTS, "safety": []}, ["cachedContent"])
