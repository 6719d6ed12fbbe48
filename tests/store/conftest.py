"""Fixtures of the store's tests.

`store_factory` makes empty stores; every test that takes it (or `database`) is part of the conformance suite,
which any store must pass. A further store is one more entry in `FACTORIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.store import Context, RawDatabase, Store, keys

StoreFactory = Callable[[], Store]


def sqlite_store(folder: Path) -> Store:
    """The embedded store."""
    return Store.open(folder, create=True, timeout=2.0)


def encrypted_store(folder: Path) -> Store:
    """The same under a passphrase."""
    return Store.open(folder, create=True, timeout=2.0, passphrase=PASSPHRASE, encrypted=True)


PASSPHRASE = "correct horse battery"
FACTORIES = {"sqlite": sqlite_store, "encrypted": encrypted_store}


@pytest.fixture
def passphrase() -> str:
    """What opens a data directory again; a store that is not encrypted does not ask."""
    return PASSPHRASE


@pytest.fixture(autouse=True)
def quick_to_unlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases are stretched little, so that tests open many stores."""
    monkeypatch.setattr(keys, "COST", {"time": 1, "memory": 8, "lanes": 1})


@pytest.fixture(params=FACTORIES)
def store_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreFactory]:
    made: list[Store] = []

    def make() -> Store:
        made.append(FACTORIES[request.param](tmp_path / f"data{len(made)}"))
        return made[-1]

    yield make
    for store in made:
        assert store.check() == []
        store.close()


@pytest.fixture
def store(store_factory: StoreFactory) -> Store:
    return store_factory()


@pytest.fixture
def database(store: Store) -> RawDatabase:
    return store.create("customers")


@pytest.fixture
def context() -> Context:
    return Context("north", "2026-11-22T08:00:00.000Z", "laptop-1")
