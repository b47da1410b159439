"""How much dearer than perfect knowledge a way of choosing among endpoints is, in five simulated incidents.

    python tests/bench/balance.py                          20 seeds each, as a table
    python tests/bench/balance.py --seeds 3 --json

A request costs its price, a penalty for each second until its answer is whole, and one if it gets none.
Regret is what it costs above an oracle that knows the state of each endpoint at the time. `balanced` is what
the plugin `balance` does; the others are shares by 1/price², turns, and a weighted shuffle, which see the
same prices and leave an endpoint out for 30 seconds after an outage. Ends with 1 where the regret of
`balanced` is more than half that of the best of the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from statistics import mean

from baselines import InverseSquare, Shuffle, Turns
from market import Market, Outcome, Policy, State, World, between

from pointsman_balance.board import Board
from pointsman_balance.health import Observed

RATE, SECONDS = 5.0, 1000.0
"""Requests a second, and how long each run is."""
INPUT, OUTPUT = 1000, 300
BASE = [State(1.0e6, 0.5, 80), State(1.2e6, 0.4, 100), State(2.0e6, 0.3, 120), State(1.1e6, 0.7, 60)]
REPLICAS = [State(0.9e6, 0.3, 90)] * 4


def spike(now: float) -> list[State]:
    """The cheapest endpoint is three times as dear for a while."""
    return [replace(BASE[0], price=3.0e6), *BASE[1:]] if 300 <= now < 900 else BASE


WORLDS: dict[str, World] = {
    "outage": between(BASE, 0, 200, 600, errors=1.0, failing=1.0),
    "brown-out": between(BASE, 0, 200, 800, errors=0.35, first=3.0, speed=15),
    "price spike": spike,
    "429 storm": between(BASE, 0, 200, 800, most=30),
    "slow replica": between(REPLICAS, 1, 200, 900, first=4.0, speed=15),
}


class Balanced:
    """The plugin's board as a policy."""

    def __init__(self, endpoints: int, seed: int) -> None:
        self._chance = Random(seed + 1)
        self._board = Board(self._chance.random)
        self._ids = [f"provider-{number}/model" for number in range(endpoints)]

    def order(self, prices: Sequence[float], now: float) -> list[int]:
        group = self._board.group(self._ids, now, lambda place, *_: prices[place])
        return self._board.rank(group, now, self._chance)[0]

    def begun(self, place: int, now: float) -> None:
        self._board.begun(self._ids[place], now)

    def ended(self, place: int, outcome: Outcome, began: float, now: float) -> None:
        answered = outcome.kind == "answered"
        seen = Observed(
            answered=answered,
            failed=outcome.kind == "failed",
            refused=outcome.kind == "refused",
            busy=outcome.kind == "refused" and outcome.wait is None,
            first_content=outcome.first if answered else None,
            writing=outcome.writing,
            input=INPUT if answered else 0,
            output=OUTPUT if answered else 0,
            wait=outcome.wait,
        )
        if outcome.wait is not None:
            self._board.rests.rest(self._ids[place], now + outcome.wait, now)
        self._board.ended(self._ids[place], seen, now)


POLICIES: dict[str, Callable[[int, int], Policy]] = {
    "balanced": Balanced,
    "1/price²": InverseSquare,
    "turns": Turns,
    "shuffle": Shuffle,
}


def regrets(seeds: int) -> dict[str, dict[str, float]]:
    """Micro-USD a request, by incident and policy."""
    return {
        incident: {
            name: mean(
                Market(world, RATE, SECONDS, seed).cost(policy(len(world(0.0)), seed))
                for seed in range(seeds)
            )
            / 1000
            for name, policy in POLICIES.items()
        }
        for incident, world in WORLDS.items()
    }


def main() -> int:
    """Print the table; 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = regrets(options.seeds)
    ratios = {
        incident: row["balanced"] / min(cost for name, cost in row.items() if name != "balanced")
        for incident, row in found.items()
    }
    if options.json:
        print(json.dumps({"regret": found, "to_best": ratios}))
    else:
        print(f"{'':14}" + "".join(f"{name:>11}" for name in POLICIES) + f"{'to best':>11}")
        for incident, row in found.items():
            cells = "".join(f"{cost:11.0f}" for cost in row.values())
            print(f"{incident:14}{cells}{ratios[incident]:11.2f}")
    return int(max(ratios.values()) > 0.5)


if __name__ == "__main__":
    sys.exit(main())
