"""Why: each fact with its source, and what others said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pointsman.testing import FakeProvider, Script
from pointsman_catalogue.rows import Row
from pointsman_catalogue.why import told_of

Serve = Callable[..., Any]
RowOf = Callable[..., Row]


async def test_the_word_that_counts_comes_first(serve: Serve, row: RowOf) -> None:
    rows = [
        row("groq", "a", "acme/a", context=1, name="A"),
        row("together", "a", "acme/a", context=9),
        row("groq", "unused", "acme/unused"),
    ]
    models = "models: {acme/a: {name: Ours, endpoints: [{endpoint: groq/a, context: 3}]}}"
    async with FakeProvider(Script.json({"data": [{"id": "a", "context_window": 2}]})) as fake:
        line = f'groq: {{base_url: "{fake.url}", api_key: k, discover: true}}'
        async with serve(line, rows=rows, more=models) as server:
            here, elsewhere = await told_of(server.gateway, "acme/a")
    assert (here.model, here.place, here.configured) == ("acme/a", "groq/a", True)
    assert [(each.value, each.source) for each in here.facts["context"]] == [
        (3, "configuration"),
        (2, "the provider's listing"),
        (1, "genai-prices 0.2.3"),
    ]
    assert [each.value for each in here.facts["name"]] == ["Ours", "A"]
    assert (elsewhere.place, elsewhere.configured) == ("together/a", False)
    assert here.as_json()["facts"]["name"][1] == {
        "value": "A",
        "source": "genai-prices 0.2.3",
        "date": "",
        "used": False,
    }


async def test_nothing_is_told_of_what_nobody_knows(serve: Serve) -> None:
    async with serve("groq: {api_key: k}") as server:
        assert await told_of(server.gateway, "nowhere") == []
        (bare,) = await told_of(server.gateway, "groq/unlisted")
        assert (bare.place, bare.facts) == ("groq/unlisted", {})
