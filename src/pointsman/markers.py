"""pluggy's markers for this project: `hookspec` declares a hook, `hookimpl` implements one."""

from __future__ import annotations

import pluggy

__all__ = ["API_VERSION", "PROJECT", "hookimpl", "hookspec"]

PROJECT = "pointsman"
API_VERSION = 1
"""The plugin API. A plugin says which one it was written for: `POINTSMAN_API = 1`."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
