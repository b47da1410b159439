"""The configuration: every section, typed and valid, and where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pointsman.errors import ConfigError

from .build import Builder
from .core import CoreSettings, core_settings
from .document import Document
from .plugins import SECTION, PluginEntry, build_plugins, plugins_of
from .problems import Finding, Findings, Problem, Severity
from .schema import Schema
from .source import Mark

__all__ = ["Config", "build"]


class Config:
    """A valid configuration. `problems` are its warnings; `base` is where its relative paths start."""

    def __init__(
        self,
        document: Document,
        builder: Builder,
        sections: Mapping[str, Any],
        plugins: Mapping[str, Any],
        problems: tuple[Problem, ...],
    ) -> None:
        self.source = document.path
        self.base = document.base
        self.problems = problems
        self.sections = sections
        self.plugins = plugins
        self.plugin_entries: tuple[PluginEntry, ...] = tuple(plugins_of(document))
        self.places = builder.places
        self._builder = builder
        self._start = document.root.mark

    def section(self, name: str) -> Any:
        """A top-level section's value. Raises LookupError for one that nobody declared."""
        if name not in self.sections:
            raise LookupError(f"no section {name!r} is declared")
        return self.sections[name]

    def plugin(self, name: str) -> Any:
        """A plugin's settings; None if it is off or has none. Raises LookupError for an undeclared one."""
        if name not in self.plugins:
            raise LookupError(f"no plugin {name!r} is declared")
        return self.plugins[name]

    @cached_property
    def core(self) -> CoreSettings:
        """The core's sections. Raises LookupError if the schema was made without them."""
        return core_settings(self.sections)

    def mark(self, path: str) -> str:
        """`file:line:column` of a dotted path such as `models.fast.endpoints.0`, or of what it is in."""
        return str(self._mark(path))

    def problem(
        self,
        path: str,
        message: str,
        *,
        expected: str = "",
        hint: str = "",
        severity: Severity = "error",
    ) -> Problem:
        """A problem at a dotted path, for what only shows at start-up."""
        return Finding(message, self._mark(path), expected, hint, severity).problem()

    def _mark(self, path: str) -> Mark:
        return self._builder.nearest(path) or self._start


def build(document: Document, schema: Schema) -> Config:
    """Check a document against a schema and build it.

    Raises ConfigError with every problem of reading and building if there is any error, and StartupError if
    the claims in the schema contradict each other.
    """
    schema.verify()
    findings = Findings()
    findings.extend(document.findings)
    if not document.complete:
        raise _error(findings)
    builder = Builder(schema, findings)
    root = document.root
    sections: dict[str, Any] = {}
    for key, entry in root.entries.items():
        if key in schema.sections:
            sections[key] = builder.setting(schema.sections[key].spec, entry.node, key)
        elif key != SECTION and not key.startswith("x-"):
            known = {name: claim.spec for name, claim in schema.sections.items()} | {SECTION: None}
            builder.unknown_key(key, entry, known, "")
    for name, claim in schema.sections.items():
        if name not in sections:
            sections[name] = builder.absent(claim.spec, root)
    plugins = build_plugins(builder, root)
    if findings.failed:
        raise _error(findings)
    return Config(document, builder, sections, plugins, tuple(findings.problems()))


def _error(findings: Findings) -> ConfigError:
    return ConfigError.of(findings.problems())
