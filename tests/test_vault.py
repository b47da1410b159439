"""The vault: what it sealed it opens, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import SealError
from pointsman.secrets import Secret
from pointsman.vault import Vault

OLD, NEW = Secret("o" * 32), Secret("n" * 32)


def flipped(text: str) -> str:
    return ("B" if text[0] != "B" else "C") + text[1:]


@given(st.binary(max_size=300), st.text(max_size=20))
def test_what_was_sealed_is_opened(data: bytes, about: str) -> None:
    vault = Vault([NEW])
    sealed = vault.seal(data, purpose="body", about=about)
    assert sealed.isascii()
    assert vault.open(sealed, purpose="body", about=about) == data


def test_a_sealed_text_shows_nothing_of_what_it_holds_and_is_never_the_same_twice() -> None:
    vault = Vault([NEW])
    one, two = (vault.seal(b"a secret question", purpose="body", about="gen-1") for _ in range(2))
    assert one != two
    assert "secret" not in one
    assert one.split(".")[:2] == ["pmv1", vault.key_id]


@pytest.mark.parametrize(("purpose", "about"), [("credential", "gen-1"), ("body", "gen-2"), ("body", "")])
def test_it_opens_for_its_purpose_and_about_its_own_row_alone(purpose: str, about: str) -> None:
    vault = Vault([NEW])
    sealed = vault.seal(b"x", purpose="body", about="gen-1")
    with pytest.raises(SealError, match="changed, or is not what it is taken for"):
        vault.open(sealed, purpose=purpose, about=about)


def test_what_was_changed_is_not_opened() -> None:
    vault = Vault([NEW])
    mark, key_id, data = vault.seal(b"x", purpose="body", about="gen-1").split(".")
    for wrong in (flipped(data), data[:8], "", "no base64"):
        with pytest.raises(SealError, match="changed"):
            vault.open(f"{mark}.{key_id}.{wrong}", purpose="body", about="gen-1")


def test_a_key_that_was_rotated_out_still_opens_what_it_sealed() -> None:
    sealed = Vault([OLD]).seal(b"x", purpose="body", about="gen-1")
    rotated = Vault([NEW, OLD])
    assert rotated.open(sealed, purpose="body", about="gen-1") == b"x"
    assert rotated.key_id == Vault([NEW]).key_id != Vault([OLD]).key_id
    assert rotated.seal(b"y", purpose="body", about="gen-2").split(".")[1] == rotated.key_id


@pytest.mark.parametrize("sealed", ["", "pm1.abc", "plain text"])
def test_without_the_key_that_sealed_nothing_is_opened(sealed: str) -> None:
    with pytest.raises(SealError, match="no key under `secret_key`"):
        Vault([NEW]).open(sealed, purpose="body", about="gen-1")
    foreign = Vault([OLD]).seal(b"x", purpose="body", about="gen-1")
    with pytest.raises(SealError, match="no key under `secret_key`"):
        Vault([NEW]).open(foreign, purpose="body", about="gen-1")


def test_without_any_key_it_says_so() -> None:
    vault = Vault([])
    assert not vault
    assert Vault([NEW])
    with pytest.raises(SealError, match="without `secret_key`"):
        vault.seal(b"x", purpose="body", about="gen-1")
    with pytest.raises(SealError, match="without `secret_key`"):
        vault.open("pmv1.00.AA==", purpose="body", about="gen-1")
