"""Telling: headers of what is left, and refusals that say which limit, whose, and when to come back."""

from __future__ import annotations

import math
from collections.abc import Mapping, MutableMapping

from pointsman.errors import RateLimited
from pointsman.money import format_usd
from pointsman.state import Demand, Verdict

from .claims import Claim, Claims
from .settings import Measure

__all__ = ["refusal", "reset_text", "tell"]

NOUNS: Mapping[Measure, str] = {
    "requests": "requests",
    "tokens": "tokens",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
}


def tell(headers: MutableMapping[str, str], claims: Claims, verdict: Verdict) -> None:
    """Add the tightest limits of requests and of tokens, in the headers that clients of this field read."""
    parts = verdict.parts or (verdict,)
    for places, limit, remaining, reset in claims.told:
        place = places[0] if len(places) == 1 else min(places, key=lambda each: _share(parts[each]))
        part = parts[place]
        headers[limit] = claims.amounts[place]
        headers[remaining] = str(part.remaining)
        headers[reset] = reset_text(part.reset_after)


def _share(verdict: Verdict) -> float:
    return verdict.remaining / verdict.limit


def reset_text(seconds: float) -> str:
    """A length of time as the field writes it: `350ms`, `20s`, `6m0s`, `1h30m0s`; rounded up."""
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds > 0 else "0s"
    whole, rest = divmod(milliseconds, 1000)
    minutes, whole = divmod(whole, 60)
    text = f"{whole}.{rest:03d}".rstrip("0") + "s" if rest else f"{whole}s"
    if minutes < 60:
        return f"{minutes}m{text}" if minutes else text
    return f"{minutes // 60}h{minutes % 60}m{text}"


def refusal(claims: Claims, claim: Claim, verdict: Verdict, why: str = "") -> RateLimited:
    """What the client is told: which limit, whose, how much is left of it, and when it resets."""
    headers: dict[str, str] = {}
    if len(verdict.parts or (verdict,)) == len(claims.all):
        tell(headers, claims, verdict)
    retry_after = verdict.retry_after or max(verdict.reset_after, 1.0)
    return RateLimited(
        _words(claim, verdict) + why,
        retry_after=retry_after if retry_after != math.inf else None,
        headers=headers if retry_after != math.inf else {**headers, "x-should-retry": "false"},
        extra={"limit": _facts(claim, verdict)},
    )


def _words(claim: Claim, verdict: Verdict) -> str:
    demand = verdict.demand or claim.demand
    whose, limit, left = claim.whose, verdict.limit, verdict.remaining
    if claim.measure == "concurrency":
        return f"{whose} has {limit - left} requests under way, of {limit} at a time; {left} left"
    period = demand.quota.period
    allowed = f"{_amount(claim.measure, limit)} per {period}"
    resets = f"resets in {reset_text(verdict.reset_after)}"
    wanted = _amount(claim.measure, demand.cost)
    if verdict.retry_after == math.inf:
        return f"this request may use {wanted}, and {whose} has {allowed}: ask for fewer (max_tokens)"
    if left < 1:
        return f"{whose} has used up {allowed}; 0 left, {resets}"
    rest = _amount(claim.measure, left)
    if not demand.cost:
        return f"{whose} has {rest} left of {allowed}; {resets}"
    return f"this request may use {wanted}, and {whose} has {rest} left of {allowed}; {resets}"


def _amount(measure: Measure, amount: int) -> str:
    return f"{format_usd(amount)} USD" if measure == "usd" else f"{amount} {NOUNS[measure]}"


def _facts(claim: Claim, verdict: Verdict) -> dict[str, object]:
    """The same for programs; money in US dollars, times in seconds."""
    demand: Demand = verdict.demand or claim.demand
    amounts: dict[str, object] = {"amount": verdict.limit, "remaining": verdict.remaining}
    if claim.measure == "usd":
        amounts = {name: format_usd(int(str(value))) for name, value in amounts.items()}
    return {
        "of": claim.whose,
        "measure": claim.measure,
        "per": demand.quota.period if demand.quota.period != "lease" else None,
        **amounts,
        "resets_in": round(verdict.reset_after, 3),
    }
