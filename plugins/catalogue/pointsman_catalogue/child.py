"""The child: genai-prices is compiled in a process of its own, by a command line that nobody can change."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from importlib.metadata import PackageNotFoundError, version

import msgspec

from .compile import PACKAGE, Compiled

__all__ = ["CompileError", "compiled", "installed_version"]

PATIENCE = 120.0
"""Seconds."""
KEPT = ("HOME", "LANG", "PATH", "SYSTEMROOT", "TEMP", "TMPDIR")
"""Variables of the environment that the child gets, beside Python's own: it has no use for keys."""
LONGEST_SHOWN = 500


class CompileError(Exception):
    """The prices cannot be compiled; the text is for the log."""


def installed_version() -> str | None:
    """The version of genai-prices that is installed, or None."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return None


async def compiled() -> Compiled:
    """What comes of the version that is installed. Raises CompileError."""
    env = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith("PYTHON")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"{__package__}.compile", stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=env
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    except TimeoutError:
        raise CompileError(f"{PACKAGE} was not compiled within {PATIENCE:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return msgspec.json.decode(out, type=Compiled)
    except msgspec.DecodeError:
        last = err.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        raise CompileError(f"{PACKAGE} cannot be compiled: {last[0][:LONGEST_SHOWN]}") from None
