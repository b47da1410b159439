"""Secrets: values that print as a fingerprint."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["Secret"]


class Secret:
    """A secret text. `reveal()` is the only way to its value; everything else shows a fingerprint.

    The fingerprint is the first eight hex digits of the SHA-256: enough to tell two keys
    apart in a log, useless for finding the key.
    """

    __slots__ = ("_value", "fingerprint")

    def __init__(self, value: str) -> None:
        self._value = value
        self.fingerprint = hashlib.sha256(value.encode()).hexdigest()[:8] if value else "empty"

    def reveal(self) -> str:
        """The secret itself: pass it on, never print it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __str__(self) -> str:
        return f"secret:{self.fingerprint}"

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret cannot be serialised")
