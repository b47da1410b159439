"""Providers: kinds, bound keys, and what cannot be called."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import cast

import httpx
import pytest

from pointsman.catalogue import Endpoint
from pointsman.config import ProviderSettings
from pointsman.credentials import Key
from pointsman.dialects import Codec
from pointsman.errors import PluginError, StartupError
from pointsman.providers import HttpProvider, Kind, Listed, Provider, Providers
from pointsman.secrets import Secret
from pointsman.testing import FakeProvider, Script


def make(name: str, settings: ProviderSettings) -> Provider:
    return HttpProvider.of(name, "kind", settings)


def kinds() -> Providers:
    registered = Providers()
    registered.add(Kind("acme", make, "one", key_variable="ACME_KEY"))
    registered.add(Kind("local", make, "one", local_url="http://127.0.0.1:1/v1"))
    registered.add(Kind("generic", make, "one"), default=True)
    return registered


AT = ProviderSettings(base_url="https://api.acme.example/v1")


def test_the_kind_is_the_vendor_or_the_name_or_the_default_for_a_base_url() -> None:
    made: list[str] = []

    def noting(kind: str) -> Kind:
        def factory(name: str, settings: ProviderSettings) -> Provider:
            made.append(kind)
            return Provider(name, kind=kind)

        return Kind(kind, factory, "test")

    registered = Providers()
    for kind in ("acme", "generic"):
        registered.add(noting(kind), default=kind == "generic")
    registered.make("acme", ProviderSettings())
    registered.make("mine", ProviderSettings(vendor="acme"))
    registered.make("mine", AT)
    assert made == ["acme", "acme", "generic"]


def test_an_unknown_vendor_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        StartupError, match=r"vendor 'acne' is not known; did you mean 'acme'\? known vendors: acme, g"
    ):
        kinds().make("x", ProviderSettings(vendor="acne"))
    with pytest.raises(StartupError, match="neither vendor nor base_url"):
        kinds().make("x", ProviderSettings())


def test_one_kind_has_one_owner() -> None:
    registered = kinds()
    with pytest.raises(PluginError, match="'one' and 'two' both register provider 'acme'"):
        registered.add(Kind("acme", make, "two"))


def test_a_key_is_bound_to_its_origin() -> None:
    provider = HttpProvider.of("lab", "kind", ProviderSettings(base_url=AT.base_url, api_key=Secret("sk-1")))
    headers: dict[str, str] = {}
    provider.sign("https://api.acme.example/v1/chat", headers)
    assert headers["authorization"] == "Bearer sk-1"
    for other in (
        "http://api.acme.example/v1",
        "https://api.acme.example:8443/v1",
        "https://api.acme.example.evil.com/v1",
        "https://evil.com/v1",
    ):
        headers = {}
        with pytest.raises(StartupError, match=r"bound to https://api\.acme\.example:443"):
            provider.sign(other, headers)
        assert headers == {}


class ACodec:
    """What headers ask of a codec."""

    default_headers = MappingProxyType({"x-version": "1"})


CODEC = cast("Codec", ACodec())


def test_requests_that_are_alike_are_signed_once() -> None:
    keys = (Secret("sk-1"), Secret("sk-2"))
    provider = HttpProvider.of("lab", "kind", ProviderSettings(base_url=AT.base_url, api_keys=keys))
    one, two = provider.keys
    url = "https://api.acme.example/v1/chat"
    signed = provider.signed(url, CODEC, one, stream=False)
    assert signed == {
        "content-type": "application/json",
        "accept": "application/json",
        "x-version": "1",
        "authorization": "Bearer sk-1",
    }
    assert provider.signed(url, CODEC, one, stream=False) is signed
    for other in (
        provider.signed(url, CODEC, one, stream=True),
        provider.signed(url, CODEC, two, stream=False),
        provider.signed(url + "/2", CODEC, one, stream=False),
    ):
        assert other is not None
        assert other is not signed
    with pytest.raises(StartupError, match="bound to"):
        provider.signed("https://evil.com/v1", CODEC, one, stream=False)


def test_who_signs_in_a_way_of_its_own_is_asked_each_time() -> None:
    class Own(HttpProvider):
        def sign(self, url: str, headers: dict[str, str], key: Key | None = None) -> None:
            headers["x-signature"] = "of this request"

    provider = Own.of("lab", "kind", AT)
    assert provider.signed("https://api.acme.example/v1/chat", CODEC, None, stream=False) is None


@pytest.mark.parametrize(
    "url", ["ftp://x/", "https://", "https://a\\@b/", "https://user@host/", "https://h:99999/", "x"]
)
def test_what_is_no_url_of_a_provider(url: str) -> None:
    with pytest.raises(StartupError):
        HttpProvider.of("lab", "kind", ProviderSettings(base_url=url))


def test_a_provider_without_its_key_says_so() -> None:
    provider = HttpProvider(
        "lab",
        kind="k",
        base_url="https://x/",
        dialects=frozenset(),
        key_required=True,
    )
    assert provider.unready() == "its api_key is missing"
    for settings, ready in (
        (ProviderSettings(api_keys=(Secret(""),)), False),
        (ProviderSettings(api_keys=(Secret("x"), Secret("y"))), True),
    ):
        provider = HttpProvider(
            "lab", kind="k", base_url="https://x/", dialects=frozenset(), key_required=True, settings=settings
        )
        assert (provider.unready() is None) is ready


def test_the_keys_of_a_pool_are_sent_in_turn_in_the_header_of_their_kind() -> None:
    class Lab(HttpProvider):
        key_header = "x-lab-key"
        key_prefix = "lab "
        default_headers = MappingProxyType({"x-version": "1"})

    settings = ProviderSettings(api_key=Secret("a"), api_keys=(Secret("b"), Secret("a")))
    lab = Lab.of("lab", "lab", replace(settings, base_url="https://x/v1"))
    sent = []
    for given in ({}, {"x-version": "2"}, {}):
        headers: dict[str, str] = dict(given)
        lab.sign("https://x/v1/chat", headers)
        sent.append(headers)
    assert sent == [
        {"x-lab-key": "lab a", "x-version": "1"},
        {"x-lab-key": "lab b", "x-version": "2"},
        {"x-lab-key": "lab a", "x-version": "1"},
    ]


def test_models_are_called_as_their_endpoints_unless_a_provider_says_otherwise() -> None:
    class Deploying(HttpProvider):
        def called(self, endpoint: Endpoint) -> str:
            return f"our-{endpoint.native_id}"

    plain, deploying = (
        each("p", kind="k", base_url="https://x.example/v1", dialects=frozenset())
        for each in (HttpProvider, Deploying)
    )
    assert plain.called(Endpoint(plain, "m")) == "m"
    assert deploying.called(Endpoint(deploying, "m")) == "our-m"


def test_dialects_and_surfaces_served() -> None:
    everything = Provider("echo", kind="k")
    assert everything.serves("any-dialect", "chat")
    assert not everything.serves("any-dialect", "images"), "a canonical answer is text"
    some = Provider("x", kind="k", dialects=frozenset({"a"}), surfaces=frozenset({"chat"}))
    assert some.serves("a", "chat")
    assert not some.serves("b", "chat")
    assert not some.serves("a", "images")


def test_the_environment_offers_kinds_with_a_key_and_local_servers() -> None:
    def anywhere(name: str, settings: ProviderSettings) -> Provider:
        provider = Provider(name, kind=name)
        provider.discover = bool(settings.discover)
        provider.extra["key"] = settings.api_key
        return provider

    registered = Providers()
    registered.add(Kind("acme", anywhere, "t", key_variable="ACME_KEY"))
    registered.add(Kind("other", anywhere, "t", key_variable="OTHER_KEY"))
    registered.add(Kind("local", anywhere, "t", local_url="http://127.0.0.1:1/v1"))
    found = registered.from_environment({"ACME_KEY": "sk", "OTHER_KEY": ""}, configured=())
    assert [provider.name for provider in found] == ["acme", "local"]
    assert all(provider.found and provider.discover for provider in found)
    assert found[0].unready() is None
    assert "nobody has found it" in str(found[1].unready())
    assert found[0].extra["key"] == Secret("sk")
    assert registered.from_environment({"ACME_KEY": "sk"}, configured=("acme", "local")) == []


def test_the_environment_does_not_find_those_who_give_each_customer_an_address() -> None:
    registered = Providers()
    registered.add(Kind("each", make, "t", key_variable="EACH_KEY", address="https://{you}.each.example/v1"))
    assert registered.from_environment({"EACH_KEY": "k"}, ()) == []
    (kind,) = registered
    example = kind.example()
    assert isinstance(example, HttpProvider)
    assert example.base_url == "https://{you}.each.example/v1"
    with pytest.raises(StartupError, match="base_url is missing"):
        Kind("nothing", make, "t").example()


async def test_one_found_without_a_listing_is_not_asked_for_one() -> None:
    class Unlisted(HttpProvider):
        listing = None

    def unlisted(name: str, settings: ProviderSettings) -> Provider:
        return Unlisted(
            name, kind="x", base_url="https://x.example/v1", dialects=frozenset(), settings=settings
        )

    registered = Providers()
    registered.add(Kind("x", unlisted, "t", key_variable="X_KEY"))
    (found,) = registered.from_environment({"X_KEY": "k"}, ())
    assert (found.found, found.discover, found.unready()) == (True, False, None)
    with pytest.raises(ValueError, match="x has no listing"):
        await found.list_models(None)  # type: ignore[arg-type]


def test_an_error_names_a_dozen_of_many_vendors() -> None:
    registered = Providers()
    for number in range(40):
        registered.add(Kind(f"vendor-{number:02}", make, "t"))
    with pytest.raises(StartupError, match=r"known vendors: vendor-00, .*vendor-11 and 28 more$"):
        registered.make("x", ProviderSettings(vendor="unlike"))


async def test_a_listing_tells_ids_and_whatever_else_it_says_of_them() -> None:
    rows = [{"id": "m-1", "context_length": 8192}, {"object": "model"}, "odd", {"id": "m-2"}]
    listing, bare, none = Script.json({"data": rows}), Script.json(rows), Script.json({"models": []})
    async with FakeProvider([listing, bare, none]) as fake, httpx.AsyncClient() as http:
        lab = HttpProvider("lab", kind="x", base_url=fake.url, dialects=frozenset(), api_key=Secret("k"))
        wanted = [Listed("m-1", rows[0]), Listed("m-2", rows[3])]  # type: ignore[arg-type]
        assert await lab.list_models(http) == await lab.list_models(http) == wanted
        with pytest.raises(ValueError, match="did not answer with a list of models"):
            await lab.list_models(http)
    assert [each.path for each in fake.requests] == ["/v1/models"] * 3
    assert fake.requests[0].headers["authorization"] == "Bearer k"
