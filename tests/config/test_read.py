from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.config import (
    Config,
    ConfigError,
    Schema,
    build,
    declare_core,
    find_config,
    plugins_of,
    read,
    read_text,
)


def place(path: Path) -> tuple[str, str]:
    (problem,) = read(path, {}).problems
    return problem.place, problem.message


def test_a_file_is_read_with_its_path_and_base(tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text("server: {port: 1}")
    document = read(path, {})
    assert document.complete
    assert (document.path, document.base, document.problems) == (path, tmp_path, [])
    assert str(document.root.entries["server"].mark) == f"{path}:1:1"


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert place(tmp_path / "none") == (
        f"{tmp_path}/none",
        "this file cannot be read: No such file or directory",
    )
    assert place(tmp_path)[1] == "this file cannot be read: Is a directory"
    assert place(Path("a\0b"))[1] == "this file cannot be read: not a path"


def test_only_utf_8_is_read(tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    (problem,) = read(path, {}).problems
    assert (problem.line, problem.column, problem.message) == (2, 7, "this is not UTF-8")
    path.write_bytes("a: 1".encode("utf-16"))
    assert place(path)[1] == "this is not UTF-8"


def test_a_file_has_a_largest_size(tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_bytes(b"#" * 2**20)
    assert read(path, {}).problems == []
    path.write_bytes(b"#" * (2**20 + 1))
    assert place(path)[1] == "this is larger than 1 MiB"
    (problem,) = read_text("#" * (2**20 + 1), "text", {}, tmp_path).problems
    assert problem.message == "this is larger than 1 MiB"


@pytest.mark.parametrize("text", ["", "\n", "# comment\n", "---\n...\n", "~"])
def test_an_empty_file_is_an_empty_configuration(text: str) -> None:
    document = read_text(text, "proxy.yaml", {}, Path())
    assert (document.problems, document.root.entries, document.complete) == ([], {}, True)


@pytest.mark.parametrize(
    ("text", "found"), [("- a", "a list"), ("a", "the string 'a'"), ("5", "the integer 5")]
)
def test_another_root_than_a_mapping_is_a_problem(text: str, found: str) -> None:
    document = read_text(text, "proxy.yaml", {}, Path())
    assert [problem.message for problem in document.problems] == [f"the file is {found}"]
    assert not document.complete


def test_a_text_that_does_not_parse_gives_only_its_own_problems(tmp_path: Path) -> None:
    schema = Schema()
    schema.section("needed", str, owner="test", help="Must be there.")
    with pytest.raises(ConfigError) as caught:
        build(read_text("a: [", "proxy.yaml", {}, tmp_path), schema)
    assert len(caught.value.problems) == 1


def test_the_file_asked_for_comes_before_the_one_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(None) is None
    (tmp_path / "proxy.yaml").write_text("")
    assert find_config(None) == Path("proxy.yaml")
    assert find_config(Path("other.yaml")) == Path("other.yaml")


SCHEMA = Schema()
declare_core(SCHEMA)
KEYS = [
    "server",
    "models",
    "providers",
    "plugins",
    "include",
    "order",
    "endpoints",
    "api_key",
    "port",
    "x-",
    "1",
    "~",
]
MARKS = [*":\n{}[],|>'\"#\t?", ": ", "\n  ", "- ", "&a ", "*a", "<<", "!!str ", "---", "${A}", "${", "$$"]
FRAGMENTS = st.sampled_from([*KEYS, *MARKS, "\x00", "\ud800", "\u2028", "é"])


def outcome(text: str) -> Config | ConfigError:
    document = read_text(text, "proxy.yaml", {"A": "\x1b1"}, Path("/nonexistent"))
    plugins_of(document)
    try:
        return build(document, SCHEMA)
    except ConfigError as error:
        return error


@settings(max_examples=600, deadline=None)
@given(st.one_of(st.lists(FRAGMENTS, max_size=25).map("".join), st.text(max_size=40)))
def test_no_text_raises_anything_but_a_config_error(text: str) -> None:
    result = outcome(text)
    if isinstance(result, ConfigError):
        assert result.problems
        assert "\x1b" not in str(result)
    else:
        assert result.core.server.workers == 1
