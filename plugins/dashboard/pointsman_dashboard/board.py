"""The board: what the plugin leaderboard tells, where it is in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .access import Visitor

__all__ = ["told"]


async def told(visitor: Visitor, **asked: Any) -> Mapping[str, Any] | None:
    """What is asked for, as members of `pointsman_leaderboard.page.Asked`; None where the plugin is not in
    use. Raises BadRequest."""
    plugin = visitor.gateway.setup.plugins.get("leaderboard")
    if plugin is None:
        return None
    from pointsman_leaderboard import Leaderboard
    from pointsman_leaderboard.page import Asked

    if not isinstance(plugin.target, Leaderboard):
        return None
    return await plugin.target.page(visitor.gateway, msgspec.convert(asked, Asked), visitor.reach)
