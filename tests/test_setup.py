"""Assembling a setup: what a configuration comes to, and what is refused at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.config import build, read_text
from pointsman.errors import ConfigError, PluginError
from pointsman.setup import Setup, assemble, reassemble

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


def again(before: Setup, text: str, **env: str) -> Setup:
    document = read_text(USED + text, name="proxy.yaml", env=env, base=before.base)
    return reassemble(build(document, before.schema), before, env=env)


def test_what_is_read_again_has_the_same_plugins_and_what_they_registered(tmp_path: Path) -> None:
    before = setup(tmp_path, "models: {a/b: {endpoints: [lab/x]}}\nproviders: {lab: {vendor: groq}}\n")
    before.notes["mine"] = 1
    after = again(before, "providers: {lab: {vendor: groq}}\nattempts: 2\nhook_timeout: 3s\n")
    for name in ("plugins", "schema", "dialects", "kinds", "routes", "tables", "pickers"):
        assert getattr(after, name) is getattr(before, name), name
    assert (after.core.attempts, after.chains.admit.timeout, after.notes) == (2, 3.0, {})
    assert (list(before.catalogue.models), list(after.catalogue.models)) == (["a/b"], [])
    assert before.core.attempts == 4
    with pytest.raises(ConfigError, match="'nowhere', not configured"):
        again(before, "models: {a/b: {endpoints: [nowhere/x]}}\n")


def test_providers_that_nobody_configured_stay_as_they_were_found(tmp_path: Path) -> None:
    text = "providers: {from_env: true, lab: {vendor: groq, api_key: k}}\n"
    before = setup(tmp_path, text, DEEPSEEK_API_KEY="sk-found")
    found = before.providers["deepseek"]
    found.absent = "it does not answer"
    after = again(before, text, DEEPSEEK_API_KEY="sk-found")
    assert after.providers["deepseek"] is found
    assert after.providers["lab"] is before.providers["lab"]
    configured = again(before, "providers: {deepseek: {api_key: other}}\n")
    assert configured.providers["deepseek"] is not found
    assert list(configured.providers) == ["deepseek"]
    back = again(configured, text, DEEPSEEK_API_KEY="sk-found")
    assert back.providers["deepseek"] not in (found, configured.providers["deepseek"])
