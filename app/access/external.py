"""Sign-in that another system proves: an LDAP server, or an OIDC provider's claims.

Both only say *who* somebody is. The person must be in the directory (or `create` lets one be made); rights
come from the directory and the ACLs, never from the other system. The routes are in app/web.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.access.identity import SYSTEM, Person
from app.errors import Message, Unavailable, UserError

if TYPE_CHECKING:
    from app.access.directory import Directory

NO_ANSWER = Message("The sign-in server does not answer. Try again later.")


@dataclass(frozen=True)
class Ldap:
    """How to reach an LDAP server. `bind` is a name pattern (`uid={name},ou=people,dc=example,dc=org`).

    With `search_base`, the entry is looked up first (`search_filter`, as `search_name`) and then bound as.
    """

    url: str
    bind: str = ""
    search_base: str = ""
    search_filter: str = "(uid={name})"
    search_name: str = ""
    search_password: str = ""
    name_attribute: str = "cn"
    mail_attribute: str = "mail"
    start_tls: bool = False
    timeout: float = 5.0
    strategy: str = "SYNC"


@dataclass(frozen=True)
class Claims:
    """Which OIDC claims name a person, in this order, and who may come in."""

    sign_in: tuple[str, ...] = ("preferred_username", "upn")
    by_mail: bool = True  # only with `email_verified`
    create: bool = False
    domains: frozenset[str] = frozenset()  # of mail addresses; empty = any


def ldap_person(settings: Ldap, directory: Directory, name: str, password: str) -> Person | None:
    """The person whom the LDAP server proves; None for a wrong password or somebody not in the directory."""
    attributes = ldap_check(settings, name, password)
    if attributes is None:
        return None
    mail = attributes.get("mail", "")
    return directory.find(name) or (directory.find(mail) if mail else None)


def ldap_check(settings: Ldap, name: str, password: str, *, connection: Any = None) -> dict[str, str] | None:
    """`{"name", "mail"}` of the entry when name and password fit, else None. Unavailable, UserError.

    An empty password never fits: servers take it for an anonymous bind and say yes. `connection` replaces the
    one that would be made from the settings.
    """
    if not name or not password or "\0" in name + password:
        return None
    ldap = _ldap3()
    try:
        entry = _entry_name(settings, name, connection)
        if entry is None:
            return None
        bound = connection or _connection(settings)
        if not bound.rebind(entry, password):
            return None
        return _attributes(settings, bound, entry)
    except ldap.core.exceptions.LDAPInvalidCredentialsResult:
        return None
    except ldap.core.exceptions.LDAPException as problem:
        raise Unavailable(NO_ANSWER) from problem


def _entry_name(settings: Ldap, name: str, connection: Any) -> str | None:
    """The distinguished name to bind as; special characters of what was typed are escaped."""
    ldap = _ldap3()
    if not settings.search_base:
        return settings.bind.format(name=ldap.utils.dn.escape_rdn(name))
    search = connection or _connection(settings)
    if not search.rebind(settings.search_name, settings.search_password):
        raise Unavailable(NO_ANSWER)
    filter_ = settings.search_filter.format(name=ldap.utils.conv.escape_filter_chars(name))
    search.search(settings.search_base, filter_, attributes=[])
    found = [entry.entry_dn for entry in search.entries]
    return found[0] if len(found) == 1 else None


def _attributes(settings: Ldap, connection: Any, entry: str) -> dict[str, str]:
    wanted = {"name": settings.name_attribute, "mail": settings.mail_attribute}
    connection.search(entry, "(objectClass=*)", search_scope="BASE", attributes=list(wanted.values()))
    found = connection.entries[0].entry_attributes_as_dict if connection.entries else {}
    return {name: str(found[attribute][0]) for name, attribute in wanted.items() if found.get(attribute)}


def _connection(settings: Ldap) -> Any:
    ldap = _ldap3()
    tls = ldap.Tls(validate=ssl.CERT_REQUIRED)
    server = ldap.Server(settings.url, connect_timeout=settings.timeout, tls=tls)
    connection = ldap.Connection(
        server, client_strategy=settings.strategy, receive_timeout=settings.timeout, read_only=True
    )
    connection.open()
    if settings.start_tls:
        connection.start_tls()
    return connection


def _ldap3() -> Any:
    try:
        import ldap3
        import ldap3.utils.conv
        import ldap3.utils.dn
    except ImportError as problem:
        raise UserError("Signing in with LDAP needs the extra “ldap”: install davenport[ldap].") from problem
    return ldap3


def oidc_person(directory: Directory, claims: Mapping[str, Any], settings: Claims | None = None) -> Person | None:
    """The active person whom verified claims of an ID token stand for; None when nobody fits.

    A mail address counts only when the provider has verified it: else anybody could claim a colleague's.
    """
    settings = settings or Claims()
    mail = claims.get("email") if claims.get("email_verified") is True else None
    mail = mail if isinstance(mail, str) and "@" in mail else ""
    if settings.domains and mail.rpartition("@")[2].casefold() not in settings.domains:
        return None
    names = [claims[claim] for claim in settings.sign_in if isinstance(claims.get(claim), str) and claims[claim]]
    if settings.by_mail and mail:
        names.append(mail)
    person = next((found for found in map(directory.find, names) if found), None)
    if person is None and settings.create and names:
        person = _new_person(directory, names[0], str(claims.get("name") or names[0]), mail)
    return person if person and person.active else None


def _new_person(directory: Directory, sign_in: str, name: str, mail: str) -> Person:
    return directory.create_person(SYSTEM, name=name, sign_in=sign_in, email=mail)
