"""Schemas of this dialect's own kind."""

from __future__ import annotations

from pointsman_gemini.schemas import plain_schema


def test_an_own_schema_becomes_json_schema() -> None:
    own = {
        "type": "OBJECT",
        "properties": {
            "type": {"type": "STRING", "nullable": True, "description": "Of it."},
            "tags": {"type": "ARRAY", "items": {"type": "INTEGER"}},
            "either": {"any_of": [{"type": "STRING"}, {"type": "NUMBER"}]},
        },
        "required": ["type"],
    }
    assert plain_schema(own) == {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"], "description": "Of it."},
            "tags": {"type": "array", "items": {"type": "integer"}},
            "either": {"anyOf": [{"type": "string"}, {"type": "number"}]},
        },
        "required": ["type"],
    }


def test_what_is_no_schema_stays() -> None:
    assert plain_schema(True) is True
    assert plain_schema(None) is None
