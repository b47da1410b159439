"""Choosing: which model answers a request, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from pointsman.draws import Chance
from pointsman_thrift.quality import Quality

from .controller import Controller
from .weighing import Ask, Offer, Policy, Weighed, weigh

__all__ = ["Choice", "choose"]

EXPLORED = 1.5
"""How far beyond what is allowed a model may be that is explored."""
MOST_EXPLORED = 0.02
KEEPING = 0.1
"""The share of its cost that a session's model may be dearer by and still be kept: changing has costs that no
price shows, for the new model reads the conversation for the first time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome. `order` are all models, the chosen one first, then the reference and the others by their
    loss: who comes next if one fails. `chance` is the probability with which this model was drawn, for
    evaluation afterwards. `suggestion` is the model that would have been chosen with enough paired labels."""

    model: str
    cause: str
    why: str
    task: str
    reference: str
    order: tuple[str, ...]
    weighed: tuple[Weighed, ...]
    tau: float
    budget_used: float
    chance: float = 1.0
    suggestion: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For the ledger and for `explain`."""
        return {
            "model": self.model,
            "cause": self.cause,
            "why": self.why,
            "task": self.task,
            "reference": self.reference,
            "order": list(self.order),
            "tau": round(self.tau, 5),
            "budget_used": round(self.budget_used, 5),
            "chance": round(self.chance, 6),
            "suggestion": self.suggestion,
            "models": [each.as_json() for each in self.weighed],
        }


def choose(
    ask: Ask,
    offers: Sequence[Offer],
    *,
    quality: Quality,
    controller: Controller,
    policy: Policy,
    chance: Chance,
) -> Choice:
    """Choose one of the offers, which are in the operator's order, and count it in the budget.

    Raises ValueError where there is nothing to choose from.
    """
    if not offers:
        raise ValueError("there is no model to choose from")
    tau = controller.allowed()
    best, weighed = weigh(ask, offers, quality, controller, policy)
    by_name = {each.model: each for each in weighed}
    cheapest = _cheapest(best, [each for each in weighed if each.eligible])
    suggestion = _suggestion(best, cheapest, weighed, policy)
    session = by_name.get(ask.session) if ask.session is not None else None
    drawn = 1.0
    if ask.tool_result and session is not None:
        chosen, cause = session, "tool result"
        why = f"{session.model} called the tool whose result this is"
    elif ask.protected:
        chosen, cause, why = best, "protected", ask.protected
    else:
        chosen, cause, why = _settled(ask, best, cheapest, session, policy=policy, tau=tau)
        if cause in ("best", policy.mode):
            chosen, cause, why, drawn = _explored(
                (chosen, cause, why), best, weighed, policy=policy, tau=tau, chance=chance
            )
    if not ask.protected and policy.mode != "suggest" and any(each.labelled for each in weighed):
        controller.spent(chosen.loss_upper, best.estimate.mean)
    return Choice(
        model=chosen.model,
        cause=cause,
        why=why,
        task=ask.task,
        reference=best.model,
        order=_order(chosen, best, weighed),
        weighed=tuple(weighed),
        tau=tau,
        budget_used=controller.share,
        chance=drawn,
        suggestion=None if suggestion is None or suggestion is chosen else suggestion.model,
    )


def _cheapest(best: Weighed, among: Sequence[Weighed]) -> Weighed:
    """What costs least for a good answer; of equals the better one."""
    return min(among, key=lambda each: (each.price, each.loss), default=best)


def _suggestion(
    best: Weighed, cheapest: Weighed, weighed: Sequence[Weighed], policy: Policy
) -> Weighed | None:
    """What would be chosen if models without enough labels might answer, too."""
    found = [each for each in weighed if each.eligible or each.suggested]
    better = _cheapest(best, found)
    return better if better is not cheapest and better.price < cheapest.price else None


def _settled(
    ask: Ask,
    best: Weighed,
    cheapest: Weighed,
    session: Weighed | None,
    *,
    policy: Policy,
    tau: float,
) -> tuple[Weighed, str, str]:
    """The choice before chance has a say."""
    if session is not None and session is not cheapest and ask.session_task in (None, ask.task):
        fits = session is best or session.eligible or _lasts(session, policy, tau)
        gain = session.price - cheapest.price
        if fits and gain <= KEEPING * session.price:
            return (
                session,
                "session",
                (
                    f"the conversation stays with {session.model}: {cheapest.model} would not be cheaper "
                    f"by more than {KEEPING:.0%}, with what it had to read anew"
                ),
            )
    if cheapest is best:
        return best, "best", f"no model that may answer costs less than {best.model} for a good answer"
    return (
        cheapest,
        policy.mode,
        (
            f"{cheapest.model} costs {_ratio(cheapest, best)} of {best.model} for a good answer; "
            f"{cheapest.verdict}, from {cheapest.pairs:.0f} paired labels"
        ),
    )


def _lasts(session: Weighed, policy: Policy, tau: float) -> bool:
    """Whether a session's model is still good enough to go on, if not to begin."""
    return policy.mode == "budget" and session.labelled and session.loss <= EXPLORED * tau


def _ratio(cheap: Weighed, best: Weighed) -> str:
    return f"{cheap.price / best.price:.0%}" if 0 < best.price < inf else "less than all"


def _explored(
    settled: tuple[Weighed, str, str],
    best: Weighed,
    weighed: Sequence[Weighed],
    *,
    policy: Policy,
    tau: float,
    chance: Chance,
) -> tuple[Weighed, str, str, float]:
    """Now and then the model of which least is known, of those that are not expected to lose much."""
    share = min(policy.explore, MOST_EXPLORED)
    if share <= 0 or policy.mode != "budget" or tau <= 0:
        return *settled, 1.0
    open_to = [
        each
        for each in weighed
        if each is not settled[0] and each is not best and each.price < inf and each.loss <= EXPLORED * tau
    ]
    if not open_to:
        return *settled, 1.0
    if chance.random() >= share:
        return *settled, 1.0 - share
    least = min(open_to, key=lambda each: (each.pairs, each.estimate.n))
    labels = f"{least.pairs:.0f} paired labels so far"
    return least, "explored", f"{share:.1%} of requests show how other models do: {labels}", share


def _order(chosen: Weighed, best: Weighed, weighed: Sequence[Weighed]) -> tuple[str, ...]:
    others = sorted((each for each in weighed if each is not chosen), key=lambda each: each.loss)
    ordered = [
        chosen,
        *([best] if best is not chosen else []),
        *(each for each in others if each is not best),
    ]
    return tuple(each.model for each in ordered)
