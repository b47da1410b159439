"""The standard set, in the order in which its plugins are called.

Who asks comes first, then what it may use, then where the request goes, then who answers, and last who
keeps the books. Plugins of others come after these unless their section says `order:`.
"""

from __future__ import annotations

__all__ = ["ORDER"]

ORDER = (
    "keys",
    "limits",
    "catalogue",
    "routes",
    "thrift",
    "balance",
    "cache",
    "resume",
    "openai",
    "anthropic",
    "gemini",
    "vendors",
    "echo",
    "prices",
    "budgets",
    "usage",
    "feedback",
    "leaderboard",
    "openrouter",
    "dashboard",
)
