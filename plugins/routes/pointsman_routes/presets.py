"""Presets: what requests ask for by one name: models, preferences, parameters, instructions.

A request asks for one by `@preset/x` in the place of its model, by `author/slug@preset/x`, or by its member
`preset`. What it says itself counts before what the preset says of the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, ClassVar

import msgspec

from pointsman.config import Problem, SettingError, setting
from pointsman.errors import BadRequest, NotFound
from pointsman.exchange import Exchange, Plan
from pointsman.members import PRESET as MARK
from pointsman.members import read
from pointsman.pipeline import look
from pointsman.setup import Setup
from pointsman.types import Request

from .families import Families, lacks

__all__ = ["MARK", "NOTE", "PRESET", "Asked", "PresetSettings", "asks", "expanded", "unknown_models"]

PRESET = "preset"
"""The member of a request that names one, and what its settings are called."""
NOTE = "routes.preset"
"""The note with what was asked for."""
FIELD = "preferences"
LONGEST_SHOWN = 100
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""What the longest answer may be called."""
NOT_PARAMS = frozenset(
    {
        *("model", "models", "messages", "input", "contents", "prompt", "fallbacks", "tools", "tool_choice"),
        *("provider", "preset", "session_id", "stream", "stream_options", "usage", "user", "metadata"),
        *("system", "instructions", "systemInstruction"),
    }
)
"""Members of requests that are no parameters, or that presets have other keys for."""
_text = msgspec.json.Decoder(str | None)


def check_params(params: Mapping[str, Any]) -> None:
    """Refuse what is none. Raises SettingError."""
    wrong = next((name for name in params if name in NOT_PARAMS), None)
    if wrong is not None:
        message = f"`{wrong}` is no parameter: each request says it itself, or the preset elsewhere"
        raise SettingError(wrong, message)


@dataclass(frozen=True)
class PresetSettings:
    """What a preset stands for; all of it may be said by the request instead."""

    record: ClassVar[str] = PRESET
    models: tuple[str, ...] = setting(
        default=(), help="Models to try in this order, for requests that name none.", example=["fast"]
    )
    params: dict[str, Any] = setting(
        factory=dict,
        check=check_params,
        help="Parameters for requests that lack them, as `params` of an endpoint; they count before those.",
        example={"temperature": 0.2, "max_tokens": 2000},
    )
    system: str | None = setting(
        default=None,
        help="Instructions for the model, for requests of a chat that have none.",
        example="Answer in one sentence.",
    )
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """The preset of a request. `lost` is what of it has no place in the request."""

    name: str
    settings: PresetSettings
    lost: tuple[str, ...] = ()

    @property
    def preferences(self) -> Any:
        """What it prefers, where the request says nothing."""
        return self.settings.extra.get(FIELD)

    def planned(self, plan: Plan) -> Plan:
        """The plan of a request, with what the preset says; what the rule says of the same counts before."""
        settings = self.settings
        said = {name: value for name, value in settings.extra.items() if value is not None}
        said.pop(FIELD, None)
        return replace(
            plan,
            extra={**said, **plan.extra},
            params=settings.params,
            lost=(*plan.lost, *self.lost),
        )


def asks(exchange: Exchange) -> bool:
    """Whether a request asks for a preset."""
    return MARK in exchange.peek.model or PRESET in exchange.request.fields


def expanded(exchange: Exchange) -> None:
    """Put what the preset of a request says into the request, and leave a note of it. Raises BadRequest, and
    NotFound for a preset that there is not."""
    name, own = _named(exchange)
    if not name:
        return
    preset = _found(exchange.setup, name)
    models = preset.models[:1] if exchange.peek.models else preset.models
    if own:
        models = (own,)
    if not models:
        raise BadRequest(f"preset {name!r} names no model, and nor does the request", param="model")
    members: dict[str, Any] = {each: raw for each, raw in exchange.request.fields.items() if each != PRESET}
    members["model"] = models[0]
    if models[1:]:
        members["models"] = models[1:]
    exchange.notes[NOTE] = Asked(name, preset, _rewritten(exchange, Request.of(members), preset))
    peek, params = exchange.peek, preset.params
    if peek.max_tokens is None:
        peek.max_tokens = next((params[each] for each in LIMITS if isinstance(params.get(each), int)), None)


def _named(exchange: Exchange) -> tuple[str, str]:
    """The preset that a request names, if any, and the model it names beside it. Raises BadRequest."""
    model, _, named = exchange.peek.model.partition(MARK)
    said = read(exchange.request.fields, PRESET, _text, "the name of a preset") or ""
    said = said.removeprefix(MARK)
    if MARK in exchange.peek.model and not named:
        raise BadRequest(f"{MARK} must be followed by the name of a preset", param="model")
    if named and said and named != said:
        raise BadRequest(
            f"`model` asks for preset {named[:LONGEST_SHOWN]!r}, and `{PRESET}` for {said[:LONGEST_SHOWN]!r}",
            param=PRESET,
        )
    return named or said, model


def _found(setup: Setup, name: str) -> PresetSettings:
    presets: Mapping[str, PresetSettings] = setup.section("presets")
    preset = presets.get(name)
    if preset is None:
        near = get_close_matches(name[:LONGEST_SHOWN], presets, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(
            f"there is no preset {name[:LONGEST_SHOWN]!r}{hint}", code="preset_not_found", param=PRESET
        )
    return preset


def _rewritten(exchange: Exchange, request: Request, preset: PresetSettings) -> tuple[str, ...]:
    """Put another request in the place of what came, with the preset's instructions; what of these was lost.
    What was asked for stays on record."""
    lost: tuple[str, ...] = ()
    if preset.system:
        instructed = exchange.codec.instructed(request, preset.system)
        request, lost = (request, ("preset.system",)) if instructed is None else (instructed, ())
    requested, exchange.request = exchange.decision.requested, request
    look(exchange)
    exchange.decision.requested = requested
    return lost


def unknown_models(setup: Setup, families: Families) -> Iterator[Problem]:
    """Models of presets that nobody has."""
    presets: Mapping[str, PresetSettings] = setup.section("presets")
    for name, preset in presets.items():
        for number, model in enumerate(preset.models):
            if model not in setup.names and lacks(setup.catalogue, model, families):
                near = setup.catalogue.near(model)
                yield setup.config.problem(
                    f"presets.{name}.models.{number}",
                    f"preset {name!r} names model {model!r}, which no provider has",
                    expected="a model or alias of `models:`, or `provider/model`",
                    hint=f"did you mean {' or '.join(near)}?" if near else "",
                )
