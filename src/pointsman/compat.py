"""The contract with uvicorn: what of its inside the doors are built on, and another version may change."""

from __future__ import annotations

import inspect

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

__all__ = ["unmet"]

NEEDED = {
    "connection_lost": ("exc",),
    "connection_made": ("transport",),
    "data_received": ("data",),
    "eof_received": (),
    "on_body": ("body",),
    "on_header": ("name", "value"),
    "on_headers_complete": (),
    "on_message_begin": (),
    "on_message_complete": (),
    "on_response_complete": (),
    "on_url": ("url",),
    "pause_writing": (),
    "resume_writing": (),
    "shutdown": (),
    "_start_asgi_task": ("cycle", "app"),
}
"""What uvicorn's protocol must have, and what each takes."""
ATTRIBUTES = (
    "app_state",
    "client",
    "config",
    "connections",
    "cycle",
    "expect_100_continue",
    "flow",
    "headers",
    "loop",
    "parser",
    "pipeline",
    "scope",
    "server_state",
    "tasks",
    "transport",
)
OF_A_CYCLE = (
    "disconnected",
    "flow",
    "keep_alive",
    "message_event",
    "on_response",
    "response_complete",
    "response_started",
    "transport",
    "waiting_for_100_continue",
)
OF_THE_FLOW = ("drain", "pause_reading", "pause_writing", "resume_reading", "resume_writing")


def unmet() -> list[str]:
    """What of this uvicorn is not as a `Connection` needs it; empty where all is."""
    missing = []
    for name, takes in NEEDED.items():
        function = getattr(HttpToolsProtocol, name, None)
        if function is None or tuple(inspect.signature(function).parameters)[1:] != takes:
            missing.append(name)
    config = Config(_app, interface="asgi3", http="httptools", ws="none", lifespan="off", log_config=None)
    try:
        made = HttpToolsProtocol(config, ServerState(), {}, object())  # type: ignore[arg-type]
        cycle = RequestResponseCycle(
            *(None,) * (len(inspect.signature(RequestResponseCycle).parameters))  # type: ignore[arg-type]
        )
    except (AttributeError, TypeError) as error:
        return [*missing, str(error)]
    missing += [name for name in ATTRIBUTES if not hasattr(made, name)]
    missing += [name for name in OF_THE_FLOW if not hasattr(FlowControl, name)]
    return missing + [name for name in OF_A_CYCLE if not hasattr(cycle, name)]


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that is never called."""
