"""Health: what is known of one endpoint from the traffic that went there, and of each group of its peers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .breaker import Breaker
from .cap import TrafficCap
from .decay import Fading, Mean, Peak
from .headroom import Headroom
from .pause import Pause
from .percentiles import Percentiles

__all__ = ["HALF_LIFE", "Health", "Observed"]

HALF_LIFE = 300.0
"""Seconds after which a request counts half."""
CACHE_HALF_LIFE = 1800.0
PEAK = 10.0
SLOW_START = 60.0
FIRST_SHARE = 0.1
"""An endpoint that comes back gets this share of its weight, and all of it after SLOW_START seconds."""
FORGIVEN = 0.75
"""The share of its failures that no longer count against one that comes back: it has rested for them."""
OUTPUT = 300.0
"""Tokens of an answer, where none has been seen."""
WAIT = 5.0
"""Seconds that a refusal is thought to cost where the provider names none."""


@dataclass(frozen=True, slots=True)
class Observed:
    """How one attempt ended. `answered`: whole, or as far as its client stayed; `failed`: the endpoint's
    fault; `busy`: it has too much to do, and does not say for how long; `refused`: too many requests;
    `overtaken`: another endpoint answered sooner, after `writing` seconds; none of them: it says nothing of
    the endpoint.

    `first_content` is in seconds from the attempt's begin, None where the answer came in one piece; `writing`
    is seconds from then, or from the begin, to its end; `wait` what a refusal asked for, in seconds;
    `bad_tools` whether it called a tool wrongly, None without tools.
    """

    answered: bool = False
    failed: bool = False
    busy: bool = False
    refused: bool = False
    overtaken: bool = False
    first_content: float | None = None
    writing: float = 0.0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    wait: float | None = None
    bad_tools: bool | None = None


def _fading() -> Fading:
    return Fading(HALF_LIFE)


def _mean() -> Mean:
    return Mean(HALF_LIFE)


@dataclass(slots=True)
class Health:
    """One endpoint. Times are monotonic seconds."""

    breaker: Breaker
    pause: Pause
    requests: Fading = field(default_factory=_fading)
    errors: Fading = field(default_factory=_fading)
    refusals: Fading = field(default_factory=_fading)
    wait: Mean = field(default_factory=_mean)
    tool_requests: Fading = field(default_factory=_fading)
    bad_tools: Fading = field(default_factory=_fading)
    first_content: Mean = field(default_factory=_mean)
    token: Mean = field(default_factory=_mean)
    """Seconds a token of output."""
    input: Mean = field(default_factory=_mean)
    output: Mean = field(default_factory=_mean)
    cached: Mean = field(default_factory=lambda: Mean(CACHE_HALF_LIFE))
    """The share of input tokens that came from the provider's cache."""
    peak: Peak = field(default_factory=lambda: Peak(PEAK))
    latency: Percentiles = field(default_factory=Percentiles)
    throughput: Percentiles = field(default_factory=Percentiles)
    """Tokens of output a second, from the attempt's begin to its end."""
    headroom: Headroom = field(default_factory=Headroom)
    cap: TrafficCap = field(default_factory=TrafficCap)
    in_flight: int = 0
    back: float | None = None
    """When it came back from a rest."""

    @classmethod
    def of(cls, draw: Callable[[], float]) -> Health:
        """An endpoint of which nothing is known yet."""
        return cls(Breaker(draw), Pause(draw))

    def begun(self, now: float) -> None:
        """An attempt begins."""
        self.in_flight += 1
        self.cap.begun(now)
        self.breaker.begun(now)

    def ended(self, seen: Observed, now: float, peers: Iterable[Health], began: float | None = None) -> None:
        """An attempt has ended that `began` then. `peers` are the other endpoints of its model."""
        self.in_flight = max(0, self.in_flight - 1)
        late = began is not None and self.breaker.opened_after(began)
        if seen.overtaken:
            self._overtaken(seen.writing, now)
        if not (seen.answered or seen.failed or seen.refused):
            if not late:
                self.breaker.left()
            return
        self._counted(seen, now)
        if late:
            return
        if seen.refused:
            self.breaker.left()
        elif seen.failed:
            self._failed(now, peers)
        else:
            if self.breaker.until is not None:
                self.back = now
                if now >= self.breaker.until:
                    self.errors.fade(1 - FORGIVEN, now)
            self.breaker.succeeded()

    def _counted(self, seen: Observed, now: float) -> None:
        """Count what says something of it, however old that is."""
        self.requests.add(1.0, now)
        if seen.bad_tools is not None:
            self.tool_requests.add(1.0, now)
            self.bad_tools.add(float(seen.bad_tools), now)
        if seen.answered:
            self._wrote(seen, now)
            self.pause.answered(now)
        if seen.refused:
            self.refusals.add(1.0, now)
            self.wait.add(WAIT if seen.wait is None else seen.wait, now)
            self.cap.refused(now)
        if seen.failed:
            self.errors.add(1.0, now)
        if seen.busy:
            self.pause.asked(now)

    def _failed(self, now: float, peers: Iterable[Health]) -> None:
        others = [*peers]
        failures = sum(each.errors.left(now) for each in others)
        requests = sum(each.requests.left(now) for each in others)
        own = self.requests.left(now)
        self.breaker.failed(
            now,
            requests=own,
            share=self.errors.left(now) / own,
            peers=failures / requests if requests else 0.0,
        )

    def _wrote(self, seen: Observed, now: float) -> None:
        first_content = seen.first_content
        if first_content is not None:
            self.first_content.add(first_content, now)
            self.latency.add(first_content, now)
        self.peak.add(seen.writing if first_content is None else first_content, now)
        if seen.output > 1 and seen.writing > 0:
            self.token.add(seen.writing / seen.output, now, weight=min(seen.output, 1000) / 100)
        if seen.output:
            self.throughput.add(seen.output / max((first_content or 0.0) + seen.writing, 1e-6), now)
            self.output.add(seen.output, now)
        if seen.input:
            self.input.add(seen.input, now)
            self.cached.add(seen.cache_read / seen.input, now)

    def _overtaken(self, seconds: float, now: float) -> None:
        """A usual answer would have taken longer than that: it is news where it is more than was known."""
        self.peak.add(seconds, now)
        output = self.output.value(now) or OUTPUT
        token = seconds / output
        if token > (self.token.value(now) or 0.0):
            self.token.add(token, now, weight=min(output, 1000) / 100)

    def slow_start(self, now: float) -> float:
        """The share of its weight that it gets, from FIRST_SHARE when it comes back to 1."""
        if self.back is None or now - self.back >= SLOW_START:
            return 1.0
        return FIRST_SHARE + (1 - FIRST_SHARE) * (now - self.back) / SLOW_START

    def rests(self, now: float) -> bool:
        """Whether its breaker keeps it from requests."""
        return self.breaker.until is not None and self.breaker.state(now) == "open"

    def tries(self, now: float) -> bool:
        """Whether it has rested for its failures, and one request may see how it does now."""
        return self.breaker.until is not None and self.breaker.state(now) == "half-open"

    def returns(self, now: float) -> float:
        """When it takes requests again; `now` if it does."""
        until = self.breaker.until if self.rests(now) else None
        return max(now, until or now, self.pause.until)
