"""Parts of a message's content, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pointsman.members import wrong
from pointsman.types import Extra, Media, Part, Reasoning, Text, Unknown

from .errors import DIALECT
from .notes import inner, inner_members, keep, members, note, rest

__all__ = [
    "IN_CONTENT",
    "content_value",
    "decode_content",
    "decode_part",
    "object_at",
    "part_object",
    "text_at",
]

IN_CONTENT = "~content"
"""On a message: the form its content had, where that is no plain text. On a part: that it stood in the
content, where parts of its kind usually have a member of their own."""

_Kind = Literal["image", "audio", "video", "document"]
LINKED: Mapping[str, _Kind] = {
    "image_url": "image",
    "video_url": "video",
    "audio_url": "audio",
    "document_url": "document",
}
"""Parts that give a link, alone or in an object."""
WRITTEN: Mapping[str, str] = {"image": "image_url", "video": "video_url"}
SOUNDS: Mapping[str, str] = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/mp3": "mp3",
    "audio/mpeg": "mp3",
}
"""The sounds this dialect has words for."""


def text_at(data: Mapping[str, Any], name: str, path: str) -> str:
    """A member that must be a string. Raises BadRequest."""
    value = data.get(name)
    if not isinstance(value, str):
        raise wrong(f"{path}.{name}", "a string")
    return value


def object_at(value: Any, path: str) -> dict[str, Any]:
    """A value that must be an object. Raises BadRequest."""
    if not isinstance(value, dict):
        raise wrong(path, "an object")
    return value


def decode_content(message: Mapping[str, Any], path: str) -> tuple[list[Part], str | None]:
    """The parts of a message's content, and the form it had: absent, null, empty or list, or None for a
    text alone. Raises BadRequest."""
    content = message.get("content")
    if isinstance(content, str):
        return ([Text(content)], None) if content else ([], "empty")
    if content is None:
        return [], "null" if "content" in message else "absent"
    if not isinstance(content, list):
        raise wrong(f"{path}.content", "a string or a list of parts")
    return [decode_part(data, f"{path}.content[{index}]") for index, data in enumerate(content)], "list"


def decode_part(data: Any, path: str) -> Part:
    """One part of a content list. Raises BadRequest."""
    part = object_at(data, path)
    kind = text_at(part, "type", path)
    if kind == "text":
        return _text(part, path)
    if kind in LINKED:
        return _linked(part, kind, path)
    if kind == "input_audio":
        return _sound(part, path)
    if (
        kind == "file"
        and isinstance(part.get("file"), dict)
        and isinstance(part["file"].get("file_data"), str)
    ):
        return _file(part)
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        extra = rest(part, ("type", "refusal"))
        keep(extra, IN_CONTENT, True)
        return Text(part["refusal"], extra, refusal=True)
    if kind == "thinking":
        return _thought(part)
    return Unknown(DIALECT, part)


def _text(part: Mapping[str, Any], path: str) -> Text:
    text = text_at(part, "text", path)
    if len(part) == 2:
        return Text(text)
    cache = _cache(part)
    return Text(text, rest(part, ("type", "text", "cache_control" if cache else "")), cache=cache)


def _cache(part: Mapping[str, Any]) -> dict[str, Any] | None:
    value = part.get("cache_control")
    return value if isinstance(value, dict) else None


def _outer(part: Mapping[str, Any], kind: str, cache: dict[str, Any] | None) -> Extra:
    return rest(part, ("type", kind, "cache_control" if cache else ""))


def _linked(part: Mapping[str, Any], kind: str, path: str) -> Media:
    """A picture, film, sound or document by its URL; some send the URL without an object around it."""
    given = part.get(kind)
    cache = _cache(part)
    media = Media(LINKED[kind], extra=_outer(part, kind, cache), cache=cache)
    if isinstance(given, str):
        keep(media.extra, "~bare", True)
        media.take(given)
    else:
        link = object_at(given, f"{path}.{kind}")
        media.take(text_at(link, "url", f"{path}.{kind}"))
        detail = link.get("detail")
        media.detail = detail if isinstance(detail, str) else None
        inner(media.extra, kind, link, ("url", "detail" if media.detail is not None else ""))
    if WRITTEN.get(media.kind) != kind:
        keep(media.extra, "~kind", kind)
    return media


def _sound(part: Mapping[str, Any], path: str) -> Media:
    where = f"{path}.input_audio"
    audio = object_at(part.get("input_audio"), where)
    form = text_at(audio, "format", where)
    cache = _cache(part)
    media = Media(
        "audio",
        data=text_at(audio, "data", where),
        mime=f"audio/{form}",
        extra=_outer(part, "input_audio", cache),
        cache=cache,
    )
    inner(media.extra, "input_audio", audio, ("data", "format"))
    if SOUNDS.get(f"audio/{form}") != form:
        keep(media.extra, "~format", form)
    return media


def _file(part: Mapping[str, Any]) -> Media:
    file = part["file"]
    name = file.get("filename")
    cache = _cache(part)
    media = Media(
        "document",
        name=name if isinstance(name, str) else None,
        extra=_outer(part, "file", cache),
        cache=cache,
    )
    inline = file["file_data"]
    if inline.startswith(("http://", "https://", "data:")):
        media.take(inline)
    else:
        media.data = inline
        keep(media.extra, "~file_data", inline)
    keep(media.extra, "~kind", "file")
    inner(media.extra, "file", file, ("file_data", "filename" if media.name is not None else ""))
    return media


def _thought(part: Mapping[str, Any]) -> Reasoning:
    """A thought that stands in the content: a text, or a list of texts."""
    given = part.get("thinking")
    extra = rest(part, ("type", "thinking"))
    keep(extra, "~thinking", given)
    return Reasoning(_thinking_text(given), extra=extra)


def _thinking_text(given: Any) -> str:
    if isinstance(given, str):
        return given
    if not isinstance(given, list):
        return ""
    texts = (each.get("text") for each in given if isinstance(each, dict))
    return "".join(text for text in texts if isinstance(text, str))


def part_object(part: Part, *, cache: bool) -> dict[str, Any] | None:
    """A part as it stands in a content list, or None where this dialect has no place for it. `cache`
    says whether prompt-cache marks are written."""
    if isinstance(part, Text):
        kind = "refusal" if part.refusal else "text"
        body: dict[str, Any] | None = {"type": kind, kind: part.text}
    elif isinstance(part, Unknown):
        known = part.dialect == DIALECT and isinstance(part.data, dict)
        return part.data if known and isinstance(part.data.get("type"), str) else None
    elif isinstance(part, Media):
        body = _media_object(part)
    elif isinstance(part, Reasoning) and "~thinking" in part.extra.get(DIALECT, ()):
        given = note(part.extra, "~thinking")
        if _thinking_text(given) != part.text:
            given = [{"type": "text", "text": part.text}]
        body = {"type": "thinking", "thinking": given}
    else:
        return None
    if body is None:
        return None
    if cache and not isinstance(part, Reasoning) and part.cache is not None:
        body["cache_control"] = part.cache
    if part.extra:
        for name, value in members(part.extra).items():
            body.setdefault(name, value)
    return body


def _media_object(media: Media) -> dict[str, Any] | None:
    """A picture, sound, film or document; None for what this dialect cannot carry."""
    kind: str = note(media.extra, "~kind") or WRITTEN.get(media.kind, "")
    if kind in LINKED:
        if note(media.extra, "~bare"):
            return {"type": kind, kind: media.link}
        link = {"url": media.link}
        if media.detail is not None:
            link["detail"] = media.detail
        return {"type": kind, kind: {**link, **inner_members(media.extra, kind)}}
    if media.kind == "audio":
        form = note(media.extra, "~format") or SOUNDS.get((media.mime or "").lower())
        if form is None or media.data is None:
            return None
        sound = {"data": media.data, "format": form, **inner_members(media.extra, "input_audio")}
        return {"type": "input_audio", "input_audio": sound}
    if media.data is None and kind != "file":
        return None
    file = {} if media.name is None and kind == "file" else {"filename": media.name or "document"}
    return {
        "type": "file",
        "file": {
            **file,
            "file_data": note(media.extra, "~file_data") or media.link,
            **inner_members(media.extra, "file"),
        },
    }


def content_value(extra: Extra, objects: list[dict[str, Any]], *, joined: str | None, empty: Any) -> Any:
    """The content that holds these parts, in the form that the message with this `extra` had.

    Without a noted form, plain texts are joined with `joined` (a list stays one where that is None), and
    content without parts is `empty`.
    """
    form = note(extra, IN_CONTENT) if extra else None
    if form == "list":
        return objects
    if not objects:
        return {"null": None, "empty": ""}.get(form, empty) if form else empty
    if joined is not None or len(objects) == 1:
        texts = [each["text"] for each in objects if len(each) == 2 and each["type"] == "text"]
        if len(texts) == len(objects):
            return (joined or "").join(texts)
    return objects
