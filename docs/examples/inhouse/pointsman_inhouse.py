"""A provider with a wire format of its own: {"prompt": …} in, {"answer": …, "tokens": [in, out]} out."""

from pointsman import hookimpl
from pointsman.providers import HttpProvider
from pointsman.types import Choice, Finish, Message, Response, Text, Usage

POINTSMAN_API = 1


@hookimpl
def register_providers(register):
    register("inhouse", lambda name, settings: HttpProvider.of(name, "inhouse", settings))


@hookimpl
async def call_provider(exchange, attempt):
    provider = attempt.endpoint.provider
    if provider.kind != "inhouse":
        return None
    chat = exchange.codec.decode_request(exchange.request)
    body = {"model": attempt.endpoint.native_id, "prompt": chat.messages[-1].text}
    data = await provider.post_json(exchange.gateway.http, "/generate", body)
    answer = Choice(Message("assistant", [Text(data["answer"])]), Finish("stop"))
    created = int(exchange.at.timestamp())
    return Response(
        exchange.generation_id, attempt.candidate.model, created, [answer], Usage(*data["tokens"])
    )
