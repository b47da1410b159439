"""Whole answers, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import MalformedAnswer
from pointsman.losses import Losses
from pointsman.testing import Recording
from pointsman.types import (
    Choice,
    Citation,
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
    Usage,
)
from pointsman_gemini.answer import Calls, citations_in, decode_answer, encode_answer, finish_reason, head_of
from pointsman_gemini.parts import UNSIGNED, opened


def whole(*parts: Any, finish: str | None = "STOP", **rest: Any) -> bytes:
    candidate = {"content": {"parts": list(parts), "role": "model"}, **rest}
    if finish is not None:
        candidate["finishReason"] = finish
    return json.dumps({"candidates": [candidate], "responseId": "r1", "modelVersion": "m"}).encode()


def written(*parts: Part, finish: Finish | None = None, **fields: Any) -> tuple[Any, Losses]:
    losses = Losses()
    choice = Choice(Message("assistant", list(parts)), finish or Finish("stop"))
    response = Response("r1", "m", 1, [choice], **fields)
    return json.loads(encode_answer(response, losses=losses)), losses


def test_an_answer_is_read() -> None:
    body = {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "Hm.", "thought": True},
                        {"text": "So."},
                        {"text": ""},
                        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
                        {"functionCall": {"id": "own", "name": "g"}},
                        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
                    ]
                },
                "finishReason": "STOP",
                "index": 0,
                "safetyRatings": [],
            }
        ],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3},
        "modelVersion": "gemini-3",
        "responseId": "r1",
        "createTime": "2026-02-15T07:50:39.884152Z",
    }
    response = decode_answer(json.dumps(body).encode())
    assert (response.id, response.model, response.created) == ("r1", "gemini-3", 1771141839)
    (choice,) = response.choices
    thought, text, signs, call, own, picture = choice.message.parts
    assert isinstance(thought, Reasoning)
    assert isinstance(text, Text)
    assert isinstance(signs, Reasoning)
    assert isinstance(call, ToolCall)
    assert isinstance(own, ToolCall)
    assert isinstance(picture, Media)
    assert (signs.redacted, signs.id) == ("c2ln", call.id)
    assert (own.id, own.arguments) == ("own", "{}")
    assert choice.finish == Finish("tool_calls", "STOP")
    assert choice.extra == {"gemini": {"safetyRatings": []}}
    assert response.usage is not None
    assert (response.usage.input, response.usage.output) == (5, 3)


def test_ids_that_are_made_differ_from_answer_to_answer() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    parts = decode_answer(whole(call, call)).choices[0].message.parts
    other = decode_answer(whole(call).replace(b"r1", b"r2")).choices[0].message.parts
    assert len({each.id for each in (*parts, *other) if isinstance(each, ToolCall)}) == 3
    assert Calls("")("f", None) != Calls("")("f", None), "also where an answer has no id"
    assert Calls("")("f", "own") == "own"


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        *((each, "content_filter") for each in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT")),
        *((each, "content_filter") for each in ("SPII", "MODEL_ARMOR", "IMAGE_SAFETY", "IMAGE_RECITATION")),
        *((each, "error") for each in ("MALFORMED_FUNCTION_CALL", "OTHER", "MISSING_THOUGHT_SIGNATURE")),
        ("LANGUAGE", "content_filter"),
        ("TOO_MANY_TOOL_CALLS", "error"),
        ("SOMETHING_NEW", "stop"),
        (None, "stop"),
    ],
)
def test_why_an_answer_ended(native: str | None, reason: str) -> None:
    assert decode_answer(whole(finish=native)).choices[0].finish == Finish(reason, native)  # type: ignore[arg-type]


def test_a_call_of_a_function_that_is_not_there_is_a_call() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    answer = decode_answer(whole(call, finish="UNEXPECTED_TOOL_CALL"))
    assert answer.choices[0].finish.reason == "tool_calls"


@pytest.mark.parametrize(
    ("feedback", "text"),
    [
        ({"blockReason": "SAFETY"}, "the prompt was blocked: SAFETY"),
        ({"blockReason": "OTHER", "blockReasonMessage": "No."}, "No."),
    ],
)
def test_a_prompt_that_is_blocked_is_a_refusal(feedback: dict[str, Any], text: str) -> None:
    body = {"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 9}}
    response = decode_answer(json.dumps(body).encode())
    (choice,) = response.choices
    assert choice.message.parts == [Text(text, refusal=True)]
    assert choice.finish.reason == "content_filter"
    assert response.extra["gemini"] == {"promptFeedback": feedback}
    assert response.usage is not None
    assert response.usage.input == 9


def test_pages_are_cited_where_the_text_stands_alone() -> None:
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://a", "title": "A"}},
            {"retrievedContext": {}},
            {"web": {}},
        ],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 6}, "groundingChunkIndices": [0, 1, 2, 9, "odd"]},
            {"segment": {"endIndex": 99}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": ["odd"], "endIndex": 1}, "groundingChunkIndices": [0]},
            {"segment": 5},
            5,
        ],
    }
    answer = decode_answer(whole({"text": "é öl."}, groundingMetadata=grounding))
    (text,) = answer.choices[0].message.parts
    assert isinstance(text, Text)
    first, second, third = text.citations
    assert (first.url, first.title, first.start, first.end) == ("https://a", "A", 2, 4)
    assert (second.start, second.end) == (0, None)
    assert (third.start, third.end) == (None, 0)
    assert answer.choices[0].extra["gemini"]["groundingMetadata"] == grounding
    two = decode_answer(whole({"text": "a"}, {"text": "b"}, groundingMetadata=grounding))
    assert all(not part.citations for part in two.choices[0].message.parts if isinstance(part, Text))


def test_a_text_is_read_once_for_all_places_in_it() -> None:
    """Each place read from the beginning made a long answer a matter of minutes."""
    text, most = "aé€😀" * 50_000, 10 * 50_000
    supports = [
        {"segment": {"startIndex": at, "endIndex": most - at}, "groundingChunkIndices": [0]}
        for at in range(50_000)
    ]
    grounding = {"groundingChunks": [{"web": {"uri": "https://a"}}], "groundingSupports": supports}
    found = citations_in({"groundingMetadata": grounding}, text)
    assert [each.start for each in found[:11]] == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4]
    assert [each.end for each in found[:3]] == [200_000, 199_999, 199_999]


def test_log_probabilities_are_of_the_first_text() -> None:
    chosen = {"chosenCandidates": [{"token": "So", "logProbability": -0.1}]}
    choice = decode_answer(whole({"text": "So"}, logprobsResult=chosen)).choices[0]
    (text,) = choice.message.parts
    assert isinstance(text, Text)
    assert text.logprobs is not None
    assert text.logprobs[0]["token"] == "So"
    assert choice.extra == {}
    silent = decode_answer(whole(logprobsResult=chosen)).choices[0]
    assert silent.extra == {"gemini": {"logprobsResult": chosen}}


def test_candidates_come_in_the_order_of_their_numbers() -> None:
    candidates = [
        {"index": 1, "content": {"parts": [{"text": "b"}]}},
        {"content": {"parts": [{"text": "a"}]}},
    ]
    candidates[1]["index"] = 0
    response = decode_answer(json.dumps({"candidates": candidates}).encode())
    assert [choice.message.text for choice in response.choices] == ["a", "b"]


def test_heads() -> None:
    assert head_of({"responseId": 5, "modelVersion": None})[:2] == ("", "")
    assert head_of({"createTime": "soon"})[2] > 1_700_000_000


def test_nonsense_is_refused() -> None:
    with pytest.raises(MalformedAnswer):
        decode_answer(b"{}")


def test_recorded_answers_come_back_as_they_were(answers: list[Recording]) -> None:
    for recording in answers:
        response = decode_answer(recording.body)
        losses = Losses()
        body = json.loads(encode_answer(response, losses=losses))
        expected = json.loads(recording.body)
        if "candidates" not in expected:
            assert body["promptFeedback"] == expected["promptFeedback"]
            continue
        for candidate in (*body["candidates"], *expected["candidates"]):
            candidate.pop("index", None)
            content = candidate.setdefault("content", {})
            content.update(role="model", parts=content.get("parts", []))
            for token in candidate.get("logprobsResult", {}).get("chosenCandidates", ()):
                token.pop("tokenId", None)
            for near in candidate.get("logprobsResult", {}).get("topCandidates", ()):
                for token in near["candidates"]:
                    token.pop("tokenId", None)
        if "responseId" not in expected:
            del body["responseId"]
        assert body == expected, recording.id
        assert losses == Losses()


def test_an_answer_of_another_dialect() -> None:
    body, losses = written(
        Reasoning("Hm.", "theirs", origin="other"),
        Text("So."),
        ToolCall("x", "f", '{"a": 1}'),
        Media("image", data="AA==", mime="image/png"),
        Media("image", url="https://example.org/a.png"),
        finish=Finish("tool_calls", "tool_calls"),
        usage=Usage(5, 3),
    )
    (candidate,) = body["candidates"]
    thought, *rest = candidate["content"]["parts"]
    assert rest == [
        {"text": "So."},
        {"functionCall": {"id": "x", "name": "f", "args": {"a": 1}}, "thoughtSignature": UNSIGNED},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"fileData": {"fileUri": "https://example.org/a.png"}},
    ]
    assert (thought["text"], thought["thought"]) == ("Hm.", True)
    assert opened(thought["thoughtSignature"], "Hm.") == Reasoning("Hm.", "theirs", origin="other")
    assert (candidate["finishReason"], candidate["index"]) == ("STOP", 0)
    assert body["usageMetadata"]["totalTokenCount"] == 8
    assert (body["responseId"], body["modelVersion"]) == ("r1", "m")
    assert losses == Losses()


def test_signatures_of_this_dialect_stand_where_they_did() -> None:
    body, _ = written(
        Reasoning("", redacted="sx", origin="gemini", id="x"),
        ToolCall("x", "f", "{}"),
        Reasoning("", redacted="st", origin="gemini"),
    )
    assert body["candidates"][0]["content"]["parts"] == [
        {"functionCall": {"id": "x", "name": "f", "args": {}}, "thoughtSignature": "sx"},
        {"text": "", "thoughtSignature": "st"},
    ]


def test_only_the_first_call_of_another_model_needs_what_stands_for_a_signature() -> None:
    body, _ = written(ToolCall("x", "f", "{}"), ToolCall("y", "f", "{}"))
    first, second = body["candidates"][0]["content"]["parts"]
    assert (first["thoughtSignature"], "thoughtSignature" in second) == (UNSIGNED, False)


def test_what_an_answer_has_no_place_for_is_told() -> None:
    tokens = [{"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}]
    body, losses = written(
        Text("a", {"other": {"odd": 1}}, citations=[Citation("https://a")], logprobs=tokens),
        Unknown("other", {"type": "widget"}),
        Unknown("other", 5),
        ToolResult("x", []),
        finish=Finish("stop", "stop_sequence", sequence="END"),
        extra={"other": {"system_fingerprint": "f"}},
    )
    assert losses.answer == [
        *("system_fingerprint", "stop_sequence", "content.odd", "citations", "widget", "content"),
    ]
    candidate = body["candidates"][0]
    assert candidate["content"]["parts"] == [{"text": "a"}]
    assert candidate["logprobsResult"]["chosenCandidates"] == [{"token": "a", "logProbability": -1.0}]


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (Finish("length", "length"), "MAX_TOKENS"),
        (Finish("content_filter", "refusal"), "SAFETY"),
        (Finish("content_filter", "RECITATION"), "RECITATION"),
        (Finish("error", "x"), "OTHER"),
    ],
)
def test_words_for_the_end(finish: Finish, word: str) -> None:
    assert finish_reason(finish) == word
