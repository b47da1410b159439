"""Models and endpoints as they are shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.catalogue import Endpoint, Model
from pointsman.facts import About, Fact
from pointsman.providers import Provider
from pointsman_openrouter.offers import Offer
from pointsman_openrouter.rows import details_of, endpoint_shape, row_of
from pointsman_openrouter.traffic import NOTHING, Traffic

NOW = 1_764_244_800.0
KNOWN = {
    "name": "Large",
    "description": "It is good.",
    "created": 1_760_000_000,
    "context": 8192,
    "max_output": 1024,
    "input_modalities": ("text", "image"),
    "output_modalities": ("text",),
    "parameters": ("tools", "n", "temperature"),
    "tokenizer": "llama3",
    "quantization": "FP8",
    "deprecated": "2027-01-01",
    "price": {"input": 3, "output": 5},
}


def endpoint(at: str = "lab", params: dict[str, Any] | None = None, **facts: Any) -> Endpoint:
    provider = Provider(at, kind=at)
    provider.about = About(title=at.title())
    made = {key: Fact(value, "a test") for key, value in facts.items()}
    return Endpoint(provider, "large", params or {}, facts=made)


def offer(*endpoints: Endpoint, **facts: Any) -> Offer:
    made = {key: Fact(value, "a test") for key, value in facts.items()}
    return Offer(Model("acme/large", list(endpoints), facts=made), endpoints)


def shown(offer: Offer) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(row_of(offer, NOW).text)
    return data


def test_a_model_of_which_all_is_known(validate: Callable[..., None]) -> None:
    found = shown(offer(endpoint(**KNOWN), **{"name": "The large one"}))
    validate(found, component="Model")
    assert found == {
        "id": "acme/large",
        "name": "The large one",
        "created": 1_760_000_000,
        "description": "It is good.",
        "canonical_slug": "acme/large",
        "hugging_face_id": None,
        "context_length": 8192,
        "architecture": {
            "modality": "text+image->text",
            "input_modalities": ["text", "image"],
            "output_modalities": ["text"],
            "tokenizer": "Llama3",
        },
        "pricing": {"prompt": "0.000003", "completion": "0.000005"},
        "top_provider": {"context_length": 8192, "max_completion_tokens": 1024, "is_moderated": False},
        "per_request_limits": None,
        "supported_parameters": ["temperature", "tools"],
        "default_parameters": None,
        "supported_voices": None,
        "knowledge_cutoff": None,
        "expiration_date": "2027-01-01",
        "links": {"details": "/api/v1/models/acme/large/endpoints"},
    }


def test_a_model_of_which_nothing_is_known(validate: Callable[..., None]) -> None:
    found = shown(offer(endpoint()))
    validate(found, component="Model")
    assert "description" not in found
    assert (found["name"], found["created"], found["context_length"]) == ("acme/large", 0, None)
    assert found["architecture"] == {"modality": None, "input_modalities": [], "output_modalities": []}
    assert found["pricing"] == {"prompt": "-1", "completion": "-1"}
    row = row_of(offer(endpoint()), NOW)
    assert (row.inputs, row.outputs, row.created, row.mean_price, row.regions) == (
        None,
        None,
        None,
        None,
        frozenset(),
    )


def test_of_several_endpoints_a_model_has_the_lowest_price_and_all_that_any_can() -> None:
    found = shown(
        offer(
            endpoint("dear", price={"input": 9, "output": 9}, context=100, parameters=("tools",)),
            endpoint("cheap", price={"input": 1, "output": 2}, context=200, parameters=("seed",)),
            endpoint("unknown", input_modalities=("audio",), deprecated="2027-01-01"),
        )
    )
    assert found["pricing"]["prompt"] == "0.000001"
    assert found["context_length"] == 200
    assert found["top_provider"]["context_length"] == 100
    assert found["supported_parameters"] == ["seed", "tools"]
    assert found["architecture"]["input_modalities"] == ["audio"]
    assert found["expiration_date"] is None, "of two of them no end is known"


@pytest.mark.parametrize(
    ("dates", "last"),
    [(("2027-01-01", "2027-03-01"), "2027-03-01"), (("2027-01-01", ""), None), (("", ""), None)],
)
def test_an_end_without_a_date_is_none(dates: tuple[str, str], last: str | None) -> None:
    ends = [endpoint(at, deprecated=date) for at, date in zip(("a", "b"), dates, strict=True)]
    assert shown(offer(*ends))["expiration_date"] == last


@pytest.mark.parametrize(
    ("told", "known"), [("GPT", "GPT"), ("deepseek", "DeepSeek"), ("o200k_base", "Other")]
)
def test_a_tokenizer_goes_by_the_names_there_are(told: str, known: str) -> None:
    assert shown(offer(endpoint(tokenizer=told)))["architecture"]["tokenizer"] == known


def test_defaults_are_the_operators(validate: Callable[..., None]) -> None:
    found = shown(offer(endpoint(params={"temperature": 0.5, "top_k": 4, "stop": ["x"]})))
    validate(found, component="Model")
    assert found["default_parameters"] == {"temperature": 0.5, "top_k": 4}


@pytest.mark.parametrize("facts", [{}, KNOWN])
def test_an_endpoint(validate: Callable[..., None], facts: dict[str, Any]) -> None:
    made = endpoint(**facts)
    shares = {"p50": 1.0, "p75": 2.0, "p90": 3.0, "p99": 4.0}
    for traffic in (NOTHING, Traffic((100.0, 99.5, None), shares, shares)):
        validate(endpoint_shape(offer(made), made, NOW, traffic), component="PublicEndpoint")
    validate(
        {**details_of(offer(made)), "endpoints": [endpoint_shape(offer(made), made, NOW, NOTHING)]},
        component="ListEndpointsResponse",
    )


def test_half_a_character_spoils_nothing() -> None:
    found = shown(offer(endpoint(name="Large \ud83d", description="\u00e9")))
    assert (found["name"], found["description"]) == ("Large \ud83d", "\u00e9")


def test_what_an_endpoint_shows() -> None:
    made = endpoint(**KNOWN)
    found = endpoint_shape(offer(made), made, NOW, Traffic((99.0, 98.0, 97.0)))
    assert (found["name"], found["tag"], found["provider_name"]) == ("Lab | acme/large", "lab/large", "Lab")
    assert (found["context_length"], found["max_completion_tokens"], found["quantization"]) == (
        8192,
        1024,
        "fp8",
    )
    assert (found["uptime_last_5m"], found["uptime_last_30m"], found["uptime_last_1d"]) == (99.0, 98.0, 97.0)
    assert found["latency_last_30m"] is None
    unknown = endpoint(quantization="q4_k_m")
    shape = endpoint_shape(offer(unknown), unknown, NOW, NOTHING)
    assert (shape["quantization"], shape["context_length"]) == ("unknown", 0)
