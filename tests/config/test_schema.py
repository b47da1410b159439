from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pointsman.config import Schema, build, declare_core, read_text, setting
from pointsman.errors import StartupError


@dataclass(frozen=True)
class Row:
    """An open record."""

    record: ClassVar[str] = "row"
    name: str = setting(default="", help="Its name.")
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ordered:
    """Takes a key that plugins do not own."""

    order: str = setting(default="", help="Which?")


@pytest.fixture
def empty() -> Schema:
    return Schema()


def refused(message: str) -> Any:
    return pytest.raises(StartupError, match=message)


def test_claims_are_kept_with_their_owners(empty: Schema) -> None:
    empty.section("rows", tuple[Row, ...], owner="one")
    empty.plugin("two", Row, owner="two")
    empty.field("row", "price", int, owner="three", help="Price.")
    empty.verify()
    assert empty.sections["rows"].owner == "one"
    assert empty.sections["rows"].spec.help == "An open record."
    assert empty.plugins["two"].spec is not None
    assert empty.fields("row")["price"].owner == "three"
    assert empty.fields(None) == empty.fields("other") == {}
    assert empty.records()[Row][0] == "one"


def test_two_claims_on_one_name_name_both_owners(empty: Schema) -> None:
    empty.section("a", str, owner="one", help="A.")
    empty.plugin("b", Row, owner="one")
    empty.field("row", "c", str, owner="one", help="C.")
    with refused("section 'a' is claimed twice: by one and by two"):
        empty.section("a", int, owner="two", help="A.")
    with refused("section 'plugins' is claimed twice: by core and by two"):
        empty.section("plugins", str, owner="two", help="P.")
    with refused("plugin section 'b' is claimed twice: by one and by two"):
        empty.plugin("b", Row, owner="two")
    with refused("key 'c' of 'row' is claimed twice: by one and by two"):
        empty.field("row", "c", int, owner="two", help="C.")


def test_a_plugin_may_not_take_the_core_s_section(empty: Schema) -> None:
    declare_core(empty)
    with refused("section 'server' is claimed twice: by core and by mine"):
        empty.section("server", str, owner="mine", help="S.")


def test_admitting_a_plugin_keeps_what_it_declared(empty: Schema) -> None:
    empty.plugin("a", Row, owner="a")
    empty.admit_plugin("a")
    empty.admit_plugin("b")
    assert empty.plugins["a"].spec is not None
    assert empty.plugins["b"].spec is None


def test_declarations_that_are_not_well_formed_name_their_owner(empty: Schema) -> None:
    with refused("mine: section 'a': .*bytes.* is not a type"):
        empty.section("a", bytes, owner="mine", help="A.")
    with refused("mine: section 'a' needs a help text"):
        empty.section("a", str, owner="mine")
    with refused("mine: section 'x-a': names that begin with x- are free"):
        empty.section("x-a", str, owner="mine", help="A.")
    with refused("mine: the settings of plugin 'a' must be a settings class"):
        empty.plugin("a", tuple[Row, ...], owner="mine")
    with refused("mine: the settings of plugin 'a' may not have a key `order`"):
        empty.plugin("a", Ordered, owner="mine")


def test_an_added_key_needs_its_record(empty: Schema) -> None:
    empty.section("rows", Row, owner="one")
    empty.field("rwo", "a", str, owner="two", help="A.")
    with refused("two adds key 'a' to unknown record 'rwo'; did you mean 'row'?"):
        empty.verify()


def test_an_added_key_may_not_be_one_that_the_record_has(empty: Schema) -> None:
    empty.section("rows", Row, owner="one")
    empty.field("row", "name", str, owner="two", help="N.")
    with refused("key 'name' of 'row' is claimed twice: by one and by two"):
        empty.verify()


def test_an_added_key_waits_for_a_record_whose_owner_is_off(empty: Schema) -> None:
    empty.field("row", "a", str, owner="two", help="A.")
    empty.verify()
    assert build(read_text("", "proxy.yaml", {}, Path()), empty).sections == {}
