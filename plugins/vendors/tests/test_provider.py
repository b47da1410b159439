"""Providers of a vendor's kind: where they are called, by which dialects, and what is known of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import ProviderSettings
from pointsman.errors import StartupError
from pointsman.facts import About
from pointsman.providers import HttpProvider
from pointsman.secrets import Secret
from pointsman.testing import FakeProvider, Script, running
from pointsman_anthropic.codecs import MessagesCodec
from pointsman_openai import ChatCodec
from pointsman_vendors import make_generic, make_provider
from pointsman_vendors.provider import is_near
from pointsman_vendors.rows import AT_HOME, DataRow, Vendor

ACME: dict[str, Any] = {
    "name": "acme",
    "title": "Acme",
    "base_url": "https://api.acme.example/v1",
    "surfaces": ("chat",),
    "docs": "https://acme.example/docs",
    "source": "documentation",
    "checked": date(2026, 11, 23),
    "key_variable": "ACME_API_KEY",
    "dialects": ("openai-chat", "anthropic-messages"),
    "bases": {"anthropic-messages": "https://api.acme.example/anthropic/v1"},
    "data": DataRow(trains=False, retains=False, source="its terms"),
    "recorded": True,
}
LOCAL = {**ACME, "base_url": "http://localhost:9000/v1", "local": True, "key_required": False, "bases": {}}
LOCAL |= {"key_variable": None, "data": None}


def acme(row: dict[str, Any] | None = None, **settings: Any) -> HttpProvider:
    return make_provider(Vendor(**{**ACME, **(row or {})}), "acme", ProviderSettings(**settings))


def test_each_dialect_is_called_where_it_is() -> None:
    provider = acme(api_key=Secret("k"))
    chat = provider.url(ChatCodec(), model="m", stream=False)
    messages = provider.url(MessagesCodec(), model="m", stream=False)
    assert chat == "https://api.acme.example/v1/chat/completions"
    assert messages == "https://api.acme.example/anthropic/v1/messages"
    headers: dict[str, str] = {}
    provider.sign(messages, headers)
    assert headers["authorization"] == "Bearer k"


def test_at_another_address_only_what_is_there_for_certain_is_believed() -> None:
    provider = acme(base_url="https://proxy.example/v1")
    assert provider.dialects == {"openai-chat"}
    assert provider.about == About(title="Acme", docs="https://acme.example/docs")
    assert provider.unready() is None
    assert provider.url(ChatCodec(), model="m", stream=False) == "https://proxy.example/v1/chat/completions"


def test_its_own_address_written_out_changes_nothing() -> None:
    provider = acme(base_url="https://api.acme.example/v1/")
    assert provider.dialects == {"openai-chat", "anthropic-messages"}
    assert provider.about.verified
    assert provider.about.collects_nothing
    assert provider.unready() == "its api_key is missing"


def test_an_address_to_be_filled_in_has_to_be() -> None:
    blank = {"base_url": "https://{account}.acme.example/v1", "bases": {}}
    with pytest.raises(StartupError, match=r"'acme'.*base_url is needed, as https://\{account\}\.acme"):
        acme(blank)
    provider = acme(blank, base_url="https://me.acme.example/v1", api_key=Secret("k"))
    assert provider.about.verified
    assert provider.unready() is None


def test_a_local_server_is_asked_for_its_models_and_keeps_data_at_home() -> None:
    provider = acme(LOCAL)
    assert provider.discover
    assert (provider.about.collects_nothing, provider.about.retention) == (True, AT_HOME)
    assert not acme(LOCAL, discover=False).discover
    assert acme(LOCAL, base_url="http://10.0.0.7:8000/v1").about.collects_nothing
    assert not acme(LOCAL, base_url="https://gpu.example.org/v1").about.collects_nothing


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.0.0.1:1/v1", True),
        ("http://[fd00::7]:1/v1", True),
        ("http://192.168.0.2/v1", True),
        ("http://gpu-box:8000/v1", True),
        ("http://8.8.8.8/v1", False),
        ("https://gpu.example.org/v1", False),
    ],
)
def test_which_addresses_are_near(url: str, near: bool) -> None:
    assert is_near(url) == near


async def test_one_without_a_listing_says_so() -> None:
    provider = acme({"models": "none"}, api_key=Secret("k"))
    assert provider.listing is None
    with pytest.raises(ValueError, match="acme has no listing"):
        await provider.list_models(None)  # type: ignore[arg-type]


def test_the_generic_kind_needs_a_base_url() -> None:
    with pytest.raises(StartupError, match=r"'x'.*base_url"):
        make_generic("x", ProviderSettings())
    assert make_generic("x", ProviderSettings(base_url="http://h/v1")).about == About()


PLUGIN = """
from datetime import date
from functools import partial
from pointsman import hookimpl
from pointsman_vendors import make_provider
from pointsman_vendors.rows import Vendor
POINTSMAN_API = 1
ROW = Vendor(name="split", title="Split", base_url="{url}", surfaces=("chat",), docs="https://split.example",
             source="test", checked=date(2026, 11, 27), key_variable="SPLIT_API_KEY",
             dialects=("openai-chat", "anthropic-messages"),
             bases={{"anthropic-messages": "{url}".removesuffix("/v1") + "/anthropic/v1"}})
@hookimpl
def register_providers(register):
    register("split", partial(make_provider, ROW), key_variable="SPLIT_API_KEY")
"""
HELLO = {"model": "split/m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hello"}]}
CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"} | {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None} | {
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


async def test_clients_of_two_dialects_reach_the_two_addresses_of_one_vendor(tmp_path: Path) -> None:
    async with FakeProvider([Script.json(CHAT), Script.json(MESSAGE)]) as fake:
        (tmp_path / "split.py").write_text(PLUGIN.format(url=fake.url))
        config = "plugins: {./split.py: {}, echo: false}\nproviders: {split: {api_key: sk-split}}\n"
        async with running(config, folder=tmp_path) as server:
            chat = await server.client.post("/v1/chat/completions", json=HELLO)
            message = await server.client.post("/v1/messages", json=HELLO)
        assert (chat.json(), message.json()) == (CHAT, MESSAGE), "each passed through as it came"
        first, second = fake.requests
    assert (first.path, second.path) == ("/v1/chat/completions", "/anthropic/v1/messages")
    assert first.headers["authorization"] == second.headers["authorization"] == "Bearer sk-split"
    assert second.headers["anthropic-version"] == "2023-06-01"
