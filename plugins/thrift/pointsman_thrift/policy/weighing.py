"""Weighing: what is known of each model that could answer a request, and whether it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, sqrt
from typing import Any, Literal

from pointsman_thrift.quality import Estimate, Paired, Quality, of_success
from pointsman_thrift.quality.beta import normal_above

from .controller import Controller, Limits

__all__ = ["Ask", "Mode", "Objective", "Offer", "Policy", "Weighed", "reference", "weigh"]

Objective = Literal["cost", "speed"]
Mode = Literal["budget", "strict", "suggest"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What an operator wants. `budget` keeps the loss of quality within limits on the whole, `strict` in
    each request with probability `sure`, `suggest` moves nothing. Below `least_pairs` paired labels of a
    task a model is only suggested. `explore` is the share of requests that goes to models of which more
    should be known, if they are expected to lose no more than 1.5 times what is allowed. `z` standard
    deviations are added to a loss that is only estimated."""

    objective: Objective = "cost"
    mode: Mode = "budget"
    limits: Limits = Limits()
    least_pairs: float = 30.0
    sure: float = 0.9
    z: float = 1.0
    explore: float = 0.01


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that could answer. `cost` is what this request is expected to cost there in nano-USD, with what
    lies in that model's prompt cache counted as cached; None where no price is known. `seconds` is how long
    its answer takes, None where that is not known."""

    model: str
    cost: float | None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What the choice is about. `at` is in seconds since 1970. `protected` says why this request must not be
    moved; '' where it may. `session` is the model that the conversation was answered by so far, in the task
    `session_task`. `tool_result`: the client sends the result of a tool that the session's model called.
    `gains`: how much better than usual at its task each model is expected to answer this very prompt."""

    task: str
    at: float
    protected: str = ""
    session: str | None = None
    session_task: str | None = None
    tool_result: bool = False
    gains: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Weighed:
    """A model as it was weighed. `loss` is how much worse than the reference it is expected to answer, at the
    cautious end `loss_upper`; `price` is what it is chosen by: nano-USD or seconds for a good answer; `sure`
    is the probability that it is good enough. It is `labelled` where there are paired labels enough to let it
    answer, `eligible` where it may answer this request, `suggested` where it might with labels enough."""

    model: str
    estimate: Estimate
    cost: float | None
    seconds: float | None
    pair: Paired | None
    loss: float
    loss_upper: float
    price: float
    sure: float
    labelled: bool = False
    eligible: bool = False
    suggested: bool = False
    verdict: str = ""

    @property
    def pairs(self) -> float:
        """Paired labels in this task, its own or the reference's, whichever are fewer."""
        return self.pair.labels if self.pair is not None else 0.0

    def as_json(self) -> dict[str, Any]:
        """For records."""
        return {
            "model": self.model,
            "quality": self.estimate.as_json(),
            "cost_usd": None if self.cost is None else round(self.cost / 1e9, 9),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "loss": round(self.loss, 4),
            "loss_upper": round(self.loss_upper, 4),
            "pairs": round(self.pairs, 1),
            "verdict": self.verdict,
        }


def reference(
    ask: Ask, offers: Sequence[Offer], quality: Quality, policy: Policy
) -> tuple[int, list[Estimate]]:
    """The place of the model that losses are counted against, and the estimates of all: the best of those
    that have been seen enough, and of the first, which the operator put there."""
    estimates = [quality.estimate(ask.task, offer.model, ask.at) for offer in offers]
    best = 0
    for place in range(1, len(offers)):
        pair = quality.paired(ask.task, offers[place].model, offers[best].model, ask.at)
        if pair.labels >= policy.least_pairs:
            better = pair.mean > 0
        else:
            better = estimates[place].n >= policy.least_pairs and estimates[place].mean > estimates[best].mean
        best = place if better else best
    return best, estimates


def weigh(
    ask: Ask, offers: Sequence[Offer], quality: Quality, controller: Controller, policy: Policy
) -> tuple[Weighed, list[Weighed]]:
    """The reference and all, in their order, each with its verdict."""
    place, estimates = reference(ask, offers, quality, policy)
    best = offers[place].model
    most = estimates[place].mean
    allowed = controller.allowed()
    found = []
    for number, (offer, estimate) in enumerate(zip(offers, estimates, strict=True)):
        pair = None if number == place else quality.paired(ask.task, best, offer.model, ask.at)
        weighed = _weighed(ask, offer, estimate, pair, best=best, policy=policy, most=most)
        _judge(weighed, policy, allowed)
        found.append(weighed)
    return found[place], found


def _weighed(
    ask: Ask,
    offer: Offer,
    estimate: Estimate,
    pair: Paired | None,
    *,
    best: str,
    policy: Policy,
    most: float,
) -> Weighed:
    loss = upper = 0.0
    sure = 1.0
    if pair is not None:
        loss = pair.mean + ask.gains.get(best, 0.0) - ask.gains.get(offer.model, 0.0)
        upper = loss + policy.z * sqrt(pair.variance)
        sure = normal_above(policy.limits.loss * most - loss, pair.variance)
    spent = offer.cost if policy.objective == "cost" else offer.seconds
    price = inf if spent is None else of_success(spent, max(0.0, most - loss))
    return Weighed(offer.model, estimate, offer.cost, offer.seconds, pair, loss, upper, price, sure)


def _judge(weighed: Weighed, policy: Policy, allowed: float) -> None:
    """Say whether a model may answer, and why."""
    if weighed.pair is None:
        weighed.eligible, weighed.verdict = True, "the reference: the best that is known well enough"
    elif weighed.price == inf:
        weighed.verdict = "no price is known" if policy.objective == "cost" else "its speed is not known"
    elif policy.mode == "strict":
        fits = weighed.sure >= policy.sure
        _settle(
            weighed,
            policy,
            fits,
            f"good enough with probability {weighed.sure:.3f}",
            f"{policy.sure:g} needed",
        )
    else:
        fits = weighed.loss_upper <= max(0.0, allowed)
        _settle(weighed, policy, fits, f"loses {weighed.loss_upper:.4f} at most", f"{allowed:.4f} allowed")


def _settle(weighed: Weighed, policy: Policy, fits: bool, found: str, needed: str) -> None:
    weighed.labelled = weighed.pairs >= policy.least_pairs
    weighed.eligible = fits and weighed.labelled and policy.mode != "suggest"
    weighed.suggested = fits and not weighed.eligible
    said = "may answer" if weighed.eligible else "suggested" if fits else "not good enough"
    labels = "" if weighed.labelled else f"; {weighed.pairs:.1f} of {policy.least_pairs:g} paired labels"
    weighed.verdict = f"{said}: {found}, {needed}{labels}"
