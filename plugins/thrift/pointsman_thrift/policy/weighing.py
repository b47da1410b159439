"""Weighing: what is known of each model that could answer a request, and whether it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal

from pointsman_thrift.quality import Estimate, Paired, Quality, of_success
from pointsman_thrift.quality.beta import normal_above

from .controller import Controller, Limits
from .standing import standing

__all__ = ["Ask", "Mode", "Objective", "Offer", "Policy", "Weighed", "weigh"]

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


@dataclass(frozen=True, slots=True)
class Weighed:
    """A model as it was weighed. `loss` is how much worse than the reference it is expected to answer, at the
    cautious end `loss_upper`; `price` is what it is chosen by: nano-USD or seconds for a good answer; `sure`
    is the probability that it is good enough, where that is asked for. It `fits` where it is, `labelled`
    where there are paired labels enough to let it answer. `allowed` is the loss that was."""

    model: str
    estimate: Estimate
    cost: float | None
    seconds: float | None
    pair: Paired | None
    loss: float
    loss_upper: float
    price: float
    sure: float | None
    allowed: float
    fits: bool
    labelled: bool
    policy: Policy

    @property
    def pairs(self) -> float:
        """Paired labels in this task, its own or the reference's, whichever are fewer."""
        return self.pair.labels if self.pair is not None else 0.0

    @property
    def eligible(self) -> bool:
        """Whether it may answer this request."""
        return self.pair is None or (self.fits and self.labelled and self.policy.mode != "suggest")

    @property
    def suggested(self) -> bool:
        """Whether it might answer with labels enough, or if things were not only suggested."""
        return self.fits and not self.eligible

    @property
    def verdict(self) -> str:
        """Whether it may answer, and why, in words."""
        policy = self.policy
        if self.pair is None:
            return "the reference: the best that is known well enough"
        if self.price == inf:
            return "no price is known" if policy.objective == "cost" else "its speed is not known"
        said = "may answer" if self.eligible else "suggested" if self.fits else "not good enough"
        found = f"loses {self.loss_upper:.4f} at most, {self.allowed:.4f} allowed"
        if self.sure is not None:
            found = f"good enough with probability {self.sure:.3f}, {policy.sure:g} needed"
        labels = "" if self.labelled else f"; {self.pairs:.1f} of {policy.least_pairs:g} paired labels"
        return f"{said}: {found}{labels}"

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


def weigh(
    ask: Ask, offers: Sequence[Offer], quality: Quality, controller: Controller, policy: Policy
) -> tuple[Weighed, list[Weighed]]:
    """The reference and all, in their order."""
    models = tuple(offer.model for offer in offers)
    stands = standing(ask.task, models, quality, policy.least_pairs, ask.at)
    best, most = models[stands.place], stands.estimates[stands.place].mean
    allowed, strict = controller.allowed(), policy.mode == "strict"
    gains = ask.gains
    found = []
    for offer, estimate, pair, deviation in zip(
        offers, stands.estimates, stands.pairs, stands.deviations, strict=True
    ):
        spent = offer.cost if policy.objective == "cost" else offer.seconds
        loss, sure, fits, labelled = 0.0, None, True, False
        if pair is not None:
            loss = pair.mean + (gains.get(best, 0.0) - gains.get(offer.model, 0.0) if gains else 0.0)
            labelled = pair.labels >= policy.least_pairs
            if strict:
                sure = normal_above(policy.limits.loss * most - loss, pair.variance)
            enough = loss + policy.z * deviation <= allowed if sure is None else sure >= policy.sure
            fits = spent is not None and enough
        found.append(
            Weighed(
                offer.model,
                estimate,
                offer.cost,
                offer.seconds,
                pair,
                loss,
                loss + policy.z * deviation,
                inf if spent is None else of_success(spent, max(0.0, most - loss)),
                sure,
                allowed,
                fits,
                labelled,
                policy,
            )
        )
    return found[stands.place], found
