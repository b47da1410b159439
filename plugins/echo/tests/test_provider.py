"""The provider."""

from __future__ import annotations

import pytest

from pointsman_echo.provider import BUILT_IN, EchoProvider
from pointsman_echo.script import ScriptSettings

MINE = ScriptSettings(text="mine")


def test_it_takes_what_it_has_a_script_for() -> None:
    provider = EchoProvider("echo", {"mine": MINE})
    assert all(provider.takes(name) for name in (*BUILT_IN, "mine"))
    assert not provider.takes("fault-12")
    assert not provider.takes("other")


def test_a_script_is_found_by_name_and_an_unknown_name_echoes() -> None:
    provider = EchoProvider("echo", {"mine": MINE})
    assert provider.script("mine") is MINE
    assert provider.script("slow").latency == 1
    assert provider.script("other") == ScriptSettings()


@pytest.mark.parametrize(
    ("surface", "served"), [("chat", True), ("completions", True), ("embeddings", True), ("images", False)]
)
def test_it_serves_these_surfaces_of_any_dialect(surface: str, served: bool) -> None:
    assert EchoProvider("echo", {}).serves("a-dialect-of-tomorrow", surface) is served


def test_it_neither_keeps_nor_learns() -> None:
    assert EchoProvider("echo", {}).about.collects_nothing
