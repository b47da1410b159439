"""The section `plugins:`: which are on, in which order, from which file, with which settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .build import INVALID, Builder, is_empty
from .declare import record_spec, setting
from .document import Document, Entry, ListNode, MappingNode, Node, ScalarNode
from .kinds import Record
from .problems import Finding, Problem
from .source import Mark

__all__ = ["ORDER", "SECTION", "OrderSettings", "PluginEntry", "build_plugins", "plugins_of"]

SECTION = "plugins"
ORDER = "order"


@dataclass(frozen=True)
class OrderSettings:
    """The plugin's place among the others."""

    before: tuple[str, ...] = setting(default=(), help="Plugins that come after it.")
    after: tuple[str, ...] = setting(default=(), help="Plugins that come before it.")


@dataclass(frozen=True)
class NoSettings:
    """A plugin without settings of its own."""


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """One entry of `plugins:`; `path` is the file of a single-file plugin, whose name is the file's stem."""

    name: str
    enabled: bool
    path: Path | None
    order_before: tuple[str, ...]
    order_after: tuple[str, ...]
    mark: Mark

    def problem(self, message: str) -> Problem:
        """A problem at this entry's place."""
        return Finding(message, self.mark).problem()


def plugins_of(document: Document) -> list[PluginEntry]:
    """The entries of `plugins:` in order, before anything is known about the plugins' settings.

    What is malformed is left out here; `build` tells of it.
    """
    entry = document.root.entries.get(SECTION)
    if entry is None or not isinstance(entry.node, MappingNode):
        return []
    return [_plugin_entry(key, each) for key, each in _plugin_keys(entry.node)]


def build_plugins(builder: Builder, parent: MappingNode) -> dict[str, Any]:
    """Settings by plugin: None for one that is off or has none, INVALID for one that is refused."""
    section = parent.entries.get(SECTION)
    node: Node = section.node if section is not None else MappingNode(parent.mark, parent.end)
    if section is not None:
        builder.places[SECTION] = node
    settings: dict[str, Any] = {}
    if isinstance(node, MappingNode):
        seen: dict[str, Mark] = {}
        for key, entry in _plugin_keys(node):
            name = _name(key)
            if name in seen:
                finding = Finding(
                    f"plugin `{name}` stands here twice", entry.mark, hint=f"first at {seen[name]}"
                )
                builder.findings.add(finding)
                continue
            seen[name] = entry.mark
            settings[name] = _build_plugin(builder, key, entry)
    elif not is_empty(node):
        builder.refuse(
            node, SECTION, Record(NoSettings), expected="a mapping of plugins' names to their settings"
        )
    for name, claim in builder.schema.plugins.items():
        if name not in settings:
            empty = MappingNode(node.mark, node.end)
            settings[name] = builder.record(claim.spec, empty, f"{SECTION}.{name}") if claim.spec else None
    return settings


def _build_plugin(builder: Builder, key: str, entry: Entry) -> Any:
    name, node = _name(key), entry.node
    path = f"{SECTION}.{name}"
    builder.places[path] = node
    claim = builder.schema.plugins.get(name)
    if _is_off(node):
        if claim is None:
            message = f"there is no plugin `{key}` to turn off"
            builder.findings.add(Finding(message, entry.mark, severity="warning"))
        return None
    if claim is None:
        builder.unknown_key(key, entry, dict.fromkeys(builder.schema.plugins), SECTION)
        return INVALID
    if isinstance(node, MappingNode) and ORDER in node.entries:
        builder.value(Record(OrderSettings), node.entries[ORDER].node, f"{path}.{ORDER}")
        rest = {name: each for name, each in node.entries.items() if name != ORDER}
        node = MappingNode(node.mark, node.end, rest)
    if isinstance(node, ScalarNode) and node.failure is not None:
        builder.findings.add(node.failure)
        return INVALID
    spec = claim.spec or record_spec(NoSettings)
    settings = builder.record(spec, node, path, beside=[ORDER])
    return settings if claim.spec is not None or settings is INVALID else None


def _plugin_keys(node: MappingNode) -> Iterator[tuple[str, Entry]]:
    return ((key, entry) for key, entry in node.entries.items() if not key.startswith("x-"))


def _plugin_entry(key: str, entry: Entry) -> PluginEntry:
    order = entry.node.entries.get(ORDER) if isinstance(entry.node, MappingNode) else None
    return PluginEntry(
        name=_name(key),
        enabled=not _is_off(entry.node),
        path=entry.mark.source.base / key if _is_file(key) else None,
        order_before=_names(order, "before"),
        order_after=_names(order, "after"),
        mark=entry.mark,
    )


def _names(order: Entry | None, key: str) -> tuple[str, ...]:
    if order is None or not isinstance(order.node, MappingNode) or key not in order.node.entries:
        return ()
    node = order.node.entries[key].node
    items = node.items if isinstance(node, ListNode) else []
    return tuple(item.text for item in items if isinstance(item, ScalarNode) and item.failure is None)


def _is_file(key: str) -> bool:
    return key.startswith(("./", "../", "/")) or key.endswith(".py")


def _name(key: str) -> str:
    return Path(key).stem if _is_file(key) else key


def _is_off(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is False and node.failure is None
