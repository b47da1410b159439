"""Prices as OpenRouter writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.catalogue import Endpoint
from pointsman.facts import Fact
from pointsman.providers import Provider
from pointsman_openrouter.pricing import Hour, hours_of, main_prices, pricing_of
from pointsman_prices.book import read_price
from pointsman_prices.layers import Given, layered
from pointsman_prices.settings import PriceSettings
from pointsman_prices.windows import Hours, Week

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()
ALL_DAYS = tuple(range(7))


def endpoint(price: Any = None) -> Endpoint:
    facts = {"price": Fact(price, "a list")} if price is not None else {}
    return Endpoint(Provider("lab", kind="lab"), "m", facts=facts)


def shown(price: Any) -> dict[str, Any]:
    return pricing_of(endpoint(price), NOW)


def test_a_price_is_dollars_for_one_token_as_text() -> None:
    assert shown({"input": "0.27", "output": "1.10", "cache_read": "0.07"}) == {
        "prompt": "0.00000027",
        "completion": "0.0000011",
        "input_cache_read": "0.00000007",
    }
    assert shown({"input": "0", "output": "1000000"}) == {"prompt": "0", "completion": "1"}


def test_every_key_of_a_price_has_its_name() -> None:
    tokens = {
        "input": "prompt",
        "output": "completion",
        "reasoning": "internal_reasoning",
        "cache_read": "input_cache_read",
        "cache_write": "input_cache_write",
        "cache_write_1h": "input_cache_write_1h",
        "audio_input": "audio",
        "audio_output": "audio_output",
        "cache_read_audio": "input_audio_cache",
        "image_input": "image_token",
        "image_output": "image_output",
    }
    each = {"request": "0.005", "image": "0.01", "search": "0.02"}
    found = shown({**dict.fromkeys(tokens, 3), **each})
    assert [found.pop(name) for name in ("request", "image", "web_search")] == [*each.values()]
    assert found == dict.fromkeys(tokens.values(), "0.000003")


@pytest.mark.parametrize("price", [None, [{"from": "2030-01-01", "input": 1, "output": 1}], "nonsense"])
def test_what_is_not_known_is_never_zero(price: Any) -> None:
    assert shown(price) == {"prompt": "-1", "completion": "-1"}
    assert main_prices(endpoint(price), NOW) == (None, None)


def test_half_of_a_price_is_half_known() -> None:
    assert shown({"input": 1}) == {"prompt": "0.000001", "completion": "-1"}


def test_the_price_of_a_history_that_counts() -> None:
    history = [{"input": 1, "output": 1}, {"from": "2026-11-27", "input": 2, "output": 4}]
    assert shown(history)["prompt"] == "0.000002"
    assert main_prices(endpoint(history), NOW) == (2_000_000_000, 4_000_000_000)
    assert main_prices(endpoint(history), NOW - 86_400) == (1_000_000_000, 1_000_000_000)


def test_tiers_and_windows_are_overrides() -> None:
    found = shown(
        {
            "input": 1,
            "output": 4,
            "windows": [{"time": "16:30-00:30 UTC", "all": "50%"}],
            "tiers": [{"above": 200_000, "input": 2}],
        }
    )
    assert found["overrides"] == [
        {"utc_start": 1630, "utc_end": 30, "prompt": "0.0000005", "completion": "0.000002"},
        {"min_prompt_tokens": 200_000, "prompt": "0.000002"},
    ]


def test_a_tier_that_is_a_share_of_a_window_is_an_override_of_both() -> None:
    found = shown(
        {
            "input": 1,
            "output": 4,
            "windows": [{"time": "00:00-08:00 UTC", "input": "0.5"}],
            "tiers": [{"above": 1000, "all": "200%"}],
        }
    )
    assert found["overrides"][-1] == {
        "min_prompt_tokens": 1000,
        "utc_start": 0,
        "utc_end": 800,
        "prompt": "0.000001",
    }


def test_what_counts_only_on_some_days_says_so() -> None:
    window = {"time": "22:00-06:00 UTC", "days": ["fri", "sun"], "input": "0.5"}
    assert shown({"input": 1, "output": 4, "windows": [window]})["overrides"] == [
        {"utc_start": 2200, "utc_end": 0, "utc_days": ["fri", "sun"], "prompt": "0.0000005"},
        {"utc_start": 0, "utc_end": 600, "utc_days": ["mon", "sat"], "prompt": "0.0000005"},
    ]


@pytest.mark.parametrize(
    ("hours", "days", "at", "found"),
    [
        ("16:30-00:30 UTC", (), NOW, [Hour(990, 30, ALL_DAYS)]),
        ("00:00-24:00 UTC", (5, 6), NOW, [Hour(0, 0, (5, 6))]),
        ("08:00-24:00 UTC", (0,), NOW, [Hour(480, 0, (0,))]),
        ("00:30-08:30 Asia/Shanghai", (), NOW, [Hour(990, 30, ALL_DAYS)]),
        ("00:00-08:00 Asia/Shanghai", (0,), NOW, [Hour(960, 0, (6,))]),
        ("00:00-24:00 Asia/Shanghai", (0,), NOW, [Hour(960, 0, (6,)), Hour(0, 960, (0,))]),
        ("20:00-23:00 America/New_York", (6,), NOW, [Hour(60, 240, (0,))]),
        ("09:00-17:00 Europe/Paris", (), NOW, [Hour(480, 960, ALL_DAYS)]),
        ("09:00-17:00 Europe/Paris", (), NOW - 100 * 86_400, [Hour(420, 900, ALL_DAYS)]),
    ],
)
def test_hours_by_the_clocks_of_a_zone_are_told_in_utc(
    hours: str, days: tuple[int, ...], at: float, found: list[Hour]
) -> None:
    assert hours_of(Hours.parse(hours), days, at) == found


PRICES = st.integers(0, 50).map(lambda cents: f"{cents / 100:.2f}")
NAMES = ("input", "output", "cache_read", "audio_input")
SHOWN = dict(zip(NAMES, ("prompt", "completion", "input_cache_read", "audio"), strict=True))
LAYERS = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), PRICES, min_size=1),
    st.integers(0, 300).map(lambda share: {"all": f"{share}%"}),
)
DAYS_OF_WINDOWS = st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), unique=True)


@st.composite
def prices(draw: st.DrawFn) -> PriceSettings:
    base = {"input": draw(PRICES), "output": draw(PRICES)}
    zone = draw(st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu"]))
    cuts = sorted(draw(st.sets(st.integers(0, 23), max_size=4)))
    windows = [
        {"time": f"{start:02}:00-{end:02}:00 {zone}", "days": draw(DAYS_OF_WINDOWS), **draw(LAYERS)}
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    if draw(st.booleans()) and cuts and len(cuts) % 2 == 0:  # over midnight, between the last and the first
        windows.append({"time": f"{cuts[-1]:02}:00-{cuts[0]:02}:00 {zone}", **draw(LAYERS)})
    limits = sorted(draw(st.sets(st.integers(1, 5), max_size=2)))
    tiers = [{"above": limit, **draw(LAYERS)} for limit in limits]
    (price,) = read_price({**base, "windows": windows, "tiers": tiers})
    return price


@given(prices(), st.integers(0, 7 * 24 * 60 - 1), st.integers(0, 7))
def test_overrides_come_to_what_the_price_says(price: PriceSettings, minute: int, tokens: int) -> None:
    monday = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    moment = monday + minute * 60
    made = Endpoint(Provider("lab", kind="lab"), "m", extra={"price": price})
    pricing = pricing_of(made, moment)
    at = datetime.fromtimestamp(moment, UTC)
    clock, day = at.hour * 100 + at.minute, at.strftime("%a").lower()
    for override in pricing.pop("overrides", ()):
        start, end = override.get("utc_start", 0), override.get("utc_end", 0)
        inside = start == end or (start <= clock < end if start < end else clock >= start or clock < end)
        many = tokens > override.get("min_prompt_tokens", -1)
        if inside and many and day in override.get("utc_days", [day]):
            pricing |= {name: override[name] for name in SHOWN.values() if name in override}
    windows = [(each.time, each.days) for each in price.windows]
    window = Week(windows).at(moment) if windows else -1
    tier = sum(tokens > each.above for each in price.tiers)
    wanted = layered(price, window=window, tier=tier)
    found = {key: round(float(pricing[name]) * 1e15) for key, name in SHOWN.items() if name in pricing}
    for key, among in (("input", ""), ("output", ""), ("cache_read", "input"), ("audio_input", "input")):
        assert found.get(key, found.get(among)) == wanted.get(key, wanted.get(among, Given(-1, ""))).nano


@pytest.mark.parametrize(
    ("tier", "long"),
    [
        ({"input": 3, "cache_read": 1}, {"prompt": "0.000002", "input_cache_read": "0.000002"}),
        ({"reasoning": 9}, {"internal_reasoning": "0.000008"}),
        ({"audio_input": 9, "audio_output": 9}, {"audio": "0.000002", "audio_output": "0.000008"}),
        ({"cache_read_audio": 9}, {"input_audio_cache": "0.000002"}),
        ({"cache_write": 9, "cache_write_1h": 9}, {"input_cache_write_1h": "0.000002"}),
        ({"request": 1, "image": 1}, {"request": "0", "image": "0"}),
        ({"search": 1}, {"web_search": "-1"}),
    ],
)
def test_a_price_that_a_longer_request_does_not_have_is_what_counts_in_its_place(
    tier: dict[str, Any], long: dict[str, str]
) -> None:
    tiers = [{"above": 10, **tier}, {"above": 20, "all": "200%"}]
    *_, last = shown({"input": 1, "output": 4, "tiers": tiers})["overrides"]
    assert last.items() >= {"min_prompt_tokens": 20, **long}.items()


def test_sound_has_no_price_where_other_sound_has_one() -> None:
    tiers = [{"above": 10, "audio_input": 9}, {"above": 20, "all": "200%"}]
    *_, last = shown({"input": 1, "output": 4, "audio_output": 8, "tiers": tiers})["overrides"]
    assert (last["audio"], last["audio_output"]) == ("-1", "0.000016")
