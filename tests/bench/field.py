"""The upstream, and the contenders that run in front of it."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import trustme
from contenders import Contender, DidNotStart, Running, start
from processes import Process, cores
from programs import program
from scenarios import Scenario

__all__ = ["Field", "Options", "Row"]

Row = dict[str, Any]
"""Figures of one contender in one round of one scenario."""
TERMINATOR = Path(__file__).with_name("terminator.py")


@dataclass(frozen=True)
class Options:
    """How long and how often. Times in seconds."""

    rounds: int = 5
    seconds: float = 3.0
    warm: float = 1.0
    short: bool = False
    realtime: bool = False
    peers: Path | None = None
    profile: Path | None = None


class Field:
    """The upstream, and the contenders that were started in front of it. Use it as a context manager."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self.options = options
        self.failed: dict[str, str] = {}
        self._core, self._other_core = cores()
        self._running: dict[str, Running] = {}
        self._upstream: list[Process] = []
        self._numbers = itertools.count()
        self._words: dict[str, str] = {}

    def __enter__(self) -> Field:
        authority = self.folder / "authority.pem"
        certificate = self.folder / "certificate.pem"
        made = trustme.CA()
        made.cert_pem.write_to_path(authority)
        made.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        try:
            mock = self._listening(program("mock"), "0")
            secure = self._listening(sys.executable, TERMINATOR, mock, certificate)
        except BaseException:
            self._close()
            raise
        self._words = {"mock": mock, "secure": secure, "authority": str(authority)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def start(self, contender: Contender) -> Running:
        """A contender, started anew. Raises DidNotStart."""
        folder = self.folder / f"{contender.name}-{next(self._numbers)}"
        return start(
            contender,
            self._words,
            peers=self.options.peers,
            core=self._core,
            folder=folder,
            realtime=self.options.realtime,
        )

    def get(self, contender: Contender) -> Running | None:
        """A contender that stays until the end, paused; None if it did not start, for which see `failed`."""
        if contender.name in self.failed:
            return None
        if contender.name not in self._running:
            try:
                self._running[contender.name] = self.start(contender)
            except DidNotStart as error:
                self.failed[contender.name] = str(error)
                return None
            self._running[contender.name].pause()
        return self._running[contender.name]

    def load(self, running: Running, scenario: Scenario, *, seconds: float = 0, requests: int = 0) -> Row:
        """Ask, for so long or so often; what the load generator says."""
        path, headers, model = running.address(scenario.variant)
        body = self.folder / "body.json"
        body.write_bytes(scenario.body(model))
        said = {
            "--port": running.port,
            "--path": path,
            "--body": body,
            "--connections": scenario.connections,
            "--rate": scenario.rate,
            "--stagger": scenario.stagger,
            "--marks": scenario.marks,
            "--done": "[DONE]" if scenario.stream else "}",
            "--seconds": seconds,
            "--requests": requests,
        }
        arguments = [str(part) for pair in said.items() for part in pair]
        for header in headers:
            arguments += ["--header", header]
        process = Process(
            [program("load"), *arguments],
            core=self._other_core,
            folder=self.folder,
            log=self.folder / "load.log",
            realtime=self.options.realtime,
            output=True,
        )
        try:
            printed = process.line()
        finally:
            process.stop()
        if not printed:
            raise RuntimeError(f"the load generator failed: {process.log.read_text(errors='replace')}")
        told: Row = json.loads(printed)
        return told

    def _close(self) -> None:
        for running in self._running.values():
            running.stop()
        for process in self._upstream:
            process.stop()

    def _listening(self, *command: str | Path) -> str:
        """Start a part of the upstream; the port that it prints."""
        log = self.folder / "upstream.log"
        process = Process(
            command,
            core=self._other_core,
            folder=self.folder,
            log=log,
            realtime=self.options.realtime,
            output=True,
        )
        self._upstream.append(process)
        port = process.line()
        if not port:
            raise RuntimeError(f"the upstream did not start: {log.read_text(errors='replace')}")
        return port
