"""Parts of a message's content: texts, refusals, images, files; read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.losses import Losses
from pointsman.members import wrong
from pointsman.types import Citation, Media, Part, Text, Unknown

from .notes import AS, DIALECT, beside, form_of, own, written

__all__ = [
    "ASKED",
    "SAID",
    "read_annotation",
    "read_content",
    "read_contents",
    "read_text",
    "write_annotation",
    "write_media",
    "write_text",
]

ASKED = "input_text"
SAID = "output_text"
TEXTS = (ASKED, SAID, "text")
BREAKPOINT = "prompt_cache_breakpoint"
EPHEMERAL = {"type": "ephemeral"}


def read_contents(contents: list[Any], path: str, member: str, usual: str) -> list[Part]:
    """The parts in the `member` of the object at `path`, otherwise as `read_content`."""
    parts: list[Part] = []
    for index, data in enumerate(contents):
        text = data.get("text") if isinstance(data, dict) and data.get("type") == usual else None
        if not isinstance(text, str):
            parts.append(read_content(data, f"{path}.{member}[{index}]", usual))
        elif usual == ASKED and len(data) == 2:
            parts.append(Text(text))  # as nearly every part is
        else:
            parts.append(read_text(data, text, usual))
    return parts


def read_content(data: Any, path: str, usual: str) -> Part:
    """One part; `usual` is what a text is called there. Raises BadRequest that names the path at fault."""
    if not isinstance(data, dict):
        raise wrong(path, "an object with a `type`")
    kind = data.get("type")
    if kind in TEXTS:
        text = data.get("text")
        if not isinstance(text, str):
            raise wrong(f"{path}.text", "a string")
        return read_text(data, text, usual)
    if kind == "refusal" and isinstance(data.get("refusal"), str):
        return Text(data["refusal"], beside(data, ("type", "refusal")), refusal=True)
    media = None
    if kind == "input_image":
        media = _image(data)
    elif kind == "input_file":
        media = _file(data)
    elif kind == "input_audio":
        media = _audio(data)
    return media or Unknown(DIALECT, data)


def read_text(data: Mapping[str, Any], text: str, usual: str) -> Text:
    """A text with what stands beside it."""
    part = Text(text)
    form: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in data.items():
        if name == "text" or (name == "type" and value == usual):
            continue
        if not value or name == "type":
            form[name] = value
        elif name == "annotations" and _are_objects(value):
            part.citations = [read_annotation(each) for each in value]
        elif name == "logprobs" and _are_objects(value):
            part.logprobs = value
        elif name == BREAKPOINT:
            part.cache = EPHEMERAL
            form[name] = value
        else:
            rest[name] = value
    rest[AS] = form
    part.extra = {DIALECT: rest}
    return part


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def read_annotation(data: Mapping[str, Any]) -> Citation:
    """A citation. Those of files are kept whole; their name stands for a title elsewhere."""
    if data.get("type") != "url_citation":
        title = data.get("filename")
        return Citation(title=title if isinstance(title, str) else None, extra={DIALECT: {AS: dict(data)}})
    url, title = _text(data, "url"), _text(data, "title")
    start, end = _number(data, "start_index"), _number(data, "end_index")
    found = {"url": url, "title": title, "start_index": start, "end_index": end}
    known = {"type", *(name for name, value in found.items() if value is not None)}
    return Citation(url=url, title=title, start=start, end=end, extra=beside(data, known) or {DIALECT: {}})


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) else None


def _number(data: Mapping[str, Any], name: str) -> int | None:
    value = data.get(name)
    return value if isinstance(value, int) else None


def write_annotation(citation: Citation) -> dict[str, Any] | None:
    """A citation as this dialect writes it; None for one that is neither a page's nor its own."""
    form = form_of(citation.extra)
    if form is not None and "type" in form:
        return dict(form)
    if DIALECT in citation.extra:
        members: dict[str, Any] = {"url": citation.url, "title": citation.title}
        members |= {"start_index": citation.start, "end_index": citation.end}
        given = {name: value for name, value in members.items() if value is not None}
        return {"type": "url_citation", **written(citation.extra), **given}
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }


def write_text(part: Text, usual: str, *, full: bool = False) -> dict[str, Any]:
    """A text or refusal; `full` adds the members that an answer's text always has."""
    if part.refusal:
        return {"type": "refusal", **written(part.extra), "refusal": part.text}
    if DIALECT in part.extra:
        data = {"type": usual, **written(part.extra), "text": part.text}
    else:
        data = {"type": usual, "text": part.text}
        if full:
            data.update(annotations=[], logprobs=[])
    if part.citations and (full or DIALECT in part.extra):
        told = [write_annotation(each) for each in part.citations]
        data["annotations"] = [each for each in told if each is not None]
    if part.logprobs:
        data["logprobs"] = part.logprobs
    return data


def _image(data: Mapping[str, Any]) -> Media | None:
    url, detail = data.get("image_url"), data.get("detail")
    if not isinstance(url, str):
        return None
    media = Media("image", detail=detail if isinstance(detail, str) and detail else None)
    media.take(url)
    return _marked(media, data, ("type", "image_url", *(("detail",) if media.detail else ())))


def _file(data: Mapping[str, Any]) -> Media | None:
    """A file: `file_data` is a `data:` URL, or base64 alone."""
    name, inline, url = data.get("filename"), data.get("file_data"), data.get("file_url")
    media = Media("document", name=name if isinstance(name, str) else None)
    known = ("type",) if media.name is None else ("type", "filename")
    if isinstance(inline, str):
        media = _marked(media, data, (*known, "file_data"))
        if inline.startswith("data:"):
            media.take(inline)
        else:
            media.data = inline
        if media.link != inline or media.url is not None:
            media.extra[DIALECT]["~file_data"] = inline
        return media
    if isinstance(url, str):
        media.url = url
        return _marked(media, data, (*known, "file_url"))
    return None


def _audio(data: Mapping[str, Any]) -> Media | None:
    audio = data.get("input_audio")
    if not isinstance(audio, dict) or not isinstance(audio.get("data"), str):
        return None
    form = audio.get("format")
    media = Media("audio", data=audio["data"], mime=f"audio/{form}" if isinstance(form, str) else None)
    media = _marked(media, data, ("type", "input_audio"))
    media.extra[DIALECT]["~audio"] = audio
    return media


def _marked(media: Media, data: Mapping[str, Any], known: tuple[str, ...]) -> Media:
    """With what stands beside, if only nothing, and the prompt-cache mark."""
    media.extra = beside(data, known, ("id", "status", BREAKPOINT)) or {DIALECT: {}}
    if data.get(BREAKPOINT):
        media.cache = EPHEMERAL
    return media


def write_media(part: Media, path: str, losses: Losses) -> dict[str, Any] | None:
    """An image or file; what has no place is told to `losses`."""
    mine, foreign = own(part.extra), DIALECT not in part.extra
    if part.kind == "image":
        data = {"type": "input_image", **written(part.extra), "image_url": part.link}
        detail = part.detail or ("auto" if foreign else None)
        return {**data, "detail": detail} if detail is not None else data
    if part.kind == "document":
        data = {"type": "input_file", **written(part.extra)}
        if "~file_data" in mine:
            data["file_data"] = mine["~file_data"]
        elif part.url is not None:
            data["file_url"] = part.url
        else:
            data["file_data"] = part.link
        name = part.name or (_filename(part) if foreign and part.url is None else None)
        return {**data, "filename": name} if name is not None else data
    if "~audio" in mine:
        return {"type": "input_audio", **written(part.extra), "input_audio": mine["~audio"]}
    losses.part(path, part.kind)
    return None


def _filename(part: Media) -> str:
    """A name for a file that has none: hosts want one, and go by its ending."""
    kind = (part.mime or "application/pdf").partition(";")[0].rpartition("/")[2]
    return f"document.{'txt' if kind == 'plain' else kind}"
