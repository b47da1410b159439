"""Run the README's run command in an empty clone, as a newcomer would, and call what it serves.

    python scripts/try_readme.py

Needs git, and whatever the command itself installs. Exit status 0 when a model answered.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 300.0


def run_command() -> str:
    """The single line of the README's `## Run it`."""
    found = re.search(r"^## Run it\n+```sh\n(.+)\n```", (ROOT / "README.md").read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit("README.md has no run command")
    return found[1]


def main() -> int:
    """Clone, run, call, stop."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        command = run_command()
        print(f"+ {command}", flush=True)
        started = time.monotonic()
        server = subprocess.Popen(
            ["bash", "-c", f"exec 2>&1; {command} --port 0"],
            cwd=clone,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        lines: list[str] = []
        assert server.stdout is not None
        for line in server.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("ready: ") or time.monotonic() - started > LONGEST:
                break
        print(f"ready after {time.monotonic() - started:.0f} s", flush=True)
        curl = next((line.removeprefix("try it: ") for line in lines if line.startswith("try it: ")), None)
        answer = call(curl) if curl is not None else "\n".join(lines)
        print(answer, flush=True)
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
        return 0 if '"content":"Hello"' in answer else 1


def call(curl: str) -> str:
    """Do what a curl line of the form that `pointsman serve` prints says."""
    _, url, *options = shlex.split(curl)
    given = [options[index + 1] for index, option in enumerate(options) if option == "-H"]
    headers = dict(header.split(": ", 1) for header in given)
    body = options[options.index("-d") + 1].encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
        text: str = answer.read().decode()
        return text


if __name__ == "__main__":
    sys.exit(main())
