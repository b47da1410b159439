"""Building: nodes into typed settings, with every problem on the way."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from .convert import SCALAR_KINDS, Refused, convert
from .declare import EXTRA, FieldSpec, RecordSpec, SettingError, record_spec, records_within
from .document import Entry, ListNode, MappingNode, Node, ScalarNode, describe
from .kinds import Anything, Either, Kind, Listing, Record, Table, is_null, is_secret, words
from .problems import Finding, Findings
from .render import render
from .schema import Schema
from .source import Mark

__all__ = ["INVALID", "Builder", "is_empty"]

INVALID: Any = object()
"""Stands for a value that was refused; the reason is among the findings."""
LONGEST_LIST = 8


class Builder:
    """Turns nodes into values. `places` has the node of every dotted path that the file gives."""

    def __init__(self, schema: Schema, findings: Findings) -> None:
        self.schema = schema
        self.findings = findings
        self.places: dict[str, Node] = {}

    def setting(self, spec: FieldSpec, node: Node, path: str) -> Any:
        """The value of a setting that the file gives, its limits and its rule checked."""
        value = self.value(spec.kind, node, path)
        if value is INVALID or value is None:
            return value
        if not self._within_limits(spec, value, node, path):
            return INVALID
        if spec.check is not None and not self._passes(partial(spec.check, value), node, path):
            return INVALID
        return value

    def value(self, kind: Kind, node: Node, path: str) -> Any:
        """The value of a node, or INVALID."""
        self.places[path] = node
        if is_secret(kind):
            hide(node)
        if isinstance(node, ScalarNode) and node.failure is not None:
            self.findings.add(node.failure)
            return INVALID
        kind = shaped(kind, node)
        match kind:
            case Record(type=type_):
                return self.record(record_spec(type_), node, path)
            case Listing(item=item, container=container) if isinstance(node, ListNode) or is_empty(node):
                items = node.items if isinstance(node, ListNode) else []
                values = [self.value(item, each, f"{path}.{index}") for index, each in enumerate(items)]
                return INVALID if any(value is INVALID for value in values) else container(values)
            case Table(value=inner) if isinstance(node, MappingNode) or is_empty(node):
                return self._table(inner, node, path)
            case Anything() if not isinstance(node, ScalarNode):
                inside = Listing(kind, list) if isinstance(node, ListNode) else Table(kind)
                return self.value(inside, node, path)
            case _:
                return self._scalar(kind, node, path)

    def record(self, spec: RecordSpec, node: Node, path: str, *, beside: Iterable[str] = ()) -> Any:
        """A settings object, or INVALID. `beside` are keys that somebody else has taken out of the node."""
        added = {name: claim.spec for name, claim in self.schema.fields(spec.record).items()}
        entries = self._entries(spec, added, node, path)
        if entries is None:
            return INVALID
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        named: dict[str, Any] = {}
        for key, entry in entries.items():
            inner = child(path, key)
            if key in spec.fields:
                values[key] = self.setting(spec.fields[key], entry.node, inner)
            elif key in added:
                extra[key] = self.setting(added[key], entry.node, inner)
            elif spec.names is not None:
                named[key] = self.value(spec.names_kind, entry.node, inner)
            elif not key.startswith("x-"):
                self.unknown_key(key, entry, {**spec.fields, **added, **dict.fromkeys(beside)}, path)
        for name, field in spec.fields.items():
            if name not in values:
                values[name] = (
                    self._missing(name, field, node.mark, path) if field.required else field.default_value()
                )
        for name, field in added.items():
            extra.setdefault(name, field.default_value())
        if any(value is INVALID for value in (*values.values(), *extra.values(), *named.values())):
            return INVALID
        arguments = {spec.fields[name].attribute: value for name, value in values.items()}
        if spec.record is not None:
            arguments[EXTRA] = extra
        if spec.names is not None:
            arguments[spec.names] = named
        settings = spec.type(**arguments)
        check = getattr(settings, "check", None)
        return settings if check is None or self._passes(check, node, path) else INVALID

    def absent(self, spec: FieldSpec, parent: MappingNode) -> Any:
        """The value of a section that the file does not have: its default, or what an empty one comes to."""
        if not spec.required:
            return spec.default_value()
        kind = spec.kind
        if isinstance(kind, Either):
            kind = next(
                (option for option in kind.options if isinstance(option, Record | Table | Listing)), kind
            )
        match kind:
            case Record(type=type_):
                return self.record(record_spec(type_), MappingNode(parent.mark, parent.end), spec.name)
            case Table():
                return {}
            case Listing(container=container):
                return container()
            case _:
                return None if is_null(kind) else self._missing(spec.name, spec, parent.mark, "")

    def unknown_key(self, key: str, entry: Entry, known: Mapping[str, FieldSpec | None], path: str) -> None:
        """Tell of a key that has no place here, and which one may be meant."""
        expected = hint = ""
        if not self.findings.full:
            near = difflib.get_close_matches(key, known, 1)
            if near:
                hint = f"did you mean `{near[0]}`?"
                meant = known[near[0]]
                if meant is not None and holds_secret(meant.kind):
                    hide(entry.node)
            else:
                expected = f"one of {listing(known)}" if known else "no key at all"
                if path and any(spec is not None and holds_secret(spec.kind) for spec in known.values()):
                    hide(entry.node)  # where a secret belongs, a key that nobody knows may hold it
        where = f" in `{path}`" if path else ""
        self.findings.add(Finding(f"unknown key `{key}`{where}", entry.mark, expected, hint))

    def refuse(
        self, node: Node, path: str, kind: Kind, *, message: str = "", expected: str = "", hint: str = ""
    ) -> Any:
        """Tell that a node is not of its kind. Returns INVALID."""
        found = describe(node)
        if holds_secret(kind):
            hide(node)
            found = describe(node) if not isinstance(node, ScalarNode) else "a text or number"
        message = message or f"this cannot be {found}"
        self.findings.add(Finding(f"`{path}`: {message}", node.mark, expected or words(kind), hint))
        return INVALID

    def nearest(self, path: str) -> Mark | None:
        """The place of a dotted path, or of what it is in; None where the file has neither."""
        while path:
            if path in self.places:
                return self.places[path].mark
            path = path.rpartition(".")[0]
        return None

    def _entries(
        self, spec: RecordSpec, added: Mapping[str, FieldSpec], node: Node, path: str
    ) -> dict[str, Entry] | None:
        """The entries of a record's mapping; a scalar or list is put under the record's shorthand."""
        if isinstance(node, MappingNode):
            return gathered(node.entries, {**spec.fields, **added}) if spec.dotted else node.entries
        if is_empty(node):
            return {}
        if spec.shorthand is not None:
            return {spec.shorthand: Entry(node.mark, node)}
        expected = f"a mapping (of {listing(spec.fields)})" if spec.fields else "a mapping"
        self.refuse(node, path, Record(spec.type), expected=expected)
        return None

    def _table(self, kind: Kind, node: Node, path: str) -> Any:
        entries = node.entries if isinstance(node, MappingNode) else {}
        values = {key: self.value(kind, entry.node, child(path, key)) for key, entry in entries.items()}
        return INVALID if any(value is INVALID for value in values.values()) else values

    def _scalar(self, kind: Kind, node: Node, path: str) -> Any:
        if not isinstance(node, ScalarNode):
            return self.refuse(node, path, kind)
        try:
            return convert(kind, node)
        except Refused as refusal:
            message = "" if holds_secret(kind) else refusal.message
            hint = "" if holds_secret(kind) else refusal.hint
            return self.refuse(node, path, kind, message=message, hint=hint)

    def _missing(self, name: str, spec: FieldSpec, mark: Mark, path: str) -> Any:
        where = f" in `{path}`" if path else ""
        self.findings.add(Finding(f"`{name}` is missing{where}", mark, f"{words(spec.kind)}: {spec.help}"))
        return INVALID

    def _within_limits(self, spec: FieldSpec, value: Any, node: Node, path: str) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        if spec.minimum is not None and value < spec.minimum:
            bound = f"at least {render(type(value)(spec.minimum))}"
        elif spec.maximum is not None and value > spec.maximum:
            bound = f"at most {render(type(value)(spec.maximum))}"
        else:
            return True
        found = "" if isinstance(node, ScalarNode) and node.expanded else f", not {render(value)}"
        self.findings.add(Finding(f"`{path}` must be {bound}{found}", node.mark))
        return False

    def _passes(self, check: Callable[[], None], node: Node, path: str) -> bool:
        """Run a rule and keep what it finds, one error or a group of them. Warnings pass."""
        try:
            check()
        except ExceptionGroup as group:
            errors, others = group.split(ValueError)
            if errors is None or others is not None:
                raise
            broken = [error for error in errors.exceptions if not self._passed_over(error, node, path)]
            return not broken
        except ValueError as error:
            return self._passed_over(error, node, path)
        return True

    def _passed_over(self, error: Exception, node: Node, path: str) -> bool:
        """Tell of a broken rule. Whether that is a warning only."""
        if not isinstance(error, SettingError):
            self.findings.add(Finding(f"`{path}`: {error}", node.mark))
            return False
        place = ".".join([path, *map(str, error.path)])
        mark = self.nearest(place) or node.mark
        message = f"`{place}`: {error.message}"
        self.findings.add(Finding(message, mark, error.expected, error.hint, error.severity))
        return error.severity == "warning"


def gathered(entries: Mapping[str, Entry], fields: Mapping[str, FieldSpec]) -> dict[str, Entry]:
    """Entries, those whose keys lead into a table put there, behind what it has itself."""
    found: dict[str, Entry] = {}
    for key in sorted(entries, key=lambda key: key not in fields):
        entry = entries[key]
        name, _, inner = key.partition(".")
        own = found.get(name, Entry(entry.mark, MappingNode(entry.mark, entry.node.end)))
        table = own.node
        leads = key not in fields and inner and name in fields and is_table(fields[name].kind)
        if leads and isinstance(table, MappingNode) and inner not in table.entries:
            inside = {**table.entries, inner: entry}
            found[name] = Entry(own.mark, MappingNode(table.mark, table.end, inside))
        else:
            found[key] = entry
    return found


def shaped(kind: Kind, node: Node) -> Kind:
    """The option of a union that a node's shape decides for; a union of scalars stays one."""
    if not isinstance(kind, Either):
        return kind
    if is_empty(node):
        return kind if is_null(kind) else empty_option(kind)
    wanted: tuple[type, ...] = SCALAR_KINDS
    if isinstance(node, ListNode):
        wanted = (Listing, Anything)
    elif isinstance(node, MappingNode):
        wanted = (Record, Table, Anything)
    options = [option for option in kind.options if isinstance(option, wanted) and not is_null(option)]
    if options:
        return kind if isinstance(node, ScalarNode) else options[0]
    return next((option for option in kind.options if takes_shorthand(option)), kind)


def empty_option(kind: Kind) -> Kind:
    """What a key with nothing behind it can be: the first option of a union that may be empty."""
    options = kind.options if isinstance(kind, Either) else ()
    return next((option for option in options if isinstance(option, Record | Table | Listing)), kind)


def is_table(kind: Kind) -> bool:
    """Whether a mapping of names may stand in that place."""
    return isinstance(kind, Table) or (isinstance(kind, Either) and any(map(is_table, kind.options)))


def takes_shorthand(kind: Kind) -> bool:
    """Whether a scalar or list can stand for a whole settings object."""
    return isinstance(kind, Record) and record_spec(kind.type).shorthand is not None


def is_empty(node: Node) -> bool:
    """Whether a node is null: a key with nothing behind it."""
    return isinstance(node, ScalarNode) and node.value is None


def holds_secret(kind: Kind) -> bool:
    """Whether there is a secret anywhere in a kind."""
    if is_secret(kind):
        return True
    return any(
        is_secret(field.kind) for spec in records_within(kind).values() for field in spec.fields.values()
    )


def hide(node: Node) -> None:
    """Mask the literal scalars of a node wherever their lines are shown."""
    match node:
        case ScalarNode():
            if node.literal:
                node.mark.source.hide(((node.mark.line, node.mark.column), node.end))
            node.mark.source.hide_value(node.text)
        case ListNode(items=items):
            for item in items:
                hide(item)
        case MappingNode(entries=entries):
            for entry in entries.values():
                hide(entry.node)


def child(path: str, key: str) -> str:
    """The dotted path of a key."""
    return f"{path}.{key}" if path else key


def listing(names: Iterable[str]) -> str:
    """Some names, for people."""
    listed = [f"`{name}`" for name in names]
    more = f" and {len(listed) - LONGEST_LIST} more" if len(listed) > LONGEST_LIST else ""
    return ", ".join(listed[:LONGEST_LIST]) + more
