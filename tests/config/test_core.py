from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.config import Config, CoreSettings, Problem
from pointsman.secrets import Secret

Load = Callable[..., Config]
Refuse = Callable[..., list[Problem]]


def test_an_empty_file_is_the_defaults(load: Load) -> None:
    core = load("").core
    assert core == CoreSettings()
    assert (core.server.host, core.server.port, core.server.max_body) == ("127.0.0.1", 4141, 32 * 1024 * 1024)
    assert (core.auth, core.admin_key, core.attempts, core.hook_timeout) == ("keys", None, 4, 10.0)
    assert (core.ledger.url, core.state.url, core.log.format) == ("sqlite:///pointsman.db", "memory", "auto")
    assert (core.upstream.first_content, core.upstream.total, core.keepalive.every) == (120.0, 600.0, 15.0)
    assert (core.providers.from_env, core.providers.entries, core.models) == (False, {}, {})


def test_every_section_can_be_given(load: Load, tmp_path: Path) -> None:
    core = load(
        """
server: {host: "::", port: 0, socket: run/p.sock, tls: {cert: c.pem, key: /k.pem}, drain: 0s}
ledger: {url: sqlite:///x.db, durability: relaxed}
state: memory
auth: none
admin_key: ${ADMIN:-}
log: {level: debug, format: json, access: true}
upstream: {connect_timeout: 1s, proxy: "http://egress:3128", ca: ca.pem, max_answer: 1GB}
keepalive: {first: 1s, every: 500ms}
attempts: 10
cost_in_body: never
hook_timeout: 250ms
providers:
  from_env: true
  lab: {vendor: acme, base_url: "http://10.0.0.7/v1", api_key: "${KEY}", discover: true, dialects: [chat]}
models:
  m:
    aliases: [fast]
    endpoints: [lab/a/b, {endpoint: lab/c, params: {temperature: 0.2, stop: [x]}, timeout: 30s}]
""",
        {"KEY": "k"},
    ).core
    assert core.server.socket == tmp_path / "run" / "p.sock"
    assert core.server.tls is not None
    assert (core.server.tls.cert, core.server.tls.key) == (tmp_path / "c.pem", Path("/k.pem"))
    assert core.admin_key is None
    assert core.providers.from_env
    lab = core.providers.entries["lab"]
    assert (lab.vendor, lab.api_key, lab.discover, lab.dialects) == ("acme", Secret("k"), True, ("chat",))
    first, second = core.models["m"].endpoints
    assert (first.endpoint, first.params, first.timeout) == ("lab/a/b", {}, None)
    assert (second.params, second.timeout) == ({"temperature": 0.2, "stop": ["x"]}, 30.0)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ()),
        ("secret_key: ${UNSET:-}", ()),
        (f"secret_key: {'a' * 32}", (Secret("a" * 32),)),
        (f"secret_key: [{'b' * 32}, {'a' * 32}]", (Secret("b" * 32), Secret("a" * 32))),
        (f'secret_key: [{"b" * 32}, "${{UNSET:-}}"]', (Secret("b" * 32),)),
    ],
)
def test_there_may_be_several_keys_that_seal(load: Load, text: str, keys: tuple[Secret, ...]) -> None:
    assert load(text).core.secret_keys == keys


def test_a_short_key_that_seals_is_refused_and_not_repeated(refuse: Refuse) -> None:
    (problem,) = refuse("secret_key: hunter22hunter22")
    assert "at least 32 characters" in str(problem)
    assert "hunter22" not in str(problem)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "server: {workers: 2}",
            "`server.workers`: 2 workers would each count limits and budgets for themselves",
        ),
        ("server: {workers: 0}", "`server.workers` must be at least 1, not 0"),
        ("server: {port: -1}", "`server.port` must be at least 0, not -1"),
        ("server: {tls: {cert: a}}", "`key` is missing in `server.tls`"),
        ("server: {read_timeout: 0}", "`server.read_timeout` must be at least 1ms, not 0s"),
        ("attempts: 11", "`attempts` must be at most 10, not 11"),
        ("auth: key", "`auth`: this cannot be the string 'key'"),
        ("ledger: {durability: eventual}", "`ledger.durability`: this cannot be the string 'eventual'"),
        ("include: {}", "`include`: this cannot be a mapping"),
        ("providers: {from_env: 1}", "`providers.from_env`: this cannot be the integer 1"),
        ("models: {a: lab/b}", "`models.a`: this cannot be the string 'lab/b'"),
        (
            "models: {a: {endpoints: [lab]}}",
            "`models.a.endpoints.0.endpoint`: endpoint 'lab' does not name a provider and a model",
        ),
        (
            "models: {a: {endpoints: [/m]}}",
            "`models.a.endpoints.0.endpoint`: endpoint '/m' does not name a provider and a model",
        ),
        (
            "models: {a: {endpoints: [lab/]}}",
            "`models.a.endpoints.0.endpoint`: endpoint 'lab/' does not name a provider and a model",
        ),
        ("models: {a: {aliases: [b]}, b: {}}", "`models.a.aliases.0`: alias 'b' is the name of a model"),
    ],
)
def test_refusals(refuse: Refuse, text: str, message: str) -> None:
    assert [problem.message for problem in refuse(text)] == [message]


def test_every_name_that_is_taken_is_told(refuse: Refuse) -> None:
    problems = refuse("models: {a: {aliases: [f, b, f]}, b: {aliases: [f]}}")
    assert [problem.column for problem in problems] == [27, 30, 49]


def test_an_alias_twice_points_at_the_second(refuse: Refuse) -> None:
    (problem,) = refuse("models:\n  a: {aliases: [f]}\n  b:\n    aliases: [x, f]\n")
    assert (problem.line, problem.column, problem.message) == (
        4,
        18,
        "`models.b.aliases.1`: alias 'f' is taken",
    )
    assert problem.hint == "model 'a' has it"


@pytest.mark.parametrize(
    "url", ["ftp://x", "x", "http://", "http:///x", "'http://x:port'", "'http://[::1'", "http://x:0"]
)
def test_urls_must_be_http_and_have_a_host(refuse: Refuse, url: str) -> None:
    problems = refuse(f"providers: {{lab: {{base_url: {url}}}}}\nupstream: {{proxy: {url}}}\n")
    assert [problem.message.partition(":")[0] for problem in problems] == [
        "`providers.lab.base_url`",
        "`upstream.proxy`",
    ]


def test_a_credential_in_a_header_is_a_warning(load: Load) -> None:
    config = load("providers:\n  lab:\n    headers:\n      X-Team: a\n      Authorization: Bearer hunter22\n")
    (problem,) = config.problems
    assert (problem.line, problem.column, problem.severity) == (5, 22, "warning")
    assert "api_key" in problem.hint
    assert "hunter22" not in str(problem)
    assert config.core.providers.entries["lab"].headers["Authorization"] == "Bearer hunter22"


def test_a_port_in_a_variable_is_a_number(load: Load) -> None:
    text = "server:\n  port: ${PORT:-4242}\n"
    assert load(text).core.server.port == 4242
    assert load(text, {"PORT": "80"}).core.server.port == 80
