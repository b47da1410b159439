"""The fingerprint: whatever may change an answer changes it, and nothing else does."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.dialects import Codec
from pointsman.exchange import Actor, Plan
from pointsman_anthropic import CountTokensCodec, MessagesCodec
from pointsman_cache.fingerprint import canonical, fingerprint
from pointsman_openai import ResponsesCodec
from pointsman_openai.codecs import ChatCodec, CompletionsCodec, EmbeddingsCodec

Asking = Callable[..., Any]

SAID = [{"role": "user", "content": "Hello"}]
BODIES: dict[type[Codec], dict[str, Any]] = {
    ChatCodec: {"model": "acme/m", "messages": SAID},
    CompletionsCodec: {"model": "acme/m", "prompt": "Hello"},
    EmbeddingsCodec: {"model": "acme/m", "input": ["Hello", "there"]},
    ResponsesCodec: {"model": "acme/m", "input": "Hello"},
    MessagesCodec: {"model": "acme/m", "messages": SAID, "max_tokens": 9},
    CountTokensCodec: {"model": "acme/m", "messages": SAID},
}
NAMES = st.text(st.sampled_from('abé"\\\n'), max_size=3)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def shuffled(data: Any, draws: random.Random) -> Any:
    """The same data, the members of every object in another order."""
    if isinstance(data, dict):
        names = list(data)
        draws.shuffle(names)
        return {name: shuffled(data[name], draws) for name in names}
    return [shuffled(each, draws) for each in data] if isinstance(data, list) else data


def same(one: Any, other: Any) -> bool:
    """Whether JSON says the same of both: unlike Python it tells 1, 1.0 and true apart."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def changed(data: Any, draw: Callable[[Any], Any]) -> Any:
    """The same data with one value in it, at any depth, another one, one more or one less."""
    if isinstance(data, dict) and data and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(data)))
        rest = {each: value for each, value in data.items() if each != name}
        return rest if draw(st.booleans()) else {**data, name: changed(data[name], draw)}
    if isinstance(data, list) and data and draw(st.booleans()):
        place = draw(st.integers(0, len(data) - 1))
        if draw(st.booleans()):
            return data[:place] + data[place + 1 :]
        return [*data[:place], changed(data[place], draw), *data[place + 1 :]]
    if isinstance(data, dict) and draw(st.booleans()):
        return {**data, draw(NAMES): draw(SCALARS)}
    if isinstance(data, list) and draw(st.booleans()):
        return [*data, draw(SCALARS)]
    return draw(VALUES)


@settings(deadline=None, max_examples=300)
@given(VALUES, st.randoms(use_true_random=False), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_order_of_members_and_white_space_are_nothing(
    asking: Asking, value: Any, draws: random.Random, indent: Any, ascii_only: bool
) -> None:
    body = {**BODIES[ChatCodec], "other": value}
    again = json.dumps(shuffled(body, draws), indent=indent, ensure_ascii=ascii_only).encode()
    assert fingerprint(asking(again)) == fingerprint(asking(body)) is not None


@settings(deadline=None, max_examples=1000)
@given(VALUES, st.data())
def test_any_change_of_what_matters_is_seen(asking: Asking, value: Any, data: st.DataObject) -> None:
    body = {**BODIES[ChatCodec], "other": value}
    other = {**body, "other": changed(value, data.draw)}
    assert (fingerprint(asking(other)) == fingerprint(asking(body))) is same(other, body)


@settings(deadline=None, max_examples=300)
@given(st.lists(SCALARS, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_a_list_matters(asking: Asking, items: list[Any], draws: random.Random) -> None:
    mixed = list(items)
    draws.shuffle(mixed)
    one, other = ({**BODIES[ChatCodec], "stop": each} for each in (items, mixed))
    assert (fingerprint(asking(one)) == fingerprint(asking(other))) is same(items, mixed)


@settings(deadline=None, max_examples=500)
@given(VALUES, VALUES)
def test_equal_texts_are_equal_data(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) is same(one, other)


@pytest.mark.parametrize("codec", BODIES, ids=lambda codec: codec.__name__)
@pytest.mark.parametrize(
    "values",
    [
        (1, "1", True, [1], {"1": 1}, None),
        (0.1, 0.10000000000000002, "0.1"),
        (2**64, 2**64 + 1, float(2**64)),
        ("", " ", None, [], {}),
        ("é", "e\u0301"),
        ({"a": {"b": 1}}, {"a": 1, "b": 1}, {"a.b": 1}),
        ([[1], 2], [1, [2]], [1, 2], [[1, 2]]),
    ],
    ids=str,
)
def test_values_that_look_alike_are_told_apart(
    asking: Asking, codec: type[Codec], values: tuple[Any, ...]
) -> None:
    bodies = [{**BODIES[codec], "other": value} for value in values]
    assert (
        len({fingerprint(asking(body, codec=codec())) for body in [BODIES[codec], *bodies]})
        == len(bodies) + 1
    )


def test_numbers_count_as_written(asking: Asking) -> None:
    def seeded(number: str) -> bytes | None:
        return fingerprint(
            asking(b'{"model":"acme/m","messages":[{"role":"user"}],"seed":%b}' % number.encode())
        )

    written = ["1", "1.0", "1.00000000000000000000000000001", "1e400", "1e401", "9" * 400, "9" * 401]
    assert len({seeded(each) for each in written} - {None}) == len(written)
    assert seeded("1e5") == seeded("1E+5")


@pytest.mark.parametrize("codec", BODIES, ids=lambda codec: codec.__name__)
def test_each_surface_and_dialect_has_fingerprints_of_its_own(asking: Asking, codec: type[Codec]) -> None:
    body: dict[str, Any] = {}
    for each in BODIES.values():
        body |= each
    found = {
        each: fingerprint(asking({**body, "prompt": None} if each is ResponsesCodec else body, codec=each()))
        for each in BODIES
    }
    assert None not in found.values()
    assert [each for each in BODIES if found[each] == found[codec]] == [codec]


@pytest.mark.parametrize(
    ("codec", "left_out"),
    [
        (
            ChatCodec,
            {
                "user": "alice",
                "metadata": {"run": "7"},
                "safety_identifier": "a1",
                "prompt_cache_key": "k",
                "session_id": "s",
                "trace": {"trace_id": "t"},
                "usage": {"include": True},
                "stream_options": {"include_usage": True},
                "stream": False,
            },
        ),
        (CompletionsCodec, {"user": "alice", "session_id": "s", "stream_options": {"include_usage": True}}),
        (EmbeddingsCodec, {"user": "alice", "stream": True}),
        (MessagesCodec, {"metadata": {"user_id": "alice"}, "session_id": "s", "stream": False}),
        (CountTokensCodec, {"metadata": {"user_id": "alice"}}),
        (ResponsesCodec, {"session_id": "s", "usage": {"include": True}, "stream": False}),
    ],
    ids=str,
)
def test_what_cannot_change_an_answer_does_not_count(
    asking: Asking, codec: type[Codec], left_out: dict[str, Any]
) -> None:
    plain = fingerprint(asking(BODIES[codec], codec=codec()))
    for name, value in left_out.items():
        assert fingerprint(asking({**BODIES[codec], name: value}, codec=codec())) == plain, name


@pytest.mark.parametrize(
    ("codec", "counted"),
    [
        (ChatCodec, {"seed": 1, "store": True, "service_tier": "flex", "user_name": "alice", "usage": 1}),
        (ChatCodec, {"stream_options": {"include_obfuscation": True}, "provider": {"order": ["lab"]}}),
        (EmbeddingsCodec, {"dimensions": 8, "encoding_format": "base64"}),
        (MessagesCodec, {"system": "Be brief", "thinking": {"type": "disabled"}, "user": "alice"}),
        (ResponsesCodec, {"metadata": {"run": "7"}, "user": "alice", "prompt_cache_key": "k"}),
        (ResponsesCodec, {"previous_response_id": "resp_1", "store": False, "instructions": "Be brief"}),
    ],
    ids=str,
)
def test_what_may_change_an_answer_or_is_repeated_in_it_counts(
    asking: Asking, codec: type[Codec], counted: dict[str, Any]
) -> None:
    plain = fingerprint(asking(BODIES[codec], codec=codec()))
    for name, value in counted.items():
        assert fingerprint(asking({**BODIES[codec], name: value}, codec=codec())) != plain, name


def test_bookkeeping_counts_inside_of_content(asking: Asking) -> None:
    plain, named = (
        {**BODIES[ChatCodec], "messages": [{**SAID[0], **more}]} for more in ({}, {"user": "alice"})
    )
    assert fingerprint(asking(plain)) != fingerprint(asking(named))


def test_a_stream_is_another_answer(asking: Asking) -> None:
    whole, stream = BODIES[ChatCodec], {**BODIES[ChatCodec], "stream": True}
    assert fingerprint(asking(whole)) != fingerprint(asking(stream))
    options = {**stream, "stream_options": {"include_usage": True, "include_obfuscation": False}}
    asked = {**stream, "stream_options": {"include_obfuscation": False}}
    assert fingerprint(asking(options)) == fingerprint(asking(asked))


def test_headers_that_travel_on_to_the_provider_count_and_no_others(asking: Asking) -> None:
    def with_headers(**headers: str) -> bytes | None:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return fingerprint(asking(BODIES[MessagesCodec], codec=MessagesCodec(), headers=given))

    plain = with_headers()
    assert with_headers(x_session_id="1", user_agent="curl", x_api_key="secret") == plain
    versions = [with_headers(anthropic_beta=beta) for beta in ("a", "b", "a,b")]
    assert len({plain, with_headers(anthropic_version="a"), *versions}) == 5


def test_the_route_and_the_endpoints_it_leads_to_count(asking: Asking) -> None:
    plans = [
        Plan(None, ("acme/m",)),
        Plan("rule", ("acme/m",)),
        Plan(None, ("acme/m", "acme/n")),
        Plan(None, ("acme/n", "acme/m")),
        Plan(None, ("lab/m",)),
        Plan(None, ("gone",)),
        Plan(None, ("acme/m",), preferences={"provider": {"zdr": True}}),
        Plan(None, ("acme/m",), preferences={"provider": {"sort": "price"}}),
        Plan(None, ("acme/m",), params={"temperature": 0}),
        Plan(None, ("acme/m",), preferences={"provider": {"zdr": True}}, params={"temperature": 0}),
    ]
    assert len({fingerprint(asking(plan=plan)) for plan in plans}) == len(plans)


def test_whose_a_request_is_does_not_count(asking: Asking) -> None:
    actors = [Actor("alice", "key-a"), Actor("bob", "key-b", role="admin", tags=("x",))]
    assert len({fingerprint(asking(actor=actor)) for actor in actors}) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"acme/m","messages":[{"role":"user","content":"a","content":"b"}]}',
        b'{"model":"acme/m","temperature":0,"messages":[{"role":"user"}],"temperature":1}',
        b'{"model":"acme/m","messages":[{"role":"user"}],"other":{"a":1,"\\u0061":2}}',
    ],
)
def test_what_two_parsers_may_read_differently_has_none(asking: Asking, raw: bytes) -> None:
    assert fingerprint(asking(raw)) is None


@pytest.mark.parametrize("other", ["1e" + "9" * 30, "9" * 5000])
def test_what_not_every_parser_takes_has_none(asking: Asking, other: str) -> None:
    raw = b'{"model":"acme/m","messages":[{"role":"user"}],"other":%b}' % other.encode()
    assert fingerprint(asking(raw)) is None


@pytest.mark.parametrize(
    "member", [{"conversation": "c"}, {"background": True}, {"prompt": {"id": "p"}}], ids=str
)
def test_what_depends_on_what_the_provider_keeps_has_none(asking: Asking, member: dict[str, Any]) -> None:
    (name,) = member
    codec = ResponsesCodec()
    assert fingerprint(asking({**BODIES[ResponsesCodec], **member}, codec=codec)) is None
    assert fingerprint(asking({**BODIES[ResponsesCodec], name: None}, codec=codec)) is not None


def test_half_a_character_has_none() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        canonical("\ud800")
