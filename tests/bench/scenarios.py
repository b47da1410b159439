"""What is measured: the scenarios, and the requests that each of them sends."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

__all__ = ["SCENARIOS", "Scenario", "chosen"]

TINY = 40
"""Requests in each part of a short run."""


@dataclass(frozen=True)
class Scenario:
    """One way of asking.

    `cpu` asks as fast as it can and counts CPU, `latency` asks `rate` times a second and counts time,
    `memory` asks `requests` times and looks at memory before and after, `startup` starts anew and asks once.
    Times between events are in microseconds, sizes in bytes. `rounds` is the most there are of it.
    """

    name: str
    about: str
    kind: Literal["cpu", "latency", "memory", "startup"] = "cpu"
    variant: str = "plain"
    stream: bool = False
    connections: int = 32
    events: int = 50
    pause: int = 0
    rate: float = 0
    request: int = 1024
    answer: int = 1000
    requests: int = 0
    only: tuple[str, ...] = ()
    long: bool = False
    rounds: int = 1000

    @property
    def unit(self) -> str:
        """What CPU is divided by."""
        return "an event" if self.stream else "a request"

    @property
    def marks(self) -> int:
        """How many marks the mock puts into an answer."""
        return self.events if self.stream else 2

    @property
    def stagger(self) -> int:
        """How far apart connections begin, so that their events spread evenly."""
        return self.pause // self.connections if self.stream else 0

    def body(self, model: str) -> bytes:
        """The request."""
        said = f"[mock answer={self.answer} events={self.events} size=220 pause={self.pause}] "
        user = {"role": "user", "content": said}
        asked: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "system", "content": "You are a helpful assistant."}, user],
            "temperature": 0.7,
            "max_tokens": 256,
        }
        if self.variant == "rewritten":
            asked["presence_penalty"] = 0.1
        if self.stream:
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
        lacking = self.request - len(json.dumps(asked))
        user["content"] += ("lorem ipsum dolor sit amet " * (lacking // 27 + 1))[: max(0, lacking)]
        return json.dumps(asked).encode()

    def short(self) -> Scenario:
        """The same with numbers so small that it only shows that it works."""
        return replace(
            self,
            connections=min(self.connections, 8),
            pause=min(self.pause, 500),
            rate=min(self.rate, 200),
            requests=TINY,
        )


BOTH_DOORS = ("nginx", "pointsman", "pointsman-asgi")
PACED = 20_000
CROWDED = 500
"""Microseconds between the events of 128 streams, so that no contender keeps up."""

SCENARIOS = (
    Scenario("nonstream", "1-KB requests, 1,000-byte answers, 32 connections"),
    Scenario("stream16", "16 streams, an event each 20 ms", stream=True, connections=16, pause=PACED),
    Scenario("stream128", "128 streams, an event each 20 ms", stream=True, connections=128, pause=PACED),
    Scenario(
        "saturated",
        "128 streams, faster than can be kept up with",
        stream=True,
        connections=128,
        pause=CROWDED,
    ),
    Scenario("burst", "32 streams, each in one piece", stream=True),
    Scenario("latency-50", "50 requests a second", kind="latency", rate=50),
    Scenario("latency-100", "100 requests a second", kind="latency", rate=100),
    Scenario("body200k", "200-KB requests, 8 connections", request=200_000, connections=8),
    Scenario("memory20k", "20,000 requests", kind="memory", requests=20_000, rounds=3),
    Scenario("memory200k", "200,000 requests", kind="memory", requests=200_000, long=True, rounds=1),
    Scenario("tls", "as nonstream, to an upstream behind TLS", variant="secure"),
    Scenario("laneb", "as nonstream, with a parameter added and one left out", variant="rewritten"),
    Scenario("lanec", "as nonstream, to an upstream of another dialect", variant="translated"),
    Scenario(
        "lanec-stream",
        "as saturated, from an upstream of another dialect",
        variant="translated",
        stream=True,
        connections=128,
        pause=CROWDED,
    ),
    Scenario("doors", "as nonstream, through either door", only=BOTH_DOORS),
    Scenario(
        "doors-stream",
        "as saturated, through either door",
        stream=True,
        connections=128,
        pause=CROWDED,
        only=BOTH_DOORS,
    ),
    Scenario("startup", "from start to first answer", kind="startup"),
)


def chosen(names: list[str]) -> list[Scenario]:
    """The scenarios of these names; `latency` is all that begin with `latency-`, and no name is all of them.
    Raises LookupError for a name that there is not."""
    found: list[Scenario] = []
    for name in names:
        meant = [each for each in SCENARIOS if each.name == name or each.name.startswith(f"{name}-")]
        if not meant:
            raise LookupError(f"no scenario {name!r}: there are {', '.join(each.name for each in SCENARIOS)}")
        found += [each for each in meant if each not in found]
    return found or list(SCENARIOS)
