"""Bounds: what a plan says of its attempts counts before what the whole file says."""

from __future__ import annotations

from math import inf
from pathlib import Path

from pointsman.bounds import ends, most_attempts, on_loss
from pointsman.config import read_text
from pointsman.exchange import Exchange, Plan
from pointsman.gateway import Gateway
from pointsman.setup import assemble


def test_a_plan_counts_before_the_whole_file(tmp_path: Path) -> None:
    text = "{plugins: {openai: {}, routes: {}}, attempts: 3, on_loss: drop}"
    gateway = Gateway(assemble(read_text(text, name="proxy.yaml", env={}, base=tmp_path), env={}))
    exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", "chat"), {})
    for plan in (None, Plan(None, ("a",))):
        exchange.plan = plan
        assert (on_loss(exchange), most_attempts(exchange), ends(exchange)) == ("drop", 3, inf)
    exchange.plan = Plan(None, ("a",), deadline=2.5, attempts=1, on_loss="reject")
    assert (on_loss(exchange), most_attempts(exchange)) == ("reject", 1)
    assert ends(exchange) == exchange.started + 2.5
