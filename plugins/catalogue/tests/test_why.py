"""Why: each fact with its source, and what others said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pointsman.testing import FakeProvider, Script
from pointsman_catalogue import known
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


async def test_the_price_that_the_configuration_gives_counts(serve: Serve, row: RowOf) -> None:
    rows = [row("groq", "a", "acme/a", price={"input": "1", "output": "2"}), row("groq", "b", "acme/b")]
    models = "models: {acme/a: {endpoints: [{endpoint: groq/a, price: {input: 3, output: 4.5}}]}}"
    line = "groq: {api_key: k, price: [{input: 9, output: 9}, {input: 8, output: 8, from: 2026-01-01}]}"
    async with serve(line, rows=rows, more=models) as server:
        (own,) = await told_of(server.gateway, "acme/a")
        (of_provider,) = await told_of(server.gateway, "acme/b")
        listed = {each.model: each.facts for each in await known.endpoints(server.gateway)}
    assert [(each.value, each.source) for each in own.facts["price"]] == [
        ({"input": "3.00", "output": "4.50"}, "configuration"),
        ({"input": "1", "output": "2"}, "genai-prices 0.2.3"),
    ]
    (price,) = of_provider.facts["price"]
    assert known.current(price.value) == {"input": "8.00", "output": "8.00", "from": "2026-01-01"}
    assert listed["acme/a"]["price"].source == "configuration"


async def test_without_the_plugin_for_prices_none_is_configured(serve: Serve, row: RowOf) -> None:
    rows = [row("groq", "a", "acme/a", price={"input": "1"})]
    async with serve("groq: {api_key: k}", rows=rows, more="plugins: {prices: false}") as server:
        (told,) = await told_of(server.gateway, "acme/a")
        assert [each.source for each in told.facts["price"]] == ["genai-prices 0.2.3"]


async def test_what_a_configured_provider_could_have_is_told_though_it_does_not_list_it(
    serve: Serve, row: RowOf
) -> None:
    async with serve("groq: {api_key: k}", rows=[row("groq", "a", "acme/a", context=1)]) as server:
        server.gateway.setup.catalogue.learn("groq", [])
        (told,) = await told_of(server.gateway, "acme/a")
    assert (told.place, told.configured, told.facts["context"][0].value) == ("groq/a", True, 1)


async def test_nothing_is_told_of_what_nobody_knows(serve: Serve) -> None:
    async with serve("groq: {api_key: k}") as server:
        assert await told_of(server.gateway, "nowhere") == []
        (bare,) = await told_of(server.gateway, "groq/unlisted")
        assert (bare.place, bare.facts) == ("groq/unlisted", {})
