"""The provider, and the models it has without being told."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.config import Duration, ProviderSettings
from pointsman.facts import About
from pointsman.providers import Provider

from .faults import FAULTS
from .script import ScriptSettings

__all__ = ["BUILT_IN", "KIND", "LISTED", "TOOLS", "EchoProvider"]

KIND = "echo"
LISTED = "echo"
TOOLS = "tools"
SURFACES = frozenset({"chat", "completions", "embeddings"})
ABOUT = About(title="Echo", trains=False, retains=False, retention="answers here", cancels=True)
THOUGHT = "I am asked to say again what was said, so I will say it again, word for word."
SCRIPTS: Mapping[str, ScriptSettings] = {
    LISTED: ScriptSettings(),
    "reasoning": ScriptSettings(reasoning=THOUGHT),
    "slow": ScriptSettings(latency=Duration(1), interval=Duration(0.1)),
    TOOLS: ScriptSettings(),
}
BUILT_IN = (*SCRIPTS, *FAULTS)
"""Native ids that are always there; all but `LISTED` are unlisted."""


class EchoProvider(Provider):
    """Answers every dialect in canonical types. `scripts` are the configured ones, by native id."""

    def __init__(
        self, name: str, scripts: Mapping[str, ScriptSettings], settings: ProviderSettings | None = None
    ) -> None:
        super().__init__(name, kind=KIND, surfaces=SURFACES, extra=settings.extra if settings else None)
        self.about = ABOUT
        self.timeout = settings.timeout if settings else None
        self._scripts = scripts

    def takes(self, native_id: str) -> bool:
        """Whether there is such a script: other names are mistakes, and what was meant can be offered."""
        return native_id in BUILT_IN or native_id in self._scripts

    def script(self, native_id: str) -> ScriptSettings:
        """The script of a model; a name that only the configuration's `models` knows echoes."""
        return self._scripts.get(native_id) or SCRIPTS.get(native_id, SCRIPTS[LISTED])
