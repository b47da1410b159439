"""What holds the house together, checked: documentation, names, sizes, sockets, style."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pointsman
from pointsman import hookspecs
from pointsman.plugins import load

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "src" / "pointsman"
PLUGINS = ROOT / "plugins"
VENDORS = re.compile(
    r"\b(anthropic|azure|bedrock|cerebras|claude|cohere|deepseek|fireworks|gemini|groq|huggingface|llama"
    r"|lmstudio|mistral|ollama|openai|perplexity|replicate|sambanova|vertex|vllm|xai)\b"
)
VOCABULARY = {"errors.py"}
"""Files that may say whose vocabulary of error types they take."""
UNTESTED_ALONE = {
    "__init__.py": "re-exports",
    "__main__.py": "one call, made by every test that serves in a process of its own",
    "markers.py": "two markers, used by every plugin test",
    "registers.py": "types only",
}


def core_files() -> list[Path]:
    return sorted(path for path in CORE.rglob("*.py"))


def product_files() -> list[Path]:
    plugins = [path for path in PLUGINS.rglob("*.py") if "tests" not in path.parts]
    return core_files() + sorted(plugins)


def test_every_hook_is_documented_with_its_exact_signature() -> None:
    page = (ROOT / "docs" / "hooks.md").read_text()
    for hook in hookspecs.__all__:
        arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
        assert f"## `{hook}({arguments})`" in page
        assert inspect.getdoc(getattr(hookspecs, hook)), hook


def test_every_hook_has_a_test_of_its_own() -> None:
    tests = (ROOT / "tests" / "test_hookspecs.py").read_text()
    for hook in hookspecs.__all__:
        assert re.search(rf"def test_hook_{hook}\(", tests), hook


def test_every_hook_is_used_by_a_plugin_that_is_shipped() -> None:
    used = {hook for plugin in load([]).plugins for hook in plugin.hooks()}
    assert used == set(hookspecs.__all__)


def test_generated_documentation_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_examples_in_the_documentation_are_the_examples() -> None:
    page = (ROOT / "docs" / "plugins.md").read_text()
    for name, most in (("inhouse", 30), ("private", 25)):
        text = (ROOT / "docs" / "examples" / name / f"pointsman_{name}.py").read_text()
        assert text in page, name
        assert text.count("\n") < most


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} → {target}"


@pytest.mark.parametrize("path", core_files(), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_names_no_vendor(path: Path) -> None:
    text = path.read_text().lower()
    assert VENDORS.findall(text) == []


def test_only_upstream_opens_connections() -> None:
    """Nothing else in the core imports an HTTP client or connects a socket; the server listens, and asks
    its own Unix socket whether somebody listens there already. The others are what upstream is made of, and
    how a command asks the server."""
    upstream = ("upstream.py", "dial.py", "egress.py", "pools.py", "transport.py", "asking.py")
    for path in core_files():
        if path.name in upstream or "testing" in path.parts:
            continue
        tree = ast.parse(path.read_text())
        typing_only = {
            id(node)
            for block in ast.walk(tree)
            if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
            for node in ast.walk(block)
        }
        for node in ast.walk(tree):
            if id(node) in typing_only:
                continue
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            clients = {"httpx", "http.client", "urllib.request", "requests", "aiohttp", "httpcore"}
            assert not clients & set(names), f"{path.name} imports {names}"
            if isinstance(node, ast.Attribute):
                opened = node.attr in {"create_connection", "open_connection", "open_unix_connection"}
                assert not opened, f"{path.name} opens a connection"
                assert node.attr != "connect" or path.name in {"listen.py"} or "ledger" in path.parts, (
                    path.name
                )


STARTS_A_PROCESS = {"pointsman_catalogue/child.py": "a fixed command line compiles the prices"}
"""Modules that may start a process, and for what."""


RENDERS_TEMPLATES = "pointsman_dashboard/site.py"
"""From the files of its own package, and from nothing else."""


def test_nothing_evaluates_input_or_starts_processes() -> None:
    for path in product_files():
        if "testing" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr.startswith("create_subprocess"):
                assert f"{path.parent.name}/{path.name}" in STARTS_A_PROCESS, path
                assert node.attr == "create_subprocess_exec", path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec", "compile", "__import__"}, path
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "marshal", "subprocess", "shelve"}, path
                assert "jinja2" not in names or f"{path.parent.name}/{path.name}" == RENDERS_TEMPLATES, path
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"from_string", "FunctionLoader", "DictLoader"}, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("os", "system"), ("os", "popen"), ("yaml", "load")}


@pytest.mark.parametrize("path", product_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 450, "a file with two subjects: split it"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 70, f"{node.name} has {length} lines"


MOST_LINES = {"config": 3800, "ledger": 2000, "": 14100}
"""Lines of the core: of its two packages that are subjects of their own, and of all the rest."""


def test_the_core_stays_thin() -> None:
    lines = dict.fromkeys(MOST_LINES, 0)
    for path in core_files():
        package = path.relative_to(CORE).parts[0]
        if package != "testing":
            lines[package if package in lines else ""] += path.read_text().count("\n")
    assert {name: count for name, count in lines.items() if count > MOST_LINES[name]} == {}


def test_every_module_says_what_it_offers_sorted() -> None:
    for module in pkgutil.walk_packages(pointsman.__path__, "pointsman."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        names = loaded.__all__
        assert list(names) == sorted(
            names, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
        )
        assert all(hasattr(loaded, name) for name in names), module.name


@pytest.mark.parametrize("path", core_files(), ids=lambda path: str(path.relative_to(CORE)))
def test_every_source_file_has_its_test_file(path: Path) -> None:
    relative = path.relative_to(CORE)
    if relative.name in UNTESTED_ALONE:
        return
    assert (ROOT / "tests" / relative.parent / f"test_{relative.name}").is_file()


def test_every_setting_is_in_the_example() -> None:
    """Every key of the configuration reference stands in proxy.yaml.example, set or in a comment."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    example = (ROOT / "proxy.yaml.example").read_text()
    keys = set(re.findall(r"^\| `([a-z_]+)`", page, re.MULTILINE))
    assert keys, "the reference has lost its shape"
    missing = [key for key in sorted(keys) if not re.search(rf"\b{key}\b", example)]
    assert missing == []


def test_nothing_unfinished_is_left_lying() -> None:
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    for path in product_files():
        assert not unfinished.search(path.read_text()), path


@pytest.mark.parametrize(
    "command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join
)
def test_style_and_types(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command, *([] if command == ["mypy"] else ["."])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
