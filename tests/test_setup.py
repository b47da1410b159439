"""Assembling a setup: what a configuration comes to, and what is refused at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.config import read_text
from pointsman.errors import ConfigError, PluginError
from pointsman.setup import Setup, assemble

USED = "plugins: {openai: {}, vendors: {}, routes: {}, echo: false}\n"


def setup(folder: Path, text: str, **env: str) -> Setup:
    return assemble(read_text(USED + text, name="proxy.yaml", env=env, base=folder), env=env)


def test_models_have_the_configured_endpoints_in_order(tmp_path: Path) -> None:
    made = setup(
        tmp_path,
        """
providers: {lab: {base_url: "http://127.0.0.1:1/v1"}, far: {vendor: groq, api_key: k}}
models:
  "a/b.c": {aliases: [x], endpoints: [lab/one, {endpoint: far/two/three, params: {n: 1}, timeout: 5s}]}
""",
    )
    endpoints = made.catalogue.models["a/b.c"].endpoints
    assert [endpoint.id for endpoint in endpoints] == ["lab/one", "far/two/three"]
    assert (endpoints[1].params, endpoints[1].timeout) == ({"n": 1}, 5.0)


def test_what_names_nothing_is_refused_at_its_place_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        setup(tmp_path, 'models:\n  "a/b.c":\n    endpoints: [nowhere/x, gone/y]\n')
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(4, 17), (4, 28)]
    assert "'nowhere', not configured" in str(caught.value)
    with pytest.raises(ConfigError, match=r"proxy\.yaml:2:13: error: model 'x' has no endpoints"):
        setup(tmp_path, "models: {x: {aliases: [y]}}")
    with pytest.raises(ConfigError) as caught:
        setup(tmp_path, "providers:\n  a: {vendor: gorq}\n  b: {}\n")
    assert [problem.line for problem in caught.value.problems] == [3, 4]
    assert "did you mean 'groq'" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("register_tables(register):\n    register(T)\n    register(T)", "table 't', which is there already"),
        (
            "register_http(register):\n    for _ in 'ab':\n"
            "        register('/x', None, methods=['GET'], role='public')",
            "both serve /x",
        ),
    ],
)
def test_what_is_registered_twice_is_refused(tmp_path: Path, body: str, why: str) -> None:
    (tmp_path / "mine.py").write_text(
        "from pointsman import hookimpl\nfrom pointsman.ledger import Column, Table\nPOINTSMAN_API = 1\n"
        "T = Table('t', {'id': Column('text', 'Id.')}, 'id')\n@hookimpl\ndef " + body + "\n"
    )
    with pytest.raises(PluginError, match=why):
        assemble(read_text("plugins: {./mine.py: {}}", name="p", env={}, base=tmp_path), env={})


def test_what_a_vendor_also_speaks_needs_no_plugin_unless_it_is_asked_for(tmp_path: Path) -> None:
    def without_anthropic(more: str) -> Setup:
        text = USED.replace("echo: false", "echo: false, anthropic: false")
        text += f"providers: {{deepseek: {{api_key: k{more}}}}}\n"
        return assemble(read_text(text, name="proxy.yaml", env={}, base=tmp_path), env={})

    made = without_anthropic("")
    assert "anthropic-messages" not in made.dialects.names()
    assert "anthropic-messages" in made.providers["deepseek"].dialects
    with pytest.raises(ConfigError, match="no plugin in use speaks dialect 'anthropic-messages'"):
        without_anthropic(", dialects: [openai-chat, anthropic-messages]")


def test_keys_in_the_environment_make_providers_only_when_asked(tmp_path: Path) -> None:
    assert "groq" not in setup(tmp_path, "", GROQ_API_KEY="k").providers
    found = setup(tmp_path, "providers: {from_env: true}", GROQ_API_KEY="k").providers
    assert "groq" in found
    assert "together" not in found
    assert "ollama" in found, "local servers are looked for at start"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (
            "providers: {lab: {base_url: 'http://x/v1', dialects: [opnai-chat]}}",
            2,
            "speaks dialect 'opnai-chat'",
        ),
        ("providers: {a/b: {base_url: 'http://x/v1'}}", 2, "cannot be the name of a provider"),
        ("providers: {a: {base_url: 'http://x/v1?key=1'}}", 2, "has no `?`"),
        ("providers: {a: {base_url: 'http://x/v1', api_key: \"k\\n\"}}", 2, "no header can carry"),
    ],
)
def test_a_provider_that_could_never_be_called_is_refused(
    tmp_path: Path, text: str, place: int, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        setup(tmp_path, text)
    (problem,) = caught.value.problems
    assert words in problem.message
    assert problem.line == place
