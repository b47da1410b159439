"""Showing: every value in effect and where it came from, secrets by their fingerprints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from pointsman.secrets import Secret

from .config import Config
from .declare import EXTRA, record_spec
from .document import ScalarNode
from .masking import looks_secret, mask_url
from .plugins import ORDER, SECTION, OrderSettings
from .render import render

__all__ = ["Shown", "show", "show_json", "show_text"]

WIDEST = 72


@dataclass(frozen=True, slots=True)
class Shown:
    """One value: its dotted path, itself as YAML, and `file:line:column` (with `env NAME`) or `default`."""

    path: str
    value: str
    origin: str


def show(config: Config) -> list[Shown]:
    """Every value in effect, in the order of the file, defaults after what it gives."""
    order = {path: index for index, path in enumerate(config.places)}
    return list(_rows(config, order, {**config.sections, SECTION: _plugins(config)}, ""))


def show_text(config: Config) -> str:
    """`path: value  # origin`, a line each."""
    rows = [(f"{row.path}: {row.value}", row.origin) for row in show(config)]
    width = min(WIDEST, max(len(text) for text, _ in rows))
    return "\n".join(f"{text:<{width}}  # {origin}" for text, origin in rows)


def show_json(config: Config) -> str:
    """The rows as a JSON array of objects."""
    return json.dumps([asdict(row) for row in show(config)], ensure_ascii=False, indent=2)


def _rows(config: Config, order: Mapping[str, int], value: Any, path: str) -> Iterator[Shown]:
    children = _children(value)
    if not children and path:
        yield Shown(path, _value(value, path), _origin(config, path))
        return
    prefix = f"{path}." if path else ""
    for name in sorted(children, key=lambda name: order.get(prefix + name, len(order))):
        yield from _rows(config, order, children[name], prefix + name)


def _children(value: Any) -> dict[str, Any]:
    """What a value is made of, by key; empty for one that is shown as a whole."""
    if is_dataclass(value) and not isinstance(value, type):
        keys = {spec.attribute: name for name, spec in record_spec(type(value)).fields.items()}
        children = {keys.get(each.name, each.name): getattr(value, each.name) for each in fields(value)}
        for inner in (EXTRA if hasattr(value, "record") else None, getattr(value, "names", None)):
            if inner is not None:
                children |= children.pop(inner)
        return children
    if isinstance(value, Mapping):
        return {str(key): each for key, each in value.items()}
    if isinstance(value, list | tuple):
        return {str(index): each for index, each in enumerate(value)}
    return {}


def _plugins(config: Config) -> dict[str, Any]:
    """Plugins by name: their settings and their place among the others, false for one that is off."""
    shown: dict[str, Any] = {name: _children(settings) for name, settings in config.plugins.items()}
    for entry in config.plugin_entries:
        if not entry.enabled:
            shown[entry.name] = False
        elif entry.order_before or entry.order_after:
            shown[entry.name][ORDER] = OrderSettings(before=entry.order_before, after=entry.order_after)
    return shown


def _value(value: Any, path: str) -> str:
    if isinstance(value, str):
        name = next((part for part in reversed(path.split(".")) if not part.isdigit()), "")
        return str(Secret(value)) if looks_secret(name) else render(mask_url(value))
    return "{}" if is_dataclass(value) else render(value)


def _origin(config: Config, path: str) -> str:
    node = config.places.get(path)
    if node is None:
        return "default"
    elsewhere = f" ({node.origin})" if isinstance(node, ScalarNode) and node.origin else ""
    return f"{node.mark}{elsewhere}"
