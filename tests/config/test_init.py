from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import pointsman.config

MODULES = [pointsman.config] + [
    importlib.import_module(f"pointsman.config.{each.name}")
    for each in pkgutil.iter_modules(pointsman.config.__path__)
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_public_names_are_sorted_and_there(module: ModuleType) -> None:
    assert all(hasattr(module, name) for name in module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)


def test_the_package_exports_what_it_imports() -> None:
    public = {
        name
        for name, value in vars(pointsman.config).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    assert public == set(pointsman.config.__all__)
