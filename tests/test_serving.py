"""`pointsman serve`: what it prints, and that what it prints works."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import openai
import pytest

ROOT = Path(__file__).resolve().parent.parent


@asynccontextmanager
async def serving(folder: Path, *options: str, **env: str) -> AsyncIterator[list[str]]:
    """A server of its own process; gives the lines it greets with, and afterwards those of its log too.
    It must end cleanly at SIGTERM."""
    plain = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "pointsman", "serve", "--port", "0", *options),
        cwd=folder,
        env={**plain, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        while not lines or not lines[-1].startswith("ready: "):
            line = await asyncio.wait_for(process.stdout.readline(), 20)
            assert line, (await process.communicate())[1].decode()
            lines.append(line.decode().rstrip("\n"))
        yield lines
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert b"Traceback" not in errors, errors.decode()
    lines += errors.decode().splitlines()


async def carry_out(line: str) -> bytes:
    """What a curl line answers: by curl, or where there is none, by what the line says."""
    words = shlex.split(line)
    if shutil.which("curl"):
        process = await asyncio.create_subprocess_exec(*words, "--silent", stdout=asyncio.subprocess.PIPE)
        return (await asyncio.wait_for(process.communicate(), 10))[0]
    headers = dict(words[index + 1].split(": ", 1) for index, word in enumerate(words) if word == "-H")
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.post(words[1], content=words[words.index("-d") + 1], headers=headers)).content


async def test_without_a_configuration_the_curl_line_works_as_printed(tmp_path: Path) -> None:
    async with serving(tmp_path) as lines:
        assert [line.split(":")[0] for line in lines] == ["key", "models", "try it", "ready"]
        assert lines[0].startswith("key: pm-")
        assert "echo/echo" in lines[1]
        assert "fault" not in lines[1]
        answer = await carry_out(lines[2].removeprefix("try it: "))
        assert b'"content":"Hello"' in answer
        assert (tmp_path / "pointsman.db").exists()


async def test_the_session_key_is_new_each_time_and_nowhere_on_disk(tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        async with serving(tmp_path) as lines:
            keys.append(lines[0].removeprefix("key: "))
            client = openai.AsyncOpenAI(base_url=lines[-1].removeprefix("ready: ") + "/v1", api_key=keys[-1])
            async with client:
                assert [model.id async for model in client.models.list()] == ["echo/echo"]
    assert len(set(keys)) == 2
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(key.encode() in stored for key in keys)


async def test_with_a_configuration_nothing_secret_is_printed(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("admin_key: pm-very-secret\n")
    async with serving(tmp_path) as lines:
        assert [line.split(":")[0] for line in lines] == ["models", "ready"]
        assert "secret" not in "".join(lines)


async def test_the_example_runs_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml.example").write_text((ROOT / "proxy.yaml.example").read_text())
    async with serving(tmp_path, "--config", "proxy.yaml.example") as lines:
        url = lines[-1].removeprefix("ready: ") + "/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="pm-example") as client:
            answer = await client.chat.completions.create(
                model="demo", messages=[{"role": "user", "content": "Hello"}]
            )
            assert answer.choices[0].message.content == "Hello"
            routed = await client.chat.completions.with_raw_response.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
            )
            assert routed.headers["x-pointsman-route"] == "demo first"
            greeting = await client.chat.completions.create(
                model="echo/greeting", messages=[{"role": "user", "content": "x"}], stream=True
            )
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in greeting])
            assert text == "Hello! Nobody was asked."


async def test_hooks_can_be_traced(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, "--trace-hooks") as lines,
        openai.AsyncOpenAI(
            base_url=lines[-1].removeprefix("ready: ") + "/v1", api_key=lines[0].removeprefix("key: ")
        ) as client,
    ):
        await client.chat.completions.create(
            model="echo/echo", messages=[{"role": "user", "content": "Hello"}]
        )
    calls = [line.split(" ")[1:4:2] for line in lines if line.startswith("hook ")]
    assert ["authenticate", "keys"] in calls
    assert ["call_provider", "echo"] in calls
    assert calls[-1][0] == "request_finished"


@pytest.mark.parametrize("line", ["server: {workers: 2}", "servr: {}"])
async def test_what_cannot_be_served_is_told_at_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / "proxy.yaml").write_text(f"{line}\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pointsman", "serve"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert out == b""
    assert errors.startswith(b"proxy.yaml:1:")
    assert b"Traceback" not in errors


def test_serving_loads_nothing_that_only_some_configurations_need(tmp_path: Path) -> None:
    """Start-up is mostly imports: what a proxy, HTTP/2 or a plugin's own calls need comes when they do."""
    (tmp_path / "proxy.yaml").write_text(
        "auth: none\nledger: sqlite:///x.db\nproviders: {lab: {base_url: 'http://127.0.0.1:9/v1'}}\n"
    )
    code = (
        "import sys, asyncio\n"
        "from pathlib import Path\n"
        "from pointsman.cli import load_setup\n"
        "import pointsman.serving\n"
        "from pointsman.gateway import Gateway\n"
        "async def boot():\n"
        "    async with Gateway.dry(load_setup(Path('proxy.yaml'))):\n"
        "        heavy = {'httpx', 'httpcore', 'urllib.request', 'h2', 'sqlite_utils', 'cryptography'}\n"
        "        print(sorted(heavy & sys.modules.keys()))\n"
        "asyncio.run(boot())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


async def eventually(lines: list[str], process: asyncio.subprocess.Process, text: str) -> None:
    """Read the log until it says this."""
    assert process.stderr is not None
    while not lines or text not in lines[-1]:
        line = await asyncio.wait_for(process.stderr.readline(), 20)
        assert line, lines
        lines.append(line.decode())


async def test_a_configuration_is_reloaded_by_signal_by_command_and_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"

    def write(*models: str, more: str = "") -> None:
        rows = "".join(f"  {model}: {{endpoints: [echo/echo]}}\n" for model in models)
        file.write_text(f"admin_key: master\n{more}models:\n{rows}")

    async def reload() -> tuple[int | None, str]:
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pointsman", "reload"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(command.communicate(), 30)
        return command.returncode, output.decode()

    write("a/one")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "pointsman", "serve", "--port", "0", "--watch"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        while not (line := (await asyncio.wait_for(process.stdout.readline(), 20)).decode()).startswith(
            "ready"
        ):
            assert line
        process.send_signal(signal.SIGHUP)
        await eventually(lines, process, "configuration reloaded: 1 providers, 2 models")
        write("a/one", "a/two")  # it is watched
        await eventually(lines, process, "configuration reloaded: 1 providers, 3 models")
        assert await reload() == (0, "reloaded: 1 providers, 3 models\n")
        await eventually(lines, process, "configuration reloaded: 1 providers, 3 models")
        write("a/one", more="atempts: 2\n")
        await eventually(lines, process, "unknown key `atempts`; did you mean `attempts`?")
        status, told = await reload()
        assert status == 1
        assert told.startswith("proxy.yaml:2:1: error: unknown key `atempts`\n")
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
