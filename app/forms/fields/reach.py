"""How somebody is reached: mail addresses, telephone numbers, web addresses."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from app.forms.fields.base import Around, Field, FieldProblem, check_pattern, narrow, text_of

_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@(?:[\w-]{1,63}\.)+[\w-]{2,63}")
_PHONE = re.compile(r"[0-9+()\-./ *#]*(?:(?:ext\.?|x|转|分机|-)\s*\d{1,6})?", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"]{3,2000}", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[\w-]{2,}(?:[/?#:][^\s<>\"]*)?")


class Email(Field):
    """A mail address; the domain is written small."""

    widget = "email"

    def read(self, raw: Any, around: Around) -> str | None:
        text = narrow(text_of(raw)).removeprefix("mailto:")
        local, at, domain = text.rpartition("@")
        return f"{local}@{domain.lower()}" if at else text or None

    def check(self, value: Any) -> None:
        if len(value) > 254 or not _EMAIL.fullmatch(value):
            raise FieldProblem("This is no mail address. An example: li.hua@example.com")
        check_pattern(self.item, value)


class Phone(Field):
    """A telephone number as written, full-width digits made plain; an extension may follow."""

    widget = "tel"

    def read(self, raw: Any, around: Around) -> str | None:
        text = raw if type(raw) is str else text_of(raw)
        return narrow(text) if not text.isascii() else text.strip() or None

    def check(self, value: Any) -> None:
        if len(value) > 60 or not _PHONE.fullmatch(value) or sum(c.isdigit() for c in value) < 3:
            raise FieldProblem("This is no telephone number. An example: +86 27 8888 1234")
        check_pattern(self.item, value)


class Url(Field):
    """A web address; `https://` is put before a bare name."""

    widget = "url"

    def read(self, raw: Any, around: Around) -> str | None:
        text = unicodedata.normalize("NFC", text_of(raw)).strip()
        return f"https://{text}" if text and "://" not in text and _DOMAIN.fullmatch(text) else text or None

    def check(self, value: Any) -> None:
        if not _URL.fullmatch(value):
            raise FieldProblem("This is no web address. An example: https://www.example.com")
        check_pattern(self.item, value)
