"""Filters: endpoints that a request's wishes leave out, and why. What is not known counts as not so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.catalogue import Endpoint
from pointsman.exchange import Exchange
from pointsman.money import NANO, format_usd
from pointsman.types import Chat

from .preferences import MEMBER
from .prices import Quotes
from .wishes import Wishes

__all__ = ["Filters", "named", "names_of", "takes"]

KNOWN = {
    "max_tokens": ("max_tokens", "max_completion_tokens"),
    "reasoning": ("reasoning", "include_reasoning", "reasoning_effort"),
    "response_format": ("response_format", "structured_outputs"),
    **{
        name: (name,)
        for name in (
            *("temperature", "top_p", "top_k", "top_a", "min_p", "frequency_penalty", "presence_penalty"),
            *("repetition_penalty", "logit_bias", "logprobs", "top_logprobs", "seed", "stop", "verbosity"),
            *("tools", "tool_choice", "parallel_tool_calls", "structured_outputs", "web_search_options"),
        )
    },
}
"""Parameters of a request that endpoints say whether they take, by the names under which they say it."""
PRICED = {
    "prompt": "a million tokens of the request",
    "completion": "a million tokens of the answer",
    "request": "a request",
    "image": "an image",
    "audio": "a million tokens of sound",
}


def names_of(endpoint: Endpoint) -> frozenset[str]:
    """Every name by which preferences may mean an endpoint's provider, or it alone; in lower case."""
    provider, quantization = endpoint.provider, _value(endpoint, "quantization")
    names = {provider.name, provider.kind, endpoint.id}
    if provider.about.title:
        names.add(provider.about.title)
    if quantization:
        names |= {f"{provider.name}/{quantization}", f"{provider.kind}/{quantization}"}
    return frozenset(name.lower() for name in names)


def named(slugs: Iterable[str], names: frozenset[str]) -> int | None:
    """The place of the first of some slugs, in lower case, that is among the names."""
    return next((place for place, slug in enumerate(slugs) if slug in names), None)


def takes(endpoint: Endpoint, parameter: str) -> bool | None:
    """Whether an endpoint takes a parameter; None where that is not known."""
    taken = _value(endpoint, "parameters")
    return None if taken is None else any(name in taken for name in KNOWN[parameter])


class Filters:
    """What one request's wishes leave out."""

    def __init__(self, exchange: Exchange, wishes: Wishes, quotes: Quotes) -> None:
        self._wishes = wishes
        self._quotes = quotes
        self._used = _parameters(exchange) if wishes.whole else ()

    def why(self, endpoint: Endpoint) -> str | None:
        """Why an endpoint is left out, in words that begin with the preference."""
        found = (
            self._by_name(endpoint)
            or self._by_data(endpoint)
            or self._by_ability(endpoint)
            or self._by_price(endpoint)
        )
        return f"{MEMBER}.{found}" if found else None

    def _by_name(self, endpoint: Endpoint) -> str | None:
        wishes = self._wishes
        if not (wishes.only or wishes.ignore):
            return None
        names = names_of(endpoint)
        if not names.isdisjoint(wishes.ignore):
            return "ignore: it is named there"
        if any(names.isdisjoint(only) for only in wishes.only):
            return "only: it is not named there"
        return None

    def _by_data(self, endpoint: Endpoint) -> str | None:
        about = endpoint.provider.about
        if self._wishes.zdr and not about.forgets:
            return f"zdr: it {_known(about.retains)} keep what it is sent"
        if self._wishes.deny and not about.collects_nothing:
            may = about.retains if about.trains is False else about.trains
            return f"data_collection: it {_known(may)} collect what it is sent"
        return None

    def _by_ability(self, endpoint: Endpoint) -> str | None:
        wishes = self._wishes
        if wishes.distillable and _value(endpoint, "distillable") is not True:
            return "enforce_distillable_text: it is not known that its text may train others"
        if wishes.quantizations is not None:
            quantization = str(_value(endpoint, "quantization") or "unknown").lower()
            if quantization not in wishes.quantizations:
                return f"quantizations: it is {quantization}"
        for parameter in self._used:
            if not takes(endpoint, parameter):
                return f"require_parameters: it is not known to take `{parameter}`"
        return None

    def _by_price(self, endpoint: Endpoint) -> str | None:
        for name, most in self._wishes.most.items():
            amount = self._quotes.part(endpoint, name)
            if amount is None:
                return f"max_price: it is not known what it asks for {PRICED[name]}"
            if amount > most:
                usd = f"{float(amount) / NANO:.6g} USD, more than {format_usd(most)}"
                return f"max_price: it asks {usd}, for {PRICED[name]}"
        return None


def _parameters(exchange: Exchange) -> tuple[str, ...]:
    """The parameters that a request or its preset gives, whatever its dialect calls them. Raises
    BadRequest."""
    chat = exchange.codec.decode_request(exchange.request)
    preset = exchange.plan.params if exchange.plan is not None else ()
    return tuple(name for name in dict.fromkeys((*_given(chat), *preset)) if name in KNOWN)


def _given(chat: Chat) -> Iterable[str]:
    own: Mapping[str, Any] = chat.extra.get(chat.dialect, {})
    tools = [*(["tools"] if chat.tools else []), *(["tool_choice"] if chat.tool_choice else [])]
    return dict.fromkeys([*chat.params, *tools, *own])


def _known(may: bool | None) -> str:
    return "may" if may else "is not known not to"


def _value(endpoint: Endpoint, name: str) -> Any:
    fact = endpoint.facts.get(name)
    return fact.value if fact is not None else None
