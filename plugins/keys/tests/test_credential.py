"""The one credential of a request, whichever way it is sent."""

from __future__ import annotations

import pytest

from pointsman.errors import Unauthenticated
from pointsman_keys.credential import credential, sent_in


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, None),
        ({"authorization": "Bearer pm-1"}, "pm-1"),
        ({"authorization": "bearer  pm-1 "}, "pm-1"),
        ({"authorization": "BEARER pm-1"}, "pm-1"),
        ({"authorization": "Bearer "}, None),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Basic cG06MQ=="}, None),
        ({"authorization": ""}, None),
        ({"x-api-key": " pm-1 "}, "pm-1"),
        ({"x-api-key": ""}, None),
        ({"api-key": "pm-1"}, "pm-1"),
        ({"x-goog-api-key": "pm-1"}, "pm-1"),
        ({"authorization": "Bearer pm-1", "x-api-key": "pm-1"}, "pm-1"),
        ({"authorization": "Bearer pm-1, Bearer pm-1"}, "pm-1"),
        ({"authorization": "Bearer pm,1"}, "pm,1"),
        ({"authorization": "Bearer pm 1"}, "pm 1"),
        ({"authorization": "Basic x", "x-api-key": "pm-1"}, "pm-1"),
    ],
)
def test_the_credential(headers: dict[str, str], found: str | None) -> None:
    assert credential(headers) == found


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer pm-1", "x-api-key": "pm-2"},
        {"authorization": "Bearer pm-1, Bearer pm-2"},
        {"x-api-key": "pm-1", "x-goog-api-key": "pm-2"},
    ],
)
def test_several_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match="several different API keys") as caught:
        credential(headers)
    assert "pm-" not in caught.value.message


def test_the_headers_that_tell_who_asks() -> None:
    headers = {"authorization": "a", "x-api-key": "b", "api-key": "c", "x-goog-api-key": "d", "host": "e"}
    assert sent_in(headers) == ("a", "b", "c", "d")
    assert sent_in({}) == (None, None, None, None)
