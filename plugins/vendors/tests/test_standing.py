"""How providers stand: what is told of them before and after they are asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import UpstreamSettings, read_text
from pointsman.facts import About
from pointsman.providers import Provider
from pointsman.setup import Setup, assemble
from pointsman.testing import FakeProvider, Received, Script
from pointsman.upstream import Upstream
from pointsman_vendors.standing import Standing, ask_all, configured, not_configured, policy

LISTING = Script.json({"object": "list", "data": [{"id": "a"}, {"id": "b"}]})


def setup(text: str, env: dict[str, str] | None = None) -> Setup:
    document = read_text("plugins: {echo: {}}\n" + text, name="t.yaml", env={}, base=Path())
    return assemble(document, env=env or {})


def lab(url: str, **more: str) -> str:
    rest = "".join(f", {name}: {value}" for name, value in more.items())
    return f'providers: {{lab: {{base_url: "{url}", api_key: sk-lab{rest}}}}}\n'


async def asked(made: Setup, name: str = "lab", *, patience: float = 5.0) -> Standing:
    pairs = [pair for pair in configured(made, {}) if pair[0].name == name]
    upstream = Upstream(UpstreamSettings())
    try:
        await ask_all(pairs, upstream.http, patience=patience)
    finally:
        await upstream.close()
    return pairs[0][0]


async def test_one_that_lists_its_models_is_reachable_in_so_many_milliseconds() -> None:
    async with FakeProvider(LISTING) as fake:
        standing = await asked(setup(lab(fake.url)))
        (received,) = fake.requests
    assert (standing.reachable, standing.models, standing.error) == (True, 2, None)
    assert standing.ms is not None
    assert standing.ms >= 0
    assert received.path.endswith("/models")
    assert received.headers["authorization"] == "Bearer sk-lab"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (Script.json({"error": "no"}, status=401), "answers 401: the key is refused"),
        (Script.json({"error": "no"}, status=403), "answers 403: the key is refused"),
        (Script.json({"error": "down"}, status=503), "answers 503"),
        (Script.json({"models": 3}), "answers, but with no list of models"),
        (Script.json("nothing"), "answers, but with no list of models"),
    ],
)
async def test_one_that_answers_otherwise_says_how(script: Script, words: str) -> None:
    async with FakeProvider(script) as fake:
        standing = await asked(setup(lab(fake.url)))
    assert (standing.reachable, standing.error) == (False, words)
    assert (standing.ms, standing.models) == (None, None)


async def test_one_that_is_not_there_and_one_that_is_silent() -> None:
    standing = await asked(setup(lab("http://127.0.0.1:1/v1")))
    assert (standing.reachable, standing.error) == (False, "no connection")
    silence = asyncio.Event()

    async def silent(request: Received) -> Script:
        await silence.wait()
        return LISTING

    async with FakeProvider(silent) as fake:
        standing = await asked(setup(lab(fake.url)), patience=0.05)
        silence.set()
    assert (standing.reachable, standing.error) == (False, "no answer within 0.05 s")


async def test_who_cannot_be_asked_is_not() -> None:
    standing = await asked(setup("providers: {groq: {}}"), "groq")
    assert (standing.reachable, standing.error) == (None, "its api_key is missing")
    standing = await asked(setup("providers: {voyage: {api_key: k}}"), "voyage")
    assert (standing.reachable, standing.error) == (None, None), "it has no listing"
    standing = await asked(setup(""), "echo")
    assert (standing.reachable, standing.base_url, standing.about.trains) == (None, None, False)


async def test_a_plugins_own_provider_is_asked_where_it_lists_models() -> None:
    class Own(Provider):
        async def list_models(self, http: Any) -> list[Any]:
            raise ZeroDivisionError("with a secret in it")

    made = setup("")
    (standing,) = (standing for standing, _ in configured(made, {}) if standing.name == "echo")
    await ask_all([(standing, Own("echo", kind="own"))], None)  # type: ignore[arg-type]
    assert (standing.reachable, standing.error) == (False, "ZeroDivisionError")


def test_what_is_told_of_the_configured_ones() -> None:
    made = setup("providers: {groq: {api_key: sk-secret}}", {})
    by_name = {standing.name: standing for standing, _ in configured(made, {"GROQ_API_KEY": "other"})}
    groq = by_name["groq"]
    assert groq.configured
    assert groq.base_url == "https://api.groq.com/openai/v1"
    assert (groq.key_variable, groq.key_set) == ("GROQ_API_KEY", True)
    assert len(groq.keys) == 1
    assert "sk-secret" not in repr(groq)
    assert groq.about.verified


def test_those_the_environment_has_are_found_not_configured() -> None:
    made = setup("providers: {from_env: true}", {"GROQ_API_KEY": "k"})
    by_name = {standing.name: standing for standing, _ in configured(made, {"GROQ_API_KEY": "k"})}
    assert (by_name["groq"].found, by_name["groq"].configured) == (True, False)
    assert by_name["ollama"].found
    assert by_name["ollama"].error is None, "it may still be there: it has not been asked"


def test_those_that_could_be_configured() -> None:
    made = setup("providers: {groq: {api_key: k}}")
    rest = {standing.name: standing for standing in not_configured(made, {"DEEPSEEK_API_KEY": "k"})}
    assert list(rest) == sorted(rest)
    assert {"anthropic", "openai", "deepseek", "ollama", "snowflake"} <= rest.keys()
    assert not {"groq", "echo", "openai-compatible", "lm-studio"} & rest.keys()
    assert (rest["deepseek"].key_variable, rest["deepseek"].key_set) == ("DEEPSEEK_API_KEY", True)
    assert not rest["mistral"].key_set
    assert rest["snowflake"].base_url == "https://{account}.snowflakecomputing.com/api/v2/cortex/v1"
    assert rest["snowflake"].about.verified


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (About(), "unknown"),
        (About(trains=False), "no training"),
        (About(trains=True, retains=True), "trains on it, keeps it"),
        (About(trains=False, retains=True, retention="30 days"), "no training, keeps it (30 days)"),
        (About(retains=False), "keeps nothing"),
        (About(retention="each has rules of its own"), "each has rules of its own"),
    ],
)
def test_a_policy_in_words(about: About, words: str) -> None:
    assert policy(about) == words
