"""The rows of the vendors' file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.dialects import Quirks
from pointsman.errors import PluginError
from pointsman_vendors.rows import read_vendors

ROW = """
acme:
  base_url: https://api.acme.example/v1
  surfaces: [chat]
  key_variable: ACME_API_KEY
  docs: https://acme.example/docs
  source: documentation
  checked: 2026-11-23
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vendors.yaml"


def test_a_row_has_sensible_defaults(file: Path) -> None:
    file.write_text(ROW)
    (vendor,) = read_vendors(file)
    assert vendor.name == "acme"
    assert vendor.key_required
    assert vendor.dialects == ("openai-chat",)
    assert vendor.local_url is None
    assert vendor.as_quirks() == Quirks()
    assert vendor.checked.isoformat() == "2026-11-23"


def test_quirks_become_those_of_the_core(file: Path) -> None:
    file.write_text(
        ROW + "  quirks: {stream_usage: always, drop: [user], rename: {seed: random_seed}, keeps: [usage]}\n"
    )
    assert read_vendors(file)[0].as_quirks() == Quirks(
        stream_usage="always",
        drop=frozenset({"user"}),
        rename={"seed": "random_seed"},
        keeps=frozenset({"usage"}),
    )


def test_a_local_server_has_its_usual_address(file: Path) -> None:
    local = ROW.replace("https://api.acme.example/v1", "http://localhost:9000/v1")
    file.write_text(local.replace("key_variable: ACME_API_KEY", "key_required: false\n  local: true"))
    assert read_vendors(file)[0].local_url == "http://localhost:9000/v1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- acme", "mapping of vendors"),
        ("acme: [", "not valid YAML"),
        ("acme: 3", "vendor 'acme'"),
        ("3: {}", "vendor 3"),
        (ROW.replace("surfaces: [chat]", "surfaces: [chat, dreams]"), "vendor 'acme'.*surfaces"),
        (ROW.replace("base_url", "base_uri"), "vendor 'acme'.*base_ur"),
        (ROW.replace("2026-11-23", "yesterday"), "vendor 'acme'.*checked"),
        (ROW.replace("  key_variable: ACME_API_KEY\n", ""), "vendor 'acme'.*key_variable"),
        (ROW + "  local: true\n", "vendor 'acme'.*local server"),
        (ROW + "  quirks: {stream_usage: sometimes}\n", "vendor 'acme'.*stream_usage"),
        (ROW + "  quirks: {dropp: []}\n", "vendor 'acme'.*dropp"),
    ],
)
def test_a_wrong_row_is_refused_by_file_and_name(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(PluginError, match=words) as refused:
        read_vendors(file)
    assert str(file) in str(refused.value)
