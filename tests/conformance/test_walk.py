"""Nothing is lost silently: every property of the specifications and every key of the recordings is
carried, mapped, reported, or excludes the endpoint.

Each property is put into a request that is small without it. Read and written back in its own dialect, the
request is what it was. Written in another dialect, it makes a difference there, or it is told as lost.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.config import read_text
from pointsman.dialects import Dialects, Quirks, Translator
from pointsman.errors import BadRequest, UpstreamError
from pointsman.losses import Losses
from pointsman.setup import assemble
from pointsman.testing import Recording, recordings, shared_path
from pointsman.types import Request

SHARED = shared_path()
pytestmark = pytest.mark.skipif(SHARED is None, reason="specifications are not here (POINTSMAN_SHARED)")

DEEPEST = 9
QUIRKS = Quirks()
MISSING: Any = object()
CHAT, MESSAGES, RESPONSES, GEMINI = "openai-chat", "anthropic-messages", "openai-responses", "gemini"
SPECS = {
    CHAT: ("openai-openapi.yaml", "CreateChatCompletionRequest"),
    MESSAGES: ("openrouter-openapi.yaml", "MessagesRequest"),
    RESPONSES: ("openai-openapi.yaml", "CreateResponse"),
}
BASES: Mapping[str, Mapping[str, Any]] = {
    CHAT: {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "tools": [{"type": "function", "function": {"name": "a-name"}}],
    },
    MESSAGES: {
        "model": "m",
        "max_tokens": 9000,
        "messages": [{"role": "user", "content": "Hello"}],
        "tools": [{"name": "a-name", "input_schema": {"type": "object"}}],
    },
    RESPONSES: {"model": "m", "input": "Hello", "tools": [{"type": "function", "name": "a-name"}]},
    GEMINI: {
        "model": "m",
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "tools": [{"functionDeclarations": [{"name": "a-name"}]}],
    },
}
ENDINGS: Mapping[str, tuple[str, ...]] = {
    CHAT: ("/chat/completions",),
    MESSAGES: ("/messages",),
    RESPONSES: ("/responses",),
    GEMINI: (":generateContent", ":streamGenerateContent"),
}
FOR_THE_GATEWAY = frozenset(
    {"model", "models", "provider", "fallbacks", "session_id", "stream", "stream_options", "usage"}
)
"""Members that say how to route and how to answer: they are not part of what is asked."""
VALUES: Mapping[str, Any] = {
    "url": "https://example.org/x.png",
    "image_url": "https://example.org/x.png",
    "file_url": "https://example.org/x.pdf",
    "data": "AAAA",
    "file_data": "data:application/pdf;base64,AAAA",
    "arguments": '{"a": 1}',
    "max_tokens": 4096,
    "max_completion_tokens": 4096,
    "max_output_tokens": 4096,
    "budget_tokens": 2048,
    "ttl": "1h",
}


THOUGHTS = ("reasoning_details", "summary", "thinking")
"""The members of earlier thoughts, which are told as `reasoning` where they stay behind."""
EXPLAINED = {
    "top_logprobs": "counts only beside logprobs, without which it is an error",
    "response_format.json_schema.name": "a label of the schema; where there is none, nobody reads it",
    "response_format.json_schema.strict": "the target holds every schema strictly",
    "text.format.name": "a label of the schema; where there is none, nobody reads it",
    "text.format.strict": "the target holds every schema strictly",
    "thinking.budget_tokens": "mapped to the nearest effort",
    "completed_at": "when it was, which the answer itself shows",
    "choices.message.reasoning_details.summary": "repeats `reasoning`",
    "input.id": "the name of an item at its maker",
    "messages.reasoning_details.id": "the name of a thought at its maker",
    "contents.parts.functionResponse.id": "a result without it answers its function's first call",
    "contents.parts.function_response.id": "a result without it answers its function's first call",
    "messages.content.source.media_type": "seen by how the data begin, where that is enough",
    "messages.content.content.source.media_type": "seen by how the data begin, where that is enough",
    "thinking.display": "the target tells thoughts as summaries in any case",
    "output.content.logprobs.bytes": "the letters of the token, which is told",
    "candidates.logprobsResult.chosenCandidates.tokenId": "the number of a token, which is told",
    "candidates.logprobsResult.topCandidates.candidates.tokenId": "the number of a token, which is told",
}
"""What may go without a word, and why."""
USUAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "parallel_tool_calls": (True,),
    "tool_choice": ("auto",),
    "service_tier": ("auto", "default"),
    "truncation": ("disabled",),
    "function_call": ("auto",),
    "store": (True,),
    "type": ("message", "function", "text", "object"),
    "role": ("user",),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "temperature": (1,),
    "top_p": (1,),
    "detail": ("auto",),
    "format": ({"type": "text"},),
    "responseModalities": (["TEXT"],),
}
"""Values that mean nothing else than their absence."""


@dataclass(frozen=True)
class Case:
    """A request with a property, and without it; `path` has no indexes."""

    path: str
    value: Any
    without: Any


class Walk:
    """Walks a schema of an OpenAPI document: small instances, and each property in one of them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas = document["components"]["schemas"]

    def named(self, name: str) -> Mapping[str, Any]:
        return self.plain({"$ref": f"#/components/schemas/{name}"})

    def plain(self, schema: Any) -> Mapping[str, Any]:
        """A schema with references followed and `allOf` merged."""
        for _ in range(20):
            if not isinstance(schema, dict) or "$ref" not in schema:
                break
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        if not isinstance(schema, dict):
            return {}
        if "allOf" not in schema:
            return schema
        merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        for each in schema["allOf"]:
            inner = self.plain(each)
            properties = {**merged.get("properties", {}), **inner.get("properties", {})}
            required = [*merged.get("required", ()), *inner.get("required", ())]
            merged = {**merged, **inner, "properties": properties, "required": required}
        return merged

    def alternatives(self, schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        found = [self.plain(each) for each in (*schema.get("oneOf", ()), *schema.get("anyOf", ()))]
        return [each for each in found if each.get("type") != "null"] or [schema]

    def kind(self, schema: Mapping[str, Any]) -> str:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        return next(each for each in kind if each != "null") if isinstance(kind, list) else str(kind)

    def sample(self, schema: Any, name: str, depth: int = 0) -> Any:
        """The smallest value of a schema."""
        schema = self.alternatives(self.plain(schema))[0]
        if "oneOf" in schema or "anyOf" in schema:
            return self.sample(schema, name, depth) if depth < DEEPEST else {}
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return next(each for each in reversed(schema["enum"]) if each is not None)
        if name in VALUES and self.kind(schema) in ("string", "integer", "number"):
            return VALUES[name]
        match self.kind(schema):
            case "object":
                properties = schema.get("properties", {})
                if depth > DEEPEST:
                    return {}
                return {
                    each: self.sample(properties.get(each, {}), each, depth + 1)
                    for each in schema.get("required", ())
                }
            case "array":
                items = schema.get("items")
                return [self.sample(items, name, depth + 1)] if items and depth < DEEPEST else []
            case "integer":
                return max(3, int(schema.get("minimum", 3)))
            case "number":
                return 0.5
            case "boolean":
                return True
            case _:
                return f"a-{name}"

    def cases(
        self, schema: Any, name: str = "", depth: int = 0, seen: tuple[int, ...] = ()
    ) -> Iterator[Case]:
        """Every property in a schema, in the smallest value that has it."""
        schema = self.plain(schema)
        if depth > DEEPEST or seen.count(id(schema)) > 1:
            return
        seen = (*seen, id(schema))
        alternatives = self.alternatives(schema)
        if alternatives != [schema]:
            for each in alternatives:
                yield from self.cases(each, name, depth + 1, seen)
            return
        match self.kind(schema):
            case "object":
                least = self.sample(schema, name)
                for member, inner in schema.get("properties", {}).items():
                    rest = {key: value for key, value in least.items() if key != member}
                    for case in self.cases(inner, member, depth + 1, seen):
                        if case.without is MISSING and usual(member, case.value):
                            continue
                        without = rest if case.without is MISSING else {**rest, member: case.without}
                        path = f"{member}.{case.path}" if case.path else member
                        yield Case(path, {**rest, member: case.value}, without)
            case "array":
                for case in self.cases(schema.get("items", {}), name, depth + 1, seen):
                    yield Case(case.path, [case.value], [] if case.without is MISSING else [case.without])
            case "boolean":
                yield Case("", True, MISSING)
                yield Case("", False, MISSING)
                return
        yield Case("", self.sample(schema, name), MISSING)


@cache
def dialects() -> Dialects:
    used = "plugins: {openai: {}, anthropic: {}, gemini: {}}"
    return assemble(read_text(used, name="proxy.yaml", env={}, base=Path.cwd()), env={}).dialects


def codec(dialect: str) -> Translator:
    found = dialects().get(dialect, "chat")
    assert isinstance(found, Translator)
    return found


def back(dialect: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A request, read and written again in its own dialect; through JSON, as it would be sent."""
    chat = codec(dialect).decode_request(Request.of(dict(body)))
    losses = Losses()
    written = codec(dialect).encode_request(chat, quirks=QUIRKS, losses=losses)
    assert (losses.parameters, losses.content) == ([], [])
    return dict(json.loads(json.dumps(written)))


def tells(names: Iterable[str], path: str) -> bool:
    """Whether one of the names is this path's, or that of something it is in."""
    path = re.sub("^system[.]", "messages.content.", path)
    return any(f".{name}." in f".{path}." for name in names)


@dataclass(frozen=True)
class Sent:
    """A request as it would be sent in another dialect, and what that lost."""

    body: dict[str, Any]
    lost: tuple[str, ...]
    excluded: bool

    def tells(self, path: str) -> bool:
        """Whether the property, or one that it is in, is told as lost."""
        names = [*self.lost, *(THOUGHTS if "reasoning" in self.lost else ())]
        return tells(names, path)


def translated(source: str, target: str, body: Mapping[str, Any]) -> Sent:
    """A request in another dialect. Raises BadRequest where its own codec refuses it."""
    request = Request.of(dict(body))
    chat = codec(source).decode_request(request)
    losses = Losses()
    written = Request.of(codec(target).encode_request(chat, quirks=QUIRKS, losses=losses))
    peek = codec(source).peek(request)
    raw, dropped = codec(target).forward(written, model="m", peek=peek, quirks=QUIRKS, params={})
    asked = {name: value for name, value in json.loads(raw).items() if name not in FOR_THE_GATEWAY}
    lost = [name.replace("[]", "") for name in (*losses.parameters, *dropped)]
    excluded = bool(losses.content) or bool(chat.extra.get(source, {}).get("~content"))
    return Sent(asked, tuple(sorted(lost)), excluded)


def differs(
    source: str, target: str, path: str, value: Mapping[str, Any], without: Mapping[str, Any]
) -> bool:
    """Whether a property is mapped or told: it shows in the translation, or among what that lost."""
    sent = translated(source, target, value)
    if sent.excluded or sent.tells(path):
        return True
    try:
        other = translated(source, target, without)
    except BadRequest:
        return True  # the dialect itself demands the property, so its codec has looked at it
    return sent != other


@cache
def spec(file: str) -> Walk:
    assert SHARED is not None
    return Walk(yaml.load((SHARED / "specs" / file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def spec_cases(dialect: str) -> Iterator[Case]:
    """Every property of a dialect's requests, in a request that is small without it."""
    file, name = SPECS[dialect]
    walk = spec(file)
    base = BASES[dialect]
    for member, schema in walk.named(name).get("properties", {}).items():
        if member in FOR_THE_GATEWAY:
            continue
        for case in walk.cases(schema, member):
            rest = {key: value for key, value in base.items() if key != member}
            if case.without is MISSING and not case.path and usual(member, case.value):
                continue
            without = dict(base) if case.without is MISSING else {**rest, member: case.without}
            path = f"{member}.{case.path}" if case.path else member
            yield Case(path, {**rest, member: case.value}, without)


def usual(key: str, value: Any) -> bool:
    """Whether a value is what is meant without it, in every dialect that knows it."""
    if isinstance(value, dict):
        return not any(value.values()) or value in USUAL.get(key, ())
    return value in (None, False, "", []) or value in USUAL.get(key, ())


def keys(value: Any, path: str = "") -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Every key in a value, and what takes it out of a copy of it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}.{key}" if path else key
            if not usual(key, inner):
                yield here, lambda root, key=key: root.pop(key)
            for there, take in keys(inner, here):
                yield there, lambda root, key=key, take=take: take(root[key])
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            for there, take in keys(inner, path):
                yield there, lambda root, index=index, take=take: take(root[index])


@cache
def recorded(dialect: str) -> list[Recording]:
    assert SHARED is not None
    found = recordings(SHARED, path=lambda path: path.partition("?")[0].endswith(ENDINGS[dialect]))
    rows = [each for each in found if isinstance(each.request, dict)]
    if dialect == GEMINI:  # it names the model in the path
        rows = [Recording({**each.row, "request": {"model": "m", **each.request}}) for each in rows]
    return rows


PAIRS = [(source, target) for source in SPECS for target in BASES if source != target]
RECORDED = [(source, target) for source in BASES for target in BASES if source != target]
"""Of one dialect there is no specification, but there are recordings."""


@pytest.mark.parametrize("dialect", SPECS)
def test_every_property_of_the_specification_comes_back_in_its_own_dialect(dialect: str) -> None:
    changed: dict[str, Any] = {}
    number = 0
    for case in spec_cases(dialect):
        number += 1
        try:
            written = back(dialect, case.value)
        except BadRequest as error:
            changed.setdefault(case.path, (case.value, str(error)))
            continue
        if written != case.value:
            changed.setdefault(case.path, (case.value, written))
    assert number > 150
    assert changed == {}


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_no_property_of_the_specification_is_lost_silently(source: str, target: str) -> None:
    silent: dict[str, Any] = {}
    told: set[str] = set()
    for case in spec_cases(source):
        if differs(source, target, case.path, case.value, case.without):
            told.add(case.path)
        else:
            silent.setdefault(case.path, case.value)
    assert len(told) > 60
    assert {path: value for path, value in silent.items() if path not in (told | EXPLAINED.keys())} == {}


@pytest.mark.parametrize(("source", "target"), RECORDED)
def test_no_key_of_a_recorded_request_is_lost_silently(source: str, target: str) -> None:
    seen: dict[str, int] = {}
    told: set[str] = set()
    silent: dict[str, Any] = {}
    for recording in recorded(source):
        for path, take in keys(recording.request):
            if path.partition(".")[0] in FOR_THE_GATEWAY or path in told or seen.get(path, 0) > 20:
                continue
            seen[path] = seen.get(path, 0) + 1
            without = copy.deepcopy(recording.request)
            take(without)
            if differs(source, target, path, recording.request, without):
                told.add(path)
            else:
                silent.setdefault(path, recording.id)
    assert len(told) > 20
    assert {path: id for path, id in silent.items() if path not in (told | EXPLAINED.keys())} == {}


@pytest.mark.parametrize("dialect", BASES)
def test_every_recorded_request_comes_back_in_its_own_dialect(dialect: str) -> None:
    changed = []
    for recording in recorded(dialect):
        wanted = {name: value for name, value in recording.request.items() if name != "provider"}
        if recording.status >= 400:
            continue
        written = back(dialect, wanted)
        if written != wanted:
            changed.append((recording.id, sorted(_changes(wanted, written))))
    assert changed == []


def _changes(wanted: Any, written: Any, path: str = "") -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(written, dict):
        for key in {*wanted, *written}:
            yield from _changes(wanted.get(key, MISSING), written.get(key, MISSING), f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(written, list) and len(wanted) == len(written):
        for one, other in zip(wanted, written, strict=True):
            yield from _changes(one, other, path)
    elif wanted != written:
        yield path


CONSTANT = frozenset(
    {
        *("object", "type", "id", "created", "created_at", "createTime", "model", "role", "status", "index"),
    }
)
"""Members of an answer that every dialect has by itself, with words of its own."""
ACCOUNTS = ("usage", "usageMetadata", "x_groq", "billing", "tool_usage")
"""What is in `Usage.raw` for the accounts; a client gets the numbers its dialect has."""
ENDS = {"stop_reason": "end_turn", "finish_reason": "stop", "native_finish_reason": "stop"}
"""The words for an end that every answer has where it says nothing else."""


def held(value: Any, path: str = "", kinds: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every key's path, with the types of the objects that it is in."""
    if isinstance(value, dict):
        kind = value.get("type")
        inside = (*kinds, kind) if isinstance(kind, str) else kinds
        for key, inner in value.items():
            here = f"{path}.{key}" if path else key
            if not usual(key, inner):
                yield here, inside
            yield from held(inner, here, inside)
    elif isinstance(value, list):
        for inner in value:
            yield from held(inner, path, kinds)


@pytest.mark.parametrize(("source", "target"), RECORDED)
def test_no_key_of_a_recorded_answer_is_lost_silently(source: str, target: str) -> None:
    told: set[str] = set()
    silent: dict[str, Any] = {}
    request = Request.of(dict(BASES[target]))
    asked = spec(SPECS[RESPONSES][0]).named(SPECS[RESPONSES][1]).get("properties", {})

    def answered(body: Any) -> tuple[bytes, list[str]]:
        response = codec(source).decode_response(json.dumps(body).encode(), quirks=QUIRKS)
        losses = Losses()
        written = codec(target).encode_response(response, request=request, losses=losses)
        names = ["content" if name.startswith("part of ") else name for name in losses.answer]
        return written, [name.rpartition(".")[2] for name in names]

    for recording in recorded(source):
        if recording.is_sse or recording.status != 200:
            continue
        body = json.loads(recording.body)
        whole = answered(body)
        for (path, take), (_, kinds) in zip(keys(body), held(body), strict=True):
            top, _, last = path.partition(".")[0], "", path.rpartition(".")[2]
            if path in told or last in CONSTANT or top in ACCOUNTS or (source == RESPONSES and top in asked):
                continue  # an answer here repeats what was asked
            said = path.replace("annotations.url_citation.content", "citations.quote")
            said = said.replace("logprobsResult", "logprobs")
            if any(tells(whole[1], each) for each in (path, said.replace("annotations", "citations"))) or any(
                kind in name for kind in kinds for name in whole[1]
            ):
                told.add(path)
                continue
            without = copy.deepcopy(body)
            take(without)
            try:
                other = answered(without)
            except UpstreamError:
                told.add(path)
                continue
            if other != whole:
                told.add(path)
            elif ENDS.get(last) is None:
                silent.setdefault(path, recording.id)
    assert len(told) > 5
    assert {path: id for path, id in silent.items() if path not in (told | EXPLAINED.keys())} == {}
