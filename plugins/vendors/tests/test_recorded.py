"""The rows against recorded traffic: where it went, what was asked, and how streams told their usage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from pointsman.dialects import Codec
from pointsman.testing import Recording, recordings, shared_path
from pointsman.types import Request
from pointsman_openai import ChatCodec, CompletionsCodec, EmbeddingsCodec, ResponsesCodec
from pointsman_openai.forward import OURS
from pointsman_vendors import FILES
from pointsman_vendors.rows import Vendor, read_all

ROWS = read_all(FILES)
RECORDED = [vendor for vendor in ROWS if vendor.recorded]
CODECS: tuple[Codec, ...] = (ChatCodec(), ResponsesCodec(), CompletionsCodec(), EmbeddingsCodec())
OTHERS = {
    "api.anthropic.com",
    "api.openai.com",
    "generativelanguage.googleapis.com",
    "RESOURCE.openai.azure.com",
}
"""Hosts of other plugins' providers."""
ELSEWHERE = {
    "router.huggingface.co": "its paths name who answers behind it, as /together/v1; the row's is for all",
    "bedrock-mantle.us-east-1.api.aws": "OpenAI's own models are under /openai/v1, the row's under /v1",
    "api.writer.com": "chat is at /v1/chat, which is not the dialect's path",
}
"""Hosts whose recorded paths are not, or not all, those of a row, and why."""
SHARED = shared_path()
pytestmark = pytest.mark.skipif(SHARED is None, reason="recorded traffic is not here (POINTSMAN_SHARED)")


@pytest.fixture(scope="module")
def traffic() -> list[tuple[Recording, Codec]]:
    """The recorded requests for the surfaces that rows have."""
    assert SHARED is not None
    found = []
    for recording in recordings(SHARED):
        codec = next((codec for codec in CODECS if recording.path.endswith(codec.path)), None)
        if codec is not None and recording.row["method"] == "POST" and isinstance(recording.request, dict):
            found.append((recording, codec))
    return found


def is_for(vendor: Vendor, recording: Recording, codec: Codec) -> bool:
    """Whether recorded traffic went to the very host and path of a row."""
    scheme = urlsplit(vendor.base_url).scheme
    url = f"{scheme}://{recording.row['host']}{recording.path}"
    return (
        codec.dialect in vendor.dialects
        and codec.surface in vendor.surfaces
        and vendor.is_at(url.removesuffix(codec.path))
    )


def of(vendor: Vendor, traffic: list[tuple[Recording, Codec]]) -> Iterator[tuple[Recording, Codec]]:
    return ((recording, codec) for recording, codec in traffic if is_for(vendor, recording, codec))


def test_the_rows_that_say_so_and_no_others_are_recorded(traffic: list[tuple[Recording, Codec]]) -> None:
    seen = {vendor.name for vendor in ROWS if any(of(vendor, traffic))}
    assert seen == {vendor.name for vendor in RECORDED}


def test_all_recorded_traffic_is_some_rows_or_known_not_to_be(traffic: list[tuple[Recording, Codec]]) -> None:
    strays = set()
    for recording, codec in traffic:
        host = str(recording.row["host"]).removesuffix(":443")
        if host not in OTHERS and not any(is_for(vendor, recording, codec) for vendor in RECORDED):
            strays.add(host)
    assert strays == ELSEWHERE.keys()


@pytest.mark.parametrize("vendor", RECORDED, ids=lambda vendor: vendor.name)
def test_what_was_accepted_goes_out_as_it_was(vendor: Vendor, traffic: list[tuple[Recording, Codec]]) -> None:
    """With the row's quirks, each recorded request that was accepted is sent again as it was, and nothing of
    it is lost; but for what is the gateway's, and the option that asks for usage."""
    quirks, tried = vendor.as_quirks(), 0
    for recording, codec in of(vendor, traffic):
        if recording.status != 200:
            continue
        request = Request.of(recording.request)
        peek = codec.peek(request)
        sent, lost = codec.forward(request, model=peek.model, peek=peek, quirks=quirks, params={})
        assert (json.loads(sent), lost) == (expected(recording, codec, vendor), []), recording.id
        tried += 1
    assert tried


def expected(recording: Recording, codec: Codec, vendor: Vendor) -> dict[str, Any]:
    """A recorded request as it should go out again."""
    body = dict(recording.request)
    keeps = vendor.quirks.keeps
    for name in OURS - {"usage"} - keeps:
        body.pop(name, None)
    if "usage" not in keeps and isinstance(body.get("usage"), dict):
        del body["usage"]
    if body.get("stream") and codec.dialect == "openai-chat" and vendor.quirks.stream_usage == "ask":
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    return body


@pytest.mark.parametrize("vendor", RECORDED, ids=lambda vendor: vendor.name)
def test_streams_tell_usage_unasked_where_the_row_says_always(
    vendor: Vendor, traffic: list[tuple[Recording, Codec]]
) -> None:
    always = vendor.quirks.stream_usage == "always"
    for recording, codec in of(vendor, traffic):
        asked = (recording.request.get("stream_options") or {}).get("include_usage")
        ended = recording.is_sse and b"[DONE]" in recording.body
        if ended and not asked and codec.dialect == "openai-chat":
            assert (b'"usage":{' in recording.body) == always, recording.id


@pytest.mark.parametrize("vendor", RECORDED, ids=lambda vendor: vendor.name)
def test_thoughts_were_given_back_in_the_rows_member(
    vendor: Vendor, traffic: list[tuple[Recording, Codec]]
) -> None:
    given = set()
    for recording, _ in of(vendor, traffic):
        for message in recording.request.get("messages") or ():
            if recording.status == 200 and message.get("role") == "assistant":
                members = ("reasoning_content", "reasoning", "reasoning_details")
                given |= {name for name in members if message.get(name)}
    assert given <= {vendor.quirks.reasoning}


@pytest.mark.parametrize("vendor", RECORDED, ids=lambda vendor: vendor.name)
def test_the_headers_of_limits_are_those_that_were_recorded(
    vendor: Vendor, traffic: list[tuple[Recording, Codec]]
) -> None:
    """The recorders kept headers of few: where they did, every one a row names is among them."""
    seen = {
        name.lower()
        for recording, _ in of(vendor, traffic)
        for name in recording.row["resp_headers"]
        if "ratelimit" in name.lower()
    }
    assert not seen or set(vendor.limit_headers) <= seen
