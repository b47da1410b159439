"""Teams' own credentials at providers: sealed for one purpose, one team, one provider."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from pointsman.errors import BadRequest, Conflict, Forbidden, NotFound
from pointsman.exchange import Actor
from pointsman.secrets import Secret
from pointsman.testing import Running
from pointsman.vault import Vault
from pointsman_keys import Caller
from pointsman_keys.byok import PURPOSE
from pointsman_keys.records import CREDENTIALS, upsert

Serve = Callable[..., AbstractAsyncContextManager[Running]]

SEALING, NEWER = "a-key-that-seals-what-must-be-secret", "another-key-that-seals-from-now-on-x"
TEAMS = "teams: {red: {role: admin}, blue: {role: admin}}\n"
ROOT = Caller(Actor("root", "key-root", role="admin"))
OWN = "sk-of-the-team-red-0123456789"


def keys(served: Running) -> Any:
    plugin: Any = served.gateway.setup.plugins.get("keys")
    return plugin.target


def sections(*sealing: str) -> str:
    return f"{TEAMS}secret_key: [{', '.join(sealing)}]\n" if sealing else TEAMS


@pytest.fixture
async def kept(serve: Serve, tmp_path: Path) -> Path:
    """The folder of a ledger with a credential of red's for lab."""
    async with serve(sections(SEALING), folder=tmp_path) as served:
        mark = await keys(served).credentials.put(ROOT, "red", "lab", OWN)
        assert keys(served).credentials.of_team(ROOT, "red") == {"lab": mark}
        assert mark == Secret(OWN).fingerprint
    return tmp_path


def own(served: Running, team: str = "red") -> dict[str, str]:
    """What a team has, opened."""
    found = keys(served).directory.teams[team].keys
    return {provider: key.secret.reveal() for provider, key in found.items()}


async def test_it_is_there_after_a_restart_and_after_a_rotation(serve: Serve, kept: Path) -> None:
    async with serve(sections(SEALING), folder=kept) as served:
        assert own(served) == {"lab": OWN}
    async with serve(sections(NEWER, SEALING), folder=kept) as served:
        assert own(served) == {"lab": OWN}
        await keys(served).credentials.put(ROOT, "red", "lab", OWN + "x")
    async with serve(sections(NEWER), folder=kept) as served:
        assert own(served) == {"lab": OWN + "x"}


@pytest.mark.parametrize("sealing", [(), (NEWER,)])
async def test_without_its_key_it_is_not_used_and_told(
    serve: Serve, kept: Path, caplog: pytest.LogCaptureFixture, sealing: tuple[str, ...]
) -> None:
    async with serve(sections(*sealing), folder=kept) as served:
        assert own(served) == {}
    assert "the credential of team 'red' for lab cannot be used" in caplog.text
    assert OWN not in caplog.text


@pytest.mark.parametrize(("purpose", "about"), [("bodies", "red|lab"), (PURPOSE, "blue|lab")])
async def test_what_was_sealed_for_something_else_is_refused(
    serve: Serve, kept: Path, caplog: pytest.LogCaptureFixture, purpose: str, about: str
) -> None:
    sealed = Vault([Secret(SEALING)]).seal(b"sk-other", purpose=purpose, about=about)
    row = {"id": "red|lab", "team": "red", "provider": "lab", "sealed": sealed, "fingerprint": "0"}
    async with serve(sections(SEALING), folder=kept) as served:
        await served.gateway.ledger.execute([upsert(CREDENTIALS, {**row, "created_at": "2026"})])
    async with serve(sections(SEALING), folder=kept) as served:
        assert own(served) == {}
    assert "cannot be used" in caplog.text


async def test_where_nothing_can_be_sealed_nothing_is_taken(serve: Serve) -> None:
    async with serve(sections()) as served:
        with pytest.raises(BadRequest, match="without `secret_key`"):
            await keys(served).credentials.put(ROOT, "red", "lab", OWN)
        assert await served.rows("credentials") == await served.rows("audit") == []


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "ä", None, 5, "x" * 10_000])
async def test_a_credential_is_a_text_that_a_header_can_carry(serve: Serve, text: Any) -> None:
    async with serve(sections(SEALING)) as served:
        with pytest.raises(BadRequest, match="`key` must be"):
            await keys(served).credentials.put(ROOT, "red", "lab", text)


async def test_whose_it_is_to_set(serve: Serve) -> None:
    async with serve(sections(SEALING)) as served:
        book, credentials = keys(served).accounts, keys(served).credentials
        await book.create_key(ROOT, {"name": "chief", "team": "red", "role": "admin"})
        await book.create_key(ROOT, {"name": "member", "team": "red"})
        directory = keys(served).directory
        chief, member = (
            keys(served).caller(directory.known[directory.named(name).digest].actor, "")
            for name in ("chief", "member")
        )
        await credentials.put(chief, "red", "lab", OWN)
        for caller, team in ((chief, "blue"), (member, "red")):
            with pytest.raises(Forbidden):
                await credentials.put(caller, team, "lab", OWN)
            with pytest.raises(Forbidden):
                await credentials.drop(caller, team, "lab")
        with pytest.raises(NotFound, match="no provider 'nowhere'"):
            await credentials.put(ROOT, "red", "nowhere", OWN)
        with pytest.raises(NotFound, match="no team 'green'"):
            await credentials.put(ROOT, "green", "lab", OWN)
        await credentials.drop(chief, "red", "lab")
        with pytest.raises(NotFound, match="no credential for 'lab'"):
            await credentials.drop(chief, "red", "lab")
        actions = [(row["action"], row["subject"]) for row in await served.rows("audit")]
        assert actions[2:] == [("credential.put", "red|lab"), ("credential.drop", "red|lab")]
        assert OWN not in str(await served.rows("audit"))


async def test_a_team_with_credentials_is_not_taken_out(serve: Serve) -> None:
    async with serve(sections(SEALING)) as served:
        await keys(served).accounts.create_team(ROOT, "green", {})
        await keys(served).credentials.put(ROOT, "green", "lab", OWN)
        with pytest.raises(Conflict, match="credentials of its own"):
            await keys(served).accounts.delete_team(ROOT, "green")
