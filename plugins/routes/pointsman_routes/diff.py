"""`pointsman diff OLD NEW`: what another configuration would change, and which recorded requests would go
elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pointsman.cli import error_text, load_setup
from pointsman.columns import aligned
from pointsman.errors import StartupError
from pointsman.gateway import Gateway
from pointsman.ledger import reader
from pointsman.money import format_usd
from pointsman.setup import Setup

from .changes import Change, changes
from .decisions import DECISIONS
from .replay import NotReplayable, Way, compared

__all__ = ["Moves", "as_data", "as_text", "diff", "moves_of"]

SELECT = "select id, record from decisions where at >= :since order by at desc limit :limit"
SINCE_EVER = ""
MOST = 10_000
FEW = 3
"""So many changes that are alike are told one by one."""
TROUBLE = 2
"""Exit status where the two could not be compared."""


@dataclass(slots=True)
class Group:
    """Requests that go from one way to another alike. `nano` and `nano_then` are what those cost whose price
    is `known` in both, at the prices that each configuration has for the moment of each."""

    old: Way
    new: Way
    example: str
    count: int = 0
    known: int = 0
    nano: int = 0
    nano_then: int = 0


@dataclass(slots=True)
class Moves:
    """What came of all records: `total` there were, `same` go where they went, `behind` differ only in what
    is tried after the first endpoint, `groups` go elsewhere, and for the rest `why` not is counted."""

    total: int = 0
    same: int = 0
    behind: int = 0
    groups: list[Group] = field(default_factory=list)
    why: Counter[str] = field(default_factory=Counter)

    @property
    def elsewhere(self) -> int:
        """How many would go elsewhere."""
        return sum(group.count for group in self.groups)


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--ledger", help="Ledger with the records, as `ledger:` says it; without it that of OLD.")
@click.option("--since", type=click.DateTime(), help="Only requests since then, in UTC.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=MOST,
    show_default=True,
    help="Replay at most so many records, the newest; 0 for none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(
    *, old: Path, new: Path, ledger: str | None, since: datetime | None, limit: int, as_json: bool
) -> None:
    """Say what the configuration NEW changes for requests, beside OLD.

    Rules, models, endpoints, prices, providers and keys are compared. Then requests whose decision records
    were kept are decided by both. Exit status: 0 nothing changes, 1 something does, 2 trouble.
    """
    try:
        setups = _load(old, "OLD"), _load(new, "NEW")
        rows = _records(setups[0], ledger, since, limit)
        found, moves = asyncio.run(_compared(*setups, rows))
    except StartupError as error:
        click.echo(error_text(error), err=True)
        raise SystemExit(TROUBLE) from None
    if as_json:
        click.echo(json.dumps(as_data(found, moves), indent=2, ensure_ascii=False))
    else:
        click.echo(as_text(found, moves))
    if found or moves.elsewhere or moves.behind:
        raise SystemExit(1)


def _load(path: Path, name: str) -> Setup:
    if not path.is_file():
        raise StartupError(f"{name}: there is no configuration file {path}")
    return load_setup(path)


def _records(setup: Setup, url: str | None, since: datetime | None, limit: int) -> list[dict[str, Any]]:
    """Records, the newest first; none where there is no ledger and none was asked for."""
    if not limit:
        return []
    begin = since.replace(tzinfo=since.tzinfo or UTC).isoformat() if since is not None else SINCE_EVER
    try:
        with reader(url or setup.core.ledger.url, setup.base) as ledger:
            if not ledger.has_table(DECISIONS.name):
                return []
            return ledger.select_sync(SELECT, {"since": begin, "limit": limit})
    except StartupError:
        if url is not None:
            raise
        return []


async def _compared(old: Setup, new: Setup, rows: Iterable[Mapping[str, Any]]) -> tuple[list[Change], Moves]:
    async with AsyncExitStack() as stack:
        before, after = [await stack.enter_async_context(Gateway.dry(setup)) for setup in (old, new)]
        return [*changes(before, after)], await moves_of(before, after, rows)


async def moves_of(old: Gateway, new: Gateway, rows: Iterable[Mapping[str, Any]]) -> Moves:
    """Where recorded requests go by two configurations. `rows` have `id` and `record`, the newest first."""
    moves, groups = Moves(), dict[tuple[Any, ...], Group]()
    for row in rows:
        moves.total += 1
        try:
            before, after = await compared(old, new, row["record"])
        except NotReplayable as why:
            moves.why[str(why)] += 1
            continue
        if before.choice != after.choice:
            key = before.rule, after.rule, before.models, after.models, before.choice, after.choice
            group = groups.setdefault(key, Group(before, after, row["id"]))
            group.count += 1
            if before.nano is not None and after.nano is not None:
                group.known += 1
                group.nano += before.nano
                group.nano_then += after.nano
        elif before.endpoints != after.endpoints:
            moves.behind += 1
        else:
            moves.same += 1
    moves.groups = sorted(groups.values(), key=lambda group: -group.count)
    return moves


def as_data(found: Iterable[Change], moves: Moves) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "changes": [asdict(change) for change in found],
        "requests": {
            "total": moves.total,
            "same": moves.same,
            "other_fallbacks": moves.behind,
            "elsewhere": moves.elsewhere,
            "not_replayed": moves.why.total(),
            "why_not": dict(moves.why.most_common()),
        },
        "groups": [
            {
                "count": group.count,
                "example": group.example,
                "old": _way(group.old),
                "new": _way(group.new),
                "priced": group.known,
                "old_nano": group.nano if group.known else None,
                "new_nano": group.nano_then if group.known else None,
            }
            for group in moves.groups
        ],
    }


def _way(way: Way) -> dict[str, Any]:
    return {
        "rule": way.rule,
        "models": list(way.models),
        "endpoint": way.endpoints[0] if way.endpoints else None,
        "refused": way.refused,
    }


def as_text(found: Iterable[Change], moves: Moves) -> str:
    """All of it, for people."""
    lines = _lines(found) or ["the configurations send requests to the same places"]
    lines.append("")
    if not moves.total:
        lines.append("no recorded requests to replay: records are kept as `explain: {sample}` says")
        return "\n".join(lines)
    what = "request" if moves.total == 1 else "requests"
    told = f"{moves.elsewhere:,} of {moves.total:,} recorded {what} would go elsewhere"
    if moves.behind:
        told += f"; {moves.behind:,} would have other endpoints to fall back on"
    if moves.why:
        told += f"; {moves.why.total():,} could not be replayed"
    lines.append(told)
    lines += [f"  {count:,} not replayed: {why}" for why, count in moves.why.most_common()]
    if moves.groups:
        lines += ["", aligned(_columns(moves.groups), left=6), "", _costs(moves)]
    return "\n".join(lines)


def _lines(found: Iterable[Change]) -> list[str]:
    """One for each change, or for all that are alike: a provider's price is that of all its endpoints."""
    alike: dict[tuple[str, ...], list[Change]] = {}
    for change in found:
        provider = change.name.partition("/")[0] if change.what == "endpoint" else ""
        alike.setdefault((change.what, change.change, change.detail, change.at, provider), []).append(change)
    lines = []
    for several in alike.values():
        if len(several) <= FEW:
            lines += [str(change) for change in several]
        else:
            names = ", ".join(change.name for change in several[:FEW])
            lines.append(str(replace(several[0], name=f"{names} and {len(several) - FEW} more")))
    return lines


def _columns(groups: Iterable[Group]) -> dict[str, list[str]]:
    rows = [*groups]
    return {
        "rule": [group.old.rule or "-" for group in rows],
        "then": [group.new.rule or "-" for group in rows],
        "models": [", ".join(group.old.models) for group in rows],
        "then models": [", ".join(group.new.models) for group in rows],
        "endpoint": [group.old.choice for group in rows],
        "then endpoint": [group.new.choice for group in rows],
        "requests": [f"{group.count:,}" for group in rows],
        "cost": [_usd(group.nano) if group.known else "unknown" for group in rows],
        "then cost": [_usd(group.nano_then) if group.known else "unknown" for group in rows],
        "for example": [group.example for group in rows],
    }


def _costs(moves: Moves) -> str:
    known = sum(group.known for group in moves.groups)
    unknown = moves.elsewhere - known
    if not known:
        return "what those cost is not known in both"
    now, then = (sum(getattr(group, name) for group in moves.groups) for name in ("nano", "nano_then"))
    rest = f"; what {unknown:,} more cost is not known in both" if unknown else ""
    return f"at list prices {known:,} of those cost {_usd(now)}, and {_usd(then)} then{rest}"


def _usd(nano: int) -> str:
    return f"${format_usd(nano)}"
