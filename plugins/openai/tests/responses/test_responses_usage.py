"""The usage object."""

from __future__ import annotations

from pointsman.types import Usage
from pointsman_openai.responses.usage import usage_object


def test_usage_of_elsewhere_is_written_with_all_members() -> None:
    usage = Usage(input=10, output=4, cache_read=3, cache_write=2, reasoning=1, raw={"input_tokens": 5})
    assert usage_object(usage) == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 14,
    }


def test_usage_of_this_dialect_is_as_its_provider_wrote_it() -> None:
    raw = {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14, "is_byok": False}
    assert usage_object(Usage(input=10, output=4, raw=raw)) == raw
