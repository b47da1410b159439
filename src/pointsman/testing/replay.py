"""Recorded traffic as scripts.

A recording is one line of JSON with the exchange of a provider: `provider`, `method`, `path_url`,
`request`, `status`, `resp_headers`, `response_body` (`body_enc` text or base64), `is_sse`, and `wire`, which
is `raw` where the bytes are the provider's own.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .provider import Received
from .script import Script, Send

__all__ = ["Recording", "recordings", "replaying", "shared_path"]

KEPT_HEADERS = ("content-type", "retry-after")
MISSING = Script.json({"error": {"message": "nothing like it was recorded", "type": "test"}}, status=599)


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded exchange."""

    row: dict[str, Any]

    @property
    def id(self) -> str:
        """Its identity in the collection."""
        return str(self.row["id"])

    @property
    def provider(self) -> str:
        """Who answered."""
        return str(self.row["provider"])

    @property
    def path(self) -> str:
        """The path of the request."""
        return str(self.row["path_url"])

    @property
    def request(self) -> Any:
        """The body of the request, as data; None where it was not JSON."""
        return self.row["request"]

    @property
    def status(self) -> int:
        """The status of the answer."""
        return int(self.row["status"])

    @property
    def is_sse(self) -> bool:
        """Whether the answer is a stream of events."""
        return bool(self.row["is_sse"])

    @property
    def is_raw(self) -> bool:
        """Whether the body's bytes are the provider's own."""
        return bool(self.row["wire"] == "raw")

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        text = str(self.row["response_body"])
        return base64.b64decode(text) if self.row["body_enc"] == "base64" else text.encode()

    def script(self, *, chunk: int | Literal["random"] | None = None) -> Script:
        """The answer as a script: whole, in chunks of so many bytes, or cut at random (but repeatably)."""
        headers = {
            name: str(value)
            for name, value in self.row["resp_headers"].items()
            if name.lower() in KEPT_HEADERS
        }
        steps = tuple(Send(piece) for piece in _cut(self.body, chunk, self.id))
        return Script(
            steps, status=self.status, headers=headers, framing="chunked" if self.is_sse else "length"
        )


def _cut(body: bytes, chunk: int | Literal["random"] | None, seed: str) -> Iterator[bytes]:
    draw = random.Random(seed)  # noqa: S311 - cuts, not secrets
    start = 0
    while start < len(body):
        size = draw.randint(1, 200) if chunk == "random" else chunk or len(body)
        yield body[start : start + size]
        start += size


def shared_path() -> Path | None:
    """Where recorded traffic lies: $POINTSMAN_SHARED, or a folder `shared` beside or above; else None."""
    named = os.environ.get("POINTSMAN_SHARED")
    if named:
        return Path(named) if Path(named).is_dir() else None
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "shared" / "cassettes").is_dir():
            return folder / "shared"
    return None


def recordings(shared: Path, *, path: Callable[[str], bool] = lambda path: True) -> list[Recording]:
    """The recordings whose path passes, in the order of files and lines."""
    found = []
    for file in sorted((shared / "cassettes").glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                recording = Recording(json.loads(line))
                if path(recording.path):
                    found.append(recording)
    return found


def replaying(
    wanted: Iterable[Recording], *, chunk: int | Literal["random"] | None = None
) -> Callable[[Received], Script]:
    """A `FakeProvider`'s function that answers a request with the recording named in its model.

    A test asks for model `<recording id>`: what else stands in the request is the recorded request's. The
    model is a member of the request, or stands in its path.
    """
    by_id = {recording.id: recording for recording in wanted}

    def answer(received: Received) -> Script:
        named = (str(received.json.get("model")), *re.split(r"[/:?]", received.path))
        recording = next((by_id[name] for name in named if name in by_id), None)
        return recording.script(chunk=chunk) if recording is not None else MISSING

    return answer
