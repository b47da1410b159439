"""Claims are worked out once, and anew when the key or the setup is another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pointsman.exchange import Level
from pointsman_limits.prepared import MOST_KEYS, MOST_VARIANTS

Make = Callable[..., Any]


async def test_a_key_is_prepared_once(lab: Make, key: Make) -> None:
    async with lab() as it:
        who = key(requests="1/s")
        first, second = it.exchange(who), it.exchange(who, model="acme/small")
        prepared = it.plugin._prepared
        claims = prepared.claims(first, first.candidates[0])
        assert prepared.claims(second, second.candidates[0]) is claims
        alike = it.exchange(replace(who))
        assert prepared.claims(alike, alike.candidates[0]) is claims
        changed = it.exchange(key(requests="2/s"))
        assert prepared.claims(changed, changed.candidates[0]) is not claims
        first.setup = replace(first.setup)
        again = prepared.claims(first, first.candidates[0])
        assert again is not claims
        assert again.counters == claims.counters
        nobody = it.exchange(None)
        assert prepared.claims(nobody, nobody.candidates[0]) is None


async def test_where_rules_ask_for_it_each_model_provider_and_app_has_its_own(lab: Make, key: Make) -> None:
    rules = "{per: model, concurrency: 1}, {per: provider, concurrency: 1}, {per: [app, tag], concurrency: 1}"
    async with lab(f"{{rules: [{rules}]}}") as it:
        large = it.exchange(key(), headers={"x-title": "chatter"})
        small = it.exchange(key(), model="acme/small")
        told = [
            [claim.whose for claim in it.plugin._prepared.claims(each, each.candidates[0]).all]
            for each in (large, small)
        ]
        assert told == [
            ["model 'acme/large'", "provider 'lab'"]
            + [f"app 'chatter', tag {tag!r}" for tag in ("red", "blue")],
            ["model 'acme/small'", "provider 'echo'"],
        ]


async def test_what_is_kept_has_bounds(lab: Make, key: Make) -> None:
    async with lab("{rules: [{per: app, concurrency: 1}]}") as it:
        prepared = it.plugin._prepared
        for number in range(MOST_KEYS + 1):
            exchange = it.exchange(key(f"key-{number}"))
            prepared.claims(exchange, exchange.candidates[0])
        assert len(prepared._known) == 1
        who = key()
        for number in range(MOST_VARIANTS + 1):
            exchange = it.exchange(who, headers={"x-title": f"app-{number}"})
            prepared.claims(exchange, exchange.candidates[0])
        assert len(prepared._known[who.key_id].variants) == 1


async def test_a_rule_for_each_key_is_about_the_one_that_asks(lab: Make, key: Make) -> None:
    async with lab("{rules: [{per: key, concurrency: 1}]}") as it:
        who = key()
        who = replace(who, levels=(*who.levels[:1], Level("key", "key-chief", "chief"), *who.levels[1:]))
        exchange = it.exchange(who)
        (claim,) = it.plugin._prepared.claims(exchange, exchange.candidates[0]).all
        assert claim.whose == "key 'alice'"
