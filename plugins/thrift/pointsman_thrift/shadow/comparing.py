"""Comparing: one answered chat is asked of a rival, both answers are judged, and the labels written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from pointsman.dialects import Quirks, Translator
from pointsman.errors import RequestError
from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman.inner import Reply
from pointsman.members import BAD_JSON
from pointsman.money import parse_usd
from pointsman.types import Chat, Response
from pointsman_feedback.checks import checked
from pointsman_feedback.records import FEEDBACK, WEIGHTS

from .asking import rivals_body
from .judge import Verdict, asked_text, question, scores_of, verdict
from .purse import Held, Purse
from .settings import CHECKS

__all__ = ["PLUGIN", "Comparing", "Comparison", "body_of", "is_whole"]

log = logging.getLogger(__name__)

PLUGIN = "thrift"
WHOLE_ANSWERS = frozenset({"stop"})
"""How an answer ends that can be judged: one that was cut, refused or filtered says nothing of quality."""
JUDGES_DIALECT = "openai-chat"
COST = "x-pointsman-cost"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be compared. `row` is what a label says of the answer that the client got; `held` is what
    rival and judge may cost together, of which a rival's answer may have `most` tokens. `restricted` says who
    may have the text."""

    codec: Translator
    body: Mapping[str, Any]
    chat: Chat
    response: Response
    rival: str
    judge: str
    actor: Actor
    row: Mapping[str, Any]
    held: Held
    most: int
    restricted: Mapping[str, Any]
    told: Callable[[Verdict], None]
    """Told what came of it."""


class Comparing:
    """Makes labels of comparisons, in a gateway's ledger."""

    def __init__(self, gateway: Gateway, purse: Purse) -> None:
        self._gateway = gateway
        self._purse = purse

    async def compare(self, comparison: Comparison) -> bool:
        """Whether there is a label now; what was set aside is settled whatever comes of it."""
        try:
            return self._purse.confirm(comparison.held) and await self._compared(comparison)
        finally:
            self._purse.settle(comparison.held)

    async def _compared(self, comparison: Comparison) -> bool:
        body = rivals_body(
            comparison.body, comparison.rival, most=comparison.most, restricted=comparison.restricted
        )
        rival = await self._ask(comparison, body, comparison.codec.dialect)
        answer = _read(comparison.codec, rival)
        if answer is None or not is_whole(answer):
            return False
        found, judge = _by_checks(comparison.chat, comparison.response, answer), CHECKS
        if found is None and comparison.judge != CHECKS:
            found, judge = await self._judged(comparison, answer), comparison.judge
        if found is None:
            return False
        self._write(comparison, rival, found, judge)
        comparison.told(found)
        return True

    async def _ask(self, comparison: Comparison, body: Mapping[str, Any], dialect: str) -> Reply:
        """Ask with the rights of who asked first, and no others."""
        reply = await self._gateway.ask(body, plugin=PLUGIN, dialect=dialect, behalf=comparison.actor)
        comparison.held.used += cost_of(reply)
        return reply

    async def _judged(self, comparison: Comparison, answer: Response) -> Verdict | None:
        """What the judge says of both orders; None where it says something else."""
        asked, ours, theirs = asked_text(comparison.chat), _said(comparison.response), _said(answer)
        scores = []
        for first, second in ((ours, theirs), (theirs, ours)):
            body = question(comparison.judge, asked, first, second)
            if comparison.restricted:
                body["provider"] = dict(comparison.restricted)
            reply = await self._ask(comparison, body, JUDGES_DIALECT)
            said = _read(_judges_codec(self._gateway), reply)
            found = scores_of(said.choices[0].message) if said is not None and said.choices else None
            if found is None:
                log.warning("the judge %s did not say what it was asked for", comparison.judge)
                return None
            scores.append(found)
        return verdict(*scores)

    def _write(self, comparison: Comparison, rival: Reply, found: Verdict, judge: str) -> None:
        """A row for each side."""
        ours, theirs = comparison.row, rival.generation_id
        answered = rival.headers.get("x-pointsman-provider")
        common = {
            **{name: ours.get(name) for name in ("key_id", "key_name", "team", "team_name", "app", "task")},
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", ""),
            "source": "shadow",
            "kind": "checks" if judge == CHECKS else "judge",
            "weight": WEIGHTS["shadow"],
            "pair": f"shadow|{ours['generation_id']}|{theirs}",
            "judge": judge,
        }
        sides: tuple[dict[str, Any], ...] = (
            {
                **{name: ours.get(name) for name in ("generation_id", "model", "provider", "endpoint")},
                "score": found.score,
                "own_score": found.own,
                "rival": comparison.rival,
                "rival_score": found.rival,
            },
            {
                "generation_id": theirs,
                "model": comparison.rival,
                "provider": answered,
                "score": 1.0 - found.score,
                "own_score": found.rival,
                "rival": ours["model"],
                "rival_score": found.own,
            },
        )
        for side in sides:
            row = {**common, **side, "id": f"{common['pair']}|{side['generation_id']}"}
            self._gateway.ledger.insert(FEEDBACK.name, row)


def cost_of(reply: Reply) -> int:
    """What an inner request cost in nano-USD; nothing where it was refused, or has no price."""
    try:
        return int(parse_usd(reply.headers.get(COST, "0")))
    except ValueError:
        return 0


def is_whole(response: Response) -> bool:
    """Whether an answer is all that a model had to say, and something."""
    if not response.choices or response.choices[0].finish.reason not in WHOLE_ANSWERS:
        return False
    return bool(_said(response).strip())


def _by_checks(chat: Chat, ours: Response, theirs: Response) -> Verdict | None:
    """What checks say of two answers; None where they have nothing to look at, or both pass."""
    mine, other = checked(chat, ours), checked(chat, theirs)
    if not mine or not other:
        return None
    passed, rivals = float(all(mine.values())), float(all(other.values()))
    return Verdict(0.5 + (passed - rivals) / 2, passed, rivals)


def _read(codec: Translator, reply: Reply) -> Response | None:
    if not reply.ok:
        return None
    try:
        found = codec.decode_response(reply.body, quirks=Quirks())
    except (RequestError, ValueError):
        return None
    return found if isinstance(found, Response) else None


def _judges_codec(gateway: Gateway) -> Translator:
    codec = gateway.setup.dialects.get(JUDGES_DIALECT, "chat")
    if not isinstance(codec, Translator):
        raise TypeError(f"the dialect {JUDGES_DIALECT} translates nothing")
    return codec


def _said(response: Response) -> str:
    return response.choices[0].message.text if response.choices else ""


def body_of(raw: bytes) -> Mapping[str, Any] | None:
    """A request's members; None where they cannot be read."""
    try:
        found = msgspec.json.decode(raw)
    except BAD_JSON:
        return None
    return found if isinstance(found, dict) else None
