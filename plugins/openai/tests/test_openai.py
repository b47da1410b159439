"""The plugin as pointsman sees it."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import pointsman_openai
from pointsman.config import ProviderSettings
from pointsman.dialects import Dialects
from pointsman.plugins import Plugin, PluginSet
from pointsman.providers import Kind, Providers

MODULES = sorted(module.name for module in pkgutil.iter_modules(pointsman_openai.__path__))


@pytest.fixture
def plugins() -> PluginSet:
    return PluginSet([Plugin("openai", pointsman_openai, pointsman_openai.__file__, "0", "test")])


def test_the_plugin_declares_the_api_it_was_written_for() -> None:
    assert pointsman_openai.POINTSMAN_API == 1


def test_the_surfaces_of_both_dialects_are_registered(plugins: PluginSet) -> None:
    dialects = Dialects()
    plugins.run_registration("register_dialects", lambda owner: lambda codec: dialects.add(codec, owner))
    assert [codec.path for codec in dialects] == [
        *("/chat/completions", "/completions", "/embeddings", "/responses")
    ]
    assert dialects.names() == ["openai-chat", "openai-responses"]


def test_the_provider_is_found_by_its_key(plugins: PluginSet) -> None:
    kinds = Providers()

    def register(kind: str, factory: Any, *, key_variable: str, address: str | None = None) -> None:
        kinds.add(Kind(kind, factory, "openai", key_variable, address=address))

    plugins.run_registration("register_providers", lambda owner: register)
    assert kinds.make("openai", ProviderSettings()).kind == "openai"
    (found,) = kinds.from_environment({"OPENAI_API_KEY": "sk-1", "AZURE_OPENAI_API_KEY": "key"}, ())
    assert found.unready() is None
    assert kinds.names() == ["azure", "openai"]


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_sorted_and_complete(name: str) -> None:
    module = importlib.import_module(f"pointsman_openai.{name}")
    assert module.__doc__
    assert list(module.__all__) == sorted(
        module.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )
    own = {
        each
        for each, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not each.startswith("_")
    }
    assert own <= set(module.__all__)


def test_the_readme_names_every_path() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for codec in (
        pointsman_openai.ChatCodec,
        pointsman_openai.CompletionsCodec,
        pointsman_openai.EmbeddingsCodec,
    ):
        assert f"`/v1{codec.path}`" in readme
