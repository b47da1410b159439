"""Rules: what each condition looks at, which rule wins, and what is put on record of it."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from pointsman.catalogue import Endpoint, Model
from pointsman.exchange import Actor, Exchange, Plan
from pointsman.gateway import Gateway
from pointsman.setup import Setup
from pointsman.types import Request
from pointsman_routes.rules import MOST_KEPT, Judgement, compile_rules

Decided = Callable[..., AbstractAsyncContextManager[Exchange]]


class Judge(Protocol):
    def __call__(self, raw: bytes, name: str = "alice") -> Judgement: ...


def body(model: str = "acme/large", **fields: Any) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}).encode()


def rule(when: str) -> str:
    return f"routes: [{{name: chosen, when: {{{when}}}, use: {{models: [fast]}}}}]\n"


ALICE = Actor("alice", "key-alice", tags=("legal", "eu"))


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ("", True),
        ("model: acme/large", True),
        ("model: acme/*", True),
        ("model: [other/*, '*large']", True),
        ("model: ACME/*", False),
        ("model: arge", False),
        ("key: alice", True),
        ("key: [bob, 'al*']", True),
        ("key: bob", False),
        ("surface: chat", True),
        ("surface: [embeddings, chat]", True),
        ("surface: embeddings", False),
        ("stream: false", True),
        ("stream: true", False),
        ("key.tags: {any: [medical, legal]}", True),
        ("key.tags: {any: [medical]}", False),
        ("key.tags: {all: [legal, eu]}", True),
        ("key.tags: {all: [legal, us]}", False),
        ("key.tags: {any: [legal], all: [us]}", False),
        ("model: acme/*, key: alice, stream: false", True),
        ("model: acme/*, key: bob, stream: false", False),
    ],
)
async def test_a_rule_matches_when_all_its_conditions_hold(
    decided: Decided, when: str, matches: bool
) -> None:
    async with decided(rule(when), body(), actor=ALICE) as exchange:
        assert exchange.plan is not None
        assert exchange.plan.rule == ("chosen" if matches else None)
        assert exchange.plan.models == (("fast",) if matches else ("acme/large",))


async def test_the_condition_on_streams_matches_a_streamed_request(decided: Decided) -> None:
    async with decided(rule("stream: true"), body(stream=True)) as exchange:
        assert exchange.decision.rule == "chosen"


async def test_the_condition_on_surfaces_matches_another_surface(decided: Decided) -> None:
    raw = json.dumps({"model": "acme/large", "input": "Hello"}).encode()
    async with decided(rule("surface: embeddings"), raw, surface="embeddings") as exchange:
        assert exchange.decision.rule == "chosen"


async def test_the_model_condition_takes_the_name_as_asked_not_what_it_stands_for(decided: Decided) -> None:
    async with decided(rule("model: acme/*"), body("big")) as exchange:
        assert exchange.decision.rule is None


async def test_the_first_rule_that_matches_wins_and_later_ones_are_not_looked_at(decided: Decided) -> None:
    sections = (
        "routes:\n"
        "  - {name: no, when: {model: other}}\n"
        "  - {name: first, use: {models: [fast]}}\n"
        "  - {name: second, use: {models: [big]}}\n"
    )
    async with decided(sections, body()) as exchange:
        assert exchange.decision.rule == "first"
        assert [row["name"] for row in exchange.decision.rules] == ["no", "first"]


async def test_the_record_names_the_first_condition_that_failed_with_value_and_expectation(
    decided: Decided,
) -> None:
    async with decided(rule("model: acme/*, stream: true, key.tags: {any: [x]}"), body()) as exchange:
        assert [*exchange.decision.rules] == [
            {
                "name": "chosen",
                "at": "proxy.yaml:1",
                "matched": False,
                "failed": {"when": "stream", "value": False, "expected": True},
            }
        ]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("model: [x, y]", ["x", "y"]),
        ("surface: embeddings", "embeddings"),
        ("key.tags: {any: [x]}", {"any": ["x"]}),
        ("key.tags: {all: [x, y], any: [z]}", {"any": ["z"], "all": ["x", "y"]}),
    ],
)
async def test_the_record_shows_what_the_file_asks_for_as_json_data(
    decided: Decided, when: str, expected: Any
) -> None:
    async with decided(rule(when), body()) as exchange:
        failed = exchange.decision.rules[0]["failed"]
        assert json.loads(json.dumps(failed))["expected"] == expected == failed["expected"]


async def test_only_values_that_a_rule_used_are_on_record(decided: Decided) -> None:
    sections = rule("key: bob, key.tags: {any: [x]}").rstrip("]\n") + ", {name: b, when: {model: x}}]\n"
    async with decided(sections, body(), actor=ALICE) as exchange:
        assert exchange.decision.values == {"key": "alice", "model": "acme/large"}


async def test_without_rules_the_models_asked_for_are_planned_each_once(decided: Decided) -> None:
    async with decided("", body("big", models=["fast", "big", "fast"])) as exchange:
        assert exchange.decision.models == ("big", "fast")
        assert [*exchange.decision.rules] == []


async def test_fallbacks_follow_the_models_asked_for(decided: Decided) -> None:
    sections = "routes: [{name: rest, use: {fallbacks: [fast, acme/large]}}]\n"
    async with decided(sections, body("acme/large", models=["acme/tiny"])) as exchange:
        assert exchange.decision.models == ("acme/large", "acme/tiny", "fast")


async def test_models_of_a_rule_replace_the_ones_asked_for_and_fallbacks_follow(decided: Decided) -> None:
    sections = "routes: [{name: rest, use: {models: [fast], fallbacks: [big]}}]\n"
    async with decided(sections, body("auto", models=["acme/tiny"])) as exchange:
        assert exchange.decision.models == ("fast", "big")


async def test_what_a_rule_says_to_other_plugins_is_in_the_plan(decided: Decided) -> None:
    red = "routes: [{name: red, when: {stream: true}, use: {colour: red}}, {name: rest}]\n"
    async with decided(red, body(stream=True)) as exchange:
        assert exchange.plan == Plan("red", ("acme/large",), {"colour": "red"})
    async with decided(red, body()) as exchange:
        assert exchange.plan == Plan("rest", ("acme/large",))


@asynccontextmanager
async def judging(setup: Callable[[str], Setup], sections: str) -> AsyncIterator[Judge]:
    """Judges a request of the key of a name by the rules of a file."""
    made = setup(sections)
    codec = made.dialects.get("openai-chat", "chat")
    async with Gateway.dry(made) as gateway:
        rules = compile_rules(made)

        def judge(raw: bytes, name: str = "alice") -> Judgement:
            exchange = Exchange(gateway, codec, {})
            exchange.actor = Actor(name, f"key-{name}")
            exchange.peek = codec.peek(Request(raw))
            return rules.judge(exchange)

        yield judge


async def test_requests_that_are_alike_in_what_rules_ask_are_judged_once(
    setup: Callable[[str], Setup],
) -> None:
    async with judging(setup, rule("key: al*, stream: false")) as judge:
        first = judge(body())
        assert first.plan == Plan("chosen", ("fast",))
        assert judge(body(temperature=1)) is first
        for raw, name in ((body(stream=True), "alice"), (body(), "bob"), (body("big"), "alice")):
            assert judge(raw, name) is not first
        assert judge(body(stream=True)).plan == Plan(None, ("acme/large",))
        assert judge(body(), "bob").values == {"key": "bob"}
        assert judge(body(), "alan") is not first, "its record has another value"


async def test_judgements_that_clients_could_pile_up_are_not_kept(setup: Callable[[str], Setup]) -> None:
    async with judging(setup, "") as judge:
        for raw in (body("x" * 201), body(models=["fast"])):
            assert judge(raw).plan == judge(raw).plan
            assert judge(raw) is not judge(raw)
        first = judge(body())
        for number in range(MOST_KEPT):
            judge(body(f"open/{number}"))
        assert judge(body()) is not first, "it was forgotten when there were too many"


MANY = "".join(
    f'  - {{name: r{number}, when: {{model: "m{number}", tokens: "> 10k"}}, use: {{models: [fast]}}}}\n'
    for number in range(190)
)
LEFT = "".join(
    f'  - {{name: g{number}, when: {{model: "acme/*", tokens: "> 10k", any: [{{key: "k{number}*"}}, '
    f"{{key.tags: {{any: [t{number}]}}}}], not: {{has_tools: true}}}}}}\n"
    for number in range(10)
)


async def test_rules_for_other_models_are_not_looked_at_and_still_on_record(
    setup: Callable[[str], Setup],
) -> None:
    async with judging(setup, f"routes:\n{MANY}{LEFT}") as judge:
        raw = body(messages=[{"role": "user", "content": "x" * 60_000}])
        judge(raw)
        calls = 0

        def count(_: Any, event: str, __: Any) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            found = judge(raw)
        finally:
            sys.setprofile(None)
    assert found.plan == Plan(None, ("acme/large",))
    assert calls < 400, "of 200 rules only ten are evaluated"
    rows = [*found.rules]
    assert len(rows) == len(found.rules) == 200
    assert rows[0] == {
        "name": "r0",
        "at": "proxy.yaml:2",
        "matched": False,
        "failed": {"when": "model", "value": "acme/large", "expected": "m0"},
    }
    assert found.rules[-1]["failed"]["when"] == "any"
    assert found.rules[198:] == rows[198:]
    assert found.values["model"] == "acme/large"


async def test_what_has_few_values_is_asked_first_and_once_for_many_requests(
    setup: Callable[[str], Setup],
) -> None:
    rules = (
        "routes:\n"
        "  - {name: first, when: {user: 'u*', key: bob}}\n"
        "  - {name: second, when: {user: u1, key: 'al*'}, use: {models: [fast]}}\n"
        "  - {name: third, when: {key: alice, stream: false}, use: {models: [acme/small]}}\n"
        "  - {name: never, when: {user: '*'}}\n"
    )
    async with judging(setup, rules) as judge:
        one, two = judge(body(user="u1")), judge(body(user="u2"))
        assert [each.plan.rule for each in (one, two, judge(body(user="u1"), "bob"))] == [
            "second",
            "third",
            "first",
        ]
        assert [row["failed"] for row in [*two.rules][:2]] == [
            {"when": "key", "value": "alice", "expected": "bob"},
            {"when": "user", "value": "u2", "expected": "u1"},
        ]
        assert (len(one.rules), len(two.rules)) == (2, 3)
        assert one.values["user"] == "u1"
        assert two.rules.seen.exchange is None
        assert judge(body(user="u2", models=["fast"])).values == two.values, "which is never kept"


@pytest.mark.parametrize(
    ("when", "kept"),
    [
        ("model: acme/*", True),
        ("model: acme/*, stream: false, key.tags: {any: [x]}", True),
        ("not: {has_tools: true}, team: x", True),
        ('time: "00:00-24:00 UTC"', False),
        ("any: [{day: sat}, {key: x}]", False),
        ('tokens: "> 3"', False),
        ("headers.x: y", False),
        ('model: other, time: "00:00-24:00 UTC"', True),
    ],
)
async def test_only_judgements_by_few_values_are_kept(
    setup: Callable[[str], Setup], when: str, kept: bool
) -> None:
    async with judging(setup, rule(when)) as judge:
        assert (judge(body()) is judge(body())) is kept


async def test_a_rule_for_the_night_is_judged_anew_each_time(setup: Callable[[str], Setup]) -> None:
    made = setup(rule('time: "22:00-06:00 UTC"'))
    rules, codec = compile_rules(made), made.dialects.get("openai-chat", "chat")
    async with Gateway.dry(made) as gateway:
        found = []
        for hour in (21, 22, 5, 6):
            exchange = Exchange(gateway, codec, {})
            exchange.at = datetime(2026, 11, 27, hour, tzinfo=UTC)
            exchange.peek = codec.peek(Request(body()))
            found.append(rules.judge(exchange).plan.rule)
    assert found == [None, "chosen", "chosen", None]


async def test_exact_names_patterns_and_rules_for_all_keep_their_order(setup: Callable[[str], Setup]) -> None:
    rules = (
        "routes:\n"
        "  - {name: pattern, when: {model: 'acme/*', stream: true}}\n"
        "  - {name: exact, when: {model: [acme/large, big]}}\n"
        "  - {name: nested, when: {all: [{model: 'acme/*'}, {model: acme/small}]}}\n"
        "  - {name: not this, when: {not: {model: 'acme/*'}}}\n"
        "  - {name: any, when: {any: [{model: acme/tiny}, {stream: true}]}}\n"
        "  - {name: rest}\n"
    )
    expected = {
        ("acme/large", True): "pattern",
        ("acme/large", False): "exact",
        ("big", True): "exact",
        ("acme/small", False): "nested",
        ("fast", False): "not this",
        ("acme/tiny", False): "any",
        ("acme/other", False): "rest",
    }
    async with judging(setup, rules) as judge:
        found = {(model, stream): judge(body(model, stream=stream)).plan.rule for model, stream in expected}
    assert found == expected


async def test_what_is_kept_keeps_no_request(setup: Callable[[str], Setup]) -> None:
    async with judging(setup, rule("key: bob")) as judge:
        assert judge(body()).rules.seen.exchange is None


async def test_what_a_rule_says_of_its_attempts_is_in_the_plan(decided: Decided) -> None:
    said = "use: {deadline: 90s, attempts: 2, on_loss: reject, hedge: 1s, max_price: {prompt: 3}}"
    async with decided(f"routes: [{{name: careful, {said}}}]\n", body()) as exchange:
        plan = exchange.plan
    assert plan is not None
    assert (plan.deadline, plan.attempts, plan.on_loss, plan.hedge) == (90, 2, "reject", 1)
    assert plan.extra["preferences"].max_price.prompt == 3_000_000_000


@pytest.mark.parametrize(
    ("when", "model", "expected"),
    [
        ("model: acme/large", "acme/large:floor", True),
        ("model: [acme/small, 'acme/lar*']", "acme/large:nitro", True),
        ("model: '*:floor'", "acme/large:floor", True),
        ("not: {model: acme/large}", "acme/large:floor", False),
        ("any: [{model: acme/large}]", "acme/large:free", True),
        ("model: acme/large", "acme/large:other", False),
        ("model: acme/large", "acme/small:floor", False),
        ("{model: acme/large, any: [{model: 'acme/large:floor'}]}", "acme/large:floor", True),
    ],
)
async def test_nobody_gets_around_a_rule_by_a_suffix(
    decided: Decided, when: str, model: str, expected: bool
) -> None:
    when = when if when.startswith("{") else f"{{{when}}}"
    rules = f"routes: [{{name: kept, when: {when}, use: {{models: [acme/small]}}}}, {{name: rest}}]\n"
    prepare: Any = lambda setup: setup.catalogue.add(  # noqa: E731
        Model("acme/large:other", [Endpoint(setup.providers["lab"], "large:other")])
    )
    async with decided(rules, body(model), prepare=prepare) as exchange:
        assert (exchange.decision.rule == "kept") is expected


async def test_rules_are_judged_anew_when_the_catalogue_has_changed(decided: Decided) -> None:
    rules = "routes: [{name: kept, when: {model: acme/new}}, {name: rest, use: {models: [acme/small]}}]\n"
    async with decided(rules, body("acme/new:floor")) as exchange:
        assert exchange.decision.rule == "rest"
        found = exchange.setup.notes["routes"].rules
        model = Model("acme/new", [Endpoint(exchange.setup.providers["lab"], "new")])
        exchange.setup.catalogue.add(model)
        assert found.judge(exchange).plan.rule == "kept"
