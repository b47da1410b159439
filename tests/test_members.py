"""The top level of a request's JSON: read member by member, changed without touching the rest."""

from __future__ import annotations

import msgspec
import pytest

from pointsman.dialects import Quirks
from pointsman.errors import BadRequest
from pointsman.members import (
    add_defaults,
    mentioned,
    names,
    read,
    rendered,
    suit,
    supplied,
    together,
    with_model,
    wrong,
)
from pointsman.types import Request

_number = msgspec.json.Decoder(int | None)


def request(text: str) -> Request:
    return Request(text.encode())


def test_a_member_is_read_and_a_wrong_one_named() -> None:
    fields = request('{"n": 3, "m": "x", "z": null}').fields
    assert [read(fields, name, _number, "a number") for name in ("n", "z", "absent")] == [3, None, None]
    with pytest.raises(BadRequest, match="`m` must be a number") as caught:
        read(fields, "m", _number, "a number")
    assert caught.value.param == "m"
    assert wrong("a.b", "a text").message == "`a.b` must be a text"


def test_a_member_that_is_only_mentioned_is_a_text_or_nothing() -> None:
    fields = request('{"user": "u", "n": 3, "z": null}').fields
    assert [mentioned(fields, name) for name in ("user", "n", "z", "absent")] == ["u", None, None, None]


@pytest.mark.parametrize(
    ("text", "fallbacks", "found"),
    [
        ('{"model": "a"}', [], ("a", ())),
        ('{"model": "a", "models": ["b", "c"]}', ["d"], ("a", ("b", "c"))),
        ('{"models": ["b", "c"]}', [], ("b", ("c",))),
        ('{"model": "a"}', ["d"], ("a", ("d",))),
        ('{"preset": "x"}', ["d"], ("@preset/x", ("d",))),
        ('{"preset": "@preset/x", "model": null}', [], ("@preset/x", ())),
        ('{"preset": "x", "model": "a"}', [], ("a", ())),
        ('{"preset": "x", "models": ["b"]}', [], ("b", ())),
    ],
)
def test_the_models_asked_for(text: str, fallbacks: list[str], found: tuple[str, tuple[str, ...]]) -> None:
    assert names(request(text).fields, fallbacks) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "`model` is missing"),
        ('{"model": ""}', "`model` must be a non-empty string"),
        ('{"model": 3}', "`model` must be a non-empty string"),
        ('{"models": [""]}', "`models` must be a list of non-empty model names"),
        ('{"models": "a"}', "`models` must be a list of model names"),
        (f'{{"models": {["a"] * 101}}}'.replace("'", '"'), "non-empty model names, 100 at most"),
        (f'{{"models": ["{"a" * 1001}"]}}', "100 at most, of 1000 characters at most"),
        (f'{{"model": "{"a" * 1001}"}}', "`model` must be .* of 1000 characters at most"),
        (f'{{"preset": "{"a" * 1001}"}}', "`preset` must be .* of 1000 characters at most"),
    ],
)
def test_no_model_is_told(text: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        names(request(text).fields)


def test_what_does_not_change_goes_out_as_the_very_bytes() -> None:
    asked = request('{ "model" : "a",  "x": [1 , 2] }')
    assert rendered(asked, with_model(asked, "a")) is asked.raw
    fields = with_model(asked, "b")
    assert rendered(asked, fields) == b'{"model":"b","x":[1 , 2]}'
    del fields["x"]
    assert rendered(asked, fields) == b'{"model":"b"}'


def test_a_host_gets_what_it_calls_otherwise_and_not_what_it_refuses() -> None:
    fields = dict(request('{"seed": 1, "user": "u", "old": 2, "new": 3}').fields)
    quirks = Quirks(drop=frozenset({"user", "absent"}), rename={"seed": "random_seed", "old": "new"})
    assert suit(fields, quirks) == ["user"]
    assert {name: bytes(value) for name, value in fields.items()} == {"random_seed": b"1", "new": b"3"}


def test_defaults_are_added_where_the_request_is_silent_as_its_dialect_spells_them() -> None:
    fields = dict(request('{"top_p": 1}').fields)
    add_defaults(fields, {"top_p": 0.5, "stop": ["x"], "seed": 3}, {"stop": "stop_sequences"})
    assert {name: bytes(value) for name, value in fields.items()} == {
        "top_p": b"1",
        "stop_sequences": b'["x"]',
        "seed": b"3",
    }


def test_of_two_sets_of_defaults_the_first_counts() -> None:
    assert [*together({"seed": 1}, {"top_p": 0.5, "seed": 2}).items()] == [("seed", 1), ("top_p", 0.5)]
    then = {"top_p": 0.5}
    assert together({}, then) is then


def test_a_member_is_supplied_where_nothing_says_the_same() -> None:
    silent = request('{"model": "a", "system": null}')
    assert supplied(silent, "system", "Be brief.").body == {"model": "a", "system": "Be brief."}
    for said in ('{"system": ""}', '{"sys": ["x"]}'):
        asked = request(said)
        assert supplied(asked, "system", "Be brief.", "sys") is asked
