"""The example plugins of the documentation: installed as packages, named in a configuration, called."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pytest

from pointsman.testing import FakeProvider, Script

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both examples, installed by pip into a folder of their own."""
    folder = tmp_path_factory.mktemp("packages")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"),
            *("--no-deps", "--no-build-isolation", "--target", str(folder)),
            *(str(EXAMPLES / name) for name in ("inhouse", "private")),
        ],
        check=True,
        capture_output=True,
    )
    return folder


async def serve(folder: Path, packages: Path, config: str) -> tuple[asyncio.subprocess.Process, str]:
    """A server of its own process that finds the packages; its process and address."""
    (folder / "proxy.yaml").write_text(config)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pointsman", "serve", "--port", "0"),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(packages)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    while True:
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        assert line, (await process.communicate())[1].decode()
        if line.startswith("ready: "):
            return process, line.removeprefix("ready: ").strip()


async def ask(client: openai.AsyncOpenAI, model: str, **options: Any) -> Any:
    return await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "What is it?"}], **options
    )


async def test_the_in_house_provider_is_installed_and_called(tmp_path: Path, packages: Path) -> None:
    async with FakeProvider(lambda received: Script.json({"answer": "It works.", "tokens": [5, 3]})) as lab:
        config = f"""
auth: none
plugins: {{inhouse: {{}}}}
providers: {{lab: {{vendor: inhouse, base_url: "{lab.url}", api_key: sk-lab}}}}
"""
        process, url = await serve(tmp_path, packages, config)
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:
            answer = await ask(client, "lab/large")
            assert answer.choices[0].message.content == "It works."
            assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 3)
            stream = await ask(client, "lab/large", stream=True)
            chunks = [chunk async for chunk in stream]
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "It works."
        process.terminate()
        await asyncio.wait_for(process.communicate(), 20)
        received = lab.requests[0]
        assert received.path == "/v1/generate"
        assert received.json == {"model": "large", "prompt": "What is it?"}
        assert received.headers["authorization"] == "Bearer sk-lab"


async def test_the_policy_is_installed_and_keeps_requests_at_home(tmp_path: Path, packages: Path) -> None:
    digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of the text "secret"
    config = f"""
plugins: {{private: {{}}}}
keys: [{{name: legal, key_hash: "{digest}", tags: [private]}}]
providers: {{far: {{vendor: groq, api_key: k}}}}
models: {{m: {{endpoints: [far/m, echo/echo]}}}}
"""
    process, url = await serve(tmp_path, packages, config)
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="secret") as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="m",
            messages=[{"role": "user", "content": "x"}],
            extra_headers={"x-pointsman-explain": "true"},
        )
        assert raw.headers["x-pointsman-provider"] == "echo"
        record = json.loads(raw.headers["x-pointsman-decision"])
        dropped = {"endpoint": "far/m", "by": "private", "why": "the key is tagged private"}
        assert record["excluded"] == [dropped]
    process.terminate()
    await asyncio.wait_for(process.communicate(), 20)
