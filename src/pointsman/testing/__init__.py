"""The testing kit: for our own tests, and for those of plugin authors.

* `running` boots a real pointsman on a loopback socket; `in_process_client` calls one without a socket.
* `FakeProvider` is a provider on a real socket that plays `Script`s: answers, streams, and every way of
  breaking off; `recordings` turns recorded traffic into scripts.
* `ListSink` keeps what a door would have been given.
* `RawClient` sends bytes as they are, and several requests on one connection.
* `StreamClient` reads an answer chunk by chunk, slowly if need be, and can leave in the middle.
* `block_network` lets nothing past loopback.

It needs no test framework; `pointsman.testing.pytest_plugin` offers the same as pytest fixtures.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import RawClient, StreamClient, in_process_client
    from .network import block_network
    from .provider import FakeProvider, Received
    from .replay import Recording, recordings, replaying, shared_path
    from .script import Close, Hang, Pause, Reset, Script, Send
    from .server import Running, running
    from .sink import ListSink

__all__ = [
    "Close",
    "FakeProvider",
    "Hang",
    "ListSink",
    "Pause",
    "RawClient",
    "Received",
    "Recording",
    "Reset",
    "Running",
    "Script",
    "Send",
    "StreamClient",
    "block_network",
    "in_process_client",
    "recordings",
    "replaying",
    "running",
    "shared_path",
]

_MODULES = {
    "client": ("RawClient", "StreamClient", "in_process_client"),
    "network": ("block_network",),
    "provider": ("FakeProvider", "Received"),
    "replay": ("Recording", "recordings", "replaying", "shared_path"),
    "script": ("Close", "Hang", "Pause", "Reset", "Script", "Send"),
    "server": ("Running", "running"),
    "sink": ("ListSink",),
}


def __getattr__(name: str) -> Any:
    """Import on demand: a plugin that only wants `script` does not pay for a server."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(name)
