"""Filters and orders."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pointsman.catalogue import Endpoint, Model
from pointsman.errors import BadRequest
from pointsman.facts import About, Fact
from pointsman.providers import Provider
from pointsman_openrouter.filters import FILTERS, SORTS, check_names, choice, filtered, number, sorted_rows
from pointsman_openrouter.offers import Offer
from pointsman_openrouter.rows import Row, row_of

DAY = 86_400
TODAY = int(time.time())


def row(model: str, /, about: About | None = None, **facts: Any) -> Row:
    provider = Provider("lab", kind="vendor")
    provider.about = about or About()
    endpoint = Endpoint(provider, model, facts={key: Fact(value, "a test") for key, value in facts.items()})
    return row_of(Offer(Model(model, [endpoint]), (endpoint,)), TODAY)


LARGE = row(
    "acme/large",
    About(title="The Lab", retains=False, region="eu-west-1"),
    name="Large Thing",
    created=TODAY - 10 * DAY,
    context=200_000,
    input_modalities=("text", "image"),
    output_modalities=("text",),
    parameters=("tools", "seed"),
    tokenizer="GPT",
    price={"input": 3, "output": 15},
    distillable=True,
)
SMALL = row(
    "other/small",
    About(retains=True, region="US"),
    created=TODAY - 100 * DAY,
    context=8000,
    input_modalities=("text",),
    output_modalities=("text", "image"),
    parameters=("tools",),
    tokenizer="Llama3",
    price={"input": "0.1", "output": "0.2"},
)
FINDER = row(
    "acme/finder", About(region="FR"), output_modalities=("embeddings",), price={"input": 1, "output": 0}
)
BLANK = row("blank/blank")
ALL = [LARGE, SMALL, FINDER, BLANK]


def names(**query: str) -> str:
    found = filtered(ALL, {"output_modalities": "all", **query})
    return " ".join(each.name.partition("/")[2] for each in found)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "large small finder blank"),
        ({"supported_parameters": "tools"}, "large small"),
        ({"supported_parameters": "tools, seed"}, "large"),
        ({"input_modalities": "text"}, "large small"),
        ({"input_modalities": "image,text"}, "large"),
        ({"output_modalities": "text"}, "large small"),
        ({"output_modalities": "embeddings,image"}, "small finder"),
        ({"output_modalities": ""}, "large small blank"),
        ({"q": "THING acme"}, "large"),
        ({"q": "nowhere"}, ""),
        ({"context": "8000"}, "large small"),
        ({"context": "8001"}, "large"),
        ({"min_price": "1"}, "large finder"),
        ({"max_price": "0.1"}, "small"),
        ({"max_price": "3", "min_price": "1"}, "large finder"),
        ({"min_output_price": "0.2"}, "large small"),
        ({"max_output_price": "0"}, "finder"),
        ({"arch": "gpt"}, "large"),
        ({"model_authors": "acme,nobody"}, "large finder"),
        ({"providers": "the lab"}, "large"),
        ({"providers": "lab"}, "large small finder blank"),
        ({"providers": "VENDOR"}, "large small finder blank"),
        ({"distillable": "true"}, "large"),
        ({"distillable": "false"}, "small finder blank"),
        ({"zdr": "true"}, "large"),
        ({"region": "eu"}, "large finder"),
        ({"region": "us"}, "small"),
        ({"min_age_days": "50"}, "small"),
        ({"max_age_days": "50"}, "large"),
        ({"min_intelligence_index": "0"}, ""),
        ({"max_agentic_index": "99.5"}, ""),
        ({"min_tool_success_rate": "0"}, ""),
    ],
    ids=str,
)
def test_each_filter_leaves_what_is_known_to_meet_it(query: dict[str, str], found: str) -> None:
    assert names(**query) == found


def test_of_a_model_of_which_nothing_is_known_nothing_is_assumed() -> None:
    known = {"output_modalities", "q", "model_authors", "providers", "distillable"}
    samples = {"zdr": "true", "region": "eu", "arch": "gpt", "supported_parameters": "tools"}
    for name in FILTERS.keys() - known:
        text = samples.get(name, "text" if "modalities" in name else "1")
        assert filtered([BLANK], {"output_modalities": "all", name: text}) == [], name


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"context": "many"}, "`context` must be a whole number from 0"),
        ({"context": "1.5"}, "`context` must be a whole number"),
        ({"min_price": "-1"}, "`min_price` must be a number from 0"),
        ({"max_price": "nan"}, "`max_price` must be a number"),
        ({"max_price": "1e99"}, "`max_price` must be a number"),
        ({"min_tool_success_rate": "1.1"}, "must be a number from 0 to 1"),
        ({"max_coding_index": "high"}, "`max_coding_index` must be a number"),
        ({"zdr": "false"}, "`zdr` must be one of true"),
        ({"region": "asia"}, "`region` must be one of eu, us"),
        ({"distillable": "perhaps"}, "`distillable` must be one of true, false"),
    ],
    ids=str,
)
def test_what_is_no_value_is_refused(query: dict[str, str], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        names(**query)


def test_a_parameter_that_nobody_knows_is_refused_with_what_may_have_been_meant() -> None:
    check_names(["sort"], ("sort",))
    with pytest.raises(BadRequest, match="no parameter `srot` here; did you mean `sort`"):
        check_names(["sort", "srot"], ("sort", "limit"))


def test_words_and_numbers() -> None:
    assert choice("sort", "newest", SORTS) == "newest"
    assert int(number("limit", "12", whole=True)) == 12


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("newest", "large small finder blank"),
        ("pricing-low-to-high", "small finder large blank"),
        ("pricing-high-to-low", "large finder small blank"),
        ("context-high-to-low", "large small finder blank"),
        ("most-popular", "finder small large blank"),
        ("top-weekly", "finder small large blank"),
        ("throughput-high-to-low", "finder small large blank"),
        ("latency-low-to-high", "small finder large blank"),
        ("intelligence-high-to-low", "large small finder blank"),
        ("coding-high-to-low", "large small finder blank"),
        ("agentic-high-to-low", "large small finder blank"),
        ("design-arena-elo-high-to-low", "large small finder blank"),
    ],
)
def test_orders_with_what_is_unknown_at_the_end_as_it_was(sort: str, found: str) -> None:
    measured = {"acme/finder": 9.0, "other/small": 5.0}
    rows = sorted_rows(ALL, sort, measured)
    assert " ".join(each.name.partition("/")[2] for each in rows) == found


def test_the_parameters_are_those_of_the_specification(specification: dict[str, Any]) -> None:
    known = {each["name"]: each["schema"] for each in specification["paths"]["/models"]["get"]["parameters"]}
    elsewhere = {"offset", "limit", "category", "sort", "use_rss", "use_rss_chat_links"}
    assert FILTERS.keys() == known.keys() - elsewhere
    assert set(SORTS) == set(known["sort"]["enum"])
