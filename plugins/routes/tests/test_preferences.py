"""What a request may say of endpoints, and how it is told that it says it wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import Request
from pointsman_routes.preferences import MaxPrice, Percentiles, Preferences, SortSettings, preferences_of


def said(provider: Any) -> Preferences | None:
    return preferences_of(Request(json.dumps({"model": "m", "provider": provider}).encode()))


def test_all_that_may_be_said() -> None:
    assert said(
        {
            "order": ["a", "b/c"],
            "only": ["a"],
            "ignore": ["z"],
            "allow_fallbacks": False,
            "require_parameters": True,
            "data_collection": "deny",
            "zdr": True,
            "enforce_distillable_text": True,
            "quantizations": ["fp8", "unknown"],
            "sort": {"by": "latency", "partition": "none"},
            "max_price": {"prompt": 1, "completion": "2.5", "request": 0, "image": 0.01, "audio": 3},
            "preferred_min_throughput": {"p90": 50},
            "preferred_max_latency": 1.5,
        }
    ) == Preferences(
        order=("a", "b/c"),
        only=("a",),
        ignore=("z",),
        allow_fallbacks=False,
        require_parameters=True,
        data_collection="deny",
        zdr=True,
        enforce_distillable_text=True,
        quantizations=("fp8", "unknown"),
        sort=SortSettings(by="latency", partition="none"),
        max_price=MaxPrice(  # type: ignore[arg-type]
            prompt=10**9, completion=2_500_000_000, request=0, image=10**7, audio=3 * 10**9
        ),
        preferred_min_throughput=Percentiles(p90=50.0),
        preferred_max_latency=Percentiles(p50=1.5),
    )


def test_a_word_is_an_order_by_it() -> None:
    assert said({"sort": "price"}) == Preferences(sort=SortSettings(by="price"))


@pytest.mark.parametrize("nothing", [None, {}, {"only": None, "sort": None, "max_price": None}])
def test_nothing_is_said(nothing: Any) -> None:
    assert said(nothing) in (None, Preferences())


def test_a_request_without_them_is_not_read() -> None:
    assert preferences_of(Request(b'{"model": "m"}')) is None


@pytest.mark.parametrize(
    ("provider", "param", "words"),
    [
        ([], "provider", "`provider` must be an object"),
        ("lab", "provider", "`provider` must be an object"),
        ({"ordr": ["a"]}, "provider", "did you mean `order`?"),
        ({"x-own": 1}, "provider", "unknown key `x-own`"),
        ({"order": "a"}, "provider.order", "a list (a string each)"),
        ({"only": [1]}, "provider.only.0", "a string"),
        ({"only": []}, "provider.only", "an empty list allows nothing"),
        ({"quantizations": []}, "provider.quantizations", "an empty list allows nothing"),
        ({"zdr": "yes"}, "provider.zdr", "true or false"),
        ({"data_collection": "no"}, "provider.data_collection", "one of allow, deny"),
        ({"sort": "pric"}, "provider.sort.by", "did you mean price?"),
        ({"sort": {"by": "price", "partition": "all"}}, "provider.sort.partition", "one of model, none"),
        ({"max_price": {"promt": 1}}, "provider.max_price", "did you mean `prompt`?"),
        ({"max_price": {"prompt": -1}}, "provider.max_price.prompt", "cannot be negative"),
        ({"max_price": {"prompt": "cheap"}}, "provider.max_price.prompt", "not a number of US dollars"),
        ({"preferred_max_latency": -1}, "provider.preferred_max_latency.p50", "at least 0"),
        ({"preferred_min_throughput": {"p95": 1}}, "provider.preferred_min_throughput", "unknown key `p95`"),
        ({"order": ["x" * 20_000]}, "provider", "more than 8192 bytes"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(provider: Any, param: str, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        said(provider)
    assert words in caught.value.message
    assert (caught.value.param, caught.value.status) == (param, 400)


@pytest.mark.parametrize("member", ['{"sort": 1e400}', '{"max_price": {"prompt": -1e999}}', "1e400"])
def test_a_number_out_of_range_is_the_clients_fault(member: str) -> None:
    with pytest.raises(BadRequest, match="no number out of range") as caught:
        preferences_of(Request(f'{{"model": "m", "provider": {member}}}'.encode()))
    assert caught.value.param == "provider"
