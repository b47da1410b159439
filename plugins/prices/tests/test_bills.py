"""Bills: what providers said that they billed for recorded answers, and what prices of that time come to.

Whether cached tokens are among a provider's prompt tokens decides a bill: each provider is held to its own
words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pointsman.dialects import Codec, Quirks
from pointsman.errors import RequestError
from pointsman.money import drifts
from pointsman.sse import Splitter
from pointsman.testing import Recording, recordings, shared_path
from pointsman.types import Peek, Usage
from pointsman_anthropic import MessagesCodec
from pointsman_openai.codecs import ChatCodec
from pointsman_openai.responses import ResponsesCodec
from pointsman_prices.book import Book, read_price

CODECS: Mapping[str, Codec] = {
    "/chat/completions": ChatCodec(),
    "/responses": ResponsesCodec(),
    "/messages": MessagesCodec(),
}
CLAUDE = {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}
PRICES: Mapping[str, Mapping[str, Any]] = {
    "anthropic/claude-4.5-sonnet": CLAUDE,
    "anthropic/claude-sonnet-4.5": CLAUDE,
    "anthropic/claude-4.6-sonnet": CLAUDE,
    "deepseek/deepseek-chat": {"input": 0.2574, "output": 1.0287, "search": 0.007},
    "google/gemini-2.5-flash": {"input": 0.3, "output": 2.5, "cache_read": 0.03, "cache_write": 0.083333333},
    "google/gemini-3.6-flash": {"input": 1.5, "output": 7.5},
    "minimax/minimax-m2:free": {"input": 0, "output": 0},
    "openai/gpt-4.1-mini": {"input": 0.4, "output": 1.6, "search": 0.01},
    "openai/gpt-4o-mini": {"input": 0.15, "output": 0.6},
    "openai/gpt-5-mini": {"input": 0.25, "output": 2},
    "openai/gpt-5.1-codex-mini": {"input": 0.25, "output": 2},
    "openai/gpt-5.6-sol": {"input": 5, "output": 30, "cache_read": 0.5, "cache_write": 6.25},
    "openai/gpt-oss-20b": {"input": 0.05, "output": 0.2},
    "openai/o3": {"input": 2, "output": 8},
    "qwen/qwen3-30b-a3b-instruct-2507": {"input": 0.1, "output": 0.3},
    "x-ai/grok-4": {"input": 3, "output": 15, "cache_read": 0.75},
    "z-ai/glm-4.6": {"input": 0.6, "output": 2.2},
}
"""US dollars per million tokens at the router on the day of the recording, by the model that answered."""
NOT_COUNTED = 0.1
"""The share of bills with something in them that no usage tells: another model that was asked for advice, a
document that was read."""


@pytest.fixture(scope="session")
def recorded() -> list[Recording]:
    """Every recorded answer of the dialects; skips where there are none."""
    shared = shared_path()
    if shared is None:
        pytest.skip("recorded traffic is not here (POINTSMAN_SHARED)")
    found = [each for each in recordings(shared) if codec_of(each) is not None and each.status == 200]
    assert len(found) > 500, "the recordings have moved"
    return found


def codec_of(recording: Recording) -> Codec | None:
    path = recording.path.partition("?")[0]
    return next((codec for end, codec in CODECS.items() if path.endswith(end)), None)


def read(recording: Recording) -> tuple[Usage | None, str | None]:
    """Usage and model of an answer, as its tap sees them."""
    codec = codec_of(recording)
    assert codec is not None
    tap = codec.tap(peek=Peek("m", stream=recording.is_sse), quirks=Quirks())
    if not recording.is_sse:
        tap.whole(recording.body)
        return tap.usage, tap.model
    splitter = Splitter(2**24)
    for event in [*splitter.feed(recording.body), splitter.finish()]:
        tap.feed(event)
    return tap.usage, tap.model


def price_of(model: str | None) -> Book | None:
    """The price of the longest name that a model's begins with."""
    found = max((name for name in PRICES if (model or "").startswith(name)), key=len, default=None)
    return Book(read_price(PRICES[found]), "endpoint") if found is not None else None


def test_nearly_every_bill_is_what_the_prices_come_to(
    recorded: list[Recording], capsys: pytest.CaptureFixture[str]
) -> None:
    near, odd, unpriced = 0, [], []
    for recording in recorded:
        try:
            usage, model = read(recording)
        except RequestError:  # what is no answer bills nothing
            continue
        if usage is None or usage.reported_nano is None:
            continue
        book = price_of(model)
        cost = book.cost(usage, 0) if book is not None else None
        if cost is None:
            unpriced.append(model)
        elif drifts(cost.nano, usage.reported_nano):
            odd.append((recording.id, model, cost.nano, usage.reported_nano))
        else:
            near += 1
    billed = near + len(odd)
    with capsys.disabled():
        print(f"\n{near} of {billed} recorded bills within 1% ({near / billed:.1%}); others: {odd}")
    assert billed >= 50
    assert not unpriced
    assert len(odd) <= NOT_COUNTED * billed
    assert all(cost < reported for _, _, cost, reported in odd), "none is more than what was billed"


def fresh_of_anthropic(raw: Mapping[str, Any]) -> int:
    """Its input leaves out what was cached."""
    return int(raw["input_tokens"])


def fresh_of_deepseek(raw: Mapping[str, Any]) -> int:
    """It tells what was no hit, which is part of its prompt."""
    if "prompt_cache_miss_tokens" not in raw:
        return fresh_of_responses(raw)
    assert raw["prompt_cache_miss_tokens"] + raw["prompt_cache_hit_tokens"] == raw["prompt_tokens"]
    return int(raw["prompt_cache_miss_tokens"])


def fresh_of_responses(raw: Mapping[str, Any]) -> int:
    """Its input counts what was read and what was written."""
    details = raw.get("input_tokens_details") or {}
    return int(raw["input_tokens"] - details.get("cached_tokens", 0) - details.get("cache_write_tokens", 0))


def fresh_of_chat(raw: Mapping[str, Any]) -> int:
    """Its prompt counts what was cached, wherever a host tells how much that was."""
    if "prompt_tokens" not in raw:
        return fresh_of_responses(raw)
    details = raw.get("prompt_tokens_details") or raw.get("prompt_token_details") or {}
    cached = details.get("cached_tokens") or raw.get("num_cached_tokens") or raw.get("cached_tokens") or 0
    written = details.get("cache_write_tokens") or 0
    prompt = int(raw["prompt_tokens"])
    both = cached + written > prompt  # what was written was read at once
    return max(0, prompt - (max(cached, written) if both else cached + written))


@pytest.mark.parametrize(
    ("provider", "fresh", "caches"),
    [
        ("anthropic", fresh_of_anthropic, True),
        ("deepseek", fresh_of_deepseek, True),
        ("openai", fresh_of_chat, True),
        ("azure-openai", fresh_of_chat, False),
        ("openrouter", fresh_of_chat, True),
        ("mistral", fresh_of_chat, True),
        ("groq", fresh_of_chat, True),
        ("cerebras", fresh_of_chat, False),
        ("huggingface", fresh_of_chat, False),
        ("zai", fresh_of_chat, False),
        ("crusoe", fresh_of_chat, True),
    ],
)
def test_cached_tokens_are_charged_once_whatever_a_provider_counts_among_its_prompt(
    recorded: list[Recording],
    provider: str,
    fresh: Callable[[Mapping[str, Any]], int],
    caches: bool,
) -> None:
    price = Book(read_price({"input": 1000, "output": 0, "cache_read": 1, "cache_write": 1}), "endpoint")
    seen = cached = 0
    for recording in recorded:
        if recording.provider != provider:
            continue
        try:
            usage, _ = read(recording)
        except RequestError:
            continue
        if usage is None or usage.raw.keys().isdisjoint({"input_tokens", "prompt_tokens"}):
            continue
        plain = Usage(usage.input, usage.output, usage.cache_read, usage.cache_write)
        cost = price.cost(plain, 0)
        assert cost is not None
        assert cost.details.get("input", 0) == fresh(usage.raw) * 10**12, recording.id
        seen += 1
        cached += usage.cache_read > 0 or usage.cache_write > 0
    assert seen
    assert cached or not caches
