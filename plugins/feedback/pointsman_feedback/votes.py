"""Votes: what people say of answers. Of each key and answer the last one counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from pointsman.errors import BadRequest, NotFound, Unavailable
from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman_keys.reach import reach_of

from .records import FEEDBACK, WEIGHTS, owner_of

__all__ = ["Complaint", "Vote", "complain", "vote"]

LONGEST_COMMENT = 1000
TABLE = "generations"
ROW = "select * from generations where id = :id"
COPIED = ("app", "task", "model", "provider", "endpoint", "served_model")
"""What a row has of the generation that it is about."""
TIE = 0.5
BAD: frozenset[str] = frozenset({"incoherence", "incorrect_response", "formatting"})
"""Complaints about an answer. The others are about something else, and weigh nothing."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Comment = Annotated[str, msgspec.Meta(max_length=LONGEST_COMMENT)]
Statement = tuple[str, dict[str, object]]

NAMES = ", ".join(FEEDBACK.columns)
WRITE = (
    f"insert into feedback ({NAMES}) values ({', '.join(f':{name}' for name in FEEDBACK.columns)}) "  # noqa: S608 - our own names
    f"on conflict (id) do update set {', '.join(f'{name} = excluded.{name}' for name in FEEDBACK.columns)}"
)


class Vote(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How good an answer was: a `score` from 0 to 1, a `thumb`, or a `rating` from 1 to 5 stars.

    With a `rival`, another answer to the same request, it says how the answer compares with that: 1 is
    better, 0.5 the same, 0 worse.
    """

    generation_id: Name
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    thumb: Literal["up", "down"] | None = None
    rating: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    rival: Name | None = None
    category: Name | None = None
    comment: Comment | None = None

    def said(self) -> tuple[str, float]:
        """In which way it is said, and the score. Raises BadRequest unless there is exactly one."""
        ways = {"score": self.score, "thumb": self.thumb, "rating": self.rating}
        given = [name for name, value in ways.items() if value is not None]
        if len(given) != 1:
            raise BadRequest(
                "say it in one way: `score` (0 to 1), `thumb` (up or down) or `rating` (1 to 5)",
                param="score",
            )
        if self.score is not None:
            return "score", self.score
        if self.rating is not None:
            return "rating", (self.rating - 1) / 4
        return "thumb", 1.0 if self.thumb == "up" else 0.0


class Complaint(msgspec.Struct):
    """What OpenRouter's clients report of an answer."""

    generation_id: Name
    category: Literal[
        "latency", "incoherence", "incorrect_response", "formatting", "billing", "api_error", "other"
    ]
    comment: Comment | None = None


async def vote(gateway: Gateway, actor: Actor, given: Vote) -> dict[str, Any]:
    """Write a vote; what was written. Raises BadRequest, and NotFound for what the key may not see."""
    kind, score = given.said()
    answer = await _answered(gateway, actor, given.generation_id)
    said = {"kind": kind, "category": given.category, "comment": given.comment}
    if given.rival is None:
        rows = [_row(actor, answer, {**said, "score": score, "weight": WEIGHTS["vote"]})]
    else:
        rival = await _answered(gateway, actor, given.rival)
        if rival["model"] == answer["model"]:
            raise BadRequest("both answers are of the same model: that says nothing of it", param="rival")
        rows = _pair(actor, answer, rival, score, said)
    await gateway.ledger.execute([(WRITE, row) for row in rows])
    return {"object": "feedback", "id": rows[0]["id"], "generation_id": answer["id"], "score": score}


async def complain(gateway: Gateway, actor: Actor, given: Complaint) -> dict[str, Any]:
    """Write a complaint; OpenRouter's answer. Raises as `vote` does, but takes it of any generation."""
    row = await _generation(gateway, actor, given.generation_id)
    counts = given.category in BAD and row["outcome"] != "failed" and row["model"] is not None
    weight = WEIGHTS["vote"] if counts else 0.0
    said = {"kind": "complaint", "category": given.category, "comment": given.comment}
    await gateway.ledger.execute([(WRITE, _row(actor, row, {**said, "score": 0.0, "weight": weight}))])
    return {"data": {"success": True}}


async def _generation(gateway: Gateway, actor: Actor, id: str) -> Mapping[str, Any]:
    """The row of a generation. Raises NotFound where there is none that the key may see."""
    if not gateway.ledger.has_table(TABLE):
        raise Unavailable("the plugin usage, which records generations, is not in use")
    found = await gateway.ledger.select(ROW, {"id": id})
    if not found:  # it may just have ended
        await gateway.ledger.flush()
        found = await gateway.ledger.select(ROW, {"id": id})
    if not found or not reach_of(gateway, actor).sees(found[0]):
        raise NotFound(f"there is no generation {id[:100]!r} that this key may see", param="generation_id")
    return found[0]


async def _answered(gateway: Gateway, actor: Actor, id: str) -> Mapping[str, Any]:
    """The same of one that was answered: an error says nothing of how good a model is."""
    row = await _generation(gateway, actor, id)
    if row["outcome"] == "failed" or row["model"] is None:
        raise BadRequest(f"generation {id[:100]!r} has no answer to judge", param="generation_id")
    return row


def _row(
    actor: Actor, about: Mapping[str, Any], said: Mapping[str, object], *, rival_id: str = ""
) -> dict[str, object]:
    parts = ["vote", actor.key_id, about["id"], *([rival_id] if rival_id else [])]
    row: dict[str, object] = dict.fromkeys(FEEDBACK.columns)
    return (
        row
        | {name: about[name] for name in COPIED}
        | {**said}
        | {
            "id": "|".join(parts),
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "generation_id": about["id"],
            **owner_of(actor),
            "model": about["model"] or about["model_asked"],
            "source": "vote",
        }
    )


def _pair(
    actor: Actor, one: Mapping[str, Any], other: Mapping[str, Any], score: float, said: Mapping[str, Any]
) -> list[dict[str, object]]:
    """A row for each side: whoever votes on the same pair again, from either side, replaces both."""
    pair = "|".join(["vote", actor.key_id, *sorted((one["id"], other["id"]))])
    sides = ((one, other, score), (other, one, 2 * TIE - score))
    rows = []
    for about, against, share in sides:
        compared = {"score": share, "weight": WEIGHTS["vote"], "pair": pair, "rival": against["model"]}
        rows.append(_row(actor, about, {**said, **compared}, rival_id=against["id"]))
    return rows
