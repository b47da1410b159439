"""Real clients, set up as docs/clients.md says, each finish a turn through pointsman.

They are looked for in the folder that POINTSMAN_CLIENTS names (a `bin` folder in it, or in a folder in it, or
`node_modules/.bin` there), then in PATH. Behind pointsman stands a second one, as a provider of each dialect
in turn, whose `echo` plays the model.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Running, Script, running

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
KEY = "pm-test"
LONGEST = 120.0
"""Seconds a client may take."""
BEHIND = ("canonical", "openai-chat", "anthropic-messages", "openai-responses")
"""What serves the model: `echo` at once, or a provider of one dialect."""
SIGNATURE = "c2lnbmVkIGJ5IHdob2V2ZXIgdGhvdWdodCBpdA=="
"""What a provider signs its thoughts with."""
BLOCK = re.compile(
    r"(?:^`(?P<name>[^`\n]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


def program(name: str) -> Path | None:
    """A client's program, where it is installed."""
    folder = os.environ.get("POINTSMAN_CLIENTS")
    for pattern in (f"bin/{name}", f"*/bin/{name}", f"*/node_modules/.bin/{name}") if folder else ():
        for found in sorted(Path(folder or "").glob(pattern)):
            return found.absolute()
    there = shutil.which(name)
    return Path(there) if there else None


def needs(name: str, install: str) -> pytest.MarkDecorator:
    """Skip a test where its client is not installed."""
    return pytest.mark.skipif(
        program(name) is None, reason=f"{name} is not installed: {install} (POINTSMAN_CLIENTS)"
    )


CLAUDE = needs("claude", "npm install @anthropic-ai/claude-code")
CODEX = needs("codex", "npm install @openai/codex")
LLM = needs("llm", "pip install llm")
AIDER = needs("aider", "pip install aider-chat")
UNCONFINED = {"workspace-write": "danger-full-access"}
"""A container may not give Codex's own sandbox what it needs."""


class Door:
    """A proxy that lets nobody out, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readline()).decode().strip())
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()


@asynccontextmanager
async def shut_door() -> AsyncIterator[Door]:
    door = Door()
    server = await asyncio.start_server(door.answer, "127.0.0.1", 0)
    async with server:
        door.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield door


@dataclass
class Ran:
    """What a client left: its exit status, what it said, and where it asked for more than pointsman."""

    status: int
    said: str
    told: str
    asked: list[str]


@dataclass
class Desk:
    """A client's place: its home, the folder it works in, and the pointsman it talks to."""

    folder: Path
    server: Running

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def settings(self, heading: str, **replaced: str) -> str:
        """Write the files of a section of the page, with other words in them; its commands."""
        page = PAGE.read_text(encoding="utf-8")
        section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        for old, new in {"http://127.0.0.1:4141": self.server.url, "pm-…": KEY, **replaced}.items():
            section = section.replace(old, new)
        blocks = list(BLOCK.finditer(section))
        for block in blocks:
            if block["name"]:
                path = self.home / block["name"].removeprefix("~/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block["text"], encoding="utf-8")
        return next(block["text"] for block in blocks if block["kind"] == "sh")

    async def run(self, name: str, commands: str) -> Ran:
        """Run commands of a client's section, without a way out but to pointsman."""
        found = program(name)
        assert found is not None
        async with shut_door() as door:
            env = {
                "PATH": f"{found.parent}:{os.environ['PATH']}",
                "HOME": str(self.home),
                "TERM": "dumb",
                **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), door.url),
                **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
            }
            process = await asyncio.create_subprocess_exec(
                "bash", "-euo", "pipefail", "-c", commands,
                cwd=self.work, env=env, start_new_session=True, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                async with asyncio.timeout(LONGEST):
                    said, told = await process.communicate()
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
            return Ran(process.returncode or 0, said.decode(), told.decode(), door.asked)


def front(behind: str, url: str, scripts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The configuration of the pointsman that a client talks to. It keeps alive what is silent for 50 ms."""
    served = "echo/coding" if behind == "canonical" else "lab/coding"
    config: dict[str, Any] = {
        "auth": "keys",
        "admin_key": KEY,
        "models": {"a/model": {"aliases": ["coding", "small", "gpt-5.5"], "endpoints": [served]}},
        "keepalive": {"first": "50ms", "every": "50ms"},
        "log": {"level": "error"},
    }
    if behind == "canonical":
        config["plugins"] = {"echo": {"scripts": scripts}}
    else:
        config["providers"] = {"lab": {"base_url": url, "api_key": "sk-lab", "dialects": [behind]}}
    return config


def back(scripts: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the one behind it."""
    return {
        "auth": "none",
        "models": {"lab/coding": {"aliases": ["coding"], "endpoints": ["echo/coding"]}},
        "plugins": {"echo": {"scripts": scripts}},
        "log": {"level": "error"},
    }


@asynccontextmanager
async def before(folder: Path, config: Mapping[str, Any]) -> AsyncIterator[Desk]:
    """A client's place before a pointsman of this configuration."""
    for each in ("home", "work"):
        (folder / each).mkdir()
    async with running(config, key=KEY) as server:
        yield Desk(folder, server)


@asynccontextmanager
async def desk(folder: Path, behind: str, script: Mapping[str, Any]) -> AsyncIterator[Desk]:
    """A client's place before a model that follows a script."""
    scripts = {"coding": dict(script)}
    async with (
        running(back(scripts)) as second,
        before(folder, front(behind, f"{second.url}/v1", scripts)) as place,
    ):
        yield place


async def turns(place: Desk) -> list[tuple[str, str]]:
    """Dialect and end of every generation of a client, all of them complete."""
    found = await place.server.rows("generations")
    assert [row["outcome"] for row in found] == ["complete"] * len(found)
    return [(row["dialect"], row["finish"]) for row in found]


def calling(name: str, arguments: Mapping[str, Any], last: str) -> dict[str, Any]:
    """A script: be silent for a while, think, say something and call a tool; then say `last`."""
    call = {"name": name, "arguments": dict(arguments)}
    first = {"reasoning": "A file is wanted.", "text": "I will do it.", "tool_calls": [call]}
    return {"turns": [{"latency": "200ms", **first}, {"text": last}]}


def event(kind: str, **fields: Any) -> bytes:
    """An event of a provider's stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def as_messages(*blocks: tuple[dict[str, Any], Sequence[dict[str, Any]]], stop: str) -> Script:
    """A stream of blocks, each with its deltas."""
    usage = {"input_tokens": 9, "output_tokens": 2}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "coding", "content": []}
    told = [event("message_start", message={**message, "stop_reason": None, "usage": usage})]
    for index, (block, deltas) in enumerate(blocks):
        told.append(event("content_block_start", index=index, content_block=block))
        told += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        told.append(event("content_block_stop", index=index))
    told.append(event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=usage))
    return Script.sse([*told, event("message_stop")])


def as_responses(*items: dict[str, Any]) -> Script:
    """A stream of items that come whole."""
    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "coding"}
    usage = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
    told = [event("response.created", response={**response, "status": "in_progress", "output": []})]
    for index, item in enumerate(items):
        told.append(event("response.output_item.added", output_index=index, item=item))
        told.append(event("response.output_item.done", output_index=index, item=item))
    whole = {**response, "status": "completed", "output": items, "usage": usage}
    return Script.sse([*told, event("response.completed", response=whole)])


@CLAUDE
@pytest.mark.parametrize("behind", BEHIND)
async def test_claude_code_writes_a_file(tmp_path: Path, behind: str) -> None:
    target = tmp_path / "work" / "greeting.txt"
    script = calling("Write", {"file_path": str(target), "content": "Hello\n"}, "The greeting is written.")
    async with desk(tmp_path, behind, script) as place:
        ran = await place.run("claude", place.settings("Claude Code"))
        assert (ran.status, ran.said) == (0, "The greeting is written.\n"), ran.told
        assert target.read_text() == "Hello\n"
        assert ran.asked == []
        assert await turns(place) == [("anthropic-messages", "tool_calls"), ("anthropic-messages", "stop")]


@CLAUDE
@pytest.mark.parametrize("behind", ["canonical", "openai-chat"])
async def test_claude_code_counts_its_context(tmp_path: Path, behind: str) -> None:
    async with desk(tmp_path, behind, {"text": "Hello"}) as place:
        ran = await place.run(
            "claude", place.settings("Claude Code").replace('"Write a', '/context "Write a')
        )
        assert ran.status == 0, ran.told
        assert "**Model:** coding" in ran.said
        rows = await place.server.rows("generations")
    assert {(row["surface"], row["lane"], row["outcome"]) for row in rows} == {
        ("count_tokens", "local", "complete")
    }


@CLAUDE
async def test_claude_code_gives_back_what_another_dialect_thought(tmp_path: Path) -> None:
    target = tmp_path / "work" / "greeting.txt"
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "A file is wanted."}],
        "encrypted_content": SIGNATURE,
    }
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "Write",
        "arguments": json.dumps({"file_path": str(target), "content": "Hello\n"}),
        "status": "completed",
    }
    text = {"type": "output_text", "text": "The greeting is written.", "annotations": []}
    said = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    async with (
        FakeProvider([as_responses(thought, call), as_responses(said)]) as fake,
        before(tmp_path, front("openai-responses", fake.url)) as place,
    ):
        ran = await place.run("claude", place.settings("Claude Code"))
        assert (ran.status, ran.said) == (0, "The greeting is written.\n"), ran.told
        assert target.read_text() == "Hello\n"
    items = fake.requests[1].json["input"]
    (kept,) = [item for item in items if item.get("type") == "reasoning"]
    assert (kept["encrypted_content"], kept["summary"]) == (SIGNATURE, thought["summary"])
    assert [item["call_id"] for item in items if item.get("type") == "function_call_output"] == ["call_1"]


@CODEX
@pytest.mark.parametrize("behind", BEHIND)
async def test_codex_runs_a_command(tmp_path: Path, behind: str) -> None:
    script = calling("exec_command", {"cmd": "echo Hello > greeting.txt"}, "The greeting is written.")
    async with desk(tmp_path, behind, script) as place:
        ran = await place.run("codex", place.settings("Codex CLI", **UNCONFINED))
        assert (ran.status, ran.said) == (0, "The greeting is written.\n"), ran.told
        assert (place.work / "greeting.txt").read_text() == "Hello\n"
        assert ran.asked == []
        assert await turns(place) == [("openai-responses", "tool_calls"), ("openai-responses", "stop")]


@CODEX
@pytest.mark.parametrize("behind", BEHIND)
async def test_codex_applies_a_patch_with_its_custom_tool(tmp_path: Path, behind: str) -> None:
    patch = "*** Begin Patch\n*** Add File: greeting.txt\n+Hello\n*** End Patch\n"
    script = calling("apply_patch", {"input": patch}, "The greeting is written.")
    async with desk(tmp_path, behind, script) as place:
        # it offers the tool to models that it knows
        commands = place.settings("Codex CLI", **UNCONFINED, **{'model = "coding"': 'model = "gpt-5.5"'})
        ran = await place.run("codex", commands)
        assert (ran.status, ran.said) == (0, "The greeting is written.\n"), ran.told
        assert (place.work / "greeting.txt").read_text() == "Hello\n"
        assert await turns(place) == [("openai-responses", "tool_calls"), ("openai-responses", "stop")]


@CODEX
async def test_codex_gives_back_what_another_dialect_thought(tmp_path: Path) -> None:
    thought = {"type": "thinking", "thinking": "", "signature": ""}
    thinking = [
        {"type": "thinking_delta", "thinking": "A file is wanted."},
        {"type": "signature_delta", "signature": SIGNATURE},
    ]
    call = {"type": "tool_use", "id": "toolu_1", "name": "exec_command", "input": {}}
    given = [{"type": "input_json_delta", "partial_json": '{"cmd": "echo Hello > greeting.txt"}'}]
    text = [{"type": "text_delta", "text": "The greeting is written."}]
    answers = [
        as_messages((thought, thinking), (call, given), stop="tool_use"),
        as_messages(({"type": "text", "text": ""}, text), stop="end_turn"),
    ]
    async with (
        FakeProvider(answers) as fake,
        before(tmp_path, front("anthropic-messages", fake.url)) as place,
    ):
        ran = await place.run("codex", place.settings("Codex CLI", **UNCONFINED))
        assert (ran.status, ran.said) == (0, "The greeting is written.\n"), ran.told
        assert (place.work / "greeting.txt").read_text() == "Hello\n"
    assistant, result = fake.requests[1].json["messages"][-2:]
    kept = assistant["content"][0]
    assert (kept["type"], kept["thinking"], kept["signature"]) == ("thinking", "A file is wanted.", SIGNATURE)
    assert result["content"][0]["tool_use_id"] == assistant["content"][1]["id"] == "toolu_1"


@LLM
@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses"])
@pytest.mark.parametrize("behind", BEHIND)
async def test_llm_calls_its_tool(tmp_path: Path, behind: str, dialect: str) -> None:
    api = {"vision: true": "vision: true\n  responses: true"} if dialect == "openai-responses" else {}
    async with desk(tmp_path, behind, calling("llm_version", {}, "It is the newest.")) as place:
        ran = await place.run("llm", place.settings("llm", **api))
        assert ran.status == 0, ran.told
        assert ran.said == "I will do it. It is the newest.\n"
        assert ran.asked == []
        assert await turns(place) == [(dialect, "tool_calls"), (dialect, "stop")]


@AIDER
@pytest.mark.parametrize("behind", BEHIND)
async def test_aider_edits_a_file(tmp_path: Path, behind: str) -> None:
    edit = "greeting.txt\n```\n<<<<<<< SEARCH\nHello\n=======\nHello, world\n>>>>>>> REPLACE\n```\n"
    async with desk(tmp_path, behind, {"reasoning": "A change.", "text": f"I change it.\n\n{edit}"}) as place:
        (place.work / "greeting.txt").write_text("Hello\n")
        ran = await place.run("aider", place.settings("aider"))
        assert ran.status == 0, ran.told
        assert "Applied edit to greeting.txt" in ran.said
        assert (place.work / "greeting.txt").read_text() == "Hello, world\n"
        assert ran.asked == []
        assert await turns(place) == [("openai-chat", "stop")]


@pytest.mark.parametrize(
    ("name", "heading", "words"),
    [
        pytest.param("claude", "Claude Code", "issue with the selected model (nowhere)", marks=CLAUDE),
        pytest.param("codex", "Codex CLI", "there is no model 'nowhere'", marks=CODEX),
        pytest.param("llm", "llm", "there is no model 'nowhere'", marks=LLM),
        pytest.param("aider", "aider", "there is no model 'nowhere'", marks=AIDER),
    ],
)
async def test_a_client_shows_that_there_is_no_such_model(
    tmp_path: Path, name: str, heading: str, words: str
) -> None:
    async with desk(tmp_path, "canonical", {"text": "Hello"}) as place:
        ran = await place.run(name, place.settings(heading, coding="nowhere"))
        assert words in " ".join((ran.said + ran.told).split())
        assert ran.status == (0 if name == "aider" else 1)
