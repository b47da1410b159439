"""The plugin as pointsman sees it, and recorded traffic through a server."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

import pointsman_gemini
from pointsman.config import ProviderSettings
from pointsman.dialects import Dialects
from pointsman.plugins import Plugin, PluginSet
from pointsman.providers import Kind, Providers
from pointsman.testing import FakeProvider, Recording, replaying, running

MODULES = sorted(module.name for module in pkgutil.iter_modules(pointsman_gemini.__path__))
CONFIG = """
auth: keys
admin_key: pm-test
plugins: {{openai: {{}}, gemini: {{}}, usage: {{}}, keys: {{}}, echo: false}}
providers: {{lab: {{vendor: gemini, base_url: "{url}", api_key: key-of-google}}}}
log: {{level: error}}
"""


@pytest.fixture
def plugins() -> PluginSet:
    return PluginSet([Plugin("gemini", pointsman_gemini, pointsman_gemini.__file__, "0", "test")])


def test_the_surfaces_are_registered(plugins: PluginSet) -> None:
    assert pointsman_gemini.POINTSMAN_API == 1
    dialects = Dialects()
    plugins.run_registration("register_dialects", lambda owner: lambda codec: dialects.add(codec, owner))
    assert [(codec.dialect, codec.surface) for codec in dialects] == [
        ("gemini", "chat"),
        ("gemini", "embeddings"),
    ]


def test_the_provider_is_found_by_its_key(plugins: PluginSet) -> None:
    kinds = Providers()

    def register(kind: str, factory: object, *, key_variable: str) -> None:
        kinds.add(Kind(kind, factory, "gemini", key_variable))  # type: ignore[arg-type]

    plugins.run_registration("register_providers", lambda owner: register)
    assert kinds.make("gemini", ProviderSettings()).kind == "gemini"
    (found,) = kinds.from_environment({"GEMINI_API_KEY": "key"}, ())
    assert found.unready() is None


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_sorted_and_complete(name: str) -> None:
    module = importlib.import_module(f"pointsman_gemini.{name}")
    assert module.__doc__
    assert list(module.__all__) == sorted(
        module.__all__, key=lambda each: (not each.isupper(), not each[0].isupper(), each)
    )
    own = {
        each
        for each, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not each.startswith("_")
    }
    assert own <= set(module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_its_tests(name: str) -> None:
    assert (Path(__file__).parent / f"test_{name}.py").exists()


def test_the_readme_names_every_path() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for codec in (pointsman_gemini.ContentCodec, pointsman_gemini.EmbedCodec):
        for place in codec.places:
            assert f"`/v1beta{place.replace(':path}', '}')}" in readme


@pytest.mark.parametrize("door", ["auto", "asgi"])
async def test_recorded_answers_arrive_as_they_were(
    answers: list[Recording], streams: list[Recording], door: str
) -> None:
    wanted = [*answers[::4], *streams]
    async with (
        FakeProvider(replaying(wanted)) as fake,
        running(CONFIG.format(url=fake.url), key="pm-test", door=door) as server,  # type: ignore[arg-type]
    ):
        for each in wanted:
            method = "streamGenerateContent?alt=sse" if each.is_sse else "generateContent"
            answer = await server.client.post(f"/v1beta/models/lab/{each.id}:{method}", json=each.request)
            assert (answer.status_code, answer.content) == (200, each.body), each.id
            assert fake.requests[-1].json == each.request
            assert fake.requests[-1].path.endswith(f"/models/{each.id}:{method}")
        rows = await server.rows("generations")
        assert {(row["lane"], row["outcome"]) for row in rows} == {("bytes", "complete")}


async def test_recorded_errors_keep_their_meaning(recorded: list[Recording]) -> None:
    errors = [each for each in recorded if each.status >= 400]
    assert errors
    async with (
        FakeProvider(replaying(errors)) as fake,
        running(CONFIG.format(url=fake.url), key="pm-test") as server,
    ):
        for each in errors:
            place = f"/v1beta/models/lab/{each.id}:generateContent"
            body = {**each.request, "contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
            answer = await server.client.post(place, json=body)
            assert (answer.status_code, answer.content) == (each.status, each.body), each.id
            chat = {"model": f"lab/{each.id}", "messages": [{"role": "user", "content": "Hi"}]}
            other = await server.client.post("/v1/chat/completions", json=chat)
            assert other.status_code == each.status
            assert other.json()["error"]["message"] in each.body.decode()
