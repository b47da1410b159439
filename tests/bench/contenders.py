"""Who is measured: the rows of contenders.toml, and each of them running."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from processes import Process

__all__ = ["Contender", "DidNotStart", "Running", "Variant", "read_contenders", "start"]

TABLE = Path(__file__).with_name("contenders.toml")
LONGEST = 120.0
"""Seconds a contender may take to answer its first request."""
POLL = 0.005


class DidNotStart(Exception):
    """A contender ended, or never answered."""


@dataclass(frozen=True)
class Variant:
    """How a contender is asked in one kind of scenario, where that differs from what it says of itself."""

    path: str = "/v1/chat/completions"
    model: str | None = None
    headers: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Contender:
    """A row of the table; see there."""

    name: str
    about: str
    variants: Mapping[str, Variant]
    install: str = ""
    program: str = ""
    command: tuple[str, ...] = ()
    port: str = ""
    model: str = "bench"
    headers: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False
    aside: bool = False

    def found(self, peers: Path | None) -> str | None:
        """Its program, where that is installed; empty for one without a program."""
        words = {"python": sys.executable, "peers": str(peers)}
        if "$peers" in self.program and peers is None:
            return None
        path = Template(self.program).substitute(words)
        if "/" in path:
            return path if Path(path).exists() else None
        return shutil.which(path) if path else path


@dataclass
class Running:
    """A contender that answers."""

    contender: Contender
    port: int
    words: Mapping[str, str]
    process: Process | None = None
    startup: float = 0.0
    """Seconds from its start to its first answer."""

    def address(self, variant: str) -> tuple[str, list[str], str]:
        """Path, headers and model of requests of a kind."""
        asked = self.contender.variants[variant]
        headers = self.contender.headers if asked.headers is None else asked.headers
        filled = [Template(header).substitute(self.words) for header in headers]
        return asked.path, filled, asked.model or self.contender.model

    def pause(self) -> None:
        """Let it use nothing while others are measured."""
        if self.process is not None:
            self.process.pause()

    def resume(self) -> None:
        """Let it go on."""
        if self.process is not None:
            self.process.resume()

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.stop()


def read_contenders() -> dict[str, Contender]:
    """The table, by name. Raises TypeError for a row with a field that there is not."""
    rows: dict[str, dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        name: _contender(name, {**rows.get(row.get("extends", ""), {}), **row}) for name, row in rows.items()
    }


def start(
    contender: Contender,
    words: Mapping[str, str],
    *,
    peers: Path | None,
    core: int,
    folder: Path,
    realtime: bool,
) -> Running:
    """Start a contender in a folder of its own and wait until it answers. Raises DidNotStart."""
    folder.mkdir()
    port = _free_port()
    words = {
        **words,
        "python": sys.executable,
        "peers": str(peers),
        "program": contender.found(peers) or "",
        "folder": str(folder),
        "port": str(port),
        "other": str(_free_port()),
        **contender.words,
    }
    if contender.port:
        return Running(contender, int(Template(contender.port).substitute(words)), words)
    for name, text in contender.files.items():
        (folder / name).write_text(Template(text).substitute(words))
    command = [Template(part).substitute(words) for part in contender.command]
    env = {**os.environ, **contender.env}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, as where they are installed
    log = folder / "log"
    begun = time.monotonic()
    process = Process(command, core=core, folder=folder, log=log, env=env, realtime=realtime)
    running = Running(contender, port, words, process)
    try:
        while not _answers(running):
            if process.ended or time.monotonic() - begun > LONGEST:
                said = log.read_text(errors="replace").strip().splitlines()[-5:]
                raise DidNotStart(f"{contender.name} did not start: {' / '.join(said) or 'it said nothing'}")
            time.sleep(POLL)
    except BaseException:
        process.stop()
        raise
    running.startup = time.monotonic() - begun
    return running


def _contender(name: str, row: Mapping[str, Any]) -> Contender:
    given = _frozen(row)
    given.pop("extends", None)
    variants = {kind: Variant(**_frozen(each)) for kind, each in given.pop("variants").items()}
    return Contender(name, variants=variants, **given)


def _frozen(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with tuples in place of lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def _answers(running: Running) -> bool:
    """Whether a chat is answered."""
    path, headers, model = running.address("plain")
    body = {"model": model, "messages": [{"role": "user", "content": "[mock answer=1000]"}], "max_tokens": 16}
    fields = dict(header.split(": ", 1) for header in [*headers, "content-type: application/json"])
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    try:
        connection.request("POST", path, json.dumps(body), fields)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
