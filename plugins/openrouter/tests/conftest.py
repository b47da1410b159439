"""A real server with keys of every role, in front of a provider that always answers."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from pointsman.testing import FakeProvider, Received, Running, Script, running, shared_path

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "large",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
SECRET_KEY = "a-key-that-seals-what-must-be-secret"
Serve = Callable[..., AbstractAsyncContextManager[Running]]


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def calls() -> list[Received]:
    """What the provider was sent."""
    return []


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str, str], str]:
    """The configuration with a provider at an address, and more sections."""

    def write(url: str, more: str = "") -> str:
        names = ("root", "chief", "member", "viewer")
        roles = {"root": "admin", "chief": "admin, team: red"}
        keys = "".join(
            f"  - {{name: {name}, key_hash: {hashed(name)}, role: {roles.get(name, name)}}}\n"
            for name in names
        )
        return f"""
auth: keys
admin_key: the-admin-key
secret_key: {SECRET_KEY}
ledger: sqlite:///{tmp_path}/pointsman.db
teams: {{red: {{role: admin}}, blue: {{}}}}
keys:
{keys}
providers:
  lab: {{vendor: openai, base_url: "{url}", api_key: provider-secret, price: {{input: 1000, output: 1000}}}}
  bare: {{vendor: openai, base_url: "{url}"}}
models:
  acme/large: {{endpoints: [lab/large]}}
  acme/own: {{endpoints: [bare/own]}}
{more}
"""

    return write


@pytest.fixture
def serve(config: Callable[[str, str], str], calls: list[Received]) -> Serve:
    """Serves the standard set: `async with serve(sections)`."""

    @asynccontextmanager
    async def run(more: str = "", *, answer: Script | None = None) -> AsyncIterator[Running]:
        def play(received: Received) -> Script:
            calls.append(received)
            return answer or Script.json(ANSWER)

        async with FakeProvider(play) as fake, running(config(fake.url, more)) as served:
            bare: Any = served.gateway.setup.providers["bare"]
            bare.key_required = True  # as it would be at the vendor's own address
            yield served

    return run


@pytest.fixture(scope="session")
def specification() -> dict[str, Any]:
    """OpenRouter's specification, with any names of providers: those that it lists are of its own."""
    shared = shared_path()
    if shared is None:
        pytest.skip("the specification is not here")
    text = (shared / "specs" / "openrouter-openapi.yaml").read_bytes()
    read: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    del read["components"]["schemas"]["ProviderName"]["enum"]
    del read["components"]["schemas"]["ProviderResponse"]["properties"]["provider_name"]["enum"]
    return read


@pytest.fixture
def validate(specification: dict[str, Any]) -> Callable[..., None]:
    """Check data against a component, or an answer against what a path answers: `validate(data, "/key")`."""

    def check(
        data: Any, path: str = "", method: str = "get", status: str = "200", *, component: str = ""
    ) -> None:
        schema = {"$ref": f"#/components/schemas/{component}"}
        if path:
            answer = specification["paths"][path][method]["responses"][status]
            schema = answer["content"]["application/json"]["schema"]
        validator = Draft202012Validator({**schema, "components": specification["components"]})
        problems = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(data)]
        assert problems == []

    return check
