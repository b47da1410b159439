"""Credentials of teams: their own keys at providers, sealed in the ledger and used before the operator's.

A credential is sealed for this purpose and for one team and provider: moved to another row it opens no more.
Nothing shows it again, not even to who set it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pointsman.credentials import Key
from pointsman.errors import BadRequest, NotFound, SealError
from pointsman.providers import HttpProvider
from pointsman.secrets import Secret

from .accounts import Accounts
from .callers import Caller
from .directory import Directory, TeamRecord
from .records import CREDENTIALS, delete, now, upsert

if TYPE_CHECKING:
    from pointsman.gateway import Gateway

__all__ = ["PURPOSE", "OwnCredentials"]

PURPOSE = "byok"
LONGEST = 8192
"""Characters of a credential, at most."""
SELECT = "select * from credentials"

log = logging.getLogger(__name__)


class OwnCredentials:
    """What can be done to teams' credentials. Errors are those of `Accounts`."""

    def __init__(self, gateway: Gateway, accounts: Accounts) -> None:
        self._gateway = gateway
        self._accounts = accounts

    @property
    def _directory(self) -> Directory:
        return self._accounts.directory

    async def load(self) -> None:
        """Give teams what the ledger has for them; what cannot be opened is told in the log."""
        for row in await self._gateway.ledger.select(SELECT):
            team, provider = row["team"], row["provider"]
            try:
                opened = self._gateway.vault.open(row["sealed"], purpose=PURPOSE, about=row["id"])
            except SealError as error:
                log.error("the credential of team %r for %s cannot be used: %s", team, provider, error)
                continue
            key = Key(Secret(opened.decode()))
            if team in self._directory.teams:
                self._give(team, provider, key)
                continue
            log.warning("a credential for %s is that of team %r, which is not there", provider, team)
            unowned = self._directory.unowned
            unowned[team] = {**unowned.get(team, {}), provider: key}

    def of_team(self, by: Caller, team: str) -> Mapping[str, str]:
        """The fingerprints of a team's credentials, by provider."""
        found = self._accounts.team(by, team)
        return {provider: key.secret.fingerprint for provider, key in sorted(found.keys.items())}

    async def put(self, by: Caller, team: str, provider: str, text: Any) -> str:
        """Set a team's credential for a provider; its fingerprint."""
        by.check_team(team)
        known = self._gateway.setup.providers.get(provider)
        if not isinstance(known, HttpProvider):
            raise NotFound(f"there is no provider {provider[:100]!r} that takes a credential")
        if (
            not isinstance(text, str)
            or not 0 < len(text) <= LONGEST
            or not all("!" <= c <= "~" for c in text)
        ):
            raise BadRequest("`key` must be a text of printable ASCII without spaces", param="key")
        secret, about = Secret(text), f"{team}|{provider}"

        async def put() -> str:
            self._accounts.team(by, team)
            try:
                sealed = self._gateway.vault.seal(text.encode(), purpose=PURPOSE, about=about)
            except SealError as error:
                raise BadRequest(str(error)) from None
            row = {
                "id": about,
                "team": team,
                "provider": provider,
                "sealed": sealed,
                "fingerprint": secret.fingerprint,
                "created_at": now(),
            }
            detail = {"fingerprint": secret.fingerprint}
            await self._accounts.commit(by, "credential.put", about, detail, [upsert(CREDENTIALS, row)])
            self._give(team, provider, Key(secret))
            return secret.fingerprint

        return await self._accounts.alone(put)

    async def drop(self, by: Caller, team: str, provider: str) -> None:
        """Take a team's credential for a provider out."""
        by.check_team(team)
        about = f"{team}|{provider}"

        async def drop() -> None:
            if provider not in self._accounts.team(by, team).keys:
                raise NotFound(f"team {team!r} has no credential for {provider[:100]!r}")
            await self._accounts.commit(by, "credential.drop", about, {}, [delete(CREDENTIALS, about)])
            self._give(team, provider, None)

        await self._accounts.alone(drop)

    def _give(self, team: str, provider: str, key: Key | None) -> None:
        record: TeamRecord = self._directory.teams[team]
        keys = {name: each for name, each in record.keys.items() if name != provider}
        if key is not None:
            keys[provider] = key
        self._directory.put_team(replace(record, keys=keys))
