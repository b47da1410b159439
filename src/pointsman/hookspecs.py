"""Every hook, with its exact signature. A plugin implements the ones it needs, with as many of the
arguments as it wants, by name.

Each docstring opens with when the hook fires and how its implementations are run:

* *register*: called once at set-up with a callback; may not be `async`.
* *first*: implementations are asked in order until one answers something other than None.
* *each*: all are called in order; one that raises fails the request.
* *observe*: all are called in order; one that raises is logged with its plugin's name, the rest go on.
* *fold*: each gets what the one before returned; None leaves it as it is.
* *concat*: the lists that all return are joined.

All but *register* and those marked *sync* may be `async`; one that has to wait only now and then may be a
plain function that returns a coroutine then. A phase that lasts longer than `hook_timeout` is cancelled and
fails the request, naming the plugin. One of *each* that may rightly wait longer returns
`pointsman.chain.Patient(coroutine, seconds)`: so much more time the phase gets.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import TYPE_CHECKING

from .markers import hookspec

if TYPE_CHECKING:
    from .config import Problem
    from .continuing import Continue
    from .errors import RequestError
    from .events import Event
    from .exchange import Actor, Attempt, Candidate, Exchange, Plan
    from .gateway import Gateway
    from .money import Cost
    from .outlook import Quote
    from .registers import (
        RegisterCommand,
        RegisterDialect,
        RegisterHttp,
        RegisterModel,
        RegisterProvider,
        RegisterRouting,
        RegisterSettings,
        RegisterTable,
    )
    from .setup import Setup
    from .stored import Stored
    from .types import Embeddings, Message, Response, Usage
    from .upstream import Answer

__all__ = [
    "admit",
    "attempt_finished",
    "attempt_started",
    "authenticate",
    "call_provider",
    "check_setup",
    "continue_stream",
    "list_candidates",
    "lookup_response",
    "plugin_settings",
    "price_usage",
    "quote_usage",
    "rank_candidates",
    "register_commands",
    "register_dialects",
    "register_http",
    "register_models",
    "register_providers",
    "register_routing",
    "register_tables",
    "reload",
    "request_finished",
    "reserve_usage",
    "select_route",
    "settle_usage",
    "startup",
    "store_response",
    "unknown_model",
]


@hookspec
def plugin_settings(register: RegisterSettings) -> None:
    """At set-up, before the configuration is checked. *register*.

    `register(SettingsClass)` types the plugin's own section; `register(type, section="keys", help="…")`
    claims a top-level section; `register.field("endpoint", "price", type, help="…")` adds a key to an
    open record (provider, model, endpoint, or another plugin's), whose value arrives in its `extra`.
    """


@hookspec
def register_dialects(register: RegisterDialect) -> None:
    """At set-up. *register*: `register(codec)` for each surface of a dialect."""


@hookspec
def register_providers(register: RegisterProvider) -> None:
    """At set-up. *register*: `register(kind, factory)`; `factory(name, settings)` makes the provider."""


@hookspec
def register_models(register: RegisterModel) -> None:
    """At set-up, when the configured providers exist, and at each reload. *register*: `register(model)` with
    its endpoints; `register.providers` are the providers by name."""


@hookspec
def register_http(register: RegisterHttp) -> None:
    """At set-up. *register*: `register(path, handler, methods=("GET",), role="member")`.

    The core authenticates each request by `authenticate` and checks the role before the handler, a
    Starlette endpoint, runs; `role="public"` skips both. A route without methods or role is refused.
    `refused=page` makes the answer to a request without a key, or of whatever error the handler raises, by
    `page(request, error)`; without it that is JSON. `keyed=function` makes the headers that are authenticated
    of those that were sent: for a page that knows who asks by a cookie, say.
    """


@hookspec
def register_routing(register: RegisterRouting) -> None:
    """At set-up, before the configuration is checked. *register*: `register(name, pick, help="…")` for each
    way of putting the endpoints of one choice in order; `pick(exchange, candidates)` answers with the same
    candidates. `default=True` is for the one that is taken where a rule names none, `across=True` for one
    that always chooses among the endpoints of all models.

    `register.name(name, models, help="…")` for each name that stands for other models, those that
    `models(exchange)` answers with.

    `register.variable(name, type, read, help="…")` for each thing that `when` of a rule may ask for;
    `read(exchange)` finds it, without waiting, and `type` decides what the file may say: a pattern for `str`,
    a comparison for `int`, any and all of some tags for `tuple[str, ...]`; see `pointsman.conditions`."""


@hookspec
def register_commands(register: RegisterCommand) -> None:
    """When the command line starts. *register*: `register(command)` with a `click.Command`."""


@hookspec
def register_tables(register: RegisterTable) -> None:
    """At set-up. *register*: `register(table)` for each table the plugin keeps in the ledger."""


@hookspec
def startup(gateway: Gateway) -> None:
    """Once, before the server is ready; may be `async`. An error here is fatal."""


@hookspec
def reload(gateway: Gateway, setup: Setup) -> Callable[[], None] | None:
    """When the configuration has been read again. All are called in order; may be `async`.

    `setup` is what it comes to; `gateway.setup` is still the one before. Check it and prepare here, and
    change nothing: a `StartupError` from anybody refuses it, and then all stays as it was. The function that
    is returned makes the change. It is called once nobody has refused, in one step with those of all others
    and with that of `gateway.setup`, and neither waits nor fails: one that raises is logged, named as a
    plugin that needs a restart, and keeps none of the others from going on. Requests under way go on with
    the setup that they began with: what they need of it belongs into `setup.notes`.
    """


@hookspec
def check_setup(gateway: Gateway) -> list[Problem] | None:
    """When `pointsman check` has found no error, after `startup`. *concat*. What else is wrong, or looks so:
    problems of `gateway.setup.config.problem(…)`, warnings among them. The gateway serves nobody."""


@hookspec
def authenticate(exchange: Exchange) -> Actor | None:
    """When a request's headers are there and its body is not yet read. *first*.

    None means "no credential of my kind"; a wrong credential raises `Unauthenticated`. If nobody answers
    the request is refused with 401.
    """


@hookspec
def select_route(exchange: Exchange) -> Plan | None:
    """When the body is read and peeked. *first*. Says which models to try. May raise a `RequestError`."""


@hookspec
def unknown_model(exchange: Exchange, model: str) -> RequestError | None:
    """When `select_route` has raised `UnknownModel`. *first*. The error that the client gets in its place:
    who would serve the model, or what else may have been meant."""


@hookspec
def admit(exchange: Exchange) -> None:
    """When the plan is known. *each*. Raise a `RequestError` (`Forbidden`, `RateLimited`…) to refuse."""


@hookspec
def lookup_response(exchange: Exchange) -> Stored | None:
    """When the request is admitted. *first*, without a timer: who waits for another's answer bounds it.

    A stored answer is given in place of any attempt; nothing is reserved or settled for it, and it costs
    nothing. It must be one that the key may have. Set `exchange.keep` to a number of bytes to be offered the
    answer by `store_response`, if it is not larger; what a client got of one that broke off is in
    `exchange.sent` then.
    """


@hookspec
def list_candidates(exchange: Exchange) -> list[Candidate] | None:
    """When the request is admitted. *concat*. The endpoints that could answer, best first."""


@hookspec
def rank_candidates(exchange: Exchange, candidates: list[Candidate]) -> list[Candidate] | None:
    """When candidates are listed. *fold*. Reorder or drop; drop with `exchange.exclude(…)`, which puts
    plugin and reason on record, and add to a candidate's `reasons` what spoke for its place."""


@hookspec
def reserve_usage(exchange: Exchange) -> None:
    """When candidates are ranked, before the first attempt. *each*. Raise a `RequestError` to refuse what
    `exchange.candidates` might use or cost; `exchange.quote(endpoint, usage)` says what that would be."""


@hookspec
def call_provider(
    exchange: Exchange, attempt: Attempt
) -> Answer | Response | Embeddings | AsyncIterator[Event] | None:
    """For each attempt. *first*; the core's HTTP implementation is last.

    Answer with bytes as a provider would send them (`Answer`), with a canonical `Response` or
    `Embeddings`, or with an async iterator of canonical events. None means "not mine". Raise an
    `UpstreamError` for what a provider did wrong: the next candidate is tried.
    """


@hookspec
def attempt_started(exchange: Exchange, attempt: Attempt) -> None:
    """Before each attempt, for every candidate that is really tried. *observe*, *sync*."""


@hookspec
def attempt_finished(exchange: Exchange, attempt: Attempt) -> None:
    """After each attempt, when its stream has really ended: exactly once for every `attempt_started`, also
    when the client left. *observe*, *sync*. `attempt.complete` and `attempt.error` say how it went (neither:
    the client left), `attempt.usage` what it used, `attempt.answer` holds the provider's headers."""


@hookspec
def continue_stream(exchange: Exchange, attempt: Attempt, so_far: Message) -> Continue | None:
    """When an attempt's stream has failed after the client has had content of it, where `exchange.resumes`
    was set before the first attempt, as in `admit`, and others are left to try. *first*. Not when the client
    has left, the plan's deadline is over or the attempts are used up, nor for one of several answers.

    `so_far` is what the client has of the answer, its last part perhaps half; `attempt.error` says why it
    broke off. Answer with a `pointsman.continuing.Continue`, which says how each of the others is asked to go
    on: they are asked in turn until one does, and when that one fails, too, this fires again. None from all:
    the client is told the error, inside its stream.
    """


@hookspec
def price_usage(exchange: Exchange, usage: Usage) -> Cost | None:
    """When an answer's usage is known, before its last byte, once for each attempt that used anything at
    `exchange.pricing`. *first*, *sync*. None from all: unpriced."""


@hookspec
def quote_usage(exchange: Exchange, usage: Usage, at: datetime) -> Quote | None:
    """When a decision record is made that somebody wants, for each endpoint that stayed, as
    `exchange.pricing`. *first*, *sync*. What `usage` would cost there at the moment `at`, and until when; the
    record tells also what it costs from then on. None from all: `price_usage` says what it costs now."""


@hookspec
def settle_usage(exchange: Exchange, usage: Usage | None, cost: Cost | None) -> None:
    """Exactly once for every exchange for which `reserve_usage` was begun, before the last byte of its answer
    or its error; shielded from cancellation. *observe*.

    `usage` and `cost` are what was really used, by all attempts together, also by a request that failed, was
    refused or cancelled; None is nothing, or not known. `exchange.usage` is the answer's own. Where
    `exchange.strict` asks for a record that is on disk and it cannot be, set `exchange.unsettled`: the answer
    then ends with that error.
    """


@hookspec
def store_response(exchange: Exchange, stored: Stored) -> None:
    """After the last byte of a complete answer, where `exchange.keep` asked for it; shielded. *observe*."""


@hookspec
def request_finished(exchange: Exchange) -> None:
    """After the last byte, exactly once for every exchange that was authenticated, also when the client
    left; shielded from cancellation. *observe*."""
