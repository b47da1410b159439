"""What a provider puts on the wire for one request, as data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

__all__ = ["Close", "Hang", "Pause", "Reset", "Script", "Send", "Step"]


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes of the body."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Send nothing more and stay connected, until the other side leaves."""


@dataclass(frozen=True, slots=True)
class Reset:
    """End the connection with a reset."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection here, whatever was promised."""


Step: TypeAlias = Send | Pause | Hang | Reset | Close
Framing = Literal["length", "chunked", "close", "raw"]
REASONS: Mapping[int, str] = {int(status): status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Script:
    """One answer: status and headers, then steps.

    `framing` says how the body's end is told: by its `length` (of what is sent, or `declared`), `chunked`,
    by `close`, or `raw`: then the steps are everything, status line included.
    """

    steps: tuple[Step, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Framing = "length"
    declared: int | None = None

    @classmethod
    def json(cls, data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Script:
        """A whole JSON answer."""
        return cls.whole(json.dumps(data).encode(), status=status, headers=headers)

    @classmethod
    def whole(
        cls,
        body: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Script:
        """A whole answer of any bytes."""
        return cls(
            steps=(Send(body),), status=status, headers={"content-type": content_type, **(headers or {})}
        )

    @classmethod
    def sse(cls, events: Iterable[bytes | Step], *, headers: Mapping[str, str] | None = None) -> Script:
        """A stream: bytes are sent as they stand, each as a chunk of its own; other steps between them."""
        steps = tuple(Send(event) if isinstance(event, bytes) else event for event in events)
        return cls(
            steps=steps, framing="chunked", headers={"content-type": "text/event-stream", **(headers or {})}
        )

    def body(self) -> bytes:
        """All bytes of the body that the script sends."""
        return b"".join(step.data for step in self.steps if isinstance(step, Send))

    def head(self) -> bytes:
        """Status line and headers, as they go out; nothing where the framing is raw."""
        if self.framing == "raw":
            return b""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, '')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.framing == "length":
            lines.append(f"content-length: {len(self.body()) if self.declared is None else self.declared}")
        elif self.framing == "chunked":
            lines.append("transfer-encoding: chunked")
        else:
            lines.append("connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
