"""Fields of OpenRouter's as settings."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.config import Schema
from pointsman.errors import BadRequest
from pointsman_openrouter.shapes import settings_of


@pytest.fixture
def schema() -> Schema:
    schema = Schema()
    schema.field("key", "budget", dict[str, Any] | None, owner="budgets", help="A budget.")
    return schema


@pytest.mark.parametrize(
    ("body", "settings"),
    [
        ({"name": "a"}, {"name": "a"}),
        ({"limit": 5, "limit_reset": "daily"}, {"budget": {"usd": 5, "per": "day"}}),
        ({"limit": 5, "limit_reset": "weekly"}, {"budget": {"usd": 5, "per": "week"}}),
        ({"limit": 5, "limit_reset": None}, {"budget": {"usd": 5, "per": "lifetime"}}),
        ({"limit": 5}, {"budget": {"usd": 5, "per": "lifetime"}}),
        ({"limit": None}, {"budget": None}),
        ({"expires_at": "2030-01-01"}, {"expires": "2030-01-01"}),
        ({"include_byok_in_limit": False, "workspace_id": None}, {}),
        ({"include_byok_in_limit": True}, {}),
    ],
)
def test_members_and_what_they_are(body: dict[str, Any], settings: dict[str, Any], schema: Schema) -> None:
    assert settings_of(body, schema) == settings


def test_a_limit_without_budgets_is_refused() -> None:
    with pytest.raises(BadRequest, match="needs the plugin budgets"):
        settings_of({"limit": 5}, Schema())


def test_a_limit_and_a_budget_are_one_too_many(schema: Schema) -> None:
    with pytest.raises(BadRequest, match="are the same"):
        settings_of({"limit": 5, "budget": {}}, schema)
