"""Which endpoints are left out, and what they are told of it. Unknown is not supported."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from pointsman.catalogue import Endpoint
from pointsman.errors import BadRequest, NotFound
from pointsman.exchange import Exchange
from pointsman.facts import About, Fact
from pointsman.providers import Provider
from pointsman.setup import Setup
from pointsman_routes.filters import KNOWN, named, names_of, takes

Decided = Callable[..., AbstractAsyncContextManager[Exchange]]
Facts = Callable[..., Callable[[Setup], None]]

ALL = ["spare/large", "lab/tiny", "lab/large"]
HARMLESS = About(trains=False, retains=False)
KEEPS = About(trains=False, retains=True)
LEARNS = About(trains=True, retains=False)


def body(provider: dict[str, Any], **fields: Any) -> bytes:
    messages = [{"role": "user", "content": "Hello"}]
    return json.dumps(
        {"model": "acme/tiny", "models": ["big"], "messages": messages, "provider": provider, **fields}
    ).encode()


@pytest.mark.parametrize(
    ("provider", "left", "why"),
    [
        ({"only": ["lab"]}, ["lab/tiny", "lab/large"], "provider.only: it is not named there"),
        ({"only": ["LAB"]}, ["lab/tiny", "lab/large"], "provider.only"),
        ({"only": ["spare/large", "nobody"]}, ["spare/large"], "provider.only"),
        ({"only": ["lab", "spare"], "ignore": ["spare"]}, ["lab/tiny", "lab/large"], "provider.ignore"),
        ({"ignore": ["lab/tiny"]}, ["spare/large", "lab/large"], "provider.ignore: it is named there"),
        ({"ignore": ["The Lab"]}, ["spare/large"], "provider.ignore"),
        ({"only": ["lab/fp8"]}, ["lab/large"], "provider.only"),
        ({"zdr": True}, ["lab/tiny", "lab/large"], "provider.zdr: it may keep what it is sent"),
        ({"data_collection": "deny"}, ["lab/tiny", "lab/large"], "provider.data_collection: it may collect"),
        ({"data_collection": "allow", "zdr": False}, ALL, ""),
        ({"quantizations": ["fp8"]}, ["lab/large"], "provider.quantizations: it is unknown"),
        ({"quantizations": ["FP8", "unknown"]}, ALL, ""),
        ({"require_parameters": True}, ["lab/tiny"], "provider.require_parameters: it is not known to take"),
        ({"require_parameters": False}, ALL, ""),
        ({"max_price": {"prompt": 1}}, ["spare/large", "lab/tiny"], "it asks 2 USD, more than 1.00"),
        ({"max_price": {"completion": 8}}, ["lab/tiny", "lab/large"], "for a million tokens of the answer"),
        ({"max_price": {"prompt": 1, "completion": 8}}, ["lab/tiny"], "provider.max_price"),
        ({"max_price": {"request": 0}}, ["spare/large", "lab/tiny"], "for a request"),
        ({"max_price": {"image": 0.001}}, ["spare/large", "lab/tiny"], "for an image"),
        ({"max_price": {"audio": "39.9"}}, ["spare/large", "lab/tiny"], "for a million tokens of sound"),
        ({"enforce_distillable_text": True}, ["spare/large"], "provider.enforce_distillable_text"),
    ],
)
async def test_each_filter(
    decided: Decided, facts: Facts, provider: dict[str, Any], left: list[str], why: str
) -> None:
    known = facts(
        {"lab": About(title="The Lab", trains=False, retains=False), "spare": KEEPS},
        lab_large={"quantization": "fp8", "parameters": ("tools",)},
        lab_tiny={"parameters": ("temperature", "max_completion_tokens")},
        spare_large={"distillable": True},
    )
    async with decided("", body(provider, temperature=0, max_tokens=9), prepare=known) as exchange:
        assert {each.endpoint.id for each in exchange.candidates} == {*left}
        dropped = {each.endpoint: each.why for each in exchange.decision.excluded if each.by == "routes"}
        assert dropped.keys() == {*ALL} - {*left}
        assert not why or any(why in each for each in dropped.values()), dropped


@pytest.mark.parametrize("wish", [{"zdr": True}, {"data_collection": "deny"}])
@pytest.mark.parametrize(
    ("about", "zdr", "deny"),
    [
        (HARMLESS, True, True),
        (KEEPS, False, False),
        (LEARNS, True, False),
        (About(), False, False),
        (About(trains=False), False, False),
        (About(retains=False), True, False),
    ],
)
async def test_what_is_not_known_of_data_is_not_so(
    decided: Decided, facts: Facts, wish: dict[str, Any], about: About, zdr: bool, deny: bool
) -> None:
    known = facts({"lab": about, "spare": HARMLESS})
    async with decided("", body(wish), prepare=known) as exchange:
        there = any(each.endpoint.provider.name == "lab" for each in exchange.candidates)
        assert there is (zdr if "zdr" in wish else deny)


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"reasoning_effort": "low"}, "reasoning"),
        ({"max_completion_tokens": 5}, "max_tokens"),
        ({"stop": ["."]}, "stop"),
        ({"top_a": 0.2}, "top_a"),
        ({"web_search_options": {}}, "web_search_options"),
    ],
)
async def test_every_parameter_of_a_request_is_required(
    decided: Decided, facts: Facts, fields: dict[str, Any], parameter: str
) -> None:
    known = facts(lab_tiny={"parameters": KNOWN[parameter][:1]}, lab_large={"parameters": ("seed",)})
    async with decided("", body({"require_parameters": True}, **fields), prepare=known) as exchange:
        assert [each.endpoint.id for each in exchange.candidates] == ["lab/tiny"]
        assert f"`{parameter}`" in exchange.decision.excluded[-1].why


async def test_what_is_no_parameter_of_the_answer_is_not_required(decided: Decided) -> None:
    plain = body({"require_parameters": True}, user="u", metadata={"a": "b"}, stream=True)
    async with decided("", plain) as exchange:
        assert {each.endpoint.id for each in exchange.candidates} == {*ALL}


async def test_a_request_that_cannot_be_read_is_told_where(decided: Decided) -> None:
    wrong = body({"require_parameters": True}, messages=[{"role": "user", "content": [3]}])
    with pytest.raises(BadRequest) as caught:
        async with decided("", wrong):
            pass
    assert caught.value.param == "messages[0].content[0]"


async def test_an_unknown_price_is_too_much(decided: Decided) -> None:
    with pytest.raises(NotFound) as caught:
        async with decided("", body({"max_price": {"prompt": 1000}}, model="fast", models=[])):
            pass
    assert "it is not known what it asks for" in caught.value.extra["excluded_by"][0]["why"]


async def test_nothing_left_is_not_found_and_says_by_what(decided: Decided) -> None:
    with pytest.raises(NotFound) as caught:
        async with decided("", body({"only": ["nobody"]})):
            pass
    assert (caught.value.status, caught.value.code) == (404, "no_endpoints")
    assert [(each["endpoint"], each["by"]) for each in caught.value.extra["excluded_by"]] == [
        (name, "routes") for name in ALL
    ]


def test_the_names_of_an_endpoint() -> None:
    provider = Provider("Lab", kind="acme")
    provider.about = About(title="Acme Cloud")
    endpoint = Endpoint(provider, "m", facts={"quantization": Fact("FP8", "x")})
    names = names_of(endpoint)
    assert names == {"lab", "acme", "acme cloud", "lab/m", "lab/fp8", "acme/fp8"}
    assert [named(slugs, names) for slugs in (["x", "acme"], ["x"], [])] == [1, None, None]


def test_whether_an_endpoint_takes_a_parameter() -> None:
    endpoint = Endpoint(Provider("lab", kind="lab"), "m")
    assert takes(endpoint, "tools") is None
    endpoint.facts = {"parameters": Fact(("structured_outputs",), "x")}
    assert [takes(endpoint, name) for name in ("response_format", "tools")] == [True, False]
