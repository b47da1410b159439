"""The C programs of the benchmark, compiled when they are first needed, and when their source has changed."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["NoCompiler", "program"]

SOURCES = Path(__file__).with_name("src")
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")


class NoCompiler(Exception):
    """There is no `cc` here."""


@functools.cache
def program(name: str) -> Path:
    """The program made of `src/<name>.c`, in a folder of the user's cache. Raises NoCompiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompiler(
            "the benchmark's programs are in C, and there is no `cc`: apt-get install gcc libc6-dev"
        )
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for source in sorted(SOURCES.iterdir()):
        digest.update(source.read_bytes())
    made = _cache() / digest.hexdigest()[:16] / name
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        unfinished = made.with_name(f"{name}.{os.getpid()}")
        subprocess.run([compiler, *FLAGS, "-o", unfinished, SOURCES / f"{name}.c"], check=True)
        unfinished.rename(made)
    return made


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pointsman-bench"
