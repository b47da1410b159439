"""A stream that breaks off after content goes on at another endpoint, and the client sees one answer."""

from __future__ import annotations

import logging
from functools import partial

from pointsman import hookimpl
from pointsman.continuing import Continue
from pointsman.errors import BadRequest
from pointsman.exchange import Attempt, Exchange
from pointsman.registers import RegisterSettings
from pointsman.types import Message, Text

from .asking import NAME as CONTINUES
from .asking import Way, ways
from .limits import why_not
from .settings import ResumeSettings

__all__ = ["POINTSMAN_API", "Resume"]

POINTSMAN_API = 1

log = logging.getLogger(__name__)

NAME = "resume"


class Resume:
    """The plugin."""

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings; `resume` of whoever may want it; `continues` of who is to go on."""
        register(ResumeSettings)
        for record, what in (
            ("use", "requests of this route"),
            ("key", "requests of this key"),
            ("team", "requests of its keys"),
            ("organisation", "requests of its keys"),
        ):
            register.field(
                record,
                NAME,
                bool | None,
                default=None,
                help=f"Whether a stream that breaks off goes on elsewhere, for {what}; false forbids it.",
                example=True,
            )
        for record in ("provider", "endpoint"):
            register.field(
                record,
                CONTINUES,
                Way | None,
                default=None,
                help=f"How this {record} is made to go on with an answer that another began: by its standing "
                "last, by the member `prefix`, by `continue_final_message` (final), or in words.",
                example="final",
            )

    @hookimpl
    def admit(self, exchange: Exchange) -> None:
        """Have streams kept for which it is wanted."""
        if exchange.peek.stream and exchange.peek.choices == 1:
            exchange.resumes = _wanted(exchange)

    @hookimpl
    def continue_stream(self, exchange: Exchange, attempt: Attempt, so_far: Message) -> Continue | None:
        """Ask others to go on, where that is possible."""
        try:
            chat = exchange.codec.decode_request(exchange.request)
        except BadRequest:  # its provider has understood what we do not
            return None
        why = why_not(chat, so_far, attempt.error)
        if why is not None:
            log.info("%s: nobody goes on with the answer: %s", exchange.request_id, why)
            return None
        said = "".join(part.text for part in so_far.parts if isinstance(part, Text))
        return partial(ways, said=said)


def _wanted(exchange: Exchange) -> bool:
    """Whether this request's stream goes on elsewhere: nobody's `false` is overruled."""
    said = exchange.said(NAME)
    settings: ResumeSettings = exchange.setup.settings(NAME)
    return False not in said and (settings.always or True in said)
