"""Plugins: what is imported, in which order, and every way a wrong one is refused by name and file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.config import plugins_of, read_text
from pointsman.errors import PluginError
from pointsman.plugins import PluginSet, load, standard_order

HEAD = "from pointsman import hookimpl\nPOINTSMAN_API = 1\n"
GOOD = HEAD + "@hookimpl\ndef admit(exchange):\n    return None\n"


def plugin_file(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(text)
    return path


def load_config(folder: Path, text: str) -> PluginSet:
    return load(plugins_of(read_text(text, name="proxy.yaml", env={}, base=folder)))


def only(folder: Path, entries: str) -> str:
    """A configuration with the standard set off and `entries` on."""
    off = "".join(f"  {name}: false\n" for name in standard_order())
    return f"plugins:\n{off}{entries}"


def test_a_single_file_is_a_plugin_named_after_it(tmp_path: Path) -> None:
    plugin_file(tmp_path, "mine", GOOD)
    plugins = load_config(tmp_path, only(tmp_path, "  ./mine.py: {}\n"))
    (mine,) = plugins.plugins
    assert (mine.name, mine.origin, mine.file) == ("mine", "file", str(tmp_path / "mine.py"))
    assert mine.hooks() == ["admit"]


def test_the_standard_set_loads_in_its_shipped_order() -> None:
    plugins = load([])
    assert [plugin.name for plugin in plugins.plugins] == standard_order()
    assert standard_order()[0] == "keys"


def test_a_plugin_that_is_off_is_not_imported(tmp_path: Path) -> None:
    plugin_file(tmp_path, "mine", "raise SystemError('imported')")
    plugins = load_config(tmp_path, only(tmp_path, "  ./mine.py: false\n"))
    assert plugins.plugins == ()


def test_plugins_that_nobody_names_are_not_imported() -> None:
    """Even installed ones: an entry point alone runs nothing."""
    code = (
        "import sys\n"
        "from pointsman.plugins import load\n"
        "from pointsman.config import plugins_of, read_text\n"
        "from pathlib import Path\n"
        "from pointsman.plugins import standard_order\n"
        "off = ''.join(f'  {n}: false\\n' for n in standard_order())\n"
        "load(plugins_of(read_text('plugins:\\n' + off, name='x', env={}, base=Path('.'))))\n"
        "print([m for m in sys.modules if m.startswith('pointsman_') and m != 'pointsman_standard'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HEAD + "@hookimpl\ndef admit(exchange, more): ...\n", "more"),
        (HEAD + "@hookimpl\ndef admitt(exchange): ...\n", "unknown hook 'admitt'; did you mean admit"),
        (HEAD + "@hookimpl\nasync def register_models(register): ...\n", "may not be async"),
        (HEAD + "@hookimpl\nasync def price_usage(exchange, usage): ...\n", "may not be async"),
        (HEAD + "@hookimpl(wrapper=True)\ndef admit(exchange):\n    yield\n", "is a wrapper"),
        ("from pointsman import hookimpl\n", "declares no plugin API version"),
        ("POINTSMAN_API = 2\n", "was written for plugin API 2; this pointsman has API 1"),
        ("import nowhere_to_be_found\n", "cannot be imported: ModuleNotFoundError"),
        ("def broken(:\n", "cannot be imported: SyntaxError"),
    ],
)
def test_a_wrong_plugin_is_refused_by_name_and_file(tmp_path: Path, text: str, why: str) -> None:
    path = plugin_file(tmp_path, "mine", text)
    with pytest.raises(PluginError) as caught:
        load_config(tmp_path, only(tmp_path, "  ./mine.py: {}\n"))
    assert why in str(caught.value)
    assert "'mine'" in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no Python file .*gone\.py"):
        load_config(tmp_path, "plugins:\n  ./gone.py: {}\n")


def test_a_plugin_that_is_not_installed_is_refused_at_its_place(tmp_path: Path) -> None:
    with pytest.raises(PluginError) as caught:
        load_config(tmp_path, "plugins:\n  limitz: {}\n")
    assert "proxy.yaml:2:3" in str(caught.value)
    assert "did you mean 'limits'" in str(caught.value)
    with pytest.raises(PluginError, match="is pointsman-zebra installed"):
        load_config(tmp_path, "plugins:\n  zebra: {}\n")


def test_two_plugins_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    plugin_file(tmp_path, "mine", GOOD)
    plugin_file(tmp_path / "other", "mine", GOOD)
    with pytest.raises(PluginError, match="two plugins are called 'mine'"):
        load_config(tmp_path, "plugins:\n  ./mine.py: {}\n  ./other/mine.py: {}\n")
    plugin_file(tmp_path, "limits", GOOD)
    with pytest.raises(PluginError, match=r"two plugins are called 'limits': .*limits\.py and the installed"):
        load_config(tmp_path, "plugins:\n  ./limits.py: {}\n")


def order_of(plugins: PluginSet, hook: str) -> list[str]:
    return [link.plugin for link in plugins.links(hook)]


def test_order_is_the_configurations_and_can_be_moved(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        plugin_file(tmp_path, name, GOOD)
    plain = only(tmp_path, "  ./a.py: {}\n  ./b.py: {}\n  ./c.py: {}\n")
    assert order_of(load_config(tmp_path, plain), "admit") == ["a", "b", "c"]
    moved = only(tmp_path, "  ./a.py: {order: {after: [c]}}\n  ./b.py: {}\n  ./c.py: {}\n")
    assert order_of(load_config(tmp_path, moved), "admit") == ["b", "c", "a"]
    moved = only(tmp_path, "  ./a.py: {}\n  ./b.py: {}\n  ./c.py: {order: {before: [a]}}\n")
    assert order_of(load_config(tmp_path, moved), "admit") == ["c", "a", "b"]


def test_an_order_that_cannot_be_is_refused_at_its_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        plugin_file(tmp_path, name, GOOD)
    circle = only(tmp_path, "  ./a.py: {order: {after: [b]}}\n  ./b.py: {order: {after: [a]}}\n")
    with pytest.raises(PluginError, match=r"proxy\.yaml:\d+:3: the order of a, b contradicts itself"):
        load_config(tmp_path, circle)
    with pytest.raises(PluginError, match=r"names 'zebra', no other plugin in use"):
        load_config(tmp_path, only(tmp_path, "  ./a.py: {order: {before: [zebra]}}\n"))


def test_tryfirst_and_trylast_are_honoured(tmp_path: Path) -> None:
    plugin_file(tmp_path, "a", GOOD)
    plugin_file(tmp_path, "b", GOOD.replace("@hookimpl", "@hookimpl(tryfirst=True)"))
    plugin_file(tmp_path, "c", GOOD)
    plugin_file(tmp_path, "d", GOOD.replace("@hookimpl", "@hookimpl(trylast=True)"))
    config = only(tmp_path, "".join(f"  ./{name}.py: {{}}\n" for name in "dabc"))
    assert order_of(load_config(tmp_path, config), "admit") == ["b", "a", "c", "d"]


def test_an_implementation_may_take_some_of_the_arguments_in_any_order(tmp_path: Path) -> None:
    text = (
        HEAD + "@hookimpl\ndef rank_candidates(candidates, exchange):\n    return [exchange, *candidates]\n"
    )
    plugin_file(tmp_path, "mine", text)
    (link,) = load_config(tmp_path, only(tmp_path, "  ./mine.py: {}\n")).links("rank_candidates")
    assert link.call("x", [1]) == ["x", 1]


def test_a_registration_that_calls_back_wrongly_is_refused_by_name(tmp_path: Path) -> None:
    path = plugin_file(tmp_path, "mine", HEAD + "@hookimpl\ndef register_tables(register):\n    register()\n")
    plugins = load_config(tmp_path, only(tmp_path, "  ./mine.py: {}\n"))
    with pytest.raises(PluginError) as caught:
        plugins.run_registration("register_tables", lambda owner: lambda table: None)
    assert "'mine'" in str(caught.value)
    assert str(path) in str(caught.value)
    assert "register_tables" in str(caught.value)


def test_every_wrong_plugin_is_told_at_its_place_in_one_run(tmp_path: Path) -> None:
    plugin_file(tmp_path, "one", "import sys\nsys.exit(3)\n")
    plugin_file(tmp_path, "two", "POINTSMAN_API = 9\n")
    with pytest.raises(PluginError) as caught:
        load_config(tmp_path, "plugins:\n  ./one.py: {}\n  zebra: {}\n  ./two.py: {}\n")
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]
    assert "SystemExit" in caught.value.problems[0].message
