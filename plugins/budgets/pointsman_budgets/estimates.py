"""Estimates: what a request may come to, before anybody has answered it."""

from __future__ import annotations

from pointsman.exchange import Candidate, Exchange
from pointsman.types import Usage

__all__ = ["Estimates"]

BYTES_PER_TOKEN = 4.0
LEAST_BYTES_PER_TOKEN, MOST_BYTES_PER_TOKEN = 1.0, 8.0
"""Beyond them it is not the text that tells: a cached prefix, a picture."""
FORGET = 0.02
"""How much of the difference is forgotten with each answer that is shorter than what was learnt."""
WEIGHT = 0.1
"""How much one answer says of a model's tokens."""
MOST_ENDPOINTS = 10_000
"""Endpoints of which is remembered what they used: clients may ask for models that no list has."""


class _Learnt:
    """What answers of a model have told: bytes of input a token, and how long its long answers are."""

    __slots__ = ("bytes_per_token", "output")

    def __init__(self, output: float) -> None:
        self.bytes_per_token = BYTES_PER_TOKEN
        self.output = output


class Estimates:
    """What requests may use, learnt from what answers of the same endpoint used."""

    def __init__(self, default_output: int) -> None:
        self.default_output = default_output
        self._learnt: dict[str, _Learnt] = {}  # by endpoint

    def usage(self, exchange: Exchange, candidate: Candidate) -> Usage:
        """The usage to expect at a candidate: as much output as the request allows, else as was learnt."""
        peek, learnt = exchange.peek, self._learnt.get(candidate.endpoint.id)
        output = peek.max_tokens
        if output is None:
            output = 0 if exchange.surface == "embeddings" else self.default_output
            if learnt is not None:
                output = int(learnt.output) + 1
        ratio = learnt.bytes_per_token if learnt is not None else BYTES_PER_TOKEN
        return Usage(int(peek.characters / ratio) + 1, output * max(1, peek.choices))

    def learn(self, exchange: Exchange, usage: Usage) -> None:
        """Take in what an answer used."""
        attempts = exchange.attempts
        if not attempts or usage.estimated:
            return
        endpoint, output = attempts[-1].endpoint.id, usage.output
        learnt = self._learnt.get(endpoint)
        if learnt is None:
            if len(self._learnt) >= MOST_ENDPOINTS:
                self._learnt.clear()
            learnt = self._learnt[endpoint] = _Learnt(output)
        elif output > learnt.output:
            learnt.output = output
        else:
            learnt.output += FORGET * (output - learnt.output)
        if usage.input:
            seen = exchange.peek.characters / usage.input
            if LEAST_BYTES_PER_TOKEN <= seen <= MOST_BYTES_PER_TOKEN:
                learnt.bytes_per_token += WEIGHT * (seen - learnt.bytes_per_token)
