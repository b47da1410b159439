"""How good answers were: votes, checks and signals, and what they come to for each task and model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman import hookimpl
from pointsman.dialects import PREFIXES
from pointsman.registers import RegisterHttp, RegisterTable

from .records import FEEDBACK, FEEDBACK_DAYS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["POINTSMAN_API", "Feedback"]

POINTSMAN_API = 1


class Feedback:
    """The plugin."""

    @hookimpl
    def register_tables(self, register: RegisterTable) -> None:
        """Keep what is said of answers, and what machines' words come to by day."""
        register(FEEDBACK)
        register(FEEDBACK_DAYS)

    @hookimpl
    def register_http(self, register: RegisterHttp) -> None:
        """Take votes, and show them to administrators."""
        for prefix in PREFIXES:
            register(f"{prefix}/feedback", self._feedback, methods=("GET", "POST"), role="member")
        path = "/api/v1/generation/feedback"
        register(path, self._openrouter_feedback, methods=("POST",), role="member")

    async def _feedback(self, request: Request) -> Response:
        from .pages import feedback

        return await feedback(request)

    async def _openrouter_feedback(self, request: Request) -> Response:
        from .pages import openrouter_feedback

        return await openrouter_feedback(request)
