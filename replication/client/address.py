"""The address of a hub: what may be typed, and where plain http is acceptable."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from app.errors import Message, UserError
from replication.client.faults import Distrusted


def hub_url(text: str, *, insecure: bool = False) -> str:
    """The address without what follows host, port and path: `hub.example` → `https://hub.example`. UserError for
    what is none, Distrusted for plain http beyond this machine unless `insecure`."""
    text = text.strip().rstrip("/")
    if "://" not in text:
        text = ("http://" if _local(urlsplit(f"//{text}").hostname or "") else "https://") + text
    parts = urlsplit(text)
    try:
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if parts.scheme not in ("http", "https") or not named or parts.query or parts.fragment or parts.username:
        raise UserError(Message("“%(url)s” is not the address of a hub, such as https://hub.example.com.", url=text))
    if parts.scheme == "http" and not insecure and not is_local(text):
        raise Distrusted(
            Message(
                "%(host)s is not this machine, and plain http would send your password and documents readable for"
                " everybody on the way. Use https, or --insecure where you trust the network.",
                host=parts.hostname,
            )
        )
    return text.removesuffix("/sync")


def is_local(url: str) -> bool:
    """Whether an address is on this machine."""
    return _local(urlsplit(url).hostname or "")


def _local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
