"""Names that plugins register for other models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.errors import ConfigError, PluginError
from pointsman.testing import Running, running

PLUGIN = """
from pointsman import hookimpl
POINTSMAN_API = 1
asked = []
@hookimpl
def register_routing(register):
    def backwards(exchange, candidates):
        asked.append([each.model for each in candidates])
        return candidates[::-1]
    register("backwards", backwards, help="the last first", across=True)
    register.name("some", lambda exchange: ("acme/large", "acme/small"), pick="backwards", help="Two models.")
    register.name("none", lambda exchange: (), help="No model.")
"""
CONFIG = """
auth: none
plugins: {./mine.py: {}}
models:
  acme/large: {endpoints: [echo/large]}
  acme/small: {endpoints: [echo/small]}
  acme/named: {aliases: [none], endpoints: [echo/named]}
"""
MODELS = "\n".join(f"      {name}: {{text: {name}}}" for name in ("large", "small", "named"))
CONFIG = CONFIG.replace(
    "plugins: {./mine.py: {}}", f"plugins:\n  ./mine.py: {{}}\n  echo:\n    scripts:\n{MODELS}"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path


async def asked(served: Running, model: str, **more: Any) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    return await served.client.post("/v1/chat/completions", json=body)


async def test_a_name_stands_for_its_models_in_its_own_order(folder: Path) -> None:
    async with running(CONFIG, folder=folder) as served:
        answer = await asked(served, "some")
        assert answer.headers["x-pointsman-model"] == "acme/small"
        among = await asked(served, "unheard/of", models=["unheard/of", "some"])
        assert among.headers["x-pointsman-model"] == "acme/small"


async def test_a_rule_may_use_it_and_says_how_it_is_put_in_order(folder: Path) -> None:
    rules = "routes: [{name: all, when: {model: x}, use: {models: [some], pick: ordered}}]"
    async with running(f"{CONFIG}{rules}", folder=folder) as served:
        answer = await asked(served, "x")
        assert answer.headers["x-pointsman-model"] == "acme/large"


async def test_a_model_of_that_name_comes_before(folder: Path) -> None:
    async with running(CONFIG, folder=folder) as served:
        answer = await asked(served, "none")
        assert answer.headers["x-pointsman-model"] == "acme/named"
    config = CONFIG.replace("aliases: [none], ", "")
    async with running(config, folder=folder) as served:
        assert (await asked(served, "none")).status_code == 400


async def test_rules_and_presets_that_use_it_are_as_they_should_be(folder: Path) -> None:
    more = "presets: {p: {models: [some]}}\nroutes: [{name: a, when: {model: x}, use: {fallbacks: [some]}}]"
    async with running(f"{CONFIG}{more}", folder=folder) as served:
        assert (await asked(served, "@preset/p")).headers["x-pointsman-model"] == "acme/small"
    wrong = "routes: [{name: a, when: {model: x}, use: {models: [somme]}}]"
    with pytest.raises(ConfigError, match="uses model 'somme', which no provider has"):
        async with running(f"{CONFIG}{wrong}", folder=folder):
            pass


async def test_two_plugins_do_not_share_a_name(folder: Path) -> None:
    (folder / "other.py").write_text(PLUGIN.replace('register("backwards"', 'register("other"'))
    config = CONFIG.replace("  echo:", "  ./other.py: {}\n  echo:")
    with pytest.raises(PluginError, match="both register the name 'some'"):
        async with running(config, folder=folder):
            pass
