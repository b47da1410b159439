"""The reference: every section and key as Markdown, from the declarations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from .declare import FieldSpec, RecordSpec, record_spec
from .kinds import Either, Kind, Listing, Record, Table, is_secret, words
from .plugins import ORDER, SECTION, OrderSettings
from .render import render
from .schema import Claim, Schema

__all__ = ["reference_markdown"]

HEAD = ("| key | type | default | meaning |", "| --- | --- | --- | --- |")
CORE = "core"


def reference_markdown(schema: Schema) -> str:
    """The core's sections in the order of their declaration, then those of plugins, then `plugins:`.

    The same schema always gives the same text. Raises StartupError for claims that contradict.
    """
    schema.verify()
    core = [claim for claim in schema.sections.values() if claim.owner == CORE]
    others = [claim for claim in schema.sections.values() if claim.owner != CORE]
    blocks = [_section(schema, claim) for claim in core]
    blocks += [
        _section(schema, claim) for claim in sorted(others, key=lambda claim: (claim.owner, claim.spec.name))
    ]
    for name, claim in sorted(schema.plugins.items()):
        rows = list(_record_rows(schema, claim.spec, "", ())) if claim.spec else []
        rows += _record_rows(schema, record_spec(OrderSettings), f"{ORDER}.", ())
        help_ = claim.spec.help if claim.spec else "Has no settings of its own."
        blocks.append("\n".join([f"## `{SECTION}.{name}`", "", help_, "", *HEAD, *rows]))
    return "\n\n".join(["# Configuration reference", *blocks]) + "\n"


def _section(schema: Schema, claim: Claim) -> str:
    spec = claim.spec
    owner = "" if claim.owner == CORE else f" (plugin `{claim.owner}`)"
    prefix, record = _inside(spec.kind)
    lines = [f"## `{spec.name}`{owner}", "", *([] if record is None else [spec.help, ""]), *HEAD]
    if record is None or prefix or record.shorthand is not None:
        lines.append(_row("", spec))
    if record is not None:
        lines += _record_rows(schema, record, prefix.lstrip("."), ())
    return "\n".join(lines)


def _record_rows(schema: Schema, record: RecordSpec, prefix: str, within: tuple[type, ...]) -> Iterator[str]:
    """The rows of a settings class and of those inside it, each class once on the way down."""
    within = (*within, record.type)
    added = schema.fields(record.record)
    rows = [(spec, "") for spec in record.fields.values()]
    rows += [(added[name].spec, added[name].owner) for name in sorted(added)]
    for spec, owner in rows:
        yield _row(prefix, spec, owner)
        yield from _inner_rows(schema, spec.kind, f"{prefix}{spec.name}", within)
    if record.names is not None:
        yield from _inner_rows(schema, Table(record.names_kind), prefix.removesuffix("."), within)


def _inner_rows(schema: Schema, kind: Kind, path: str, within: tuple[type, ...]) -> Iterator[str]:
    step, record = _inside(kind)
    if record is not None and record.type not in within:
        yield from _record_rows(schema, record, f"{path}{step or '.'}".lstrip("."), within)


def _inside(kind: Kind) -> tuple[str, RecordSpec | None]:
    """The settings class in a kind, and the step that leads to its keys: `.<name>.`, `[].`."""
    match kind:
        case Record(type=type_):
            return "", record_spec(type_)
        case Listing(item=item):
            step, record = _inside(item)
            return f"[]{step or '.'}", record
        case Table(value=value):
            step, record = _inside(value)
            return f".<name>{step or '.'}", record
        case Either(options=options):
            found = [inside for inside in map(_inside, options) if inside[1] is not None]
            return found[0] if found else ("", None)
        case _:
            return "", None


def _row(prefix: str, spec: FieldSpec, owner: str = "") -> str:
    limits = [
        f"{word} {render(type(spec.default)(limit) if isinstance(spec.default, int | float) else limit)}"
        for word, limit in (("at least", spec.minimum), ("at most", spec.maximum))
        if limit is not None
    ]
    type_ = ", ".join([words(spec.kind), *limits])
    meaning = spec.help
    if spec.example is not None:
        meaning += f" Example: `{render(spec.example)}`."
    if owner:
        meaning += f" (plugin `{owner}`)"
    cells = [f"`{prefix}{spec.name}`", type_, _default(spec), meaning]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(spec: FieldSpec) -> str:
    if spec.required:
        return "required"
    value = spec.default_value()
    if value is None or is_secret(spec.kind) or dataclasses.is_dataclass(value):
        return ""
    return f"`{render(value)}`"
