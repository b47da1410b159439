"""The webhook: somebody hears when a share of a budget is spent, once a share and window."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from pointsman.config import Percent
from pointsman.gateway import Gateway
from pointsman.money import format_usd

from .book import Notice
from .refusals import described
from .settings import WebhookSettings

__all__ = ["SIGNATURE", "Webhook"]

log = logging.getLogger(__name__)

SIGNATURE = "x-pointsman-signature"
TIMEOUT = 10.0
"""Seconds."""


class Webhook:
    """Tells the log, and the operator's address where there is one. What it does not take is logged."""

    def __init__(self, gateway: Gateway, settings: WebhookSettings | None) -> None:
        self._gateway = gateway
        self.settings = settings
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, notice: Notice) -> None:
        """Tell of a notice, without waiting for it."""
        account, share = notice.account, Percent(notice.share).text
        log.warning("%s of %s is spent: %s USD", share, account, format_usd(notice.spent))
        if self.settings is None:
            return
        message = {
            "event": "budget.spent",
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "share": share,
            "budget": {**described(account), "id": account.owner.id},
        }
        self._keep(self._gateway.shielded(self._post(self.settings, json.dumps(message).encode())))

    def _keep(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run in a task that something refers to until it ends; the gateway waits for it when it stops."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, settings: WebhookSettings, body: bytes) -> None:
        import httpx  # the gateway makes its client when it is asked for, which most never do

        headers = {"content-type": "application/json"}
        if settings.secret is not None:
            digest = hmac.new(settings.secret.reveal().encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={digest}"
        try:
            answer = await self._gateway.http.post(
                settings.url, content=body, headers=headers, timeout=TIMEOUT
            )
        except httpx.HTTPError as error:
            log.error("the webhook of budgets was not told: %s: %s", type(error).__name__, error)
            return
        if not answer.is_success:
            log.error("the webhook of budgets was not told: it answers with status %d", answer.status_code)
