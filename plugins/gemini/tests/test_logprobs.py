"""Log probabilities, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman_gemini.logprobs import read_logprobs, write_logprobs

CHOSEN = {"token": "Hé", "logProbability": -0.5, "tokenId": 7}
NEAR = {"candidates": [CHOSEN, {"token": "x", "logProbability": -3.0}, "odd"]}


def test_tokens_and_what_came_near() -> None:
    found = read_logprobs({"chosenCandidates": [CHOSEN], "topCandidates": [NEAR]})
    (token,) = found
    assert (token["token"], token["logprob"], token["bytes"]) == ("Hé", -0.5, [72, 195, 169])
    assert [each["token"] for each in token["top_logprobs"]] == ["Hé", "x"]
    assert write_logprobs(found) == {
        "chosenCandidates": [{"token": "Hé", "logProbability": -0.5}],
        "topCandidates": [
            {
                "candidates": [
                    {"token": "Hé", "logProbability": -0.5},
                    {"token": "x", "logProbability": -3.0},
                ]
            }
        ],
    }


def test_there_may_be_nothing_near() -> None:
    (token,) = read_logprobs({"chosenCandidates": [{"token": "a"}]})
    assert (token["logprob"], token["top_logprobs"]) == (0.0, [])
    assert write_logprobs(["odd"]) == {"chosenCandidates": [{"token": None, "logProbability": None}]}


@pytest.mark.parametrize(
    "data", [None, [], {}, {"chosenCandidates": [{"token": 5}]}, {"chosenCandidates": 5}]
)
def test_what_cannot_be_read_is_none(data: Any) -> None:
    assert read_logprobs(data) == []
