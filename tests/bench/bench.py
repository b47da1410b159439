"""What pointsman costs, beside nginx and other gateways, in front of one upstream on one machine.

    python tests/bench/bench.py                          every scenario, every contender that is installed
    python tests/bench/bench.py nonstream saturated      some scenarios
    python tests/bench/bench.py --list                   what there is
    python tests/bench/bench.py --json rows.json …       keeps the figures, beside those that are there
    python tests/bench/bench.py --from rows.json --page docs/performance.md

Each contender is on one core, the upstream and the load on another; docs/performance.md says more.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contenders import Contender, read_contenders
from field import Field, Options, Row
from programs import NoCompiler
from rounds import measure, profiler
from scenarios import SCENARIOS, Scenario, chosen
from tables import report

FIGURES = "## Figures\n"
"""The heading of a page below which the tables stand, to its end."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("scenarios", nargs="*", metavar="scenario")
    made.add_argument("--with", dest="names", metavar="NAMES", help="contenders, with commas between them")
    made.add_argument("--rounds", type=int, default=Options.rounds)
    made.add_argument("--seconds", type=float, default=Options.seconds, help="of a measurement")
    made.add_argument(
        "--warm", type=float, default=Options.warm, help="seconds before the first of a scenario"
    )
    made.add_argument("--short", action="store_true", help="a few requests in each: shows that it works")
    made.add_argument(
        "--realtime", action="store_true", help="before all other work of the machine (as root)"
    )
    made.add_argument(
        "--peers",
        type=Path,
        default=os.environ.get("POINTSMAN_BENCH_PEERS"),
        help="folder where other gateways are installed (POINTSMAN_BENCH_PEERS)",
    )
    made.add_argument("--profile", type=Path, metavar="FOLDER", help="flame graphs of pointsman, by py-spy")
    made.add_argument("--json", type=Path, metavar="FILE", help="keep the figures there")
    made.add_argument("--from", dest="kept", type=Path, metavar="FILE", help="measure nothing, show these")
    made.add_argument("--markdown", action="store_true")
    made.add_argument("--page", type=Path, metavar="FILE", help="put the tables into this page, as Markdown")
    made.add_argument("--list", action="store_true", help="scenarios and contenders")
    return made


def main() -> int:
    """Measure and show. Exit status 1 if something went wrong in between, 2 if nothing was measured."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = parser().parse_args()
    options = Options(**{each.name: getattr(arguments, each.name) for each in fields(Options)})
    table = read_contenders()
    if arguments.list:
        show_choice(table, options)
        return 0
    try:
        scenarios = chosen(arguments.scenarios)
        contenders = picked(table, arguments.names)
        if options.profile is not None and profiler() is None:
            raise LookupError("--profile needs py-spy: pip install py-spy")
        if arguments.kept is not None:
            show(scenarios, json.loads(arguments.kept.read_text()), arguments)
            return 0
        missing = [each for each in contenders if each.found(options.peers) is None]
        rows, failed = run(scenarios, [each for each in contenders if each not in missing], options)
    except (LookupError, NoCompiler) as error:
        print(f"bench: {error.args[0]}", file=sys.stderr)
        return 2
    if arguments.json is not None:
        keep(arguments.json, rows)
    show(scenarios, rows, arguments)
    for contender in missing:
        print(f"{contender.name}: not installed ({contender.install})")
    for said in failed.values():
        print(said)
    return 1 if failed or any(row["bad"] for row in rows) else 0


def picked(table: dict[str, Contender], names: str | None) -> list[Contender]:
    """The contenders of these names, all without any. Raises LookupError for a name that there is not."""
    unknown = sorted({*names.split(",")} - {*table}) if names else []
    if unknown:
        raise LookupError(f"no contender {', '.join(unknown)}: there are {', '.join(table)}")
    return [table[name] for name in names.split(",")] if names else list(table.values())


def run(
    scenarios: list[Scenario], contenders: list[Contender], options: Options
) -> tuple[list[Row], dict[str, str]]:
    """The rows of all scenarios, and why contenders did not start."""
    if options.profile is not None:
        options.profile.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    stamp = {"run": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    with (
        tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder,
        Field(Path(folder), options) as field,
    ):
        for scenario in scenarios:
            meant = scenario.short() if options.short else scenario
            rows += ({**row, **stamp} for row in measure(field, meant, contenders, progress))
        progress("")
        return rows, field.failed


def machine() -> str:
    """What this is measured on."""
    cores = len(os.sched_getaffinity(0))
    about = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in about if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    release = platform.release().partition("-")[0]
    return f"{cores} cores of {model}, Linux {release}, Python {platform.python_version()}"


def progress(text: str) -> None:
    """One line on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def show_choice(table: dict[str, Contender], options: Options) -> None:
    """Scenarios and contenders."""
    for scenario in SCENARIOS:
        print(f"{scenario.name:14} {scenario.about}")
    print()
    for contender in table.values():
        there = contender.found(options.peers) is not None
        print(f"{contender.name:14} {contender.about}{'' if there else '; not installed'}")


def keep(path: Path, rows: list[Row]) -> None:
    """Write rows in place of those of the same scenarios and contenders."""
    kept: list[Any] = json.loads(path.read_text()) if path.exists() else []
    new = {(row["scenario"], row["contender"]) for row in rows}
    left = [row for row in kept if (row["scenario"], row["contender"]) not in new]
    path.write_text(json.dumps([*left, *rows], indent=1) + "\n")


def show(scenarios: list[Scenario], rows: list[Row], arguments: argparse.Namespace) -> None:
    """Print the tables of those scenarios that there are rows of, or put them into a page."""
    page: Path | None = arguments.page
    text = "\n".join(report(scenarios, rows, markdown=arguments.markdown or page is not None))
    if page is None:
        print(text)
    else:
        before = page.read_text(encoding="utf-8").partition(FIGURES)[0]
        page.write_text(f"{before}{FIGURES}\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
