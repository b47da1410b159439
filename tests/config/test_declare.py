from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pointsman.config import Schema, SettingError, build, read_text, setting, show
from pointsman.config.declare import record_spec, records_within
from pointsman.config.kinds import Basic, Table, kind_of


@dataclass(frozen=True)
class Inner:
    """The inner
    one."""

    loop: tuple[Inner, ...] = setting(default=(), help="Itself.")


@dataclass(frozen=True)
class Good:
    """All that can be said."""

    shorthand: ClassVar[str] = "a"
    record: ClassVar[str] = "good"
    names: ClassVar[str] = "rest"
    b: list[int] = setting(factory=list, help="B.", example=[1])
    a: str = setting(help="A.")
    inner: Inner | None = setting(default=None)
    rest: dict[str, int] = setting(factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


class Ordinary:
    """Not a dataclass."""


@dataclass
class Mutable:
    """Not frozen."""


@dataclass(frozen=True)
class Undocumented:
    a: str = setting(help="A.")


@dataclass(frozen=True)
class Helpless:
    """Has a field without help."""

    a: str = setting(default="")


@dataclass(frozen=True)
class Undeclared:
    """Has a field that is not a setting."""

    a: str = ""


@dataclass(frozen=True)
class Untypable:
    """Has a field of a type that no setting has."""

    a: bytes = setting(help="A.")


@dataclass(frozen=True)
class Shortest:
    """Names a field that it does not have."""

    shorthand: ClassVar[str] = "b"
    a: str = setting(help="A.")


@dataclass(frozen=True)
class Nameless:
    """Its entries are not a mapping."""

    names: ClassVar[str] = "a"
    a: str = setting(help="A.")


def test_a_settings_class_is_read() -> None:
    spec = record_spec(Good)
    assert (spec.help, spec.shorthand, spec.record, spec.names) == (
        "All that can be said.",
        "a",
        "good",
        "rest",
    )
    assert list(spec.fields) == ["b", "a", "inner"]
    assert spec.names_kind == Basic(int)
    assert spec.fields["a"].required
    assert spec.fields["b"].default_value() == []
    assert spec.fields["b"].default_value() is not spec.fields["b"].default_value()
    assert spec.fields["inner"].default_value() is None


def test_a_nested_class_lends_its_docstring() -> None:
    assert record_spec(Good).fields["inner"].help == "The inner one."


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        (Ordinary, "must be a frozen dataclass"),
        (Mutable, "must be a frozen dataclass"),
        (Undocumented, "needs a docstring"),
        (Helpless, "Helpless.a needs a help text"),
        (Undeclared, "Undeclared.a must be declared by setting"),
        (Untypable, "Untypable.a: .*bytes.* is not a type that a setting can have"),
        (Shortest, "shorthand names 'b', which is no field"),
        (Nameless, "must be a dict"),
    ],
)
def test_a_class_that_is_not_well_formed_is_refused(type_: type, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        record_spec(type_)


def test_classes_are_found_wherever_they_are_nested_and_once() -> None:
    assert list(records_within(Table(kind_of(Good | None)))) == [Good, Inner]
    with pytest.raises(TypeError, match="docstring"):
        records_within(kind_of(tuple[Undocumented, ...] | None))


def test_required_fields_may_follow_optional_ones() -> None:
    assert Good(a="x").b == []


def test_a_setting_error_knows_its_path() -> None:
    assert SettingError("a", "bad").path == ("a",)
    error = SettingError(("a", 0, "b"), "bad", expected="good", hint="try", severity="warning")
    assert (error.path, str(error), error.severity) == (("a", 0, "b"), "bad", "warning")


@dataclass(frozen=True)
class Dotted:
    """A setting whose key is no name in Python."""

    tags: tuple[str, ...] = setting(key="key.tags", default=(), help="Tags.")


def test_a_key_may_be_called_what_no_field_can_be() -> None:
    assert list(record_spec(Dotted).fields) == ["key.tags"]
    schema = Schema()
    schema.section("dotted", Dotted, owner="test")
    config = build(read_text("dotted: {key.tags: [a]}", name="proxy.yaml", env={}, base=Path()), schema)
    assert config.section("dotted") == Dotted(tags=("a",))
    assert next(iter(show(config))).path == "dotted.key.tags.0"
