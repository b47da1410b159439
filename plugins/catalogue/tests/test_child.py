"""The child: what it gets of our environment, and what happens when it fails."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from pointsman_catalogue import child
from pointsman_catalogue.child import CompileError, compiled, installed_version
from pointsman_catalogue.compile import Compiled


def python(folder: Path, script: str) -> str:
    """Something that stands in for Python, and is run with the same arguments."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


async def test_it_compiles_the_version_that_is_installed(everything: Compiled) -> None:
    found = await compiled()
    assert found.version == installed_version() == everything.version
    assert len(found.rows) == len(everything.rows)


async def test_it_is_given_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-secret")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(
        sys, "executable", python(tmp_path, f'echo "$@" > {tmp_path}/args; env > {tmp_path}/env')
    )
    with pytest.raises(CompileError, match="no output"):
        await compiled()
    assert (tmp_path / "args").read_text() == "-m pointsman_catalogue.compile\n"
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert "ACME_API_KEY" not in env
    assert (env["PYTHONDONTWRITEBYTECODE"], env["PATH"]) == ("1", os.environ["PATH"])


async def test_why_it_failed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "executable", python(tmp_path, "echo first >&2; echo 'ImportError: x' >&2; exit 1")
    )
    with pytest.raises(CompileError, match="genai-prices cannot be compiled: ImportError: x"):
        await compiled()


async def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "PATIENCE", 0.05)
    monkeypatch.setattr(sys, "executable", python(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60"))
    with pytest.raises(CompileError, match="not compiled within"):
        await compiled()


async def test_it_does_not_outlive_who_asked_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pid")
    monkeypatch.setattr(sys, "executable", python(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60"))
    asking = asyncio.ensure_future(compiled())
    pid = int(await asyncio.to_thread((tmp_path / "pid").read_text))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_without_the_package_there_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "PACKAGE", "no-such-distribution")
    assert installed_version() is None
