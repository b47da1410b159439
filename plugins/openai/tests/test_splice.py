"""Splicing the cost in."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.money import MILLION, Cost, format_usd
from pointsman_openai.splice import json_in_place, members, with_cost

COST = Cost(1_234_500, {"input": 1_000_000 * MILLION, "reasoning": 234_500 * MILLION})
TEXT = b"0.0012345"
DETAILS = (
    b'"cost_details":{"upstream_inference_cost":0.0012345,"upstream_inference_prompt_cost":0.001,'
    b'"upstream_inference_completions_cost":0.0002345}'
)
ADDED = b'"cost":%b,%b' % (TEXT, DETAILS)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
answers = st.dictionaries(st.text(max_size=8) | st.sampled_from(["usage", "choices"]), values, max_size=5)
usages = st.dictionaries(st.text(max_size=8) | st.sampled_from(["cost", "cost_details"]), values, max_size=5)
layouts = st.sampled_from(
    [{"separators": (",", ":")}, {"indent": 2}, {"indent": 1, "ensure_ascii": False}, {}]
)


def test_the_cost_goes_behind_the_last_member_and_all_else_stays() -> None:
    data = b'{ "id" : "x",\n "usage": {"prompt_tokens": 3 ,\t"total_tokens":7 }, "tail":[1, 2] }'
    expected = data.replace(b'"total_tokens":7', b'"total_tokens":7,' + ADDED)
    assert with_cost(data, COST, stream=False) == expected


def test_an_empty_usage_object_gets_it_without_a_comma() -> None:
    assert with_cost(b'{"usage":{}}', COST, stream=False) == b'{"usage":{' + ADDED + b"}}"


def test_an_unknown_cost_is_null() -> None:
    spliced = json.loads(with_cost(b'{"usage":{"a":1}}', None, stream=False))
    assert spliced["usage"] == {"a": 1, "cost": None}


@pytest.mark.parametrize(
    ("cost", "asked", "answer"),
    [
        (Cost(0), "0.00", "0.00"),
        (Cost(3, {"input": 1_500_000, "output": 1_500_000}), "0.000000001", "0.000000002"),
        (Cost(9, {"request": 9 * MILLION}), "0.000000009", "0.00"),
        (Cost(9, {"audio_output": 4 * MILLION, "search": 5 * MILLION}), "0.000000005", "0.000000004"),
    ],
)
def test_a_cost_is_split_between_request_and_answer(cost: Cost, asked: str, answer: str) -> None:
    spliced = json.loads(with_cost(b'{"usage":{}}', cost, stream=False), parse_float=str)
    shown = spliced["usage"]["cost_details"]
    assert shown["upstream_inference_prompt_cost"] == asked
    assert shown["upstream_inference_completions_cost"] == answer


@pytest.mark.parametrize("cost", [Cost(5), Cost(5, {"reported": 5 * MILLION}), Cost(5, {"input": 1, "x": 1})])
def test_a_cost_of_which_the_parts_are_not_known_has_no_details(cost: Cost) -> None:
    spliced = json.loads(with_cost(b'{"usage":{}}', cost, stream=False), parse_float=str)
    assert spliced["usage"] == {"cost": "0.000000005"}


def test_a_cost_that_is_there_is_replaced_in_its_place() -> None:
    data = b'{"usage":{"cost": 9.5e-1 ,"n":1,"cost_details":{"a":{"b":[1]}}, "z":"}"}}'
    expected = b'{"usage":{"cost": %b ,"n":1,%b, "z":"}"}}' % (TEXT, DETAILS)
    assert with_cost(data, COST, stream=False) == expected


def test_half_a_cost_is_completed() -> None:
    data = b'{"usage":{"cost":null}}'
    expected = b'{"usage":{%b}}' % ADDED
    assert with_cost(data, COST, stream=False) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[DONE]",
        b'{"usage":null}',
        b'{"choices":[{"usage":{"a":1}}],"text":"\\"usage\\":{}"}',
        b'{"x":{"usage":{}}}',
        b'{"kind":"usage"}',
    ],
)
def test_data_without_a_usage_object_of_its_own_is_unchanged(data: bytes) -> None:
    assert with_cost(data, COST, stream=False) == data


def test_the_last_of_two_usage_members_counts_as_for_readers() -> None:
    data = b'{"usage":{"a":1},"usage":{"b":2}}'
    assert with_cost(data, COST, stream=False) == b'{"usage":{"a":1},"usage":{"b":2,' + ADDED + b"}}"


def test_an_escaped_key_is_the_same_key() -> None:
    assert b'"cost":' in with_cost(b'{"us\\u0061ge":{"a":1}}', COST, stream=False)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_keeps_its_lines(end: bytes) -> None:
    event = end.join([b": note", b"id: 3", b'data: {"choices":[],"usage":{"a":1}}', b"", b""])
    expected = event.replace(b'{"a":1}', b'{"a":1,' + ADDED + b"}")
    assert with_cost(event, COST, stream=True) == expected


def test_an_event_of_several_data_lines_keeps_them() -> None:
    event = b'\xef\xbb\xbfdata: {"usage": {\ndata:"a": 1\nevent: {"usage":{}}\ndata: }}\n\n'
    expected = event.replace(b'"a": 1', b'"a": 1,' + ADDED)
    assert with_cost(event, COST, stream=True) == expected


def test_a_comment_is_unchanged() -> None:
    assert with_cost(b': {"usage":{}}\n\n', COST, stream=True) == b': {"usage":{}}\n\n'


@settings(deadline=None)
@given(
    before=answers, usage=usages, layout=layouts, stream=st.booleans(), nano=st.none() | st.integers(0, 2**62)
)
def test_only_the_cost_changes(
    before: dict[str, Any], usage: dict[str, Any], layout: dict[str, Any], stream: bool, nano: int | None
) -> None:
    body = {**before, "usage": usage}
    data = json.dumps(body, **layout).encode("utf-8", "surrogatepass")
    lines = b"".join(b"data: %b\n" % line for line in data.split(b"\n")) + b"\n" if stream else data
    cost = Cost(nano, {"input": nano * MILLION}) if nano is not None else None
    spliced = with_cost(lines, cost, stream=stream)
    text = json_in_place(spliced) if stream else spliced
    parsed = json.loads(text.decode("utf-8", "surrogatepass"), parse_float=Decimal)
    amount = None if nano is None else Decimal(nano).scaleb(-9)
    kept = json.loads(data.decode("utf-8", "surrogatepass"), parse_float=Decimal)
    told: dict[str, Any] = {"cost": amount}
    if nano is None:  # what the provider itself told is better than nothing
        told |= {name: kept["usage"][name] for name in told if name in kept["usage"]}
    else:
        sides = dict(zip(("", "_prompt", "_completions"), (amount, amount, 0), strict=True))
        told["cost_details"] = {f"upstream_inference{side}_cost": each for side, each in sides.items()}
    assert {name: parsed["usage"].pop(name) for name in told} == told
    for name in told:
        kept["usage"].pop(name, None)
    assert parsed == kept
    if "cost" not in usage and "cost_details" not in usage:
        text = "null" if cost is None else format_usd(cost.nano)
        added = f'"cost":{text}'
        if cost is not None:
            sides = {"": text, "_prompt": text, "_completions": "0.00"}
            shown = ",".join(f'"upstream_inference{side}_cost":{each}' for side, each in sides.items())
            added += f',"cost_details":{{{shown}}}'
        assert lines in (
            spliced.replace(f",{added}".encode(), b"", 1),
            spliced.replace(added.encode(), b"", 1),
        )


@settings(deadline=None)
@given(answers, layouts)
def test_members_are_found_where_they_are(body: dict[str, Any], layout: dict[str, Any]) -> None:
    data = json.dumps(body, **layout).encode("utf-8", "surrogatepass")
    found = {
        name: json.loads(data[start:end].decode("utf-8", "surrogatepass"))
        for name, start, end in members(data, 0)
    }
    assert found == body


def test_blanking_keeps_offsets() -> None:
    event = b'\xef\xbb\xbfevent: x\r\ndata:{"a"\rdata: :1}\n\n'
    blank = json_in_place(event)
    assert len(blank) == len(event)
    assert json.loads(blank) == {"a": 1}
    assert blank.index(b'{"a"') == event.index(b'{"a"')
