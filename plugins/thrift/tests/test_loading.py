"""Loading: files as people have them, and errors that say where."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from pointsman_thrift.evaluation.data import Data, DataError
from pointsman_thrift.evaluation.loading import Wanted, load
from pointsman_thrift.evaluation.prices import Price, price_of

PROMPTS = [f"What is {number} and {number}, and how do you know?" for number in range(20)]


def written(path: Path, heading: list[str], lines: list[list[object]]) -> Path:
    """A table as a file."""
    out = io.StringIO()
    csv.writer(out).writerows([heading, *lines])
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def read(*paths: Path, **more: object) -> Data:
    return load(paths, Wanted(**more))  # type: ignore[arg-type]


def test_a_table_of_truth_values(tmp_path: Path) -> None:
    """As it is published beside a router of two models: a prompt, and a column for each."""
    lines: list[list[object]] = [[prompt, number % 2 == 0, True] for number, prompt in enumerate(PROMPTS)]
    data = read(written(tmp_path / "gsm8k.csv", ["prompt", "acme/mix-8x7B-v0.1", "gpt-9-preview"], lines))
    assert data.models == ("acme/mix-8x7B-v0.1", "gpt-9-preview")
    assert [data.mean(0), data.mean(1)] == [0.5, 1.0]
    assert data.questions[0].prompt == PROMPTS[0]
    assert data.costs.startswith("assumed: each model costs 3 times as much as the next worse")
    assert "--price" in data.costs
    assert data.mean_cost(1) == pytest.approx(3 * data.mean_cost(0))


def test_a_wide_table_with_costs_and_answers(tmp_path: Path) -> None:
    """As a published bench of many models has it, with an index, a task and answers as text."""
    heading = ["", "sample_id", "prompt", "eval_name", "a/b", "c", "a/b|model_response", "a/b|total_cost"]
    heading += ["c|model_response", "c|total_cost", "oracle_model_to_route_to"]
    lines: list[list[object]] = [
        [n, f"s{n}", prompt, f"t{n % 2}", 1.0, 0.25, "yes, 42", 0.002, "7", 0.0001, "a/b"]
        for n, prompt in enumerate(PROMPTS)
    ]
    data = read(written(tmp_path / "bench.csv", heading, lines))
    assert data.models == ("a/b", "c")
    assert data.tasks == ["t0", "t1"]
    assert data.costs == "from the data"
    assert data.mean_cost(0) == pytest.approx(2e6)
    assert (data.mean(0), data.mean(1)) == (1.0, 0.25)
    assert data.questions[3].id == "s3"


@pytest.mark.parametrize(
    "names",
    [
        ["score_a", "score_b", "cost_a", "cost_b"],
        ["a_score", "b_score", "a_cost", "b_cost"],
        ["a", "b", "a cost", "cost:b"],
        ["a.correct", "b.correct", "a/total_cost", "b/cost_usd"],
    ],
)
def test_columns_are_known_by_how_they_are_called(tmp_path: Path, names: list[str]) -> None:
    lines: list[list[object]] = [[prompt, 1, 0, 0.5, 0.25] for prompt in PROMPTS]
    data = read(written(tmp_path / "x.csv", ["question", *names], lines))
    assert data.models == ("a", "b")
    assert [data.mean_cost(0), data.mean_cost(1)] == pytest.approx([5e8, 2.5e8])


def test_scores_up_to_ten_are_divided_and_said_so(tmp_path: Path) -> None:
    lines: list[list[object]] = [[prompt, 9, 4.5] for prompt in PROMPTS]
    data = read(written(tmp_path / "bench.csv", ["prompt", "a", "b"], lines))
    assert [data.mean(0), data.mean(1)] == pytest.approx([0.9, 0.45])
    assert data.notes == ["bench.csv: scores were divided by 10"]


def test_unusual_names_can_be_told(tmp_path: Path) -> None:
    lines: list[list[object]] = [[number % 3, prompt, 1, 0, 7.5] for number, prompt in enumerate(PROMPTS)]
    path = written(tmp_path / "x.csv", ["kind", "frage", "a", "b", "minutes"], lines)
    data = read(path, task="kind", prompt="frage", models=("a", "b"))
    assert data.tasks == ["0", "1", "2"]
    assert data.models == ("a", "b")
    with pytest.raises(DataError, match=r"x\.csv, row 1, column 'sort': there is no such column"):
        read(path, task="sort")


def test_prompts_are_found_by_their_length_where_nothing_names_them(tmp_path: Path) -> None:
    lines: list[list[object]] = [["x", prompt, 1, 0] for prompt in PROMPTS]
    data = read(written(tmp_path / "x.csv", ["kind", "frage", "a", "b"], lines))
    assert data.questions[0].prompt == PROMPTS[0]
    assert data.models == ("a", "b")


def long_rows() -> list[dict[str, object]]:
    """A row for each answer."""
    return [
        {
            "id": number,
            "prompt": prompt,
            "task": "maths",
            "model": model,
            "score": score,
            "cost": 0.001,
            "in_tok": 10,
            "out_tok": 20,
        }
        for number, prompt in enumerate(PROMPTS)
        for model, score in (("a", 1), ("b", 0.5))
    ]


def test_json_lines_with_a_row_for_each_answer(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, long_rows())) + "\n\n")
    data = read(path)
    assert (len(data.questions), data.models, data.tasks) == (20, ("a", "b"), ["maths"])
    assert data.mean_cost(0) == pytest.approx(1e6)
    priced = read(path, prices={"a": Price(1.0, 2.0)})
    assert priced.mean_cost(0) == pytest.approx((10 * 1 + 20 * 2) / 1e6 * 1e9)
    assert priced.costs == "from the prices given, the others' from the data; tokens from the data"


def test_a_table_with_a_row_for_each_answer(tmp_path: Path) -> None:
    rows = long_rows()
    data = read(written(tmp_path / "x.csv", [*rows[0]], [[*row.values()] for row in rows]))
    assert (len(data.questions), data.models, data.costs) == (20, ("a", "b"), "from the data")


@pytest.mark.parametrize("nested", [True, False])
def test_json_with_scores_by_model(tmp_path: Path, nested: bool) -> None:
    rows = [
        {"question": prompt, "scores": {"a": 1.0, "b-7b": 0.0}, "cluster_id": 2}
        if nested
        else {"question": prompt, "a": 1.0, "b-7b": 0.0, "answer": "yes", "cluster_id": 2}
        for prompt in PROMPTS
    ]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"data": rows}))
    data = read(path)
    assert data.models == ("a", "b-7b")
    assert (data.mean(0), data.mean(1)) == (1.0, 0.0)


def test_wide_json_lines_with_objects(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    answers = {"a": {"score": True, "cost": 0.1}, "b": {"score": 0.5, "cost": 0.2}}
    path.write_text("\n".join(json.dumps({"prompt": prompt, "models": answers}) for prompt in PROMPTS))
    data = read(path)
    assert [data.mean_cost(0), data.mean_cost(1)] == pytest.approx([1e8, 2e8])


def test_a_folder_is_its_files_and_each_a_task(tmp_path: Path) -> None:
    for name in ("law", "physics"):
        lines: list[list[object]] = [[f"{name}: {prompt}", 1, 0] for prompt in PROMPTS]
        written(tmp_path / f"{name}.csv", ["prompt", "a", "b"], lines)
    (tmp_path / "readme.txt").write_text("not data")
    data = read(tmp_path)
    assert (len(data.questions), data.tasks) == (40, ["law", "physics"])
    assert "each file is taken as a task" in data.notes


def test_tasks_come_from_the_classifier_where_the_data_has_none(tmp_path: Path) -> None:
    lines: list[list[object]] = [[prompt, 1, 0] for prompt in PROMPTS]
    path = written(tmp_path / "x.csv", ["prompt", "a", "b"], lines)
    data = read(path, classify=lambda prompt: "long" if "10" in prompt else "short")
    assert data.tasks == ["long", "short"]
    assert data.notes == ["tasks are those of the classifier"]


def test_sizes_in_names_are_what_is_assumed_of_prices(tmp_path: Path) -> None:
    lines: list[list[object]] = [[prompt, 1, 0, 1] for prompt in PROMPTS]
    names = ["prompt", "acme-70b-instruct", "acme-8x7B", "acme-1.5b"]
    data = read(written(tmp_path / "x.csv", names, lines))
    assert "each billion parameters" in data.costs
    assert data.mean_cost(0) / data.mean_cost(1) == pytest.approx(70 / 56)
    assert data.mean_cost(0) / data.mean_cost(2) == pytest.approx(70 / 1.5)


def test_many_models_without_prices_stay_within_a_range(tmp_path: Path) -> None:
    lines: list[list[object]] = [
        [prompt, *(int(n % 50 < m) for m in range(40))] for n, prompt in enumerate(PROMPTS)
    ]
    data = read(written(tmp_path / "x.csv", ["prompt", *(f"model-{m}" for m in range(40))], lines))
    costs = [data.mean_cost(place) for place in range(40)]
    assert max(costs) / min(costs) == pytest.approx(300, rel=0.01)


def test_questions_without_all_scores_are_left_out_and_said_so(tmp_path: Path) -> None:
    lines: list[list[object]] = [[prompt, 1, "" if n == 3 else 0, ""] for n, prompt in enumerate(PROMPTS)]
    lines[0][3] = 1
    data = read(written(tmp_path / "x.csv", ["prompt", "a", "b", "rare"], lines))
    assert len(data.questions) == 19
    assert data.notes == [
        "left out, for they answered fewer than half of the questions: rare",
        "1 of 20 questions lack a score and were left out",
    ]


BAD = {
    "empty.csv": ("", "there are no rows"),
    "alone.csv": (
        "prompt,a\n" + "\n".join(f"{each},1" for each in PROMPTS).replace(", and", ""),
        "choose from: a",
    ),
    "none.csv": ("prompt,answer\nlong enough to be one,x\n", "no column holds scores of a model"),
    "ragged.csv": ("prompt,a,b\nx,1,0\ny,1\n", "row 3: 2 cells under 3 headings"),
    "range.csv": ("prompt,a,b\nx,1,0\ny,-3,0\n", "row 3, column 'a': -3 is no score"),
    "huge.csv": ("prompt,a,b\nx,1,0\ny,700,0\n", "row 3, column 'a': 700 is no score"),
    "few.csv": ("prompt,a,b\nx,1,0\ny,0,0\n", "2 questions have a score of each model; 10 are needed"),
    "line.jsonl": ('{"prompt": "x", "a": 1}\n{"prompt"\n', "row 2: this is no JSON"),
    "text.jsonl": (
        '{"prompt": "x", "model": "a", "score": "good"}\n',
        "row 1, column 'score': 'good' is no score",
    ),
    "list.jsonl": ("[1]\n", "row 1: this is no object"),
    "prompt.jsonl": ('{"model": "a", "score": 1}\n', "row 1: there is no prompt"),
    "twice.jsonl": (
        '{"prompt": "x", "model": "a", "score": 1}\n' * 2,
        "row 2, column 'model': a has answered",
    ),
    "other.jsonl": (
        '{"id": 1, "prompt": "x", "model": "a", "score": 1}\n'
        '{"id": 1, "prompt": "y", "model": "b", "score": 1}\n',
        "row 2, column 'id': the id '1' has another prompt in row 1",
    ),
    "nothing.jsonl": ("\n", "there are no questions"),
    "object.json": ('{"a": 1}', "this is no list of questions"),
    "broken.json": ("[", "cannot be read"),
    "x.parquet": ("", "which kind of file is this"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_say_where(tmp_path: Path, name: str) -> None:
    text, message = BAD[name]
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_cell_that_is_no_score_among_scores_is_named(tmp_path: Path) -> None:
    lines: list[list[object]] = [[prompt, 1, 0] for prompt in PROMPTS]
    path = written(tmp_path / "x.csv", ["prompt", "a_score", "b_score"], lines)
    path.write_text(path.read_text().replace(f'"{PROMPTS[5]}",1,0', f'"{PROMPTS[5]}",1,oops'))
    with pytest.raises(DataError, match="row 7, column 'b_score': 'oops' is no score"):
        read(path)


def test_models_and_prices_that_are_not_there_are_errors(tmp_path: Path) -> None:
    lines: list[list[object]] = [[prompt, 1, 0] for prompt in PROMPTS]
    path = written(tmp_path / "x.csv", ["prompt", "a", "b"], lines)
    with pytest.raises(DataError, match="no model 'c', but a, b"):
        read(path, models=("a", "c"))
    with pytest.raises(DataError, match="price is given for c, but models are a, b"):
        read(path, prices={"c": Price(1, 1)})
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no file of"):
        read(tmp_path / "empty")


@pytest.mark.parametrize("text", ["a", "a=1", "a=1,x", "=1,2", "a=-1,2"])
def test_prices_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no price"):
        price_of(text)


def test_a_price_may_have_an_equals_sign_in_its_model() -> None:
    assert price_of("a=b=1,2.5") == ("a=b", Price(1.0, 2.5))


def text_with(between: str, *, decimal: str = ".") -> str:
    lines = [["prompt", "a", "b"], *([prompt, "1", f"0{decimal}5"] for prompt in PROMPTS)]
    return "\n".join(between.join(f'"{cell}"' if "," in cell else cell for cell in line) for line in lines)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("semicolons.csv", text_with(";").encode()),
        ("decimal commas.csv", text_with(";", decimal=",").encode()),
        ("tabs.tsv", text_with("\t").encode()),
        ("tabs.csv", text_with("\t").encode()),
        ("two bytes.csv", text_with(",").encode("utf-16")),
        ("packed.csv.gz", gzip.compress(text_with(",").encode("utf-8-sig"))),
    ],
)
def test_files_are_read_however_they_were_written_down(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found = read(path)
    assert found.models == ("a", "b")
    assert [each.prompt for each in found.questions] == PROMPTS
    assert [found.mean(0), found.mean(1)] == [1.0, 0.5]


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(text_with(",").encode())[:-20])
    with pytest.raises(DataError, match=r"x\.csv\.gz: cannot be read"):
        read(path)


@pytest.mark.parametrize("word", ["", "NA", "n/a", "-", "NaN", "null"])
def test_missing_scores_in_any_spelling(tmp_path: Path, word: str) -> None:
    lines: list[list[object]] = [
        [prompt, word if number < 3 else 1, 0] for number, prompt in enumerate(PROMPTS)
    ]
    data = read(written(tmp_path / "x.csv", ["prompt", "a", "b"], lines))
    assert len(data.questions) == 17
    assert data.notes == ["3 of 20 questions lack a score and were left out"]


@pytest.mark.parametrize(
    ("good", "bad"), [("T", "F"), ("right", "wrong"), ("100%", "0%"), ("$1.00", "$0"), ("pass", "fail")]
)
def test_scores_in_any_spelling(tmp_path: Path, good: str, bad: str) -> None:
    lines: list[list[object]] = [
        [prompt, good, good if number % 4 else bad] for number, prompt in enumerate(PROMPTS)
    ]
    data = read(written(tmp_path / "x.csv", ["prompt", "a", "b"], lines))
    assert [data.mean(0), data.mean(1)] == [1.0, 0.75]


def test_stars_are_divided_by_five(tmp_path: Path) -> None:
    lines: list[list[object]] = [[prompt, 5, 2] for prompt in PROMPTS]
    data = read(written(tmp_path / "x.csv", ["prompt", "a", "b"], lines))
    assert [data.mean(0), data.mean(1)] == pytest.approx([1.0, 0.4])
    assert data.notes == ["x.csv: scores were divided by 5"]


def test_columns_about_a_comparison_are_no_models(tmp_path: Path) -> None:
    lines: list[list[object]] = [[prompt, 1, 0, 0, 1] for prompt in PROMPTS]
    heading = ["prompt", "winner_model_a", "winner_model_b", "winner_tie", "turn"]
    with pytest.raises(DataError, match="no column holds scores of a model"):
        read(written(tmp_path / "x.csv", heading, lines))


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    lines: list[list[object]] = [[prompt, 1, 0] for prompt in PROMPTS]
    with pytest.raises(DataError, match="row 1, column 'a': there are two columns of this name"):
        read(written(tmp_path / "x.csv", ["prompt", "a", "a"], lines))


@pytest.mark.parametrize("nested", [True, False])
def test_prompts_may_be_conversations(tmp_path: Path, nested: bool) -> None:
    """The last question is the prompt."""
    path = tmp_path / "x.jsonl"
    scores = {"scores": {"a": 1, "b": 0}} if nested else {"a": 1, "b": 0}
    rows = [
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": [{"type": "text", "text": prompt}, {"type": "image_url"}]},
            ],
            **scores,
        }
        for prompt in PROMPTS
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert [each.prompt for each in read(path).questions] == PROMPTS


@pytest.mark.parametrize("by_row", [True, False])
def test_json_by_columns(tmp_path: Path, by_row: bool) -> None:
    """As data frames are written."""
    columns = {"prompt": PROMPTS, "a": [1] * 20, "b": [0.5] * 20}
    path = tmp_path / "x.json"
    found = {name: {str(n): each for n, each in enumerate(values)} for name, values in columns.items()}
    path.write_text(json.dumps(found if by_row else columns))
    data = read(path)
    assert data.models == ("a", "b")
    assert [data.mean(0), data.mean(1)] == [1.0, 0.5]
