"""Schemas: this dialect's own kind, a part of OpenAPI 3.0, as JSON Schema. It takes JSON Schema as it is."""

from __future__ import annotations

from typing import Any

__all__ = ["plain_schema"]


def plain_schema(schema: Any) -> Any:
    """A schema of this dialect's own kind as JSON Schema: types in lower case, null as one of several."""
    if isinstance(schema, list):
        return [plain_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "properties" and isinstance(value, dict):
            found[name] = {each: plain_schema(inner) for each, inner in value.items()}
        elif name in ("items", "anyOf", "any_of"):
            found["anyOf" if name == "any_of" else name] = plain_schema(value)
        elif name == "type" and isinstance(value, str):
            found[name] = value.lower()
        elif name != "nullable":
            found[name] = value
    if schema.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found
