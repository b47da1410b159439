"""What follows from a failure, and what is left of it for the client."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.config import ProviderSettings, read_text
from pointsman.credentials import Key
from pointsman.errors import CONTENT_POLICY, ConnectFailed, UpstreamCut, UpstreamStatus
from pointsman.exchange import Candidate, Exchange
from pointsman.failures import classify, record_failure, refine, scrub
from pointsman.gateway import Gateway
from pointsman.providers import HttpProvider
from pointsman.secrets import Secret
from pointsman.setup import assemble


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422, 451])
def test_a_requests_own_fault_stops(status: int) -> None:
    assert classify(UpstreamStatus.of(status)) == "stop"


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404, 408, 429, 500, 502, 503, 529])
def test_a_providers_fault_goes_on(status: int) -> None:
    assert classify(UpstreamStatus.of(status)) == "next"
    assert classify(ConnectFailed("x")) == classify(UpstreamCut("x", phase="body")) == "next"


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "Your input exceeds the context window of this model.",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Please reduce the length of the messages or completion.",
        "Prompt contains 40000 tokens and is too long for a model with 32768 maximum context.",
    ],
)
def test_what_is_too_long_for_one_model_may_have_room_in_another(words: str) -> None:
    error = UpstreamStatus.of(400, words)
    refine(error)
    assert (error.error_type, error.code) == ("context_length_exceeded", "context_length_exceeded")
    assert classify(error) == "next"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "max_tokens: 100000 > 64000, the maximum allowed"),
        (400, "tools.0: name is too long"),
        (500, "context length"),
    ],
)
def test_other_refusals_are_what_they_were(status: int, words: str) -> None:
    error = UpstreamStatus.of(status, words)
    refine(error)
    assert error.error_type != "context_length_exceeded"


@pytest.mark.parametrize(
    "words",
    [
        "Your chosen model requires moderation and your input was flagged for: violence",
        "rejected by the content filter",
        "Your request was rejected as a result of our safety system.",
    ],
)
def test_a_refusal_for_what_a_request_says_is_none_of_our_key(words: str) -> None:
    error = UpstreamStatus.of(403, words)
    refine(error)
    assert (error.status, error.error_type, error.code) == (403, CONTENT_POLICY, CONTENT_POLICY)
    assert (error.message, error.detail) == (words, None)
    assert classify(error) == "next", "others may answer it"


@pytest.mark.parametrize(("status", "words"), [(403, "The key may not use this model"), (401, "flagged")])
def test_a_refused_key_stays_one(status: int, words: str) -> None:
    error = UpstreamStatus.of(status, words)
    refine(error)
    assert (error.status, error.error_type, error.detail) == (502, "provider_unavailable", words)


def test_no_key_of_a_pool_is_told_to_a_client() -> None:
    settings = ProviderSettings(api_keys=(Secret("sk-first-secret"), Secret("sk-second-secret")))
    provider = HttpProvider(
        "lab", kind="lab", base_url="http://x/v1", dialects=frozenset(), settings=settings
    )
    error = UpstreamStatus.of(
        400, "sk-second-secret is old", body=b"sk-first-secret", detail="sk-first-secret"
    )
    error.event = b"sk-second-secret"
    scrub(error, provider)
    assert (error.message, error.body, error.detail) == ("[key] is old", b"[key]", "[key]")
    assert error.event == b"[key]"


def test_a_key_that_is_none_of_the_providers_is_taken_out_too() -> None:
    provider = HttpProvider("lab", kind="lab", base_url="http://lab", dialects=frozenset())
    error = UpstreamStatus.of(401, "Incorrect API key: sk-of-a-team", body=b'{"key": "sk-of-a-team"}')
    scrub(error, provider, [Key(Secret("sk-of-a-team"))])
    assert "sk-of-a-team" not in f"{error.message} {error.detail} {error.body!r}"
    assert b"[key]" in error.body


def test_a_failure_is_put_on_record_without_the_clients_own_key(caplog: pytest.LogCaptureFixture) -> None:
    text = 'providers: {lab: {base_url: "http://127.0.0.1:9/v1"}}\nmodels: {demo/m: {endpoints: [lab/m]}}'
    gateway = Gateway(assemble(read_text(text, name="proxy.yaml", env={}, base=Path()), env={}))
    exchange = Exchange(gateway, None, {})
    endpoint = gateway.setup.catalogue.models["demo/m"].endpoints[0]
    candidate = Candidate(endpoint, "demo/m", key=Key(Secret("sk-of-the-client")))
    exchange.candidates = [candidate]
    for error, verdict in (
        (UpstreamStatus.of(500, "sk-of-the-client is odd", detail="seen"), "next"),
        (UpstreamStatus.of(400, "no"), "stop"),
    ):
        attempt = exchange.begin_attempt(candidate)
        assert record_failure(exchange, attempt, error) == verdict
        assert attempt.error is error
        assert exchange.public.attempts[-1] is attempt
    assert "attempt 1 at lab/m failed in headers: [key] is odd (seen)" in caplog.text
    assert "sk-of" not in caplog.text
