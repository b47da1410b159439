"""The page of all providers."""

from __future__ import annotations

from pathlib import Path

from pointsman.config import read_text
from pointsman.setup import assemble
from pointsman_vendors.page import HEADS, providers_page


def test_every_provider_is_a_line_of_the_page() -> None:
    setup = assemble(read_text("{}", name="none", env={}, base=Path()), env={})
    page = providers_page(setup)
    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| [`")}
    assert len(lines) >= 125
    assert {"openai", "anthropic", "groq", "ollama", "snowflake"} <= lines.keys()
    assert all(line.count(" | ") == len(HEADS) - 1 for line in lines.values())
    assert (
        "`GROQ_API_KEY` | `https://api.groq.com/openai/v1` | openai-chat, openai-responses" in lines["groq"]
    )
    assert lines["groq"].endswith(" | verified |")
    assert "unknown | unverified" in lines["nvidia"]
    assert f"pointsman knows {len(lines)} providers" in page
