"""Two tenants and more: no request of one is ever answered with what another stored."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.testing import in_process_client

Boot = Callable[..., AbstractAsyncContextManager[Any]]
TENANTS = {
    "key": {name: name for name in ("alice", "bob", "carol", "dave")},
    "team": {"alice": "red", "bob": "red", "carol": "blue", "dave": "dave"},
}
"""By scope: who belongs to which tenant."""
PATHS = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/api/v1/chat/completions",
]
NUMBER = re.compile(r'Answer (\d+)\.|"embedding":\[(\d+)\.0\]|"input_tokens":(\d+)\}')
"""How each surface says which of the provider's answers it was given."""
ASKED = st.tuples(
    st.sampled_from(sorted(TENANTS["key"])),
    st.sampled_from(PATHS),
    st.booleans(),
    st.sampled_from(["Hello", "Bye"]),
    st.sampled_from([{}, {"cache-control": "no-cache"}, {"x-openrouter-cache-clear": "true"}]),
)
"""One request: who asks, where, whether for a stream, what, and how."""


class Court:
    """Sends requests, and knows whose each of the provider's answers is: of the tenant that missed."""

    def __init__(self, place: Any, tenants: dict[str, str]) -> None:
        self._place = place
        self._tenants = tenants
        self._owners: dict[int, str] = {}
        self._runs = itertools.count()
        self.hits: set[str] = set()

    async def hear(self, batches: list[list[Any]]) -> None:
        """Send batches of requests, those of one batch at once; whatever hits must be the tenant's own."""
        run = next(self._runs)
        async with in_process_client(self._place.running.gateway) as client:
            for batch in batches:
                answers = await asyncio.gather(*(self._ask(client, run, *asked) for asked in batch))
                judged = list(zip(batch, answers, strict=True))
                for (name, *_), (status, number) in judged:
                    if status == "miss":
                        assert self._owners.setdefault(number, self._tenants[name]) == self._tenants[name]
                for (name, path, *_), (status, number) in judged:
                    if status == "hit":
                        self.hits.add(path)
                        assert self._owners[number] == self._tenants[name]

    async def _ask(
        self, client: httpx.AsyncClient, run: int, name: str, path: str, stream: bool, text: str, headers: Any
    ) -> tuple[str, int]:
        """Whether a request hit or missed, and the number of its answer."""
        body = self._place.body(path, f"{run}: {text}", who=name, stream=stream)
        answer = await client.post(path, json=body, headers={"x-api-key": name, **headers})
        assert answer.status_code == 200
        number = NUMBER.search(answer.text)
        assert number is not None, answer.text
        return answer.headers["x-pointsman-cache"], int(number[1] or number[2] or number[3])


@pytest.mark.parametrize("scope", ["key", "team"])
def test_no_request_is_answered_with_what_another_tenant_stored(lab: Boot, scope: str) -> None:
    tenants = TENANTS[scope]
    every = [
        [(name, path, stream, "Hello", {}) for name in [*tenants, *tenants]]
        for path in PATHS
        for stream in (False, True)
    ]
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        court = Court(runner.run(stack.enter_async_context(lab({"always": True, "scope": scope}))), tenants)

        @settings(max_examples=60, deadline=None)
        @given(st.lists(st.lists(ASKED, min_size=1, max_size=6), min_size=1, max_size=4))
        def holds(batches: list[list[Any]]) -> None:
            runner.run(court.hear(batches))

        try:
            holds()
            runner.run(court.hear(every))
        finally:
            runner.run(stack.aclose())
    assert court.hits == set(PATHS), "every surface was answered from the cache"
