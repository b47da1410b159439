"""Tasks and what they are called elsewhere."""

from __future__ import annotations

import pytest

from pointsman_thrift.tasks.names import OPENROUTER, TASKS, Task, known


def test_there_are_nineteen_tasks_and_each_has_a_tag_of_its_own_in_its_group() -> None:
    assert len(TASKS) == 19
    assert len({tag.tag for tag in OPENROUTER.values()}) == 19
    for tag in OPENROUTER.values():
        assert tag.macro in ("code", "data", "agent", "general")
        assert tag.tag.startswith(f"{tag.macro}:")
        assert tag.label


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("programming", "programming"),
        (" Maths ", "maths"),
        ("math", "maths"),
        ("coding", "programming"),
        ("x", None),
    ],
)
def test_tasks_are_known_by_their_names(name: str, task: str | None) -> None:
    assert known(name) == task


def test_a_rule_names_a_task() -> None:
    assert Task.parse("Legal").holds("legal")
    assert not Task.parse("legal").holds("finance")
    with pytest.raises(ValueError, match="there is no task 'leagl'; did you mean 'legal'"):
        Task.parse("leagl")
    with pytest.raises(ValueError, match="they are academia, agentic"):
        Task.parse("zzz")
