"""The command line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .errors import ConfigError, StartupError

if TYPE_CHECKING:
    from .config import Document, Problem
    from .setup import Setup

__all__ = ["config_option", "error_text", "load_document", "load_setup", "main", "trace_option", "tracer"]

ADMIN_KEY = "POINTSMAN_ADMIN_KEY"
"""The variable with the key that commands send to a running server."""
NO_CONFIG = "providers: {from_env: true}\n"
"""What a server without a configuration file runs on."""


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The `--config FILE` option, for the commands of the core and of plugins."""
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path),
        help="Configuration file; without it, ./proxy.yaml where it exists.",
    )(function)


def trace_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The `--trace-hooks` option; `tracer` turns it into what `load_setup` takes."""
    return click.option("--trace-hooks", is_flag=True, help="Tell every call of a hook on standard error.")(
        function
    )


def tracer(trace_hooks: bool) -> Callable[[str], None] | None:
    """What is told of hook calls, where `--trace-hooks` was given."""
    return (lambda text: click.echo(text, err=True)) if trace_hooks else None


def load_document(config: Path | None) -> Document:
    """Read the configuration, or what stands in for none. Raises StartupError."""
    from .config import find_config, read, read_text

    path = find_config(config)
    if path is None:
        return read_text(NO_CONFIG, name="(no configuration)", env=os.environ, base=Path.cwd())
    return read(path, os.environ)


def load_setup(config: Path | None, *, trace: Callable[[str], None] | None = None) -> Setup:
    """Everything a configuration comes to. Raises StartupError."""
    from .setup import assemble

    return assemble(load_document(config), env=os.environ, trace=trace)


class Commands(click.Group):
    """The core's commands, and those of the plugins that the configuration names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See `click.Group`."""
        return sorted({*super().list_commands(ctx), *self._of_plugins()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See `click.Group`."""
        return super().get_command(ctx, cmd_name) or self._of_plugins().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See `click.Group`; adds a did-you-mean."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            if near:
                raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what stops it is said without a traceback, with exit status 1."""
        try:
            return super().invoke(ctx)
        except StartupError as error:
            click.echo(error_text(error), err=True)
            ctx.exit(1)

    def _of_plugins(self) -> dict[str, click.Command]:
        from .config import plugins_of
        from .plugins import load

        commands: dict[str, click.Command] = {}

        def register_for(_: str) -> Callable[[click.Command], None]:
            def register(command: click.Command) -> None:
                commands[str(command.name)] = command

            return register

        document = load_document(_config_argument(sys.argv))
        load(plugins_of(document)).run_registration("register_commands", register_for)
        return commands


def _config_argument(arguments: list[str]) -> Path | None:
    """The value of `--config` before click has parsed anything: it decides which commands there are."""
    for index, argument in enumerate(arguments):
        if argument in ("--config", "-c") and index + 1 < len(arguments):
            return Path(arguments[index + 1])
        if argument.startswith("--config="):
            return Path(argument.partition("=")[2])
    return None


def error_text(error: StartupError) -> str:
    """A start-up error as the command line tells it."""
    if isinstance(error, ConfigError) and error.problems:
        from .config import render_text

        return render_text(error.problems)
    return f"error: {error}"


@click.group(cls=Commands)
def main() -> None:
    """One proxy in front of every model provider: one API, one key, any model."""


@main.command()
@config_option
@click.option("--host", help="Listen here instead of server.host.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Listen here instead of server.port; 0 for any free port."
)
@click.option("--watch", is_flag=True, help="Reload when a file of the configuration changes.")
@trace_option
def serve(config: Path | None, host: str | None, port: int | None, watch: bool, trace_hooks: bool) -> None:
    """Serve. Without a configuration: finds providers by their keys in the environment and local servers,
    and makes an admin key for this session."""
    import gc
    from functools import partial

    from .config import find_config
    from .serving import run
    from .setup import assemble

    gc.disable()  # what start-up makes stays: looking for what does not is a sixth of its time
    try:
        file = find_config(config)
        if watch and file is None:
            raise StartupError("--watch: there is no configuration file to watch")
        document = load_document(file)
        run(
            assemble(document, env=os.environ, trace=tracer(trace_hooks)),
            host=host,
            port=port,
            read=partial(load_document, file) if file is not None else None,
            watched=document if watch else None,
        )
    finally:
        gc.enable()


@main.command()
@config_option
@click.option("--key", help="Admin key of the running server; or POINTSMAN_ADMIN_KEY.")
def reload(config: Path | None, key: str | None) -> None:
    """Let the running server read its configuration again. Exit status: 0 done, 1 refused or not reached:
    then nothing has changed."""
    from .asking import ask_to_reload

    for line in asyncio.run(ask_to_reload(load_document(config), key or os.environ.get(ADMIN_KEY))):
        click.echo(line)


@main.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "github"]), default="text", show_default=True
)
def check(config: Path | None, file: Path | None, style: str) -> None:
    """Check a configuration. Exit status: 0 good, 1 wrong, 2 not readable."""
    from .config import Problem, find_config, render_github, render_json, render_text

    render = {"text": render_text, "json": render_json, "github": render_github}[style]
    wanted = find_config(file or config)
    if wanted is None or not wanted.is_file():
        click.echo(render([Problem(f"there is no configuration file {wanted or './proxy.yaml'}")]))
        sys.exit(2)
    try:
        setup = load_setup(wanted)
        problems = [*setup.config.problems, *asyncio.run(_rehearse(setup))]
    except ConfigError as error:
        click.echo(render(error.problems) if error.problems else error_text(error))
        sys.exit(1)
    except StartupError as error:
        click.echo(render([Problem(str(error))]))
        sys.exit(1)
    if problems or style == "json":
        click.echo(render(problems))
    if any(problem.severity == "error" for problem in problems):
        sys.exit(1)
    if style == "text":
        click.echo(f"{wanted}: good; {len(setup.providers)} providers, {len(setup.catalogue)} models")


async def _rehearse(setup: Setup) -> list[Problem]:
    """Run what would run at start, but for the network and the ledger: it checks rules and exposure. What
    plugins find beyond."""
    from .chain import concat
    from .gateway import Gateway
    from .server import check_exposure

    async with Gateway.dry(setup) as gateway:
        check_exposure(gateway)
        return await concat(setup.plugins.chain("check_setup", None), gateway)


@main.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
def show(config: Path | None, as_json: bool) -> None:
    """Show every setting in effect, secrets masked, with where it comes from."""
    from .config import show_json, show_text

    setup = load_setup(config)
    click.echo(show_json(setup.config) if as_json else show_text(setup.config))


@main.command()
@config_option
def schema(config: Path | None) -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from .config import json_schema, plugins_of
    from .plugins import load
    from .setup import declare

    declared = declare(load(plugins_of(load_document(config))))
    click.echo(json.dumps(json_schema(declared), indent=2, ensure_ascii=False))


@main.command()
@config_option
@click.option("--order", is_flag=True, help="Print the order in which each hook calls its plugins.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
def plugins(config: Path | None, order: bool, as_json: bool) -> None:
    """List the plugins in use, or with --order the chain of each hook."""
    from .plugins import HOOKS

    used = load_setup(config).plugins
    if order:
        rows = [{"hook": hook, "plugins": [link.plugin for link in used.links(hook)]} for hook in HOOKS]
        lines = [f"{row['hook']:20} {' → '.join(row['plugins']) or '-'}" for row in rows]
    else:
        rows = [
            {
                "name": each.name,
                "version": each.version,
                "from": each.origin,
                "file": each.file,
                "hooks": each.hooks(),
            }
            for each in used.plugins
        ]
        lines = [
            f"{row['name']:14} {row['version']:8} {row['from']:22} {', '.join(row['hooks'])}" for row in rows
        ]
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(lines))


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)
