"""`pointsman route train`, and the files it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pointsman.errors import StartupError
from pointsman_thrift.command import route
from pointsman_thrift.tasks.labelled import labelled, prompt_in
from pointsman_thrift.tasks.names import TASKS
from pointsman_thrift.tasks.prompt import Prompt
from pointsman_thrift.tasks.weights import load


def written(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


def test_labelled_prompts_are_texts_or_requests(tmp_path: Path) -> None:
    request = {"messages": [{"role": "user", "content": "Hi"}], "tools": [{}]}
    file = written(
        tmp_path / "d", {"prompt": "Grüße", "task": "math"}, {"prompt": request, "task": "agentic"}
    )
    found = labelled(file)
    assert [(each.task, each.prompt) for each in found] == [
        ("maths", Prompt("Grüße")),
        ("agentic", Prompt("Hi", tools=1)),
    ]


def test_one_in_five_is_kept_out_whatever_the_order(tmp_path: Path) -> None:
    rows = [{"prompt": f"question {number}", "task": "trivia"} for number in range(200)]
    held = {each.prompt.last for each in labelled(written(tmp_path / "a", *rows)) if each.held}
    assert 20 < len(held) < 60
    assert held == {each.prompt.last for each in labelled(written(tmp_path / "b", *rows[::-1])) if each.held}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "x"}', "'task' is missing"),
        ('{"task": "maths"}', "'prompt' is missing"),
        ('{"prompt": "x", "task": "mahts"}', "did you mean 'maths'"),
        ('{"prompt": 3, "task": "maths"}', "a prompt is a text"),
        ("[1]", "not a JSON object"),
        ("{", "Expecting"),
    ],
)
def test_a_bad_line_is_told_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text('{"prompt": "ok", "task": "maths"}\n\n' + line)
    with pytest.raises(StartupError, match=rf"d\.jsonl:3: .*{message}"):
        labelled(file)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="cannot be read"):
        labelled(tmp_path / "none")
    (tmp_path / "latin").write_bytes(b'{"prompt": "\xff"}')
    with pytest.raises(StartupError, match="is not UTF-8"):
        labelled(tmp_path / "latin")
    with pytest.raises(ValueError, match="a prompt is a text"):
        prompt_in(None)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(route, ["train", *map(str, arguments)])


def test_training_writes_weights_and_prints_how_good_they_are(tmp_path: Path) -> None:
    rows = [{"prompt": f"the blorp of zindel {number}", "task": "legal"} for number in range(60)]
    data, out = written(tmp_path / "d.jsonl", *rows), tmp_path / "w.bin"
    done = run(data, "--out", out, "--per-task", 20, "--evaluate", data)
    assert done.exit_code == 0, done.output
    for heading in ("made:", "own:", f"{data}:", "macro-F1", "taken for", f"wrote {out}"):
        assert heading in done.output
    assert load(out).rows


def test_one_seed_writes_one_file_and_json_is_one_object(tmp_path: Path) -> None:
    one, two = tmp_path / "one.bin", tmp_path / "two.bin"
    done = run("--out", one, "--per-task", 6, "--json")
    assert run("--out", two, "--per-task", 6).exit_code == 0
    assert one.read_bytes() == two.read_bytes()
    told = json.loads(done.stdout)
    assert told["weights"] == str(one)
    assert told["bytes"] == one.stat().st_size
    assert set(told["scores"]) == {"made"}
    assert set(told["scores"]["made"]["tasks"]) <= set(TASKS)
