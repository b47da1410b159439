"""The catalogue's pages, over a real socket, against OpenRouter's specification."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from typing import Any
from xml.etree import ElementTree

import pytest

from pointsman.catalogue import Endpoint
from pointsman.testing import Running, running
from pointsman_openrouter import catalogue as module
from pointsman_openrouter.traffic import Traffic

Serve = Callable[..., AbstractAsyncContextManager[Running]]
CONFIG = """
auth: keys
admin_key: root
plugins: {catalogue: {prices: false}}
keys:
  - {name: narrow, key_hash: NARROW, models: [acme/large]}
  - {name: private, key_hash: PRIVATE, data_policy: {zdr: true}}
providers:
  groq: {api_key: x, price: {input: 1, output: 2}}
  lab: {vendor: openai, base_url: "http://127.0.0.1:9/v1", api_key: x}
  bare: {vendor: openai}
models:
  acme/large:
    aliases: [large]
    name: Large
    context: 131072
    input_modalities: [text, image]
    output_modalities: [text]
    parameters: [tools, temperature]
    endpoints:
      - {endpoint: lab/large, max_output: 4096, quantization: fp8, price: {input: 3, output: 6}}
      - groq/large
  acme/finder: {output_modalities: [embeddings], endpoints: [lab/finder]}
  acme/plain: {endpoints: [groq/plain]}
  acme/gone: {endpoints: [bare/gone]}
"""


@pytest.fixture
async def served() -> AsyncIterator[Running]:
    config = CONFIG
    for name in ("narrow", "private"):
        config = config.replace(name.upper(), sha256(f"{name}-key".encode()).hexdigest())
    async with running(config, key="root") as started:
        yield started


async def get(served: Running, path: str, key: str = "root", status: int = 200) -> Any:
    answer = await served.client.get(f"/api/v1{path}", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == status, answer.text
    return answer.json()


async def names(served: Running, path: str = "/models", key: str = "root") -> list[str]:
    return [row["id"].partition("/")[2] for row in (await get(served, path, key))["data"]]


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/models", "/models"),
        ("/models?limit=1", "/models"),
        ("/models/user", "/models/user"),
        ("/models/count", "/models/count"),
        ("/model/acme/large", "/model/{author}/{slug}"),
        ("/model/acme/plain", "/model/{author}/{slug}"),
        ("/models/acme/large/endpoints", "/models/{author}/{slug}/endpoints"),
        ("/models/acme/plain/endpoints", "/models/{author}/{slug}/endpoints"),
        ("/embeddings/models", "/embeddings/models"),
        ("/endpoints/zdr", "/endpoints/zdr"),
        ("/providers", "/providers"),
        ("/activity", "/activity"),
        ("/key", "/key"),
        ("/keys", "/keys"),
        ("/credits", "/credits"),
    ],
)
async def test_answers_are_as_specified(
    served: Running, validate: Callable[..., None], path: str, shape: str
) -> None:
    validate(await get(served, path), shape)


@pytest.mark.parametrize(
    ("path", "status", "shape"),
    [
        ("/models?region=asia", 400, "/models"),
        ("/model/acme/nothing", 404, "/model/{author}/{slug}"),
        ("/models/acme/nothing/endpoints", 404, "/models/{author}/{slug}/endpoints"),
        ("/generation?id=nothing", 404, "/generation"),
        ("/activity?date=x", 400, "/activity"),
        ("/activity?api_key_hash=x", 404, "/activity"),
    ],
)
async def test_errors_are_as_specified(
    served: Running, validate: Callable[..., None], path: str, status: int, shape: str
) -> None:
    validate(await get(served, path, status=status), shape, status=str(status))


async def test_models_that_answer_in_text_come_unless_others_are_asked_for(served: Running) -> None:
    assert await names(served) == ["large", "plain", "echo"]
    assert await names(served, "/models?output_modalities=all") == ["large", "finder", "plain", "echo"]
    assert await names(served, "/models?output_modalities=text") == ["large"]
    assert await names(served, "/models/user") == ["large", "finder", "plain", "echo"]
    assert await names(served, "/embeddings/models") == ["finder"]
    assert (await get(served, "/models/count"))["data"] == {"count": 3}
    assert (await get(served, "/models/count?output_modalities=all"))["data"] == {"count": 4}


async def test_each_key_sees_what_it_may_use(served: Running) -> None:
    for path in ("/models", "/models/user"):
        assert await names(served, path, "narrow-key") == ["large"]
    assert "plain" in await names(served, "/models", "private-key")
    found = await get(served, "/models/acme/large/endpoints", "private-key")
    assert [each["tag"] for each in found["data"]["endpoints"]] == ["groq/large"]
    assert [each["slug"] for each in (await get(served, "/providers", "private-key"))["data"]] == [
        "groq",
        "echo",
    ]
    missing = await get(served, "/model/acme/plain", "narrow-key", status=404)
    assert "no model 'acme/plain' that this key may use" in missing["error"]["message"]
    assert "acme/large or" not in missing["error"]["message"]
    near = await get(served, "/model/acme/plai", "narrow-key", status=404)
    assert "acme/plain" not in near["error"]["message"]
    near = await get(served, "/model/acme/plai", "private-key", status=404)
    assert "did you mean acme/plain" in near["error"]["message"]
    await get(served, "/models", "nobody", status=401)


async def test_pages_follow_one_another(served: Running) -> None:
    found, path = [], "/models?limit=2&output_modalities=all"
    while path:
        answer = await get(served, path)
        assert answer["total_count"] == 4
        found.append([row["id"] for row in answer["data"]])
        path = (answer["links"]["next"] or "").removeprefix("/api/v1")
    assert [len(page) for page in found] == [2, 2]
    assert await names(served, "/models?offset=2") == ["echo"]
    assert await names(served, "/models?offset=9") == []
    for query in ("limit=0", "limit=1001", "offset=-1", "offset=x"):
        await get(served, f"/models?{query}", status=400)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/models?providers=lab&providers=groq", "`providers` is given twice"),
        ("/models?provider=lab", "did you mean `providers`?"),
        ("/models/count?q=large", "no parameter `q`"),
        ("/models/user?q=large", "no parameter `q`"),
        ("/embeddings/models?sort=newest", "no parameter `sort`"),
        ("/model/acme/large?full=1", "no parameter `full`"),
        ("/models/acme/large/endpoints?region=eu", "no parameter `region`"),
        ("/endpoints/zdr?region=eu", "no parameter `region`"),
        ("/providers?region=eu", "no parameter `region`"),
        ("/generation?id=a&id=b", "`id` is given twice"),
        ("/activity?user_id=a&user_id=b", "`user_id` is given twice"),
    ],
)
async def test_a_parameter_that_would_be_ignored_is_refused(served: Running, path: str, said: str) -> None:
    assert said in (await get(served, path, status=400))["error"]["message"]


async def test_a_model_goes_by_any_of_its_names(served: Running) -> None:
    for name in ("acme/large", "large", "lab/large", "acme/large:nitro", "groq/large"):
        assert (await get(served, f"/model/{name}"))["data"]["id"] == "acme/large"
    missing = await get(served, "/model/acme/lage", status=404)
    assert "did you mean acme/large or" in missing["error"]["message"]


async def test_endpoints_with_what_their_traffic_shows(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"p50": 300.0, "p75": 400.0, "p90": 500.0, "p99": 900.0}

    async def traffic(self: Any, ledger: Any) -> dict[str, Traffic]:
        return {"groq/large": Traffic((100.0, 99.0, 98.0), shares, shares)}

    monkeypatch.setattr(module.TrafficWatch, "traffic", traffic)
    lab, groq = (await get(served, "/models/large/endpoints"))["data"]["endpoints"]
    assert (lab["provider_name"], lab["quantization"], lab["uptime_last_5m"]) == ("lab", "fp8", None)
    assert (groq["provider_name"], groq["name"], groq["uptime_last_1d"]) == (
        "Groq",
        "Groq | acme/large",
        98.0,
    )
    assert (groq["latency_last_30m"], groq["throughput_last_30m"]) == (shares, shares)
    assert [lab["pricing"]["prompt"], groq["pricing"]["prompt"]] == ["0.000003", "0.000001"]
    assert await names(served, "/models?sort=latency-low-to-high") == ["large", "plain", "echo"]
    assert await names(served, "/models?sort=throughput-high-to-low&limit=1") == ["large"]


async def test_a_request_shows_in_uptime(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman_openrouter.traffic.FEWEST", 1)
    body = {"model": "echo/echo", "messages": [{"role": "user", "content": "Hello"}]}
    assert (await served.client.post("/v1/chat/completions", json=body)).status_code == 200
    await served.gateway.ledger.flush()
    (endpoint,) = (await get(served, "/models/echo/echo/endpoints"))["data"]["endpoints"]
    assert endpoint["uptime_last_5m"] == endpoint["uptime_last_1d"] == 100.0
    assert endpoint["throughput_last_30m"]["p50"] > 0
    assert await names(served, "/models?sort=most-popular") == ["echo", "large", "plain"]


async def test_a_category_is_what_models_were_used_for(served: Running) -> None:
    assert await names(served, "/models?category=legal") == []
    body = {"model": "echo/echo", "messages": [{"role": "user", "content": "Hello"}]}
    await served.client.post("/v1/chat/completions", json=body)
    (row,) = await served.rows("generations")
    row |= {name: bool(row[name]) for name in ("stream", "cached", "byok", "estimated")}
    served.gateway.ledger.insert("generations", {**row, "id": "gen-other", "task": "science"})
    await served.gateway.ledger.flush()
    assert await names(served, "/models?category=science") == ["echo"]
    await get(served, "/models?category=cooking", status=400)


async def test_endpoints_that_keep_nothing(served: Running) -> None:
    found = (await get(served, "/endpoints/zdr"))["data"]
    assert [each["tag"] for each in found] == ["groq/large", "groq/plain", "echo/echo"]
    assert await names(served, "/models?zdr=true") == ["large", "plain", "echo"]


async def test_a_feed(served: Running) -> None:
    answer = await served.client.get("/api/v1/models?use_rss=true&limit=2")
    assert answer.headers["content-type"].startswith("application/rss+xml")
    items = ElementTree.fromstring(answer.text).findall("channel/item")
    assert [item.findtext("title") for item in items] == ["Large", "acme/plain"]
    await get(served, "/models?use_rss_chat_links=true", status=400)
    await get(served, "/models?use_rss=perhaps", status=400)


async def test_what_is_learnt_shows_at_once(served: Running) -> None:
    assert "new" not in await names(served)
    catalogue = served.gateway.setup.catalogue
    catalogue.learn("lab", [("acme/new", Endpoint(catalogue.providers["lab"], "new"))])
    assert "new" in await names(served)


async def test_openais_own_list_is_what_it_was(served: Running) -> None:
    answer = await served.client.get("/v1/models")
    assert answer.json()["object"] == "list"
    assert {row["object"] for row in answer.json()["data"]} == {"model"}
    one = await served.client.get("/api/v1/models/acme/large")
    assert one.json()["object"] == "model"
