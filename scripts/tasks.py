"""Judge the task model by prompts that were labelled by hand, beside two baselines.

python scripts/tasks.py            print F1 by task as Markdown, for the weights that are shipped
python scripts/tasks.py FILE       for these weights
python scripts/tasks.py --train    make the shipped weights anew, and print it

The prompts lie in $POINTSMAN_SHARED (see plugins/thrift/tests/labels.csv); none of them is trained on.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from pointsman.testing import shared_path
from pointsman_thrift.tasks.build import build
from pointsman_thrift.tasks.classifier import Classifier
from pointsman_thrift.tasks.command import PER_TASK
from pointsman_thrift.tasks.generate import Example
from pointsman_thrift.tasks.labelled import prompt_in
from pointsman_thrift.tasks.scoring import Judged, Scores, by_keywords, scores
from pointsman_thrift.tasks.weights import SHIPPED, load, save

LABELS = Path(__file__).parent.parent / "plugins" / "thrift" / "tests" / "labels.csv"


def prompts(shared: Path, file: str) -> Iterator[tuple[str, Any]]:
    """The prompts of a file, each with its id."""
    text = (shared / file).read_text("utf-8")
    rows = json.loads(text) if file.endswith(".json") else map(json.loads, text.splitlines())
    for row in rows:
        if "turns" in row:
            yield str(row["question_id"]), row["turns"][0]
        elif "instances" in row:
            given = row["instances"][0]["input"]
            yield row["id"], f"{row['instruction']}\n\n{given}" if given else row["instruction"]
        elif "question" in row:
            yield hashlib.sha256(row["question"].encode()).hexdigest()[:16], row["question"]
        elif isinstance(row.get("request"), dict):
            yield row["id"], row["request"]


def labelled(shared: Path) -> list[Example]:
    """The prompts that were labelled; `held` are those of the half whose mistakes nobody looked at."""
    with LABELS.open(encoding="utf-8", newline="") as lines:
        labels = {(row["file"], row["id"]): row["task"] for row in csv.DictReader(lines)}
    found = []
    for file in sorted({file for file, _ in labels}):
        for key, given in prompts(shared, file):
            if (task := labels.get((file, key))) is not None:
                found.append(Example(task, prompt_in(given), held=crc32(key.encode()) % 2 == 1))
    return found


def judged(examples: Iterable[Example], classifier: Classifier) -> list[Judged]:
    """What is found of them."""
    verdicts = [(each.task, classifier.judge(each.prompt)) for each in examples]
    return [Judged(task, verdict.task, verdict.confidence) for task, verdict in verdicts]


def baselines(examples: list[Example]) -> Mapping[str, Scores]:
    """The task that most have, and the first keyword."""
    most = Counter(each.task for each in examples).most_common(1)[0][0]
    ways = {"majority": lambda prompt: most, "keywords": by_keywords}
    return {
        name: scores([Judged(each.task, way(each.prompt)) for each in examples]) for name, way in ways.items()
    }


def main() -> int:
    """Print the table."""
    shared, wanted = shared_path(), sys.argv[1:]
    if "--train" in wanted:
        wanted.remove("--train")
        made = build([], seed=1, per_task=PER_TASK, progress=lambda said: print(said, file=sys.stderr))
        print(f"{save(made.model, SHIPPED)} bytes; made prompts kept out: macro-F1 {made.made.macro:.3f}")
    if shared is None:
        print("the prompts are not here (POINTSMAN_SHARED)", file=sys.stderr)
        return 1
    examples = labelled(shared)
    classifier = Classifier.with_model(load(Path(wanted[0]) if wanted else SHIPPED))
    halves = {
        "all": examples,
        "looked at": [each for each in examples if not each.held],
        "not looked at": [each for each in examples if each.held],
    }
    print("| prompts | | macro-F1 | right | majority F1 | keywords F1 | confidence off by |")
    print("|---|---|---|---|---|---|---|")
    for name, part in halves.items():
        found, base = scores(judged(part, classifier)), baselines(part)
        others = " | ".join(f"{base[each].macro:.2f}" for each in ("majority", "keywords"))
        print(
            f"| {name} | {len(part)} | {found.macro:.2f} | {found.accuracy:.0%} | {others} "
            f"| {found.calibration:.2f} |"
        )
    whole, simple = scores(judged(examples, classifier)), baselines(examples)["keywords"]
    print("\n| task | prompts | F1 | keywords F1 |\n|---|---|---|---|")
    for task in sorted(whole.tasks):
        print(f"| {task} | {whole.counts[task]} | {whole.tasks[task]:.2f} | {simple.tasks[task]:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
