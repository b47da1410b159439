"""The vault: what the ledger must keep secret, sealed with AES-GCM under `secret_key`.

Each purpose has a key of its own, derived from the operator's by HKDF-SHA256 with the purpose as label, so
that what was sealed for one is not opened for another. A sealed text is bound to what it is about (the id
of its row): it cannot be moved to another row. Its key's id stands in it, so that keys can be rotated: the
first key of `secret_key` seals, the others still open what they sealed.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from .errors import SealError
from .secrets import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Vault"]

MARK = "pmv1"
NONCE = 12
"""Bytes drawn for each text. One key may seal 2**32 texts for one purpose: rotate before."""
KEY_ID = "key id"
"""The purpose under which a key makes its own id."""


class Vault:
    """Seals and opens under the operator's keys, of which the first seals. Without keys it does neither."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        self._keys = tuple(keys)
        self._derived = lru_cache(maxsize=256)(self._derive)

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def key_id(self) -> str:
        """The id of the key that seals, in 16 hexadecimal digits. Raises SealError where there is none."""
        return next(iter(self._ids()))

    def seal(self, data: bytes, *, purpose: str, about: str) -> str:
        """Bytes as a sealed text of ASCII: `pmv1.<key id>.<base64>`. Raises SealError without a key."""
        key_id = self.key_id
        nonce = os.urandom(NONCE)
        sealed = self._derived(0, purpose).encrypt(nonce, data, _bound(purpose, about))
        return f"{MARK}.{key_id}.{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, purpose: str, about: str) -> bytes:
        """The bytes behind a sealed text.

        Raises SealError where no key is the one that sealed it, where it was changed, and where it was
        sealed for another purpose or about something else.
        """
        mark, _, rest = sealed.partition(".")
        key_id, _, data = rest.partition(".")
        place = self._ids().get(key_id) if mark == MARK else None
        if place is None:
            raise SealError("no key under `secret_key` is the one that this was sealed with")
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(data, validate=True)
            return self._derived(place, purpose).decrypt(raw[:NONCE], raw[NONCE:], _bound(purpose, about))
        except (InvalidTag, binascii.Error, ValueError):
            raise SealError("what was sealed has been changed, or is not what it is taken for") from None

    def _ids(self) -> dict[str, int]:
        """The places of the keys by their ids."""
        if not self._keys:
            raise SealError("nothing can be sealed or opened without `secret_key`")
        return {_expanded(key, KEY_ID)[:8].hex(): place for place, key in enumerate(self._keys)}

    def _derive(self, place: int, purpose: str) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(_expanded(self._keys[place], f"seal {purpose}"))


@lru_cache(maxsize=256)
def _expanded(key: Secret, label: str) -> bytes:
    """32 bytes that follow from a key and a label."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=None, info=f"pointsman {label}".encode()).derive(key.reveal().encode())


def _bound(purpose: str, about: str) -> bytes:
    """What a sealed text is bound to."""
    return f"{MARK}\0{purpose}\0{about}".encode()
