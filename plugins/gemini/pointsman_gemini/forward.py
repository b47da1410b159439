"""Forwarding: the client's JSON with only those members changed that must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import Quirks
from pointsman.members import rendered, suit
from pointsman.types import Request

from .decode import NAMED, ROUTING
from .names import snake
from .params import CONFIG, NUMBERS
from .parts import SEALED, opened, signature_of

__all__ = ["asked", "forward"]

CALLED = {
    "stop": "stopSequences",
    "max_completion_tokens": "maxOutputTokens",
    "service_tier": "serviceTier",
    **NUMBERS,
}
"""What defaults may be called otherwise."""
TOP = frozenset(
    {
        "safetySettings",
        "toolConfig",
        "tools",
        "cachedContent",
        "systemInstruction",
        "serviceTier",
        "labels",
        "store",
    }
)
"""Defaults that stand beside it and not in it."""
IN_PATH = ("model", "stream")
"""What the address of a request says, and not its body."""


def forward(request: Request, *, quirks: Quirks, params: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """The request for a provider of this dialect, and the names of fields that were lost."""
    fields, lost = asked(request, quirks)
    if params:
        _add(fields, params)
    if SEALED in request.raw and _unsealed(fields):
        lost.append("reasoning")
    lost += suit(fields, quirks)
    return rendered(request, fields), lost


def asked(request: Request, quirks: Quirks) -> tuple[dict[str, msgspec.Raw], list[str]]:
    """A request's members but for those that its address tells and those that are for the gateway, and which
    of these nobody heeds."""
    routing = [name for name in request.fields if name in ROUTING and name not in quirks.keeps]
    gone = {*routing, *IN_PATH}
    fields = {name: value for name, value in request.fields.items() if name not in gone}
    return fields, [name for name in routing if name not in NAMED]


def _add(fields: dict[str, msgspec.Raw], params: Mapping[str, Any]) -> None:
    """Add an endpoint's defaults that a request lacks, at the top or in `generationConfig`."""
    name = snake(CONFIG) if snake(CONFIG) in fields else CONFIG
    config = (msgspec.json.decode(fields[name]) if name in fields else None) or {}
    before = dict(config)
    for given, value in params.items():
        written = CALLED.get(given, given)
        if written in TOP:
            if written not in fields and snake(written) not in fields:
                fields[written] = msgspec.Raw(msgspec.json.encode(value))
        elif written not in config and snake(written) not in config:
            config[written] = [value] if written == "stopSequences" and isinstance(value, str) else value
    if config != before:
        fields[name] = msgspec.Raw(msgspec.json.encode(config))


def _unsealed(fields: dict[str, msgspec.Raw]) -> bool:
    """Take out the thoughts of other dialects' models, and the contents that held nothing else. Returns
    whether there were any."""
    contents = msgspec.json.decode(fields["contents"])
    kept = []
    found = False
    for content in contents if isinstance(contents, list) else [contents]:
        parts = content.get("parts")
        if isinstance(parts, list):
            rest = [each for part in parts if (each := _without(part)) is not None]
            if rest != parts:
                found = True
                if not rest:
                    continue
                content["parts"] = rest
        kept.append(content)
    if found:
        fields["contents"] = msgspec.Raw(msgspec.json.encode(kept))
    return found


def _without(part: Any) -> Any:
    """A part without what another dialect's model has signed; None where that is all of it."""
    signature = signature_of(part) if isinstance(part, dict) else None
    if signature is None or opened(signature) is None:
        return part
    if part.get("thought") is True or part.get("text") == "":
        return None
    return {name: part[name] for name in part if name not in ("thoughtSignature", "thought_signature")}
