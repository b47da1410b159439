"""Settings: what an operator may tell, and how it is told when he errs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.config import read_text
from pointsman.errors import ConfigError
from pointsman.setup import Setup, assemble
from pointsman_catalogue.settings import CatalogueSettings, Day, configured

MODEL = """
providers: {lab: {base_url: "http://127.0.0.1:1/v1"}}
models:
  acme/big:
    name: Big
    context: 131072
    deprecated: 2026-12-31
    released: 2025-09-29
    distillable: true
    endpoints:
      - {endpoint: lab/big, context: 8192, parameters: [tools], quantization: fp8, input_modalities: [text]}
"""


def setup(text: str) -> Setup:
    return assemble(read_text(text, name="proxy.yaml", env={}, base=Path.cwd()), env={})


def test_facts_of_models_and_endpoints() -> None:
    (model,) = (each for each in setup(MODEL).catalogue.models.values() if each.name == "acme/big")
    assert configured(model.extra) == {
        "name": "Big",
        "context": 131072,
        "deprecated": "2026-12-31",
        "distillable": True,
        "created": 1_759_104_000,
    }
    assert configured(model.endpoints[0].extra) == {
        "context": 8192,
        "parameters": ("tools",),
        "quantization": "fp8",
        "input_modalities": ("text",),
    }


def test_prices_are_taken_and_listings_asked_for_each_hour() -> None:
    assert setup("").settings("catalogue") == CatalogueSettings(refresh=3600, prices=True)


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (MODEL.replace("context: 131072", "context: 0"), "proxy.yaml:6:14", "context"),
        (MODEL.replace("2026-12-31", "soon"), "proxy.yaml:7:17", "'soon' is not a date"),
        (MODEL.replace("parameters: [tools]", "parameters: 5"), "proxy.yaml:11:56", "parameters"),
        (MODEL.replace("quantization", "quantisation"), "proxy.yaml:11:65", "did you mean `quantization`"),
        ("plugins: {catalogue: {refresh: 1s}}", "proxy.yaml:1:32", "refresh"),
    ],
)
def test_mistakes_are_told_at_their_place(text: str, place: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        setup(text)
    told = str(caught.value)
    assert place in told
    assert what in told


def test_a_day_is_kept_as_written() -> None:
    assert Day.parse("2026-11-01") == "2026-11-01"
    with pytest.raises(ValueError, match="is not a date"):
        Day.parse("2026-13-01")
