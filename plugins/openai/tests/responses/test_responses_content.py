"""Parts of content."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.losses import Losses, Missing
from pointsman.types import Citation, Media, Text, Unknown
from pointsman_openai.responses.content import (
    ASKED,
    SAID,
    read_annotation,
    read_content,
    read_contents,
    write_annotation,
    write_media,
    write_text,
)


@pytest.mark.parametrize(
    "annotation",
    [
        {"type": "url_citation", "url": "https://x", "title": "X", "start_index": 1, "end_index": 5},
        {"type": "url_citation", "url": "https://x", "title": None, "later": 1},
        {"type": "file_citation", "file_id": "file_1", "filename": "a.pdf", "index": 3},
        {"type": "file_path"},
    ],
    ids=str,
)
def test_a_citation_comes_back_as_it_was(annotation: dict[str, Any]) -> None:
    assert write_annotation(read_annotation(annotation)) == annotation


def test_a_citation_of_elsewhere_is_a_pages_or_none() -> None:
    assert write_annotation(Citation(url="https://x")) == {
        "type": "url_citation",
        "url": "https://x",
        "title": "",
        "start_index": 0,
        "end_index": 0,
    }
    assert write_annotation(Citation(quote="words")) is None


def test_a_text_has_its_citations_and_log_probabilities() -> None:
    data = {
        "type": "output_text",
        "text": "x",
        "annotations": [{"type": "url_citation", "url": "https://x", "start_index": 0, "end_index": 1}],
        "logprobs": [{"token": "x", "logprob": -1.0}],
    }
    part = read_content(data, "p", SAID)
    assert isinstance(part, Text)
    assert part.citations[0].url == "https://x"
    assert part.logprobs == data["logprobs"]
    assert write_text(part, SAID) == data


def test_a_plain_text_has_no_notes_and_what_is_wrong_is_told_by_its_place() -> None:
    plain, odd = {"type": "input_text", "text": "a"}, {"type": "new", "x": 1}
    assert read_contents([plain, odd], "input[0]", "content", ASKED) == [
        Text("a"),
        Unknown("openai-responses", odd),
    ]
    with pytest.raises(BadRequest) as caught:
        read_contents([plain, {"type": "input_text", "text": 1}], "input[0]", "content", ASKED)
    assert caught.value.param == "input[0].content[1].text"


def test_annotations_of_no_known_form_are_kept() -> None:
    data = {"type": "output_text", "text": "x", "annotations": ["odd"]}
    part = read_content(data, "p", SAID)
    assert isinstance(part, Text)
    assert part.citations == []
    assert write_text(part, SAID) == data


def test_a_text_of_elsewhere_has_all_members_in_an_answer() -> None:
    assert write_text(Text("x"), SAID, full=True) == {
        "type": "output_text",
        "text": "x",
        "annotations": [],
        "logprobs": [],
    }
    assert write_text(Text("x"), ASKED) == {"type": "input_text", "text": "x"}
    assert write_text(Text("no", refusal=True), SAID) == {"type": "refusal", "refusal": "no"}


def test_a_prompt_cache_breakpoint_is_a_mark() -> None:
    for data in (
        {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": "u", "prompt_cache_breakpoint": {"mode": "explicit"}},
    ):
        part = read_content(data, "p", ASKED)
        assert isinstance(part, Text | Media)
        assert part.cache == {"type": "ephemeral"}


def test_media_of_elsewhere() -> None:
    losses = Losses()
    assert write_media(Media("document", url="https://x/y.pdf"), "p", losses) == {
        "type": "input_file",
        "file_url": "https://x/y.pdf",
    }
    assert write_media(Media("document", data="aGk=", mime="application/pdf", name="a"), "p", losses) == {
        "type": "input_file",
        "file_data": "data:application/pdf;base64,aGk=",
        "filename": "a",
    }
    assert losses == Losses()
    assert write_media(Media("video", url="u"), "p", losses) is None
    assert losses.content == [Missing("p", "video")]
