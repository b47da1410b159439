"""What is read of requests, in each client's dialect."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.types import Request
from pointsman_thrift.tasks.prompt import Prompt, prompt_of

PIXEL = "iVBORw0KGgo="


def read(**body: Any) -> Prompt:
    return prompt_of(Request.of({"model": "m", **body}))


SAME = {
    "openai-chat": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "First"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": [{"type": "text", "text": "Second"}]},
        ]
    },
    "openai-responses": {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "First"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes?"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "Second"}]},
        ],
    },
    "anthropic-messages": {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": "First"},
            {"role": "assistant", "content": [{"type": "text", "text": "Yes?"}]},
            {"role": "user", "content": [{"type": "text", "text": "Second"}]},
        ],
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "First"}]},
            {"role": "model", "parts": [{"text": "Yes?"}]},
            {"role": "user", "parts": [{"text": "Second"}]},
        ],
    },
}


@pytest.mark.parametrize("dialect", SAME)
def test_the_last_question_the_earlier_ones_and_the_instructions_are_read(dialect: str) -> None:
    assert read(**SAME[dialect]) == Prompt("Second", "First", "Be brief.")


RESULTS = {
    "openai-chat": {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "sunny"},
        ]
    },
    "openai-responses": {
        "input": [
            {"role": "user", "content": "Weather?"},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "sunny"},
        ]
    },
    "anthropic-messages": {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "sunny"}]},
        ]
    },
    "gemini": {
        "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"sky": "sunny"}}}]},
        ]
    },
}


@pytest.mark.parametrize("dialect", RESULTS)
def test_a_tools_result_is_seen_and_no_question(dialect: str) -> None:
    assert read(**RESULTS[dialect]) == Prompt("Weather?", answered=True)


@pytest.mark.parametrize("dialect", RESULTS)
def test_a_result_before_the_last_question_is_past(dialect: str) -> None:
    turns = next(name for name in ("messages", "input", "contents") if name in RESULTS[dialect])
    text = [{"text": "Thanks"}] if dialect == "gemini" else "Thanks"
    said = {"role": "user", "parts" if dialect == "gemini" else "content": text}
    found = read(**{turns: [*RESULTS[dialect][turns], said]})
    assert found == Prompt("Thanks", "Weather?")


def test_what_comes_with_a_request_is_seen() -> None:
    url = f"data:image/png;base64,{PIXEL}"
    image = {"type": "image_url", "image_url": {"url": url}}
    found = read(
        messages=[{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}],
        tools=[{"type": "function"}, {"type": "function"}],
        response_format={"type": "json_schema", "json_schema": {}},
    )
    assert (found.tools, found.schema, found.media) == (2, True, {"image"})
    found = read(
        contents=[{"role": "user", "parts": [{"inlineData": {"mimeType": "application/pdf", "data": ""}}]}],
        generationConfig={"responseSchema": {}},
    )
    assert (found.schema, found.media, found.last) == (True, {"document"}, "")
    file = {"type": "document", "source": {"type": "base64", "data": PIXEL}}
    found = read(messages=[{"role": "user", "content": [file]}])
    assert (found.schema, found.media) == (False, {"document"})


@pytest.mark.parametrize(
    "body",
    [
        {"messages": "no list"},
        {"messages": [3, None, "text"]},
        {"messages": [{"role": 5}]},
        {"messages": [{"role": "user", "content": {"type": "other", "text": "x"}}]},
        {"contents": None, "tools": {}},
        {"tools": "none", "text": 3},
        {},
    ],
)
def test_what_makes_no_sense_is_read_as_far_as_it_does(body: dict[str, Any]) -> None:
    assert isinstance(read(**body), Prompt)


def test_a_text_in_place_of_turns_is_the_question() -> None:
    assert read(input="Hello").last == "Hello"
    assert read(prompt="Once upon a time").last == "Once upon a time"
    assert read(prompt=["Once", "upon"]).last == "upon"


def test_long_texts_are_kept_at_their_ends() -> None:
    found = read(messages=[{"role": "user", "content": "a" * 100_000 + "z"}])
    assert len(found.last) == 4001
    assert found.last.endswith("z")


def test_of_many_turns_a_few_are_read() -> None:
    turns = [{"role": "user", "content": str(number)} for number in range(100)]
    assert read(messages=turns) == Prompt("99", "96\n97\n98")
