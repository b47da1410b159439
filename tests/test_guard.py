"""What every request must pass, by whichever door it comes."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pointsman.config import read_text
from pointsman.dialects import PREFIXES
from pointsman.gateway import Gateway
from pointsman.guard import Entrance, Guard, header_map, log_access, request_id
from pointsman.ids import Ids
from pointsman.setup import assemble

USED = "plugins: {openai: {}, vendors: {}, routes: {}, keys: {}}\n"


def gateway(text: str = "auth: none") -> Gateway:
    document = read_text(USED + text, name="proxy.yaml", env={}, base=Path("/nowhere"))
    return Gateway(assemble(document, env={}))


def refused(text: str = "auth: none", path: str = "/", version: str = "1.1", **headers: str) -> int | None:
    error = Guard(gateway(text)).refusal(headers, path.encode(), version=version)
    return None if error is None else error.status


def test_a_request_has_one_host_that_is_answered() -> None:
    assert refused(host="localhost:4141") is None
    for bad in ("evil.example", "localhost, localhost", "a/?x=", ""):
        assert refused(host=bad) == 400
    assert refused() == 400
    assert refused(version="1.0") is None, "HTTP/1.0 knows no Host"
    assert refused("auth: none\nserver: {allowed_hosts: [gw.example]}", host="gw.example") is None


def test_a_host_is_looked_at_once_and_remembered_only_where_it_is_answered() -> None:
    guard = Guard(gateway())
    for _ in range(3):
        assert guard.refusal({"host": "localhost"}, b"/", version="1.1") is None
        error = guard.refusal({"host": "evil.example"}, b"/", version="1.1")
        assert error is not None
        assert error.code == "host_not_allowed"


def test_an_open_gateway_answers_no_page_of_another_site() -> None:
    cors = 'auth: none\nserver: {cors: ["https://chat.example"]}'
    assert refused(host="localhost", origin="https://evil.example") == 403
    assert refused(host="localhost", origin="http://localhost:4141") is None
    assert refused(cors, host="localhost", origin="https://chat.example") is None
    assert refused("auth: keys", host="localhost", origin="https://evil.example") is None


@pytest.mark.parametrize("path", ["/admin%2Fkeys", "/admin%5ckeys", "/a\\b", "/v1%2Fmodels"])
def test_slashes_in_disguise_lead_nowhere(path: str) -> None:
    assert refused(path=path, host="localhost") == 404


def test_a_name_at_the_end_of_a_page_may_have_slashes() -> None:
    assert refused(path="/v1/models/acme%2Flarge", host="localhost") is None
    assert refused(path="/v1/models", host="localhost") is None
    assert refused(path="/v1beta/models/acme%2Flarge:generateContent", host="localhost") is None


def test_headers_are_by_name_and_joined() -> None:
    raw = [(b"host", b"a \t"), (b"x-a", b"1"), (b"x-a", b"2"), (b"x-b", b"\xe9\xa0")]
    assert header_map(raw) == {"host": "a", "x-a": "1, 2", "x-b": "\xe9\xa0"}


def test_a_request_keeps_its_own_id_where_it_is_a_plain_one() -> None:
    ids = Ids()
    assert request_id({"x-request-id": "abc-1:2"}, ids) == "abc-1:2"
    for asked in ("", "a b", "x" * 129, "a\nb"):
        assert request_id({"x-request-id": asked}, ids).startswith("req-")
    assert request_id({}, ids) != request_id({}, ids)


def test_every_surface_has_an_entrance_under_each_prefix() -> None:
    entrance = Entrance.of(gateway("log: {access: true}\nauth: none\nserver: {max_headers: 7}"))
    for prefix in PREFIXES:
        codec, found = entrance.surfaces[f"{prefix}/chat/completions".encode()]
        assert (codec.path, found) == ("/chat/completions", prefix)
    assert not any(b"{" in path for path in entrance.surfaces), "patterns are the longer way's"
    assert entrance.access
    assert entrance.settings.max_headers == 7


def test_a_request_is_one_line_of_the_access_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pointsman.access"):
        log_access("POST", "/v1/x", 200, request_id="req-1", client="10.0.0.1")
    (record,) = caplog.records
    assert record.getMessage() == "POST /v1/x 200"
    assert (record.__dict__["request_id"], record.__dict__["client"]) == ("req-1", "10.0.0.1")
