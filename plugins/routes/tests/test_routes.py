"""The plugin: rules checked at start, models resolved, candidates listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from pointsman.errors import ConfigError, UnknownModel
from pointsman.exchange import Actor, Exchange
from pointsman.gateway import Gateway
from pointsman.setup import Setup

Decided = Callable[..., AbstractAsyncContextManager[Exchange]]


def body(model: str, **fields: Any) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}).encode()


async def test_candidates_follow_the_plan_and_then_the_operators_order_each_endpoint_once(
    decided: Decided,
) -> None:
    async with decided("", body("acme/tiny", models=["big", "fast"])) as exchange:
        assert [(each.endpoint.id, each.model) for each in exchange.candidates] == [
            ("spare/large", "acme/tiny"),
            ("lab/tiny", "acme/tiny"),
            ("lab/large", "acme/large"),
            ("lab/small", "acme/small"),
        ]


async def test_each_candidate_says_why_it_has_its_place(decided: Decided) -> None:
    async with decided("", body("big", models=["fast"])) as exchange:
        assert [each.reasons for each in exchange.candidates] == [
            ["1st choice: model big, endpoint 1 of 2"],
            ["1st choice: model big, endpoint 2 of 2"],
            ["2nd choice: model fast, endpoint 1 of 1"],
        ]


async def test_ordinals_are_english(decided: Decided) -> None:
    names = [f"open/{number}" for number in range(1, 24)]
    async with decided("", body(names[0], models=names[1:])) as exchange:
        said = [each.reasons[0].split()[0] for each in exchange.candidates]
        assert said[:4] == ["1st", "2nd", "3rd", "4th"]
        assert said[10:13] == ["11th", "12th", "13th"]
        assert said[20:] == ["21st", "22nd", "23rd"]


async def test_an_endpoint_may_be_asked_for_by_its_own_name(decided: Decided) -> None:
    async with decided("", body("lab/tiny")) as exchange:
        assert [each.endpoint.id for each in exchange.candidates] == ["lab/tiny"]


async def test_an_unknown_model_is_refused_with_near_names(decided: Decided) -> None:
    with pytest.raises(
        UnknownModel, match=r"there is no model 'acme/smal'; did you mean .*acme/small"
    ) as caught:
        async with decided("", body("acme/smal")):
            pass
    assert (caught.value.code, caught.value.param, caught.value.status) == ("model_not_found", "model", 400)


async def test_near_names_are_only_those_the_key_may_use(decided: Decided) -> None:
    for models, hint in ((("acme/large",), "did you mean acme/large?"), (("x",), "GET /v1/models lists")):
        with pytest.raises(UnknownModel) as caught:
            async with decided("", body("acme/larg"), actor=Actor("narrow", "key-narrow", models=models)):
                pass
        assert hint in caught.value.message


async def test_a_very_long_name_is_cut_where_it_is_told(decided: Decided) -> None:
    with pytest.raises(UnknownModel) as caught:
        async with decided("", body("x" * 100_000)):
            pass
    assert len(caught.value.message) < 250


async def test_one_unknown_among_several_models_is_left_out_and_on_record(decided: Decided) -> None:
    async with decided("", body("nowhere", models=["fast"])) as exchange:
        assert [each.endpoint.id for each in exchange.candidates] == ["lab/small"]
        assert exchange.decision.record([])["excluded"] == [
            {"endpoint": "nowhere", "by": "routes", "why": "no such model"}
        ]


async def test_a_fallback_answers_for_an_unknown_model(decided: Decided) -> None:
    async with decided("routes: [{name: rest, use: {fallbacks: [fast]}}]\n", body("nowhere")) as exchange:
        assert [each.endpoint.id for each in exchange.candidates] == ["lab/small"]
        assert exchange.public.route == "rest"


@pytest.mark.parametrize(
    ("sections", "place", "message", "hint"),
    [
        (
            "routes: [{name: a, use: {models: [fast, acme/smal]}}]\n",
            (1, 41),
            "rule 'a' uses model 'acme/smal', which no provider has",
            "acme/small",
        ),
        (
            "routes:\n  - name: a\n    use: {fallbacks: [nowhere-at-all]}\n",
            (3, 23),
            "rule 'a' uses model 'nowhere-at-all', which no provider has",
            "",
        ),
        (
            "routes: [{name: a, when: {surface: caht}}]\n",
            (1, 36),
            "surface 'caht' is not served here",
            "",
        ),
        (
            "routes: [{name: a}, {name: b}, {name: a}]\n",
            (1, 39),
            "two rules are called 'a'",
            "the first is at ",
        ),
    ],
)
async def test_a_rule_that_cannot_work_stops_the_start_at_its_place(
    setup: Callable[[str], Setup], sections: str, place: tuple[int, int], message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        async with Gateway.dry(setup(sections)):
            pass
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == place
    assert problem.message == message
    assert hint in problem.hint


async def test_every_wrong_rule_is_told_in_one_run(setup: Callable[[str], Setup]) -> None:
    sections = "routes: [{name: a, when: {surface: x}, use: {models: [y], fallbacks: [z]}}]\n"
    with pytest.raises(ConfigError) as caught:
        async with Gateway.dry(setup(sections)):
            pass
    assert len(caught.value.problems) == 3


async def test_a_rule_may_use_aliases_endpoints_and_unlisted_models(decided: Decided) -> None:
    sections = "routes: [{name: a, use: {models: [big, lab/small, open/anything]}}]\n"
    async with decided(sections, body("auto")) as exchange:
        assert [each.endpoint.id for each in exchange.candidates] == [
            "lab/large",
            "spare/large",
            "lab/small",
            "open/anything",
        ]
