"""Settings of a node: `DAVENPORT_*` variables over `DATA/davenport.toml` over defaults.

A key `mail_server` in the file is `DAVENPORT_MAIL_SERVER` in the environment. Unknown keys in the file are refused
with the near name, so that a typing error does not pass silently.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from app.errors import UserError

PREFIX = "DAVENPORT_"
FILE = "davenport.toml"


@dataclass(frozen=True)
class Settings:
    """What an administrator can set; docs/administrator.md lists each (a test says so)."""

    organisation: str = "Davenport"
    zone: str = "Asia/Shanghai"  # drives calendars, due times and the years of running numbers
    language: str = "zh"  # before sign-in, when the browser names none
    base_url: str = ""  # how links in mail begin; empty: the address of the request
    # behind a proxy
    trusted_proxies: int = 0  # how many proxies stand in front and set X-Forwarded-*; 0 = believe none
    secure_cookies: bool = False  # cookies over https alone
    # sizes
    max_document: int = 8_000_000  # bytes
    max_attachment: int = 1_000_000_000  # bytes
    trash_days: int = 30
    session_hours: int = 12
    # mail relay, Flask-Mail's names
    mail_server: str = ""
    mail_port: int = 25
    mail_username: str = ""
    mail_password: str = field(default="", repr=False)
    mail_use_tls: bool = False
    mail_use_ssl: bool = False
    mail_default_sender: str = ""
    webhook_loopback: bool = False  # whether webhooks may call this machine's own ports
    # sign-in elsewhere
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_claim: str = "preferred_username"
    ldap_url: str = ""
    ldap_bind_dn: str = ""  # template with {name}: "uid={name},ou=people,dc=example,dc=com"
    ldap_start_tls: bool = False
    # replication
    replicate: bool = True  # a laptop that serves keeps in touch with its hub by itself
    # encryption at rest
    passphrase: str = field(default="", repr=False)  # opens the files of an encrypted node; never in davenport.toml
    # server
    threads: int = 64

    @classmethod
    def load(cls, data: Path, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings of the node in `data`. UserError names the file, key and reason."""
        path = data / FILE
        values = _from_file(path)
        for name in _KINDS:
            text = environment.get(PREFIX + name.upper())
            if text is not None:
                values[name] = _convert(name, text, PREFIX + name.upper())
        return cls(**values)


_KINDS: dict[str, type] = {entry.name: type(entry.default) for entry in fields(Settings)}


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UserError(f"{path}: {problem}") from problem
    values = {}
    for name, value in raw.items():
        if name not in _KINDS:
            near = difflib.get_close_matches(name, _KINDS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UserError(f"{path}: unknown setting {name}{hint}")
        if name == "passphrase":
            raise UserError(f"{path}: a passphrase beside what it locks protects nothing; take it out.")
        values[name] = _convert(name, value, f"{path}: {name}")
    return values


def _convert(name: str, value: Any, where: str) -> Any:
    kind = _KINDS[name]
    if kind is bool and isinstance(value, str):
        if value.lower() not in {"1", "0", "true", "false", "yes", "no", ""}:
            raise UserError(f"{where} is true or false, not {value!r}.")
        return value.lower() in {"1", "true", "yes"}
    if kind is int and isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise UserError(f"{where} is a number, not {value!r}.") from None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where} is a {kind.__name__}, not {value!r}.")
    return value
