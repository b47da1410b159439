"""Rows: a model and an endpoint as OpenRouter shows them.

What nobody told is null or left out. Where the shape allows neither, `created` and an endpoint's
`context_length` are 0, texts and lists are empty, prices -1, and a tokenizer is Other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pointsman.catalogue import Endpoint

from .offers import Offer
from .pages import PREFIX
from .pricing import main_prices, pricing_of
from .providers import names_of, title_of
from .traffic import Traffic

__all__ = ["Row", "architecture", "details_of", "encoded", "endpoint_shape", "row_of"]

INPUTS = ("text", "image", "file", "audio", "video")
OUTPUTS = ("text", "image", "embeddings", "audio", "video", "rerank", "speech", "transcription")
PARAMETERS = (
    *("temperature", "top_p", "top_k", "min_p", "top_a"),
    *("frequency_penalty", "presence_penalty", "repetition_penalty"),
    *("max_tokens", "max_completion_tokens", "logit_bias", "logprobs", "top_logprobs", "prediction", "seed"),
    *("response_format", "structured_outputs", "stop", "tools", "tool_choice", "parallel_tool_calls"),
    *("include_reasoning", "reasoning", "reasoning_effort", "web_search_options", "verbosity"),
)
DEFAULTS = ("temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "repetition_penalty")
TOKENIZERS = (
    *("Router", "Media", "GPT", "Claude", "Gemini", "Gemma", "Grok", "Cohere", "Nova", "Qwen", "Yi"),
    *("DeepSeek", "Mistral", "Llama2", "Llama3", "Llama4", "PaLM", "RWKV", "Qwen3"),
)
OTHER = "Other"
QUANTIZATIONS = frozenset(
    ("int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32")
)
UNKNOWN = "unknown"
UNTESTED: Mapping[str, Any] = {
    "supports_implicit_caching": False,
    "supports_tool_choice": dict.fromkeys(("auto", "function", "none", "required"), False),
    "supports_diarization": False,
    "native_tools": {},
    "service_tier": None,
}
"""What nobody tells of endpoints, and clients look for."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Row:
    """A model in a listing: its JSON, and what filters and orders ask of it; None is unknown.

    `prompt` and `completion` are nano-dollars per million tokens, `created` seconds since 1970, `providers`
    every name of who serves it, in lower case.
    """

    offer: Offer
    text: bytes
    title: str
    description: str | None
    created: int | None
    context: int | None
    inputs: frozenset[str] | None
    outputs: frozenset[str] | None
    parameters: frozenset[str]
    tokenizer: str | None
    prompt: int | None
    completion: int | None
    providers: frozenset[str]
    forgotten: bool
    regions: frozenset[str]
    distillable: bool

    @property
    def name(self) -> str:
        """The model's canonical name."""
        return self.offer.model.name

    @property
    def mean_price(self) -> float | None:
        """The mean of what a token of the request and one of the answer cost."""
        return None if self.prompt is None or self.completion is None else (self.prompt + self.completion) / 2


def row_of(offer: Offer, now: float) -> Row:
    """A model's row, with the prices that count at a time, in seconds since 1970. Its price is the lowest of
    its endpoints; context, modalities and parameters are what any of them can do."""
    endpoints = offer.endpoints
    cheapest = min(endpoints, key=lambda each: _mean(each, now))
    inputs, outputs = _union(endpoints, "input_modalities"), _union(endpoints, "output_modalities")
    parameters = _union(endpoints, "parameters") or ()
    created, tokenizer = _told(offer, "created"), _told(offer, "tokenizer")
    context = max(_values(endpoints, "context"), default=None)
    data = {
        **_identity(offer),
        "canonical_slug": offer.model.name,
        "hugging_face_id": None,
        "context_length": context,
        "architecture": architecture(offer),
        "pricing": pricing_of(cheapest, now),
        "top_provider": {
            "context_length": _value(endpoints[0], "context"),
            "max_completion_tokens": _value(endpoints[0], "max_output"),
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": [each for each in PARAMETERS if each in parameters],
        "default_parameters": _defaults(endpoints[0]),
        "supported_voices": None,
        "knowledge_cutoff": None,
        "expiration_date": _expiration(endpoints),
        "links": {"details": f"{PREFIX}/models/{offer.model.name}/endpoints"},
    }
    prompt, completion = main_prices(cheapest, now)
    providers = {each.provider.name: each.provider for each in endpoints}.values()
    return Row(
        offer=offer,
        text=encoded(data),
        title=data["name"],
        description=data.get("description"),
        created=created,
        context=context,
        inputs=frozenset(inputs) if inputs is not None else None,
        outputs=frozenset(outputs) if outputs is not None else None,
        parameters=frozenset(parameters),
        tokenizer=tokenizer,
        prompt=prompt,
        completion=completion,
        providers=frozenset(name for each in providers for name in names_of(each)),
        forgotten=any(each.about.forgets for each in providers),
        regions=frozenset(each.about.region.lower() for each in providers if each.about.region),
        distillable=any(value is True for value in _values(endpoints, "distillable")),
    )


def details_of(offer: Offer) -> dict[str, Any]:
    """What is told of a model where its endpoints are listed."""
    shown = architecture(offer)
    return {
        "description": "",
        **_identity(offer),
        "architecture": {**shown, "tokenizer": shown.get("tokenizer", OTHER), "instruct_type": None},
    }


def endpoint_shape(offer: Offer, endpoint: Endpoint, now: float, traffic: Traffic) -> dict[str, Any]:
    """An endpoint, with the prices that count at a time and what its traffic shows. Its `tag` is what
    `provider.order` takes."""
    title = title_of(endpoint.provider)
    parameters = _value(endpoint, "parameters") or ()
    quantization = str(_value(endpoint, "quantization") or UNKNOWN).lower()
    return {
        "name": f"{title} | {offer.model.name}",
        "model_id": offer.model.name,
        "model_name": _told(offer, "name") or offer.model.name,
        "context_length": _value(endpoint, "context") or 0,
        "pricing": pricing_of(endpoint, now),
        "provider_name": title,
        "tag": endpoint.id,
        "quantization": quantization if quantization in QUANTIZATIONS else UNKNOWN,
        "max_completion_tokens": _value(endpoint, "max_output"),
        "max_prompt_tokens": None,
        "supported_parameters": [each for each in PARAMETERS if each in parameters],
        **UNTESTED,
        "status": 0,
        **traffic.shown(),
    }


def architecture(offer: Offer) -> dict[str, Any]:
    """What a model takes and answers with."""
    inputs, outputs = (
        _union(offer.endpoints, name) or () for name in ("input_modalities", "output_modalities")
    )
    takes = [each for each in INPUTS if each in inputs]
    gives = [each for each in OUTPUTS if each in outputs]
    shown: dict[str, Any] = {
        "modality": f"{'+'.join(takes)}->{'+'.join(gives)}" if takes and gives else None,
        "input_modalities": takes,
        "output_modalities": gives,
    }
    tokenizer = _told(offer, "tokenizer")
    if tokenizer is not None:
        shown["tokenizer"] = next((each for each in TOKENIZERS if each.lower() == tokenizer.lower()), OTHER)
    return shown


def encoded(data: Any) -> bytes:
    """Data as JSON. Half characters, which a provider's texts may have, stay as they are."""
    try:
        return msgspec.json.encode(data)
    except UnicodeEncodeError:
        return json.dumps(data).encode()


def _identity(offer: Offer) -> dict[str, Any]:
    description = _told(offer, "description")
    return {
        "id": offer.model.name,
        "name": _told(offer, "name") or offer.model.name,
        "created": _told(offer, "created") or 0,
        **({"description": description} if description is not None else {}),
    }


def _told(offer: Offer, name: str) -> Any:
    """What is told of the model itself, or of the first endpoint of which it is told."""
    fact = offer.model.facts.get(name)
    return fact.value if fact is not None else next(iter(_values(offer.endpoints, name)), None)


def _value(endpoint: Endpoint, name: str) -> Any:
    fact = endpoint.facts.get(name)
    return fact.value if fact is not None else None


def _values(endpoints: Iterable[Endpoint], name: str) -> list[Any]:
    return [fact.value for each in endpoints if (fact := each.facts.get(name)) is not None]


def _union(endpoints: Iterable[Endpoint], name: str) -> dict[str, None] | None:
    """What any of some endpoints has, in order; None where it is known of none."""
    known = _values(endpoints, name)
    return dict.fromkeys(each for value in known for each in value) if known else None


def _mean(endpoint: Endpoint, now: float) -> float:
    """What decides which endpoint is the cheapest; one whose price is not known comes last."""
    prompt, completion = main_prices(endpoint, now)
    return float("inf") if prompt is None or completion is None else prompt + completion


def _defaults(endpoint: Endpoint) -> Mapping[str, Any] | None:
    """The operator's defaults for requests that lack them."""
    found = {name: endpoint.params[name] for name in DEFAULTS if name in endpoint.params}
    return found or None


def _expiration(endpoints: tuple[Endpoint, ...]) -> str | None:
    """When the last endpoint goes away, where it is known when each does."""
    dates = [str(date) for date in _values(endpoints, "deprecated") if date]
    return max(dates) if len(dates) == len(endpoints) else None
