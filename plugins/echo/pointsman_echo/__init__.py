"""A deterministic provider without a network: it says what it is told, as its script says, or breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from pointsman import hookimpl
from pointsman.catalogue import Endpoint, Model
from pointsman.config import ProviderSettings
from pointsman.events import Event
from pointsman.types import Embeddings
from pointsman.upstream import Answer

from .embed import embed
from .faults import FAULTS
from .play import play
from .provider import BUILT_IN, KIND, LISTED, EchoProvider
from .reply import reply, stream
from .request import script_in
from .script import ScriptSettings
from .settings import EchoSettings

if TYPE_CHECKING:
    from pointsman.exchange import Attempt, Exchange
    from pointsman.gateway import Gateway
    from pointsman.registers import RegisterModel, RegisterProvider, RegisterSettings
    from pointsman.setup import Setup

__all__ = ["POINTSMAN_API", "Echo", "EchoProvider", "EchoSettings"]

POINTSMAN_API = 1
WIRE = ("openai-chat", "chat")
"""The dialect and surface in which faults are written down."""


class Echo:
    """The plugin: its provider is there without any configuration."""

    def __init__(self) -> None:
        self._scripts: dict[str, ScriptSettings] = {}

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Scripts."""
        register(EchoSettings)

    @hookimpl
    def register_providers(self, register: RegisterProvider) -> None:
        """It is there without any configuration, and under other names with one."""
        register(KIND, self._make, always=True)

    @hookimpl
    def register_models(self, register: RegisterModel) -> None:
        """`echo/echo`, and unlisted all else that is built in; nothing if `echo` is somebody else's name."""
        present = register.providers.get(KIND)
        if isinstance(present, EchoProvider):
            for native_id in BUILT_IN:
                register(_model(present, native_id, listed=native_id == LISTED))

    @hookimpl(tryfirst=True)
    def startup(self, gateway: Gateway) -> None:
        """Add the scripts of the configuration, before other plugins look for their models."""
        self.reload(gateway.setup)()

    @hookimpl(tryfirst=True)
    def reload(self, setup: Setup) -> Callable[[], None]:
        """Add the scripts of another configuration to its catalogue, and answer by them from then on."""
        settings: EchoSettings = setup.settings("echo")
        present = setup.providers.get(KIND)
        if isinstance(present, EchoProvider):
            for native_id in settings.scripts:
                setup.catalogue.add(_model(present, native_id, listed=True))

        def change() -> None:
            self._scripts.clear()
            self._scripts.update(settings.scripts)

        return change

    @hookimpl
    def call_provider(
        self, exchange: Exchange, attempt: Attempt
    ) -> Answer | Embeddings | AsyncIterator[Event] | None:
        """Answer for our providers. Raises BadRequest for a wrong script in the request."""
        provider, native_id = attempt.endpoint.provider, attempt.endpoint.native_id
        if not isinstance(provider, EchoProvider):
            return None
        fault = FAULTS.get(native_id)
        if fault is not None:
            if (exchange.dialect, exchange.surface) == WIRE:
                return play(fault.script, max_header=exchange.setup.core.upstream.max_header)
            failure = fault.failure()
            if failure is not None:
                raise failure
        chat = exchange.codec.decode_request(exchange.request)
        if exchange.surface == "embeddings":
            return embed(chat, model=attempt.candidate.model)
        script = script_in(exchange.request, surface=exchange.surface) or provider.script(native_id)
        response, turn = reply(exchange, attempt, chat, script)
        return stream(response, turn)

    def _make(self, name: str, settings: ProviderSettings) -> EchoProvider:
        return EchoProvider(name, self._scripts, settings)


def _model(provider: EchoProvider, native_id: str, *, listed: bool) -> Model:
    return Model(f"{provider.name}/{native_id}", [Endpoint(provider, native_id)], listed=listed)
