"""Sign-in proved elsewhere: LDAP against ldap3's own mock server, OIDC claims."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from app.access import SYSTEM
from app.access.external import Claims, Ldap, ldap_check, oidc_person
from app.errors import TooManyRequests, Unauthorized

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # ldap3 asks pyasn1 for names it renamed
    import ldap3

if TYPE_CHECKING:
    from tests.access.conftest import World

BY_NAME = Ldap("ldap://mock", bind="uid={name},ou=people,dc=example,dc=org")
BY_SEARCH = Ldap("ldap://mock", search_base="ou=people,dc=example,dc=org", search_name="cn=reader", search_password="r")


@pytest.fixture
def server() -> Any:
    connection = ldap3.Connection(ldap3.Server("mock"), client_strategy=ldap3.MOCK_SYNC)
    entries = connection.strategy
    entries.add_entry("cn=reader", {"objectClass": "person", "userPassword": "r", "cn": "reader"})
    entries.add_entry(
        "uid=ann,ou=people,dc=example,dc=org",
        {
            "objectClass": "person",
            "uid": "ann",
            "cn": "Ann",
            "mail": "ann@example.org",
            "userPassword": "right horse",
        },
    )
    connection.bind()
    return connection


@pytest.mark.parametrize("settings", [BY_NAME, BY_SEARCH], ids=["by name", "by search"])
@pytest.mark.parametrize(
    ("name", "password", "fits"),
    [("ann", "right horse", True), ("ann", "wrong", False), ("ann", "", False),
     ("nobody", "right horse", False), ("*", "right horse", False), ("ann,ou=people", "right horse", False)],
)  # fmt: skip
def test_ldap(server: Any, settings: Ldap, name: str, password: str, fits: bool) -> None:
    found = ldap_check(settings, name, password, connection=server)
    assert found == ({"name": "Ann", "mail": "ann@example.org"} if fits else None)


def test_failures_against_another_system_are_counted_too(world: World) -> None:
    assert world.secrets.verify_with("ann", "::1", lambda: world.directory.find("ann")).key == "ann"
    for _ in range(5):
        with pytest.raises(Unauthorized):
            world.secrets.verify_with("ann", "::1", lambda: None)
    with pytest.raises(TooManyRequests):
        world.secrets.verify_with("ann", "::1", lambda: world.directory.find("ann"))


@pytest.mark.parametrize(
    ("claims", "key"),
    [
        ({"preferred_username": "ann"}, "ann"),
        ({"email": "Ann@example.org", "email_verified": True}, "ann"),
        ({"email": "ann@example.org"}, None),
        ({"email": "ann@example.org", "email_verified": "true"}, None),
        ({"preferred_username": "nobody"}, None),
        ({"sub": "ann"}, None),
        ({}, None),
    ],
)
def test_oidc_claims(world: World, claims: dict[str, Any], key: str | None) -> None:
    person = oidc_person(world.directory, claims)
    assert (person.key if person else None) == key


def test_oidc_domains_and_creation(world: World) -> None:
    settings = Claims(create=True, domains=frozenset({"example.org"}))
    claims = {
        "preferred_username": "new.one",
        "name": "New One",
        "email": "new@example.org",
        "email_verified": True,
    }
    person = oidc_person(world.directory, claims, settings)
    assert person is not None
    assert (person.name, person.sign_in, person.unit) == ("New One", "new.one", "")
    assert oidc_person(world.directory, {**claims, "email": "new@evil.example"}, settings) is None


def test_an_inactive_person_does_not_come_in(world: World) -> None:
    world.directory.change_person(SYSTEM, "ann", active=False)
    assert oidc_person(world.directory, {"preferred_username": "ann"}) is None
