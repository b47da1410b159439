"""Records: what is kept of how good answers were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Literal, get_args

import msgspec

from pointsman.exchange import Actor
from pointsman.ledger import Column, Table

__all__ = ["FEEDBACK", "FEEDBACK_DAYS", "SOURCES", "WEIGHTS", "Source", "owner_of"]

Source = Literal["vote", "shadow", "check", "implicit"]
SOURCES: tuple[Source, ...] = get_args(Source)
"""Who says it: a person; a judge or checker that has seen two answers to the same request; a check that
always says the same of the same answer; what the client did next."""

WEIGHTS: Mapping[Source, float] = {"vote": 1.0, "shadow": 1.0, "check": 0.7, "implicit": 0.3}
"""How many votes one row counts for, where it does not say it."""

COLUMNS = {
    "id": Column("text", "Generation, source and kind; of votes the key that votes, too.", required=True),
    "at": Column("text", "When it was said: ISO 8601, UTC, milliseconds.", required=True),
    "generation_id": Column("text", "The answer that it is about.", required=True),
    "key_id": Column("text", "Whose word it is: the key that votes, or that asked.", required=True),
    "key_name": Column("text", "The name of that key at the time."),
    "team": Column("text", "The id of that key's team."),
    "team_name": Column("text", "The name of that team at the time."),
    "app": Column("text", "The application that asked."),
    "task": Column("text", "What the request was about; null where nobody said."),
    "model": Column("text", "The model that answered.", required=True),
    "provider": Column("text", "The provider that answered."),
    "endpoint": Column("text", "The endpoint that answered."),
    "served_model": Column("text", "The model that answered there, where it is another one."),
    "source": Column("text", "vote, shadow, check or implicit.", required=True),
    "kind": Column(
        "text", "What was said or looked at, in a word: thumb, json_schema, repeated.", required=True
    ),
    "score": Column(
        "real", "How good the answer was, from 0 to 1; of a pair, against the rival's.", required=True
    ),
    "weight": Column("real", "How many votes it counts for.", required=True),
    "pair": Column("text", "What the two rows of one comparison share."),
    "rival": Column("text", "The model compared with."),
    "own_score": Column("real", "What a judge or checker gave this answer by itself, from 0 to 1."),
    "rival_score": Column("real", "What it gave the rival's."),
    "judge": Column("text", "The model or checker that compared them."),
    "category": Column("text", "What was wrong, in the word of the client."),
    "comment": Column("text", "What the voter says of it."),
}

FEEDBACK_DAYS = Table(
    name="feedback_days",
    columns={
        "id": Column("text", "The day, and a digest of what the row stands for.", required=True),
        "at": Column("text", "The day, in UTC.", required=True),
        "key_id": Column("text", "The key that asked.", required=True),
        "task": Column("text", "What the requests were about."),
        "model": Column("text", "The model that answered.", required=True),
        "source": Column("text", "shadow, check or implicit.", required=True),
        "labels": Column("integer", "How many.", required=True),
        "weight": Column("real", "Their weights.", required=True),
        "good": Column("real", "Their weights times their scores, or own scores.", required=True),
    },
    primary_key="id",
    indexes=(("at",),),
    sums=("labels", "weight", "good"),
)
"""What machines say of answers by themselves, by day: there is much of it. Votes may change and are read one
by one."""

PLACES = {name: place for place, name in enumerate(COLUMNS)}


def _by_day(rows: Sequence[tuple[Any, ...]]) -> Mapping[str, Sequence[tuple[Any, ...]]]:
    at, source, key, task, model, weight, score, own, pair = (
        PLACES[name]
        for name in ("at", "source", "key_id", "task", "model", "weight", "score", "own_score", "pair")
    )
    days = []
    for row in rows:
        if row[source] == "vote" or (row[pair] is not None and row[own] is None):
            continue
        group = (row[at][:10], row[key], row[task], row[model], row[source])
        digest = blake2b(msgspec.json.encode(group), digest_size=10).hexdigest()
        good = row[score] if row[own] is None else row[own]
        days.append((f"{group[0]}|{digest}", *group, 1, row[weight], row[weight] * good))
    return {FEEDBACK_DAYS.name: days}


FEEDBACK = Table(
    name="feedback",
    columns=COLUMNS,
    primary_key="id",
    indexes=(("at", "id"), ("source", "at"), ("generation_id",), ("model", "at")),
    mutable=True,
    derive=_by_day,
)
"""A row of a vote is written by `Ledger.execute`, and replaced when the key votes again; the others are
inserted and stay."""


def owner_of(actor: Actor) -> dict[str, str | None]:
    """A key and its team, as columns."""
    team = next((level for level in actor.levels if level.kind == "team"), None)
    return {
        "key_id": actor.key_id,
        "key_name": actor.name,
        "team": team.id if team is not None else None,
        "team_name": team.name if team is not None else None,
    }
