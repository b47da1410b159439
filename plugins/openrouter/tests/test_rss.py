"""Listings as feeds."""

from __future__ import annotations

from xml.etree import ElementTree

from pointsman.catalogue import Endpoint, Model
from pointsman.facts import Fact
from pointsman.providers import Provider
from pointsman_openrouter.offers import Offer
from pointsman_openrouter.rows import Row, row_of
from pointsman_openrouter.rss import feed


def row(model: str, /, **facts: object) -> Row:
    made = {key: Fact(value, "a test") for key, value in facts.items()}
    endpoint = Endpoint(Provider("lab", kind="lab"), model, facts=made)
    return row_of(Offer(Model(model, [endpoint]), (endpoint,)), 0)


def test_a_feed_can_be_read_whatever_is_in_it() -> None:
    told = 'Has <b>"everything"</b> & more\x00\x1b'
    text = feed(
        [row("acme/large", name="Large & <co>", description=told, created=1_760_000_000), row("acme/small")],
        "http://localhost:4141",
    )
    channel = ElementTree.fromstring(text.encode()).find("channel")
    assert channel is not None
    assert channel.findtext("link") == "http://localhost:4141/api/v1/models"
    large, small = channel.findall("item")
    assert large.findtext("title") == "Large & <co>"
    assert large.findtext("description") == 'Has <b>"everything"</b> & more'
    assert large.findtext("pubDate") == "Thu, 09 Oct 2025 08:53:20 GMT"
    assert large.findtext("link") == "http://localhost:4141/api/v1/models/acme/large/endpoints"
    assert (small.findtext("guid"), small.find("pubDate"), small.find("description")) == (
        "acme/small",
        None,
        None,
    )
