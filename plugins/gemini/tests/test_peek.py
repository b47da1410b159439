"""Peeking."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import Peek, Request
from pointsman_gemini.peek import peek

CONTENTS = [{"role": "user", "parts": [{"text": "Hi"}]}]


def test_what_routing_needs() -> None:
    body = {
        "model": "m",
        "models": ["n"],
        "stream": True,
        "contents": CONTENTS,
        "generation_config": {"maxOutputTokens": 9, "candidate_count": 2},
        "tools": [{"googleSearch": {}}],
    }
    found = peek(Request.of(body))
    size = len('[{"role":"user","parts":[{"text":"Hi"}]}]') + len('[{"googleSearch":{}}]')
    assert found == Peek(
        "m",
        stream=True,
        max_tokens=9,
        choices=2,
        characters=size,
        has_tools=True,
        usage_in_stream=True,
        models=("n",),
    )
    assert peek(Request.of({"model": "m", "contents": CONTENTS[0]})).choices == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"contents": CONTENTS}, "model"),
        ({"model": "m"}, "contents"),
        ({"model": "m", "contents": []}, "contents"),
        ({"model": "m", "contents": "Hi"}, "contents"),
        ({"model": "m", "contents": CONTENTS, "stream": "yes"}, "stream"),
        ({"model": "m", "contents": CONTENTS, "tools": 5}, "tools"),
        ({"model": "m", "contents": CONTENTS, "generationConfig": 5}, "generationConfig"),
        (
            {"model": "m", "contents": CONTENTS, "generationConfig": {"maxOutputTokens": 0}},
            "generationConfig.maxOutputTokens",
        ),
        ({"model": "m", "contents": CONTENTS, "~note": 1}, "~note"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        peek(Request.of(body))
    assert caught.value.param == param
