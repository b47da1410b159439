"""Configuration: read, check, build, explain.

`read` a file into a `Document`, let the core and the plugins say in a `Schema` what may stand in it, `build`
the `Config`. Everything wrong with a file is found in one run, each `Problem` with its place.
"""

from __future__ import annotations

from pointsman.errors import ConfigError

from .config import Config, build
from .core import (
    CoreSettings,
    EndpointSettings,
    KeepaliveSettings,
    LedgerSettings,
    LogSettings,
    ModelSettings,
    ProviderSettings,
    ProvidersSettings,
    ServerSettings,
    StateSettings,
    TlsSettings,
    UpstreamSettings,
    declare_core,
)
from .data import build_data
from .declare import SettingError, setting
from .document import Document
from .include import sources
from .jsonschema import json_schema
from .plugins import OrderSettings, PluginEntry, plugins_of
from .problems import Problem, render_github, render_json, render_text
from .read import DEFAULT_FILE, find_config, read, read_text
from .reference import reference_markdown
from .scalars import Duration, Percent, Size, Usd, ValueType
from .schema import Schema
from .show import Shown, show, show_json, show_text

__all__ = [
    "DEFAULT_FILE",
    "Config",
    "ConfigError",
    "CoreSettings",
    "Document",
    "Duration",
    "EndpointSettings",
    "KeepaliveSettings",
    "LedgerSettings",
    "LogSettings",
    "ModelSettings",
    "OrderSettings",
    "Percent",
    "PluginEntry",
    "Problem",
    "ProviderSettings",
    "ProvidersSettings",
    "Schema",
    "ServerSettings",
    "SettingError",
    "Shown",
    "Size",
    "StateSettings",
    "TlsSettings",
    "UpstreamSettings",
    "Usd",
    "ValueType",
    "build",
    "build_data",
    "declare_core",
    "find_config",
    "json_schema",
    "plugins_of",
    "read",
    "read_text",
    "reference_markdown",
    "render_github",
    "render_json",
    "render_text",
    "setting",
    "show",
    "show_json",
    "show_text",
    "sources",
]
