"""Generations: one request as OpenRouter shows it, out of its row in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pointsman.errors import BadRequest, NotFound, Unavailable
from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman.money import NANO
from pointsman_keys.reach import reach_of

from .providers import title_at

__all__ = ["generation"]

ROW = "select * from generations where id = :id"
TABLE = "generations"
UNPRICED = -1
"""What stands for a cost that is not known, where the shape wants a number: it is not nothing."""
API_TYPES = {
    **dict.fromkeys(("chat", "completions", "messages", "responses"), "completions"),
    "embeddings": "embeddings",
    "rerank": "rerank",
    "speech": "tts",
    "transcriptions": "stt",
    "videos": "video",
    "images": "image",
}
"""What OpenRouter calls surfaces."""


async def generation(gateway: Gateway, actor: Actor, id: str) -> dict[str, Any]:
    """The generation of an id, if the actor may see it. Raises BadRequest, NotFound."""
    if not id:
        raise BadRequest("`id` is missing: answers have it in `x-generation-id`", param="id")
    if not gateway.ledger.has_table(TABLE):
        raise Unavailable("the plugin usage, which records generations, is not in use")
    found = await gateway.ledger.select(ROW, {"id": id})
    if not found:  # it may just have ended
        await gateway.ledger.flush()
        found = await gateway.ledger.select(ROW, {"id": id})
    if not found or not reach_of(gateway, actor).sees(found[0]):
        raise NotFound(f"there is no generation {id[:100]!r} that this key may see", param="id")
    return _shape(gateway, found[0])


def _shape(gateway: Gateway, row: Mapping[str, Any]) -> dict[str, Any]:
    provider, queued = row["provider"], row["queue_ms"]
    counts: dict[str, int] = msgspec.json.decode(row["more_counts"]) if row["more_counts"] else {}
    tried: list[dict[str, Any]] = msgspec.json.decode(row["tried"]) if row["tried"] else []
    used = row["input_tokens"] is not None or any("cost_nano" in each for each in tried)
    return {
        "id": row["id"],
        "request_id": row["request_id"],
        "upstream_id": None,
        "created_at": row["at"],
        "model": row["model"] or row["model_asked"],
        "provider_name": title_at(gateway, provider) if provider is not None else None,
        "api_type": API_TYPES.get(row["surface"]),
        "router": None,
        "preset_id": None,
        "session_id": None,
        "app_id": None,
        "origin": row["app_url"] or "",
        "http_referer": row["app_url"],
        "user_agent": None,
        "external_user": row["end_user"],
        "streamed": bool(row["stream"]),
        "cancelled": row["outcome"] == "cancelled",
        "finish_reason": row["finish"],
        "native_finish_reason": row["native_finish"],
        "latency": row["total_ms"],
        "generation_time": row["total_ms"] - queued if queued is not None else None,
        "moderation_latency": None,
        "tokens_prompt": row["input_tokens"],
        "tokens_completion": row["output_tokens"],
        "native_tokens_prompt": row["input_tokens"],
        "native_tokens_completion": row["output_tokens"],
        "native_tokens_completion_images": counts.get("image_output", 0) if used else None,
        "native_tokens_reasoning": row["reasoning_tokens"],
        "native_tokens_cached": row["cache_read_tokens"],
        "num_media_prompt": counts.get("images") or None,
        "num_input_audio_prompt": None,
        "num_media_completion": None,
        "num_search_results": None,
        "num_fetches": None,
        "web_search_engine": None,
        "usage": _usd(row["billed_nano"], used),
        "total_cost": _usd(row["cost_nano"], used),
        "upstream_inference_cost": row["cost_nano"] / NANO if row["cost_nano"] is not None else None,
        "cache_discount": row["saved_nano"] / NANO if row["saved_nano"] else None,
        "is_byok": bool(row["byok"]),
        "service_tier": row["service_tier"],
        "data_region": "global",
        "workspace_id": row["team_name"],
        "response_cache_source_id": None,
        "provider_responses": _responses(gateway, row, tried),
    }


def _usd(nano: int | None, used: bool) -> float:
    """An amount in US dollars. What used nothing cost nothing."""
    if nano is None:
        return UNPRICED if used else 0
    return nano / NANO


def _responses(
    gateway: Gateway, row: Mapping[str, Any], tried: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]] | None:
    """The attempts, in their order."""
    shown = [
        {
            "endpoint_id": each["endpoint"],
            "provider_name": title_at(gateway, each["endpoint"].partition("/")[0]),
            **({"model_permaslug": row["model"]} if row["endpoint"] == each["endpoint"] else {}),
            "status": each["status"],
            **({"latency": each["ms"]} if each["ms"] is not None else {}),
            "is_byok": each["byok"],
        }
        for each in tried
    ]
    return shown or None
