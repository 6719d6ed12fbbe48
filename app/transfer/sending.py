"""One signed HTTP request to an address somebody typed in: resolved once, checked, and sent to exactly that
address.

    Davenport-Signature: t=1764144000,v1=<hex of HMAC-SHA256(secret, "1764144000." + body)>

Redirects are not followed. Loopback, link-local and the like are refused (a webhook must not reach what
only this machine reaches); addresses of the intranet are fine, that is where other systems stand.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from app.errors import BadRequest, Message

TIMEOUT = 10.0  # seconds to connect, and to answer
ANSWER = 2_000  # bytes of the answer that are kept


class Answer(NamedTuple):
    """What the other side said: an HTTP status, and the beginning of its answer."""

    status: int
    text: str


def signature(secret: str, moment: int, body: bytes) -> str:
    """The value of `Davenport-Signature` for a body sent at `moment` (seconds since 1970)."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def checked_url(url: str) -> SplitResult:
    """The parts of an http(s) address. BadRequest when it is none, or holds a name and password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise BadRequest("This is no web address.", fields={"url": Message("This is no web address.")}) from problem
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not url.isascii():
        reason = "A web address begins with http:// or https://."
        raise BadRequest(reason, fields={"url": reason})
    if parts.username or parts.password or any(ord(character) <= 32 for character in url):
        reason = "A web address here holds no name, password or blanks."
        raise BadRequest(reason, fields={"url": reason})
    return parts


def resolve(host: str, port: int, *, loopback: bool) -> str:
    """The address to connect to. OSError when there is none that may be used."""
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        found = ipaddress.ip_address(str(address[0]).split("%")[0])
        mapped = getattr(found, "ipv4_mapped", None)
        if allowed(mapped or found, loopback=loopback):
            return str(address[0])
    raise OSError("This address is not allowed.")


def allowed(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, loopback: bool) -> bool:
    """Whether a webhook may go there."""
    if address.is_loopback:
        return loopback
    return not (address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved)


class _Plain(http.client.HTTPConnection):
    """Connects to an address that has been checked, whatever the name means by now."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _Secure(http.client.HTTPSConnection):
    """The same with TLS for the name in the address."""

    address = ""

    def connect(self) -> None:
        plain = socket.create_connection((self.address, self.port), self.timeout)
        self.sock = _trusted().wrap_socket(plain, server_hostname=self.host)


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates this machine trusts: read when the first webhook needs them."""
    return ssl.create_default_context()


def post(url: str, body: bytes, headers: Mapping[str, str], *, loopback: bool = False) -> Answer:
    """Send it. OSError or http.client.HTTPException when there is no answer."""
    parts = checked_url(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    kind = _Secure if parts.scheme == "https" else _Plain
    connection = kind(host, port, timeout=TIMEOUT)
    connection.address = resolve(host, port, loopback=loopback)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, response.read(ANSWER).decode("utf-8", "replace"))
    finally:
        connection.close()
