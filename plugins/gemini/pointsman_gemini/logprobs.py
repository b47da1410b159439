"""Log probabilities, both ways: of the tokens that were chosen, and of those that came near."""

from __future__ import annotations

from typing import Any

__all__ = ["read_logprobs", "write_logprobs"]


def read_logprobs(data: Any) -> list[Any]:
    """Objects of token, logprob, bytes and top_logprobs; none where they cannot be read."""
    if not isinstance(data, dict):
        return []
    chosen, near = data.get("chosenCandidates"), data.get("topCandidates")
    found = []
    for place, each in enumerate(chosen if isinstance(chosen, list) else ()):
        token = _token(each)
        if token is None:
            return []
        others = near[place] if isinstance(near, list) and place < len(near) else None
        rows = others.get("candidates") if isinstance(others, dict) else None
        tops = [_token(row) for row in rows] if isinstance(rows, list) else []
        found.append({**token, "top_logprobs": [top for top in tops if top is not None]})
    return found


def _token(data: Any) -> dict[str, Any] | None:
    if not isinstance(data, dict) or not isinstance(data.get("token"), str):
        return None
    value = data.get("logProbability")
    number = value if isinstance(value, int | float) else 0.0
    return {
        "token": data["token"],
        "logprob": number,
        "bytes": list(data["token"].encode("utf-8", "replace")),
    }


def write_logprobs(tokens: list[Any]) -> dict[str, Any]:
    """A `logprobsResult`."""
    found: dict[str, Any] = {"chosenCandidates": [_written(each) for each in tokens]}
    near = [{"candidates": [_written(top) for top in _tops(each)]} for each in tokens]
    if any(each["candidates"] for each in near):
        found["topCandidates"] = near
    return found


def _tops(token: Any) -> list[Any]:
    tops = token.get("top_logprobs") if isinstance(token, dict) else None
    return tops if isinstance(tops, list) else []


def _written(token: Any) -> dict[str, Any]:
    data = token if isinstance(token, dict) else {}
    return {"token": data.get("token"), "logProbability": data.get("logprob")}
