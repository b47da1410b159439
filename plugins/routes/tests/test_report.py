"""Records for people: tables that leave out what says nothing, and nothing that a terminal acts on."""

from __future__ import annotations

from typing import Any

from pointsman_routes.report import as_text

BALANCED = {"by": "balanced", "weight": 0.5, "share": 0.75, "adjusted_nano": 1234567.0, "cap": None}


def record(**members: Any) -> dict[str, Any]:
    plain = {
        "at": "2026-11-28T02:00:00+00:00",
        "requested": "fast",
        "rule": None,
        "rules": [],
        "values": {},
        "models": [],
        "candidates": [],
        "excluded": [],
        "choice": None,
        "fallbacks": [],
        "outcomes": {"attempts": []},
    }
    return plain | members


def candidate(endpoint: str, **members: Any) -> dict[str, Any]:
    plain = {"endpoint": endpoint, "model": "acme/m", "provider": "lab", "reasons": ["first"], "scores": []}
    return {**plain, "price": {"nano": None}, "lane": None, "lost": [], **members}


def test_text_from_clients_does_not_reach_the_terminal_raw() -> None:
    assert as_text(record(requested="x\x1b[2J\ny")).splitlines()[0] == "request: model x?[2J?y"


def test_prices_now_and_later_and_scores_stand_in_columns() -> None:
    following = {"at": "2026-11-28T16:00:00+00:00", "nano": 2000}
    rows = [
        candidate("lab/m", price={"nano": 1000, "next": following}, scores=[BALANCED], lane="C", lost=["n"]),
        candidate("spare/m", scores=[{"by": "cheapest", "value": 515_000, "unit": "nano-USD"}]),
        candidate("far/m", scores=[{"by": "fastest", "value": 0.51234, "unit": "s"}]),
    ]
    lines = as_text(record(candidates=rows, choice="lab/m")).splitlines()
    start = lines.index("candidates:")
    assert lines[start + 1 : start + 8] == [
        "      endpoint  model   lane  price now               from  price then               score  loses",
        "  1.  lab/m     acme/m  C     $0.000001  2026-11-28 16:00Z   $0.000002      balanced 75.0%      n",
        "  2.  spare/m   acme/m  -       unknown                  -           -  cheapest $0.000515      -",
        "  3.  far/m     acme/m  -       unknown                  -           -     fastest 0.512 s      -",
        "balanced:",
        "  endpoint  weight  share  adjusted_nano  cap",
        "  lab/m        0.5   0.75      1,234,567    -",
    ]
    assert lines[-2:] == ["choice: lab/m", "fallbacks: spare/m, far/m"]


def test_columns_that_say_nothing_are_left_out() -> None:
    lines = as_text(record(candidates=[candidate("lab/m")])).splitlines()
    assert "      endpoint  model   price now" in lines
    assert "  1.  lab/m     acme/m    unknown" in lines


def test_a_record_of_an_earlier_version_is_told_as_far_as_it_goes() -> None:
    row = candidate("lab/m")
    del row["price"], row["scores"]
    lines = as_text(record(candidates=[row], excluded=[{"endpoint": "b/m", "by": "keys", "why": "no"}]))
    assert "  b/m by keys: no" in lines.splitlines()
    assert "about" not in lines
