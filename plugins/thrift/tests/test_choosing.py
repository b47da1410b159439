"""Choosing: which model answers, and that the reasons given are the reasons."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from pointsman_thrift.policy import Ask, Choice, Controller, Limits, Offer, Policy, choose
from pointsman_thrift.quality import Priors, Quality

NOW = 1_800_000_000.0
OFFERS = [Offer("strong", 1000.0, 8.0), Offer("middle", 300.0, 4.0), Offer("cheap", 50.0, 2.0)]
POLICY = Policy(explore=0.0)


def taught(pairs: int = 200, *, middle: int = 2, cheap: int = 30, task: str = "maths") -> Quality:
    """Of a hundred answers of the strong model 90 are good; of the others', so many fewer."""
    quality = Quality()
    for number in range(pairs):
        good, place = float(number % 10 > 0), number * 37 % 100
        outcomes = {
            "strong": good,
            "middle": 0.0 if place < middle * 1.1 and good else good,
            "cheap": 0.0 if place < cheap * 1.1 and good else good,
        }
        for model, outcome in outcomes.items():
            quality.observe(task, model, outcome, weight=1.0, at=NOW, source="shadow")
        for model in ("middle", "cheap"):
            both = outcomes["strong"], outcomes[model]
            quality.observe_pair(task, "strong", model, both, weight=1.0, at=NOW)
    return quality


def chosen(quality: Quality, policy: Policy = POLICY, ask: Ask | None = None, **more: object) -> Choice:
    """One choice with a fresh budget."""
    return choose(
        ask or Ask("maths", NOW),
        more.get("offers", OFFERS),  # type: ignore[arg-type]
        quality=quality,
        controller=more.get("controller") or Controller(policy.limits),  # type: ignore[arg-type]
        policy=policy,
        chance=Random(1),
    )


def test_the_cheapest_that_loses_little_enough_answers() -> None:
    found = chosen(taught(1000))
    assert (found.model, found.reference, found.cause) == ("middle", "strong", "budget")
    assert found.order == ("middle", "strong", "cheap")
    assert "31% of strong" in found.why
    assert "paired labels" in found.why
    verdicts = {each.model: each.verdict for each in found.weighed}
    assert verdicts["strong"].startswith("the reference")
    assert verdicts["middle"].startswith("may answer: loses 0.0")
    assert verdicts["cheap"].startswith("not good enough: loses 0.")


def test_a_wider_budget_lets_the_cheapest_answer() -> None:
    policy = replace(POLICY, limits=Limits(0.5, 0.5))
    assert chosen(taught(1000), policy).model == "cheap"


def test_below_thirty_labels_a_model_is_only_suggested() -> None:
    priors = Priors({"strong": 0.9, "middle": 0.9, "cheap": 0.9})
    policy = replace(POLICY, limits=Limits(0.4, 0.4))
    found = chosen(Quality(priors), policy)
    assert (found.model, found.cause, found.suggestion) == ("strong", "best", "cheap")
    assert "0.0 of 30 paired labels" in found.weighed[2].verdict
    few = taught(29, middle=0, cheap=0)
    assert chosen(few, policy).model == "strong"
    assert chosen(few, policy).suggestion == "cheap"
    enough = taught(31, middle=0, cheap=0)
    assert chosen(enough, policy).model == "cheap"
    assert chosen(enough, policy).suggestion is None


def test_labels_of_another_task_move_nothing_here() -> None:
    quality = taught(1000, middle=0, task="trivia")
    assert chosen(quality).model == "strong"
    assert chosen(quality, ask=Ask("trivia", NOW)).model == "middle"


def test_to_suggest_is_all_that_is_done_where_it_is_asked_for() -> None:
    found = chosen(taught(1000), replace(POLICY, mode="suggest"))
    assert (found.model, found.suggestion) == ("strong", "middle")


def test_strict_asks_for_a_probability_in_each_request() -> None:
    quality = taught(1000)
    found = chosen(quality, replace(POLICY, mode="strict", limits=Limits(0.05)))
    assert (found.model, found.cause) == ("middle", "strict")
    assert found.weighed[1].sure >= 0.9
    assert "good enough with probability" in found.why
    strictest = replace(POLICY, mode="strict", limits=Limits(0.01))
    assert chosen(quality, strictest).model == "strong"


def test_protected_requests_go_to_the_best() -> None:
    budget = Controller(POLICY.limits)
    ask = Ask("maths", NOW, protected="the task legal is protected")
    found = chosen(taught(1000), ask=ask, controller=budget)
    assert (found.model, found.cause, found.why) == ("strong", "protected", "the task legal is protected")
    assert budget.share == 0.0
    assert budget.tau == POLICY.limits.loss


def test_a_tools_result_goes_to_the_model_that_called_it() -> None:
    ask = Ask("maths", NOW, session="cheap", session_task="maths", tool_result=True)
    found = chosen(taught(1000), ask=ask)
    assert (found.model, found.cause) == ("cheap", "tool result")
    protected = replace(ask, protected="the key is protected")
    assert chosen(taught(1000), ask=protected).model == "cheap"


def test_a_session_stays_unless_the_gain_is_more_than_what_is_read_anew() -> None:
    quality = taught(1000)
    ask = Ask("maths", NOW, session="strong", session_task="maths")
    cached = [Offer("strong", 310.0), *OFFERS[1:]]
    found = chosen(quality, ask=ask, offers=cached)
    assert (found.model, found.cause) == ("strong", "session")
    assert "10%" in found.why
    assert chosen(quality, ask=ask).model == "middle"
    other = replace(ask, session_task="trivia")
    assert chosen(quality, ask=other, offers=cached).cause != "session"


def test_a_session_leaves_a_model_that_became_bad() -> None:
    quality = taught(1000, cheap=60)
    ask = Ask("maths", NOW, session="cheap", session_task="maths")
    assert chosen(quality, ask=ask).model == "middle"


def test_unpriced_models_are_never_free() -> None:
    offers = [OFFERS[0], Offer("middle", None, 4.0), OFFERS[2]]
    found = chosen(taught(1000), offers=offers)
    assert found.model == "strong"
    assert found.weighed[1].verdict == "no price is known"
    assert found.weighed[1].as_json()["cost_usd"] is None


def test_speed_is_an_objective_too() -> None:
    policy = replace(POLICY, objective="speed")
    offers = [Offer("strong", 1.0, 8.0), Offer("middle", 500.0, 4.0), Offer("cheap", 2.0, None)]
    found = chosen(taught(1000), policy, offers=offers)
    assert found.model == "middle"
    assert found.weighed[2].verdict == "its speed is not known"


def test_the_reference_is_the_best_that_was_seen_enough() -> None:
    quality = taught(200, middle=-5)
    for _ in range(300):
        quality.observe("maths", "middle", 1.0, weight=1.0, at=NOW, source="vote")
    assert chosen(quality).reference == "middle"
    assert chosen(Quality()).reference == "strong"
    assert chosen(Quality(Priors({"cheap": 0.99}))).reference == "strong"


def test_hard_prompts_go_to_the_strong_model() -> None:
    quality = taught(1000, cheap=4)
    easy = Ask("maths", NOW, gains={"cheap": 0.05, "middle": 0.0, "strong": 0.0})
    hard = Ask("maths", NOW, gains={"cheap": -0.3, "middle": -0.2, "strong": 0.1})
    assert chosen(quality, ask=easy).model == "cheap"
    assert chosen(quality, ask=hard).model == "strong"


def test_exploration_is_bounded_in_rate_and_loss() -> None:
    quality = taught(1000, middle=6)
    policy = replace(POLICY, explore=1.0, limits=Limits(0.05, 0.05))
    counts: Counter[tuple[str, str]] = Counter()
    chance, budget = Random(3), Controller(policy.limits)
    for _ in range(5000):
        found = choose(
            Ask("maths", NOW), OFFERS, quality=quality, controller=budget, policy=policy, chance=chance
        )
        counts[found.cause, found.model] += 1
        assert found.chance in (0.02, 0.98, 1.0)
    explored = sum(count for (cause, _), count in counts.items() if cause == "explored")
    assert 0 < explored <= 0.03 * 5000
    assert counts["explored", "cheap"] == 0


def test_what_is_known_least_is_explored() -> None:
    quality = taught(1000, middle=0)
    new = Offer("new", 10.0)
    quality.observe("maths", "new", 1.0, weight=9.0, at=NOW, source="vote")
    policy = replace(POLICY, explore=0.02, limits=Limits(0.4, 0.4))
    chance, budget = Random(3), Controller(policy.limits)
    found = [
        choose(
            Ask("maths", NOW),
            [*OFFERS, new],
            quality=quality,
            controller=budget,
            policy=policy,
            chance=chance,
        )
        for _ in range(2000)
    ]
    explored = [each for each in found if each.cause == "explored"]
    assert explored
    assert {each.model for each in explored} == {"new"}


def test_the_budget_is_kept_over_many_requests() -> None:
    quality = taught(2000, middle=8)
    budget = Controller(Limits(0.03, 0.15))
    policy = replace(POLICY, limits=budget.limits)
    models = Counter(
        choose(
            Ask("maths", NOW), OFFERS, quality=quality, controller=budget, policy=policy, chance=Random(1)
        ).model
        for _ in range(3000)
    )
    assert models["middle"] > 300
    assert models["strong"] > 300
    assert models["cheap"] == 0
    assert budget.share <= 0.031


def test_an_exhausted_budget_does_not_stay_so() -> None:
    quality = taught(2000)
    budget = Controller(POLICY.limits)
    budget.spent(5.0, 0.9)
    assert chosen(quality, controller=budget).model == "strong"
    models = {chosen(quality, controller=budget).model for _ in range(500)}
    assert models == {"strong", "middle"}


def test_one_model_is_a_choice_and_none_is_not() -> None:
    found = chosen(Quality(), offers=OFFERS[:1])
    assert (found.model, found.cause, found.order) == ("strong", "best", ("strong",))
    with pytest.raises(ValueError, match="no model"):
        chosen(Quality(), offers=[])


def test_a_choice_explains_itself_as_json() -> None:
    record = json.loads(json.dumps(chosen(taught(1000)).as_json()))
    assert record["model"] == "middle"
    assert record["models"][1]["pairs"] == pytest.approx(1000)
    assert record["models"][1]["quality"]["n"] == pytest.approx(1000)
    assert 0 < record["models"][1]["quality"]["low"] < record["models"][1]["quality"]["mean"]
    assert record["models"][0]["cost_usd"] == pytest.approx(1e-6)
    assert record["tau"] == 0.05
    assert record["chance"] == 1.0


def test_the_same_draws_choose_the_same() -> None:
    quality, policy = taught(300), replace(POLICY, explore=0.02, limits=Limits(0.3, 0.3))

    def models() -> list[str]:
        chance, budget = Random(7), Controller(policy.limits)
        return [
            choose(
                Ask("maths", NOW), OFFERS, quality=quality, controller=budget, policy=policy, chance=chance
            ).model
            for _ in range(300)
        ]

    assert models() == models()


def test_what_is_seen_counts_at_once_and_fades_with_time() -> None:
    """How models stand is remembered, but not longer than it is so."""
    quality = taught(300)
    assert chosen(quality).model == "middle"
    for _ in range(300):
        quality.observe_pair("maths", "strong", "middle", (1.0, 0.0), weight=1.0, at=NOW)
    assert chosen(quality).model == "strong"
    other = taught(300)
    assert chosen(other).model == "middle"
    later = chosen(other, ask=Ask("maths", NOW + 60 * 86_400))
    assert later.model == "strong"
    assert later.weighed[1].verdict.endswith("of 30 paired labels")
