from __future__ import annotations

import re

import pytest

from pointsman.config import Schema, declare_core, reference_markdown
from pointsman.errors import StartupError


def rows(text: str, section: str) -> dict[str, list[str]]:
    """The table of a section: the cells of each row by its key."""
    block = text.split(f"\n## `{section}`", 1)[1].split("\n## ", 1)[0]
    found = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines() if line.startswith("| `")]
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in found}


def test_every_section_and_key_is_there(schema: Schema) -> None:
    text = reference_markdown(schema)
    sections = re.findall(r"^## `([^`]+)`", text, re.MULTILINE)
    assert sections[:3] == ["include", "server", "ledger"]
    assert sections[-5:] == ["keys", "tree", "plugins.cache", "plugins.my_provider", "plugins.plain"]
    assert list(rows(text, "log")) == ["level", "format", "access"]


def test_rows_tell_type_default_help_and_example(schema: Schema) -> None:
    text = reference_markdown(schema)
    server = rows(text, "server")
    assert server["port"] == [
        "an integer, at least 0, at most 65535",
        "`4141`",
        "Port; 0 takes any free one.",
    ]
    assert server["tls.cert"][:2] == ["a path", "required"]
    assert "Example: `tls/cert.pem`." in server["tls.cert"][2]
    assert rows(text, "hook_timeout")["hook_timeout"][:2] == [
        "a duration such as 30s, 5m or 250ms, at least 1ms",
        "`10s`",
    ]
    assert rows(text, "ledger")["ledger"][0] == "a mapping or its `url` alone"


def test_keys_inside_lists_and_mappings_have_a_path(schema: Schema) -> None:
    text = reference_markdown(schema)
    assert "<name>.endpoints[].params" in rows(text, "models")
    assert {"from_env", "<name>.api_key", "<name>.headers"} <= set(rows(text, "providers"))
    assert {"[].name", "[].budget.usd"} <= set(rows(text, "keys"))
    assert list(rows(text, "tree")) == ["name", "children"]


def test_what_plugins_add_names_them(schema: Schema) -> None:
    text = reference_markdown(schema)
    assert "## `keys` (plugin `auth-keys`)" in text
    assert rows(text, "models")["<name>.endpoints[].weight"][2] == "Share of requests. (plugin `weighted`)"
    assert "order.before" in rows(text, "plugins.cache")
    assert "Has no settings of its own." in text


def test_bars_do_not_break_the_table(schema: Schema) -> None:
    assert rows(reference_markdown(schema), "plugins.cache")["either"][2] == r"A text, a list \| a mapping."


def test_it_does_not_depend_on_the_order_in_which_plugins_declare() -> None:
    texts = []
    for names in (["a", "b"], ["b", "a"]):
        schema = Schema()
        declare_core(schema)
        for name in names:
            schema.admit_plugin(name)
            schema.section(f"section-{name}", str, owner=name, default="", help="A section.")
            schema.field("model", f"field_{name}", int, owner=name, help="A field.")
        texts.append(reference_markdown(schema))
    assert texts[0] == texts[1]


def test_claims_that_contradict_are_told(schema: Schema) -> None:
    schema.field("endpont", "a", str, owner="me", help="A.")
    with pytest.raises(StartupError):
        reference_markdown(schema)
