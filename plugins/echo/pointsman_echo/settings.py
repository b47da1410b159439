"""The plugin's section of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.config import SettingError, setting

from .provider import BUILT_IN
from .script import ScriptSettings

__all__ = ["EchoSettings"]


@dataclass(frozen=True)
class EchoSettings:
    """The provider `echo`."""

    scripts: dict[str, ScriptSettings] = setting(
        factory=dict, help="Answers by name: script `hello` is served as model `echo/hello`."
    )

    def check(self) -> None:
        """A built-in model keeps its meaning."""
        for name in self.scripts:
            if name in BUILT_IN:
                raise SettingError(("scripts", name), f"`echo/{name}` is built in; choose another name")
