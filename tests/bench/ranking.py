"""What it costs to decide where a request goes, in J.

    python tests/bench/ranking.py
    python tests/bench/ranking.py --rounds 3 --number 50 --json

J is the CPU time that the standard library's `json` needs beside it to load a chat of 2.4 KB, set its model,
and dump it again. Measured are, with the standard set of plugins: ranking 50 endpoints of one model by
`pick: balanced`, through the real hook, with traffic behind each: where their weights hold (a quarter of a
second), where one of them asked to be left alone meanwhile, where they are weighed anew, and where they are
priced anew, too (every five seconds); and finding the rule of a request among 200, of which ten are left
after the index, and each of them is asked in vain: for its key and tags, which are the same for many, or for
its user, who may be another each time. Each figure is the median of its rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lanes import yardstick

from pointsman.chain import first, fold
from pointsman.config import read_text
from pointsman.exchange import Actor, Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.lanes import unread
from pointsman.pipeline import look
from pointsman.setup import assemble
from pointsman.types import Request
from pointsman_balance.health import Observed

ENDPOINTS, RULES, LEFT = 50, 200, 10
MODEL, OTHER = "acme/large", "open/large"
TARGETS = {"ranked": 1.5, "one rests": 1.5, "rules": 1.0, "rules by user": 1.0}
"""J at most."""
SIZE = 2400


def asked(model: str = MODEL) -> bytes:
    """A chat of 2.4 KB."""
    body: dict[str, Any] = {"model": model, "user": "someone", "messages": [{"role": "user", "content": ""}]}
    body["messages"][0]["content"] = "word " * ((SIZE - len(json.dumps(body))) // 5)
    return json.dumps(body).encode()


def configuration() -> str:
    """A model at many endpoints of as many providers, each with a price of its own, and many rules."""
    names = [f"p{number}" for number in range(ENDPOINTS)]
    providers = {
        name: {
            "base_url": f"http://127.0.0.1:9/{name}/v1",
            "api_key": "none",
            "discover": False,
            "price": {"input": 1 + number / 10, "output": 2 + number / 10},
        }
        for number, name in enumerate(names)
    }
    rules = [
        {"name": f"r{number}", "when": {"model": f"m{number}", "tokens": "> 10k"}, "use": {"models": [MODEL]}}
        for number in range(RULES - 2 * LEFT)
    ]
    rules += [
        {
            "name": f"g{number}",
            "when": {
                "model": "acme/*",
                "tokens": "> 100",
                "any": [{"key": f"k{number}*"}, {"key.tags": {"any": [f"t{number}"]}}],
            },
        }
        for number in range(LEFT)
    ]
    rules += [
        {"name": f"u{number}", "when": {"model": "open/*", "tokens": "> 100", "user": f"u{number}*"}}
        for number in range(LEFT)
    ]
    return json.dumps(
        {
            "auth": "none",
            "providers": providers,
            "models": {
                MODEL: {"endpoints": [f"{name}/large" for name in names]},
                OTHER: {"endpoints": ["p0/open"]},
            },
            "routes": rules,
        }
    )


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway of the standard set that decides and does not serve."""
    document = read_text(configuration(), name="bench", env={}, base=Path.cwd())
    async with Gateway.dry(assemble(document, env={})) as found:
        yield found


class Deciding:
    """A request that is decided time and again."""

    def __init__(self, served: Gateway) -> None:
        self._gateway = served
        self._codec = served.setup.dialects.get("openai-chat", "chat")
        model = served.setup.catalogue.models.get(MODEL)
        self._endpoints = model.endpoints if model is not None else ()

    def exchange(self, model: str = MODEL) -> Exchange:
        """It has come, and nothing is known of it but what it asks for."""
        exchange = Exchange(self._gateway, self._codec, {})
        exchange.actor = Actor("bench", "bench")
        exchange.request = Request(asked(model))
        look(exchange)
        return exchange

    async def planned(self, exchange: Exchange) -> None:
        """Find its rule."""
        exchange.plan = await first(self._gateway.setup.chains.select_route, exchange)

    def candidates(self) -> list[Candidate]:
        """The endpoints, with the way to each."""
        found = [Candidate(endpoint, MODEL) for endpoint in self._endpoints]
        for each in found:
            each.way = unread(self._codec, each.endpoint)
        return found

    async def ranked(self, exchange: Exchange, candidates: list[Candidate]) -> None:
        """Rank them."""
        ranked = await fold(self._gateway.setup.chains.rank_candidates, exchange, candidates)
        assert len(ranked) == ENDPOINTS


def plugin(served: Gateway, name: str) -> Any:
    """A plugin of the set."""
    found = served.setup.plugins.get(name)
    assert found is not None
    return found.target


def used(board: Any, endpoints: list[str]) -> None:
    """Let there have been traffic at each endpoint, of which some failed."""
    now = time.monotonic()
    board.group(endpoints, now, lambda place, *tokens: 1e6)
    for number, endpoint in enumerate(endpoints):
        for turn in range(20):
            failed = turn == number % 40
            board.begun(endpoint, now)
            answer = Observed(not failed, failed, first_content=0.5, writing=2.0, input=500, output=200)
            board.ended(endpoint, answer, now)
    board.price_anew()


async def j_of(prepare: Callable[[], Any], work: Callable[[Any], Any], number: int) -> float:
    """How many J a piece of work takes, the two run in turn."""
    clock, once = time.process_time, yardstick(asked())
    took = yard = 0.0
    for _ in range(number):
        ready = prepare()
        start = clock()
        once()
        between = clock()
        await work(ready)
        took += clock() - between
        yard += between - start
    return took / yard


async def measure(rounds: int, number: int) -> dict[str, float]:
    """J of each piece of work, by name."""
    async with gateway() as served:
        deciding = Deciding(served)
        board = plugin(served, "balance")._board
        used(board, [each.endpoint.id for each in deciding.candidates()])
        known = deciding.exchange()
        await deciding.planned(known)

        def held() -> tuple[Exchange, list[Candidate]]:
            exchange = deciding.exchange()
            exchange.plan, exchange.notes = known.plan, dict(known.notes)
            return exchange, deciding.candidates()

        def rests() -> tuple[Exchange, list[Candidate]]:
            exchange, candidates = held()
            now = time.monotonic()
            if board.rests.latest <= now:
                board.rests.rest(candidates[0].endpoint.id, now + 60, now)
            return exchange, candidates

        def anew() -> tuple[Exchange, list[Candidate]]:
            board._groups.clear()
            return held()

        def priced() -> tuple[Exchange, list[Candidate]]:
            board.price_anew()
            return held()

        pieces: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
            "ranked": (held, lambda ready: deciding.ranked(*ready)),
            "weighed anew": (anew, lambda ready: deciding.ranked(*ready)),
            "priced anew": (priced, lambda ready: deciding.ranked(*ready)),
            "rules": (deciding.exchange, deciding.planned),
            "rules by user": (lambda: deciding.exchange(OTHER), deciding.planned),
            "one rests": (rests, lambda ready: deciding.ranked(*ready)),
        }
        return {
            name: round(statistics.median([await j_of(*piece, number) for _ in range(rounds)]), 2)
            for name, piece in pieces.items()
        }


def main() -> None:
    """Print the figures: as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(measure(options.rounds, options.number))
    if options.json:
        print(json.dumps(found))
        return
    for name, figure in found.items():
        target = f"   at most {TARGETS[name]} J" if name in TARGETS else ""
        print(f"{name:14}{figure:8.2f} J{target}")


if __name__ == "__main__":
    main()
