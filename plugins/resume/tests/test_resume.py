"""A provider is killed in the middle of its answer, and the client gets one answer all the same."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.testing import Close, Hang, Received, Reset, Script, StreamClient
from pointsman.types import ToolCall, Usage

Staging = Callable[..., Any]
Wire = Callable[..., list[bytes]]
DIALECTS = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"]
CHAT, RESPONSES, MESSAGES, GEMINI = DIALECTS
BEGUN = ("Once upon ", "a time there ", "was a poi")
REST = ("ntsman who ", "never slept.")
SAID, WHOLE = "".join(BEGUN), "".join(BEGUN + REST)
ERROR = b'data: {"error":{"message":"went away","type":"server_error","code":500}}\n\n'


def broken(wire: Wire, dialect: str = CHAT, *, by: Any = None, **options: Any) -> tuple[str, Script]:
    """A provider that dies in the middle of its answer."""
    return dialect, Script.sse([*wire(dialect, *BEGUN, end=False, **options), by or Close()])


def going_on(wire: Wire, dialect: str = CHAT, *pieces: str, **options: Any) -> tuple[str, Script]:
    """A provider that says the rest."""
    return dialect, Script.sse(wire(dialect, *(pieces or REST), name="other", **options))


@pytest.mark.parametrize("second", DIALECTS)
@pytest.mark.parametrize("first", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
async def test_a_stream_that_is_cut_goes_on_at_another_endpoint(
    stage: Staging, wire: Wire, client: str, first: str, second: str
) -> None:
    async with stage(broken(wire, first), going_on(wire, second, usage=Usage(20, 3))) as staged:
        heard = await staged.ask(client)
        heard.check()
        assert heard.text == WHOLE
        row = await staged.row()
        assert (row["outcome"], row["finish"], row["attempts"]) == ("complete", "stop", 2)
        cut, rest = json.loads(row["tried"])
        assert (cut["endpoint"], "continues" in cut) == ("p0/m", False)
        assert (rest["endpoint"], rest["continues"], rest["output"]) == ("p1/m", True, 3)
        assert row["cost_nano"] == cut["cost_nano"] + rest["cost_nano"] > 0
        told = heard.response.usage
        assert (told.input, told.output) == (cut["input"] + 20, cut["output"] + 3), "what both have used"
        assert (row["input_tokens"], row["output_tokens"]) == (told.input, told.output)
        (asked,) = staged.providers[1].requests
        assert SAID in asked.body.decode()
        assert b"p0" not in asked.body


@pytest.mark.parametrize("client", DIALECTS)
async def test_without_it_a_stream_that_is_cut_ends_with_an_error(
    stage: Staging, wire: Wire, client: str
) -> None:
    async with stage(broken(wire, client), going_on(wire, client), settings={}) as staged:
        heard = await staged.ask(client)
        assert not heard.whole
        assert len(heard.errors) == 1
        assert "".join(spoken(client, heard.events)) == SAID
        assert staged.providers[1].requests == []
        assert (await staged.row())["outcome"] == "incomplete"


@pytest.mark.parametrize("by", ["reset", "stall", "error event", "nonsense", "half an event"])
@pytest.mark.parametrize("client", [CHAT, MESSAGES])
async def test_whatever_breaks_a_stream_it_goes_on(stage: Staging, wire: Wire, client: str, by: str) -> None:
    step = {
        "reset": Reset(),
        "stall": Hang(),
        "error event": ERROR,
        "nonsense": b"data: {nonsense\n\n",
        "half an event": b'data: {"id":"up-1","choices":[{"ind',
    }[by]
    upstream = {"stall": "100ms"}
    async with stage(broken(wire, by=step), going_on(wire), upstream=upstream) as staged:
        heard = await staged.ask(client)
        heard.check()
        assert heard.text == WHOLE


async def test_a_rule_wants_it_and_another_does_not(stage: Staging, wire: Wire) -> None:
    playing = broken(wire), going_on(wire)
    async with stage(*playing, settings={}, use={"resume": True}) as staged:
        assert (await staged.ask(CHAT)).text == WHOLE
    async with stage(*playing, settings={"always": True}, use={"resume": False}) as staged:
        assert (await staged.ask(CHAT)).errors


async def test_what_several_have_written_is_not_kept_as_the_answer_of_one(stage: Staging, wire: Wire) -> None:
    async with stage(broken(wire), going_on(wire), use={"cache": True}) as staged:
        for asked in (1, 2):
            assert (await staged.ask(CHAT)).text == WHOLE
            assert len(staged.providers[1].requests) == asked
    async with stage(going_on(wire, CHAT, WHOLE), use={"cache": True}) as staged:
        for _ in range(2):
            assert (await staged.ask(CHAT)).text == WHOLE
        assert len(staged.providers[0].requests) == 1, "who answers alone is asked once"


async def test_the_second_endpoint_fails_and_the_third_goes_on(stage: Staging, wire: Wire) -> None:
    refusing = CHAT, Script.json({"error": {"message": "no"}}, status=503)
    async with stage(broken(wire), refusing, going_on(wire)) as staged:
        heard = await staged.ask(CHAT)
        heard.check()
        assert heard.text == WHOLE
        tried = json.loads((await staged.row())["tried"])
        assert ["continues" in each for each in tried] == [False, True, True]


async def test_it_breaks_off_twice_and_goes_on_twice(stage: Staging, wire: Wire) -> None:
    again = CHAT, Script.sse([*wire(CHAT, REST[0], end=False), Close()])
    async with stage(broken(wire), again, going_on(wire, MESSAGES, REST[1])) as staged:
        heard = await staged.ask(RESPONSES)
        heard.check()
        assert heard.text == WHOLE
        assert SAID + REST[0].rstrip() in staged.providers[2].requests[0].body.decode()
        row = await staged.row()
        tried = json.loads(row["tried"])
        assert heard.response.usage.output == sum(each["output"] for each in tried) == row["output_tokens"]


@pytest.mark.parametrize("client", DIALECTS)
async def test_nobody_is_left_or_all_fail_and_the_client_is_told(
    stage: Staging, wire: Wire, client: str
) -> None:
    failing = CHAT, Script.json({"error": {"message": "no"}}, status=500)
    for others in ([], [failing], [failing, failing]):
        async with stage(broken(wire), *others) as staged:
            heard = await staged.ask(client)
            assert not heard.whole
            assert len(heard.errors) == 1
            assert (await staged.row())["outcome"] == "incomplete"


async def test_attempts_are_counted_together(stage: Staging, wire: Wire) -> None:
    async with stage(broken(wire), going_on(wire), attempts=1) as staged:
        assert (await staged.ask(CHAT)).errors
        assert staged.providers[1].requests == []


async def test_a_deadline_that_is_over_is_no_reason_to_go_on(stage: Staging, wire: Wire) -> None:
    async with stage(broken(wire, by=Hang()), going_on(wire), use={"deadline": "300ms"}) as staged:
        assert (await staged.ask(CHAT)).errors
        assert staged.providers[1].requests == []
        assert (await staged.row())["error_type"] == "timeout"


async def test_a_client_that_leaves_meanwhile_ends_it_all(stage: Staging, wire: Wire) -> None:
    silent = CHAT, Script.sse([*wire(CHAT, REST[0], end=False), Hang()])
    async with stage(broken(wire), silent) as staged:
        async with staged.asking(CHAT) as client:
            got = b""
            async for chunk in client.chunks():
                got += chunk
                if b"ntsman" in got:
                    break
        async with asyncio.timeout(2):
            await staged.providers[1].requests[0].disconnected.wait()
        row = await staged.row()
        assert row["outcome"] == "cancelled"
        cut, rest = json.loads(row["tried"])
        assert rest["continues"]
        assert rest["output"] > 0
        assert row["cost_nano"] == cut["cost_nano"] + rest["cost_nano"]


@pytest.mark.parametrize("client", DIALECTS)
async def test_a_tool_call_that_has_begun_is_not_gone_on_with(
    stage: Staging, wire: Wire, client: str
) -> None:
    begun = wire(client, "Let me see. ", end=False, parts=[ToolCall("c1", "look", "")])
    async with stage((client, Script.sse([*begun, Close()])), going_on(wire, client)) as staged:
        heard = await staged.ask(client)
        if client == GEMINI:  # half a call is nothing there: only the text was sent
            assert heard.whole
            return
        assert not heard.whole
        assert len(heard.errors) == 1
        assert staged.providers[1].requests == []


async def test_a_tool_call_may_follow_what_is_gone_on_with(stage: Staging, wire: Wire) -> None:
    calling = wire(CHAT, *REST, parts=[ToolCall("c1", "look", "")], finish="tool_calls")
    async with stage(broken(wire), (CHAT, Script.sse(calling))) as staged:
        choice = (await staged.ask(MESSAGES)).response.choices[0]
        assert choice.message.text == WHOLE
        assert choice.finish.reason == "tool_calls"
        (call,) = [part for part in choice.message.parts if isinstance(part, ToolCall)]
        assert json.loads(call.arguments) == {"q": 1}


STRUCTURED = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


@pytest.mark.parametrize(
    "fields", [{"n": 2}, {"response_format": STRUCTURED}, {"logprobs": True}], ids=["n", "schema", "logprobs"]
)
async def test_what_cannot_be_joined_ends_with_the_error(
    stage: Staging, wire: Wire, fields: dict[str, Any]
) -> None:
    async with stage(broken(wire), going_on(wire)) as staged:
        heard = await staged.ask(CHAT, **fields)
        assert len(heard.errors) == 1
        assert staged.providers[1].requests == []


@pytest.mark.parametrize("client", DIALECTS)
async def test_a_thought_stays_and_is_not_thought_again(stage: Staging, wire: Wire, client: str) -> None:
    async with stage(
        broken(wire, MESSAGES, thought="Hm, a story."), going_on(wire, MESSAGES, thought="Another thought.")
    ) as staged:
        heard = await staged.ask(client)
        heard.check()
        assert heard.text == WHOLE
        assert b"Another thought" not in heard.data
        (asked,) = staged.providers[1].requests
        assert b"a story" not in asked.body
        assert b"c2lnbmVk" not in asked.body, "what the first has signed is its own"


@pytest.mark.parametrize("client", DIALECTS)
async def test_a_stream_that_breaks_off_in_its_thoughts_is_asked_for_again(
    stage: Staging, wire: Wire, client: str
) -> None:
    thinking = MESSAGES, Script.sse([*wire(MESSAGES, end=False, thought="Hm, a sto"), Close()])
    async with stage(thinking, going_on(wire, MESSAGES, WHOLE, thought="Now then.")) as staged:
        heard = await staged.ask(client)
        heard.check()
        assert heard.text == WHOLE
        assert b"Now then." in heard.data
        (asked,) = staged.providers[1].requests
        assert [each["role"] for each in asked.json["messages"]] == ["user"]


REPEATING = {
    "nothing": REST,
    "half a word": ("poi", *REST),
    "some words": ("there was a", " poi", *REST),
    "everything": (WHOLE[:5], WHOLE[5:]),
    "in lines": ("\n\nthere\nwas a poi", *REST),
}


@pytest.mark.parametrize("repeated", REPEATING)
@pytest.mark.parametrize("client", DIALECTS)
async def test_what_is_repeated_is_sent_once(stage: Staging, wire: Wire, client: str, repeated: str) -> None:
    async with stage(broken(wire, client), going_on(wire, client, *REPEATING[repeated])) as staged:
        heard = await staged.ask(client)
        heard.check()
        assert heard.text == WHOLE


async def test_who_begins_anew_in_other_words_is_followed_by_the_next(stage: Staging, wire: Wire) -> None:
    said = "Once upon a time there was a pointsman who never slept at "
    cut = CHAT, Script.sse([*wire(CHAT, said, end=False), Close()])
    anew = going_on(wire, CHAT, "Once upon a time there was a pointsman ", "with a lamp.")
    async with stage(cut, anew, going_on(wire, CHAT, "night.")) as staged:
        heard = await staged.ask(CHAT)
        heard.check()
        assert heard.text == said + "night."
    async with stage(cut, anew) as staged:
        assert (await staged.ask(CHAT)).errors


async def test_an_early_end_is_an_end_only_where_the_model_went_on_with_it_as_its_own(
    stage: Staging, wire: Wire
) -> None:
    nothing = CHAT, Script.sse(wire(CHAT, name="other"))
    async with stage(broken(wire), nothing) as staged:
        assert (await staged.ask(CHAT)).errors
    async with stage(broken(wire), nothing, provider={"continues": "last"}) as staged:
        heard = await staged.ask(CHAT)
        heard.check()
        assert heard.text == SAID


WAYS = {
    "words": {"role": "user"},
    "last": {"role": "assistant", "content": SAID},
    "prefix": {"role": "assistant", "content": SAID, "prefix": True},
    "final": {"role": "assistant", "content": SAID},
}


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("way", WAYS)
async def test_an_endpoint_is_asked_in_the_way_it_is_known_to_go_on(
    stage: Staging, wire: Wire, way: str, client: str
) -> None:
    async with stage(broken(wire), going_on(wire), provider={"continues": way}) as staged:
        heard = await staged.ask(client)
        heard.check()
        assert heard.text == WHOLE
        (asked,) = staged.providers[1].requests
        last = asked.json["messages"][-1]
        assert WAYS[way].items() <= last.items()
        assert asked.json["messages"][-2 if way == "words" else -1]["content"] == SAID
        assert asked.json.get("continue_final_message", False) is (way == "final")
        assert asked.json["stream"] is True
        most = asked.json.get("max_tokens") or asked.json.get("max_completion_tokens")
        assert most == 400 - len(SAID) // 4, "what is left of what the client wants"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_what_is_left_of_a_limit_counts_too_where_the_operator_has_set_it(
    stage: Staging, wire: Wire, name: str
) -> None:
    params = {name: 300, "temperature": 0.5, "own": 1}
    endpoints = [{"endpoint": each, "params": params} for each in ("p0/m", "p1/m")]
    models = {"demo/fast": {"aliases": ["fast"], "endpoints": endpoints}}
    body = {"model": "fast", "stream": True, "messages": [{"role": "user", "content": "Tell me."}]}
    async with stage(broken(wire), going_on(wire), models=models) as staged:
        async with StreamClient(f"{staged.served.url}/v1/chat/completions", body) as client:
            assert b"[DONE]" in await client.read()
        first, rest = (each.requests[0].json for each in staged.providers)
    assert first[name] == 300
    assert [rest[each] for each in ("max_tokens", "max_completion_tokens") if each in rest] == [
        300 - len(SAID) // 4
    ]
    assert (rest["temperature"], rest["own"]) == (0.5, 1)


async def test_who_refuses_to_have_its_answer_begun_is_asked_in_words(stage: Staging, wire: Wire) -> None:
    def play(received: Received) -> Script:
        if received.json["messages"][-1]["role"] == "assistant":
            return Script.json({"error": {"message": "no prefill here"}}, status=400)
        return Script.sse(wire(CHAT, *REST))

    async with stage(broken(wire), (CHAT, play), provider={"continues": "last"}) as staged:
        heard = await staged.ask(CHAT)
        heard.check()
        assert heard.text == WHOLE
        assert len(staged.providers[1].requests) == 2


async def test_a_refusal_in_words_is_final(stage: Staging, wire: Wire) -> None:
    refusing = CHAT, lambda received: Script.json({"error": {"message": "no"}}, status=400)
    async with stage(broken(wire), refusing, going_on(wire)) as staged:
        heard = await staged.ask(CHAT)
        heard.check()
        assert len(staged.providers[1].requests) == 1, "there is no other way to ask it"


async def test_nobody_thinks_behind_an_answer_that_is_begun(stage: Staging, wire: Wire) -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    for fields, roles in (({}, ["user", "assistant"]), (thinking, ["user", "assistant", "user"])):
        async with stage(
            broken(wire, MESSAGES), going_on(wire, MESSAGES), provider={"continues": "last"}
        ) as staged:
            heard = await staged.ask(MESSAGES, **fields)
            heard.check()
            (asked,) = staged.providers[1].requests
            assert [each["role"] for each in asked.json["messages"]] == roles
            assert asked.json.get("thinking") == fields.get("thinking")


async def test_an_answer_that_the_client_has_begun_is_gone_on_with(stage: Staging, wire: Wire) -> None:
    messages = [{"role": "user", "content": "Tell me."}, {"role": "assistant", "content": "Well: "}]
    async with stage(broken(wire), going_on(wire), provider={"continues": "last"}) as staged:
        heard = await staged.ask(CHAT, messages=messages)
        assert heard.text == WHOLE
        content = staged.providers[1].requests[0].json["messages"][-1]["content"]
        assert content == "Well: " + SAID or [part["text"] for part in content] == ["Well: ", SAID]


async def test_explain_tells_that_it_was_gone_on_with(stage: Staging, wire: Wire) -> None:
    async with stage(broken(wire), going_on(wire), explain={"sample": 1}) as staged:
        await staged.ask(CHAT)
        await staged.row()
        (row,) = await staged.served.rows("decisions")
        record = row["record"]
        attempts = record["outcomes"]["attempts"]
        assert [each["continues"] for each in attempts] == [False, True]
        assert [each["error_type"] is None for each in attempts] == [False, True]


async def test_a_plugins_own_answer_may_be_gone_on_with_but_goes_on_with_none(
    stage: Staging, wire: Wire
) -> None:
    async with stage(
        broken(wire), models={"demo/fast": {"aliases": ["fast"], "endpoints": ["p0/m", "echo/echo"]}}
    ) as staged:
        assert (await staged.ask(CHAT)).errors, "it would get the client's own request, and begin again"


async def test_below_the_prefix_of_accounts_an_answer_has_the_id_of_its_generation(
    stage: Staging, wire: Wire
) -> None:
    async with stage(broken(wire, MESSAGES), going_on(wire)) as staged:
        body = {"model": "fast", "stream": True, "messages": [{"role": "user", "content": "Tell me."}]}
        answer = await staged.served.client.post("/api/v1/chat/completions", json=body)
        ids = {json.loads(line[6:])["id"] for line in answer.text.split("\n\n") if line.startswith("data: {")}
        assert ids == {answer.headers["x-generation-id"]}
        assert '"cost"' in answer.text


def spoken(dialect: str, events: list[dict[str, Any]]) -> list[str]:
    """The pieces of text that a client has got."""
    if dialect == CHAT:
        return [each["choices"][0]["delta"].get("content") or "" for each in events if each.get("choices")]
    if dialect == GEMINI:
        contents = [each["candidates"][0]["content"] for each in events if each.get("candidates")]
        return [part.get("text", "") for content in contents for part in content["parts"]]
    if dialect == RESPONSES:
        return [each["delta"] for each in events if each["type"] == "response.output_text.delta"]
    deltas = [each["delta"] for each in events if each["type"] == "content_block_delta"]
    return [each.get("text", "") for each in deltas]


def model_of(wire: Wire, dialect: str) -> Callable[[Received], Script]:
    """A provider whose model goes on from wherever the request stops."""

    def play(received: Received) -> Script:
        asked = received.body.decode()
        size = max(size for size in range(len(WHOLE) + 1) if WHOLE[:size] in asked)
        rest = WHOLE[size:] if size > 3 else WHOLE  # any request has an "O" in it
        return Script.sse(wire(dialect, *(rest[at : at + 5] for at in range(0, len(rest), 5)), name="other"))

    return play


@pytest.mark.parametrize("client", DIALECTS)
async def test_wherever_a_stream_is_cut_the_answer_is_whole(stage: Staging, wire: Wire, client: str) -> None:
    whole = b"".join(wire(client, *BEGUN, *REST, thought="Hm." if client == MESSAGES else None))
    cuts = itertools.count(0, 29)

    def cut(received: Received) -> Script:
        return Script.sse([whole[: next(cuts)], Close()])

    async with stage((client, cut), (client, model_of(wire, client))) as staged:
        for _ in range(len(whole) // 29 + 1):
            heard = await staged.ask(client)
            if heard.errors:  # it was whole but for its end, which nobody can know
                assert WHOLE in "".join(spoken(client, heard.events))
                continue
            heard.check()
            assert heard.text == WHOLE


RICH = {"thought": "Hm.", "parts": [ToolCall("c1", "look", "")], "finish": "tool_calls"}


@pytest.mark.parametrize("upstream", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
async def test_what_does_not_break_off_is_what_it_is_without_it(
    stage: Staging, wire: Wire, client: str, upstream: str
) -> None:
    found = []
    for always in (False, True):
        whole = upstream, Script.sse(wire(upstream, *BEGUN, *REST, **RICH))
        async with stage(whole, settings={"always": always}) as staged:
            heard = await staged.ask(client)
            row = await staged.row()
            (asked,) = staged.providers[0].requests
            found.append((heard.response.choices, asked.body, row["cost_nano"], row["lane"], row["finish"]))
    assert found[0] == found[1]
