from __future__ import annotations

import pytest

from pointsman.config.masking import looks_secret, mask_text, mask_url


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apikey",
        "API-Key",
        "x-api-key",
        "admin_key",
        "Authorization",
        "password",
        "token",
        "x-token",
    ],
)
def test_names_of_credentials_are_known(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["tokens", "max_tokens", "key_hash", "keys", "key", "x-title", "keyboard"])
def test_names_of_harmless_things_are_not(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("api_key: hunter2", "api_key: *******"),
        ("  api_key: hunter2 # mine", "  api_key: ******* # mine"),
        ('api_key: "hunter2', 'api_key: "*******'),
        ("{api_key: a,b}", "{api_key: *,b}"),
        ("{api_key: one, token: two, x: 1}", "{api_key: ***, token: ***, x: 1}"),
        ("api_key: &k hunter2", "api_key: ** *******"),
        ("api_key: {a: 1}", "api_key: {a: 1}"),
        ("api_key: a,b", "api_key: *,*"),
        ("{lab: {api_key: hunter2}}", "{lab: {api_key: *******}}"),
        ("api_keys: [one, two]", "api_keys: [***, ***]"),
        ("api_key: ${LAB_KEY}", "api_key: ${LAB_KEY}"),
        ("{api_key: '${LAB_KEY}', a: 1}", "{api_key: '${LAB_KEY}', a: 1}"),
        ("api_key: ${LAB_KEY:-hunter2}", "api_key: ${LAB_KEY:-*******}"),
        ("api_key: x${LAB_KEY}", "api_key: *${LAB_KEY}"),
        ("Authorization: Bearer abc", "Authorization: ****** ***"),
        ("api_key: null", "api_key: null"),
        ("max_tokens: 200000000", "max_tokens: 200000000"),
        ("url: redis://me:hunter2@db/0", "url: redis://me:*******@db/0"),
        ("models: sk-abcdefgh1234", "models: ***************"),
        ("x: aB3aB3aB3aB3aB3aB3aB3", "x: *********************"),
        ("x: some-model-name-2024-10-22-of-old", "x: some-model-name-2024-10-22-of-old"),
    ],
)
def test_a_line_keeps_its_width_and_loses_its_secrets(line: str, shown: str) -> None:
    assert mask_text(line) == shown
    assert len(shown) == len(line)


def test_a_url_keeps_its_user() -> None:
    assert mask_url("postgresql://me:pw@db/x") == "postgresql://me:**@db/x"
    assert mask_url("http://db/x?a:b@c") == "http://db/x?a:b@c"
