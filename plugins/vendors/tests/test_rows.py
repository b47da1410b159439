"""The rows of the vendors' files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.dialects import Quirks
from pointsman.errors import PluginError
from pointsman.facts import About
from pointsman_vendors.rows import AT_HOME, Vendor, read_all, read_vendors

ROW = """
acme:
  title: Acme
  base_url: https://api.acme.example/v1
  surfaces: [chat]
  key_variable: ACME_API_KEY
  docs: https://acme.example/docs
  source: documentation
  checked: 2026-11-23
"""
LOCAL = ROW.replace("https://api.acme.example/v1", "http://localhost:9000/v1").replace(
    "key_variable: ACME_API_KEY", "key_required: false\n  local: true"
)
CUSTOMERS = ROW.replace("https://api.acme.example/v1", '"https://{account}.acme.example/api/{region}/v1"')
DATA = "  data: {trains: false, retains: true, retention: 30 days, source: its terms}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vendors.yaml"


def one(file: Path, text: str) -> Vendor:
    file.write_text(text)
    (vendor,) = read_vendors(file)
    return vendor


def test_a_row_has_sensible_defaults(file: Path) -> None:
    vendor = one(file, ROW)
    assert vendor.name == "acme"
    assert vendor.key_required
    assert vendor.dialects == ("openai-chat",)
    assert vendor.listing == "/models"
    assert not vendor.has_blank
    assert vendor.as_quirks() == Quirks()
    assert vendor.checked.isoformat() == "2026-11-23"


def test_quirks_become_those_of_the_core(file: Path) -> None:
    quirks = "  quirks: {stream_usage: always, drop: [user], rename: {seed: random_seed}, keeps: [usage], "
    quirks += "continues: prefix}\n"
    assert one(file, ROW + quirks).as_quirks() == Quirks(
        stream_usage="always",
        drop=frozenset({"user"}),
        rename={"seed": "random_seed"},
        keeps=frozenset({"usage"}),
        continues="prefix",
    )


def test_what_a_row_does_not_say_is_unknown(file: Path) -> None:
    about = one(file, ROW).about(here=True)
    assert (about.trains, about.retains, about.cancels, about.verified) == (None, None, None, False)
    assert (about.title, about.docs, about.source) == ("Acme", "https://acme.example/docs", "documentation")
    assert about.checked == "2026-11-23"


def test_what_a_row_says_is_known_at_its_address_alone(file: Path) -> None:
    vendor = one(file, ROW + DATA + "  recorded: true\n  cancels: true\n  region: EU\n  headquarters: FR\n")
    here = vendor.about(here=True)
    assert (here.trains, here.retains, here.retention) == (False, True, "30 days")
    assert (here.verified, here.cancels, here.region, here.headquarters) == (True, True, "EU", "FR")
    assert vendor.about(here=False) == About(title="Acme", docs="https://acme.example/docs")


def test_a_local_server_keeps_data_at_home_unless_its_row_says_otherwise(file: Path) -> None:
    about = one(file, LOCAL).about(here=True)
    assert (about.trains, about.retains, about.retention) == (False, False, AT_HOME)
    about = one(file, LOCAL + "  data: {retention: some run elsewhere, source: its site}\n").about(here=True)
    assert (about.trains, about.retains, about.retention) == (None, None, "some run elsewhere")


def test_an_address_may_have_places_that_customers_fill_in(file: Path) -> None:
    vendor = one(file, CUSTOMERS)
    assert vendor.has_blank
    assert vendor.is_at("https://me.acme.example/api/eu-1/v1")
    assert vendor.is_at("https://me.acme.example/api/eu-1/v1/")
    assert not vendor.is_at("https://me.acme.example/api/v1")
    assert not vendor.is_at("https://me.acme.example.org/api/eu-1/v1")
    assert one(file, ROW).is_at("https://api.acme.example/v1")
    assert not one(file, ROW).is_at("https://api-acme.example/v1")


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
        (ROW + "  models: models\n", "vendor 'acme'.*path of the listing"),
        (ROW + "  data: {trains: false}\n", "vendor 'acme'.*source"),
        (ROW + "  bases: {other: https://api.acme.example/other}\n", "vendor 'acme'.*dialect 'other'"),
        (ROW + "  bases: {openai-chat: https://acme.example/v1}\n", "vendor 'acme'.*another host"),
    ],
)
def test_a_wrong_row_is_refused_by_file_and_name(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(PluginError, match=words) as refused:
        read_vendors(file)
    assert str(file) in str(refused.value)


def test_a_name_stands_in_one_file_once(file: Path) -> None:
    other = file.with_name("more.yaml")
    file.write_text(ROW)
    other.write_text(ROW.replace("acme:", "apex:") + "  aliases: [acme]\n")
    with pytest.raises(PluginError, match=r"more\.yaml, vendor 'acme': that name is in .*vendors\.yaml"):
        read_all([file, other])
    other.write_text(ROW.replace("acme:", "apex:"))
    assert [vendor.name for vendor in read_all([file, other])] == ["acme", "apex"]
