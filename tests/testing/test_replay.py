"""Recorded traffic: read from a collection, played by a provider."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.testing import FakeProvider, Recording, Send, recordings, replaying, shared_path

STREAM = b"".join(b'data: {"n": %d}\n\n' % number for number in range(50)) + b"data: [DONE]\n\n"


def row(id: str, **more: Any) -> dict[str, Any]:
    """A line of a collection."""
    return {
        "id": id,
        "provider": "lab",
        "path_url": "/v1/chat/completions",
        "request": {"model": "large"},
        "status": 200,
        "resp_headers": {"content-type": "application/json", "date": "then"},
        "response_body": '{"answer": 42}',
        "body_enc": "text",
        "is_sse": False,
        "wire": "raw",
        **more,
    }


STREAMED = row(
    "b",
    path_url="/v1/responses",
    is_sse=True,
    wire="reserialised",
    body_enc="base64",
    response_body=base64.b64encode(STREAM).decode(),
    resp_headers={"Content-Type": "text/event-stream; charset=utf-8"},
)
REFUSED = row(
    "c",
    status=429,
    resp_headers={"content-type": "application/json", "retry-after": "7", "set-cookie": "x"},
    response_body='{"error": "slow down \u2603"}',
    request=None,
)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A collection of two files."""
    folder = tmp_path / "shared" / "cassettes"
    folder.mkdir(parents=True)
    (folder / "zebra.jsonl").write_text(json.dumps(REFUSED) + "\n")
    (folder / "apple.jsonl").write_text(json.dumps(row("a")) + "\n" + json.dumps(STREAMED) + "\n")
    return tmp_path / "shared"


def test_recordings_come_in_the_order_of_files_and_lines(shared: Path) -> None:
    assert [recording.id for recording in recordings(shared)] == ["a", "b", "c"]


def test_recordings_are_chosen_by_their_path(shared: Path) -> None:
    chosen = recordings(shared, path=lambda path: path.endswith("/responses"))
    assert [recording.id for recording in chosen] == ["b"]


def test_a_recording_says_what_was_exchanged() -> None:
    recording = Recording(row("a"))
    assert (recording.provider, recording.path, recording.status) == ("lab", "/v1/chat/completions", 200)
    assert recording.request == {"model": "large"}
    assert (recording.is_sse, recording.is_raw) == (False, True)
    assert recording.body == b'{"answer": 42}'
    assert Recording(REFUSED).request is None
    assert (Recording(STREAMED).is_sse, Recording(STREAMED).is_raw) == (True, False)


def test_a_body_is_decoded() -> None:
    assert Recording(STREAMED).body == STREAM
    assert Recording(REFUSED).body == '{"error": "slow down \u2603"}'.encode()


def test_a_script_answers_as_it_was_recorded() -> None:
    script = Recording(REFUSED).script()
    assert script.status == 429
    assert script.headers == {"content-type": "application/json", "retry-after": "7"}
    assert script.framing == "length"
    assert Recording(STREAMED).script().framing == "chunked"
    assert "text/event-stream" in str(Recording(STREAMED).script().headers)


@pytest.mark.parametrize("chunk", [None, 1, 7, 100_000, "random"])
def test_a_body_is_the_same_however_it_is_cut(chunk: Any) -> None:
    script = Recording(STREAMED).script(chunk=chunk)
    sizes = [len(step.data) for step in script.steps if isinstance(step, Send)]
    assert script.body() == STREAM
    assert len(sizes) == len(script.steps)
    if isinstance(chunk, int):
        assert max(sizes) == min(chunk, len(STREAM))
    elif chunk is None:
        assert len(sizes) == 1


def test_random_cuts_are_the_same_each_time_and_others_for_another_recording() -> None:
    cuts = [Recording(each).script(chunk="random").steps for each in (STREAMED, STREAMED)]
    other = Recording({**STREAMED, "id": "other"}).script(chunk="random").steps
    assert cuts[0] == cuts[1] != other


def test_an_empty_body_has_no_steps() -> None:
    assert Recording(row("a", response_body="", status=204)).script().steps == ()


async def test_a_provider_replays_the_recording_that_the_model_names(shared: Path) -> None:
    async with (
        FakeProvider(replaying(recordings(shared), chunk="random")) as fake,
        httpx.AsyncClient(base_url=fake.url, trust_env=False) as client,
    ):
        stream = await client.post("/x", json={"model": "b"})
        assert stream.content == STREAM
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        named = await client.post("/v1beta/models/b:generate?alt=sse", json={})
        assert named.content == STREAM, "the path names the model, too"
        refused = await client.post("/x", json={"model": "c"})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
        missing = await client.post("/x", json={"model": "large"})
        assert missing.status_code == 599
        assert "nothing like it was recorded" in missing.text


def test_the_collection_is_where_the_environment_says(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_SHARED", str(shared))
    assert shared_path() == shared
    monkeypatch.setenv("POINTSMAN_SHARED", str(shared / "nowhere"))
    assert shared_path() is None


def test_the_collection_is_beside_or_above_the_working_folder(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POINTSMAN_SHARED", raising=False)
    deep = tmp_path / "project" / "tests"
    deep.mkdir(parents=True)
    for folder in (tmp_path, deep):
        monkeypatch.chdir(folder)
        assert shared_path() == shared


def test_without_a_collection_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POINTSMAN_SHARED", raising=False)
    monkeypatch.chdir(tmp_path)
    assert shared_path() is None
