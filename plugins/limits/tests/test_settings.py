"""Settings, and what contradicts itself in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pointsman.config import Document
from pointsman.errors import ConfigError
from pointsman.setup import assemble
from pointsman.state import Quota
from pointsman_limits import LimitSettings, Rate, RuleSettings


def test_one_rate_and_several_are_alike() -> None:
    one = Rate.parse("1/s")
    assert LimitSettings(requests=one).quotas == LimitSettings(requests=(one,)).quotas
    assert LimitSettings(requests=one, concurrency=3).quotas == {
        "concurrency": (Quota(3, "lease"),),
        "requests": (Quota(1, "second"),),
    }


def test_a_rule_is_told_from_others_by_whom_it_is_for() -> None:
    rule = RuleSettings(per=("key", "model"), match="openai/*", concurrency=1)
    assert (rule.dimensions, rule.name) == (("key", "model"), "key+model~openai/*")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("{default: {requests: 60/week}}", "default.requests`.*'60/week' is not a rate"),
        ("{default: {requests: [10/s, sixty]}}", "'sixty' is not a rate"),
        ("{default: {requests: [10/s, 60/min, 20/sec]}}", r"requests\.2`: a second rate per second"),
        (
            "{default: {tokens: [50k/h, 100k/min]}}",
            r"tokens\.1`: 100k/min can never be used up: 50k/h lets less",
        ),
        ("{default: {usd: [2/day, 3/h]}}", r"usd\.1`: 3/h can never be used up: 2/day lets less"),
        ("{default: {tokens: 1k/s, output_tokens: 2k/s}}", "output_tokens`: 2k/s can never be used up"),
        ("{default: {concurrency: 0}}", "concurrency`"),
        ("{rules: [{per: model}]}", r"rules\.0`: this rule limits nothing"),
        ("{rules: [{per: colour, requests: 1/s}]}", r"rules\.0\.per`"),
        ("{rules: [{per: [key, key], requests: 1/s}]}", r"rules\.0\.per`: name at least one, and none twice"),
        (
            "{rules: [{per: model, match: a, requests: 1/s}, {per: model, match: a, concurrency: 1}]}",
            r"rules\.1\.match`: a second rule per model for 'a'",
        ),
        ("{interactive_share: 101%}", "interactive_share`"),
        ("{max_waiting: 0}", "max_waiting`"),
    ],
)
def test_contradictions_are_problems_with_their_place(
    config: Callable[[str], Document], limits: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        assemble(config(limits), env={})
