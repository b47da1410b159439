from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.config import Config, PluginEntry, Problem, plugins_of, read, read_text

Load = Callable[..., Config]
Refuse = Callable[..., list[Problem]]


def entries(text: str, base: Path = Path("/base")) -> list[PluginEntry]:
    return plugins_of(read_text(text, "proxy.yaml", {}, base))


def test_entries_come_in_order_with_their_places() -> None:
    first, second, third = entries("plugins:\n  b: {}\n  a: false\n  c:\n  x-d: 1\n")
    assert (first.name, first.enabled, first.path, str(first.mark)) == ("b", True, None, "proxy.yaml:2:3")
    assert (second.name, second.enabled) == ("a", False)
    assert (third.name, third.enabled) == ("c", True)


@pytest.mark.parametrize(
    ("key", "name", "path"),
    [
        ("./my_provider.py", "my_provider", "/base/my_provider.py"),
        ("../p/other.py", "other", "/base/../p/other.py"),
        ("/abs/one.py", "one", "/abs/one.py"),
        ("here.py", "here", "/base/here.py"),
        ("./folder/mod", "mod", "/base/folder/mod"),
    ],
)
def test_a_plugin_may_be_a_file(key: str, name: str, path: str) -> None:
    (entry,) = entries(f"plugins: {{{key}: {{}}}}")
    assert (entry.name, entry.path) == (name, Path(path))


def test_a_file_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.yaml").write_text("plugins: {./one.py: {}}")
    (tmp_path / "proxy.yaml").write_text("include: sub/more.yaml\nplugins: {./two.py: {}}")
    two, one = plugins_of(read(tmp_path / "proxy.yaml", {}))
    assert (one.path, two.path) == (tmp_path / "sub" / "one.py", tmp_path / "two.py")


def test_the_order_asked_for_is_read() -> None:
    (entry,) = entries("plugins: {a: {order: {before: [b, c], after: [d]}}}")
    assert (entry.order_before, entry.order_after) == (("b", "c"), ("d",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plugins:",
        "plugins: [a]",
        "plugins: {a: {order: x}}",
        "plugins: {a: {order: {before: x}}}",
        "a: [",
    ],
)
def test_what_is_malformed_is_left_out(text: str) -> None:
    assert all(entry.order_before == () for entry in entries(text))


def test_plugins_get_their_settings(load: Load) -> None:
    config = load(
        "plugins:\n  cache: {mode: fifo, order: {after: [plain]}}\n  plain: {order: {before: [cache]}}\n"
    )
    assert config.plugin("cache").mode == "fifo"
    assert config.plugin("plain") is None
    assert config.plugin_entries[0].order_after == ("plain",)


def test_a_plugin_that_is_not_mentioned_has_its_defaults(load: Load) -> None:
    assert load("").plugin("cache").mode == "lru"


def test_a_plugin_that_is_off_has_no_settings(load: Load) -> None:
    assert load("plugins: {cache: false}").plugin("cache") is None


def test_turning_off_what_is_not_there_is_a_warning(load: Load) -> None:
    (problem,) = load("plugins: {cahce: false}").problems
    assert (problem.severity, problem.message) == ("warning", "there is no plugin `cahce` to turn off")


def test_a_plugin_in_a_file_takes_settings_by_its_stem(load: Load, refuse: Refuse) -> None:
    load("plugins: {./my_provider.py: {}}")
    (problem,) = refuse("plugins: {./my_provider.py: {a: 1}}")
    assert problem.message == "unknown key `a` in `plugins.my_provider`"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("plugins: [cache]", ["`plugins`: this cannot be a list"]),
        ("plugins: {cahce: {}}", ["unknown key `cahce` in `plugins`"]),
        ("plugins: {cache: true}", ["`plugins.cache`: this cannot be a text or number"]),
        ("plugins: {plain: 5}", ["`plugins.plain`: this cannot be the integer 5"]),
        ("plugins: {plain: {}, ./plain.py: {}}", ["plugin `plain` stands here twice"]),
        ("plugins: {plain: {order: {befor: [a]}}}", ["unknown key `befor` in `plugins.plain.order`"]),
        (
            "plugins: {plain: {order: {before: a}}}",
            ["`plugins.plain.order.before`: this cannot be the string 'a'"],
        ),
        ("plugins: {cache: '${A}'}", ["environment variable A is not set"]),
    ],
)
def test_refusals(refuse: Refuse, text: str, messages: list[str]) -> None:
    assert [problem.message for problem in refuse(text)] == messages
