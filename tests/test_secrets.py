"""Secrets show a fingerprint and nothing else."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from pointsman.secrets import Secret

VALUE = "sk-very-secret-value"


def test_no_way_of_printing_shows_the_value() -> None:
    secret = Secret(VALUE)
    for shown in (str(secret), repr(secret), f"{secret}", f"{secret:>40}", "%s %r" % (secret, [secret])):  # noqa: UP031
        assert VALUE not in shown
        assert secret.fingerprint in shown
    assert secret.reveal() == VALUE


def test_a_secret_cannot_be_serialised() -> None:
    secret = Secret(VALUE)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError, match="cannot be serialised"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)


def test_secrets_compare_by_value_and_an_empty_one_is_false() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
    assert Secret("").fingerprint == "empty"
