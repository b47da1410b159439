"""What an attempt has used whose provider did not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.config import read_text
from pointsman.errors import ConnectFailed, UpstreamCut, UpstreamError, UpstreamStatus, UpstreamTimeout
from pointsman.estimates import estimate, used
from pointsman.exchange import Attempt, Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.setup import assemble
from pointsman.types import Peek, Usage

CONFIG = """
plugins: {keys: {}, openai: {}, vendors: {}, routes: {}}
providers: {one: {base_url: "http://127.0.0.1:9/v1"}}
models: {demo/model: {endpoints: [one/m]}}
"""


def attempted(error: UpstreamError | None = None, *, stream: bool = True) -> tuple[Exchange, Attempt]:
    """A request of 40 bytes, and an attempt that ended so."""
    gateway = Gateway(assemble(read_text(CONFIG, name="proxy.yaml", env={}, base=Path()), env={}))
    exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", "chat"), {})
    exchange.peek = Peek("demo/model", stream=stream, characters=40)
    endpoint = gateway.setup.catalogue.models["demo/model"].endpoints[0]
    attempt = exchange.begin_attempt(Candidate(endpoint, "demo/model"))
    attempt.error = error
    return exchange, attempt


def test_estimates_round_up_and_say_so() -> None:
    usage = estimate(9, 1)
    assert (usage.input, usage.output, usage.estimated) == (3, 1, True)


def test_what_was_reported_counts_unless_much_was_written_since() -> None:
    exchange, attempt = attempted(UpstreamCut("cut", phase="stream"))
    attempt.usage = Usage(7, 10)
    assert used(exchange, attempt, 80, whole=False, answered=True, refused=True) is attempt.usage
    found = used(exchange, attempt, 84, whole=False, answered=True, refused=True)
    assert found == Usage(7, 21, estimated=True)
    assert used(exchange, attempt, 84, whole=True, answered=True, refused=False) is attempt.usage


@pytest.mark.parametrize(
    ("error", "answered", "stream", "status", "worked"),
    [
        (None, False, True, None, True),
        (ConnectFailed("no"), False, True, None, False),
        (UpstreamCut("cut", phase="headers"), False, True, None, False),
        (UpstreamCut("cut", phase="stream"), True, True, None, True),
        (UpstreamTimeout("late", phase="headers"), False, True, None, False),
        (UpstreamTimeout("late", phase="headers"), False, False, None, True),
        (UpstreamTimeout("late", phase="body"), True, True, 500, False),
        (UpstreamStatus.of(500, "no"), True, True, 500, False),
    ],
)
def test_who_was_at_work_has_used_the_input(
    error: UpstreamError | None, answered: bool, stream: bool, status: int | None, worked: bool
) -> None:
    exchange, attempt = attempted(error, stream=stream)
    attempt.upstream_status = status
    found = used(exchange, attempt, 0, whole=False, answered=answered, refused=error is not None)
    assert found == (Usage(10, 0, estimated=True) if worked else None)


def test_who_has_refused_a_request_has_used_nothing() -> None:
    exchange, attempt = attempted()
    assert used(exchange, attempt, 0, whole=False, answered=False, refused=True) is None
