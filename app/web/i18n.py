"""Languages of the pages: which one, the texts, and dates and numbers as people there write them.

Texts are English in the code; Chinese lies in `translations/zh/LC_MESSAGES/messages.po`. It is compiled in
memory when the application starts, so there is no compiled file to forget.
"""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, g, request
from flask_babel import Babel, force_locale, gettext
from markupsafe import Markup

from app import clock
from app.errors import Message

LANGUAGES = {"zh": "中文", "en": "English"}
FOLDER = Path(__file__).parent / "translations"


@lru_cache(maxsize=8)
def _compiled(path: Path, changed: int) -> Translations:
    with path.open("rb") as file:
        catalog = read_po(file, locale="zh")
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)


def translations(language: str) -> Translations | None:
    """The texts of a language, compiled from its .po file; None where there is none."""
    path = FOLDER / language / "LC_MESSAGES" / "messages.po"
    return _compiled(path, path.stat().st_mtime_ns) if path.exists() else None


class Words:
    """`_` of the templates: texts in the language of the request, looked up once per language, not once per use.

    As with the extension's own, a translated text is HTML and what is filled into it is escaped.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Markup] = {}
        self._whole: dict[tuple[str, str], Markup] = {}  # those with nothing to fill in

    def __call__(self, message: str, /, **variables: Any) -> Markup:
        key = (g.get("language", "en"), message)
        if variables:
            return self._text(key) % variables
        found = self._whole.get(key)
        if found is None:
            found = self._whole[key] = self._text(key) % {}
        return found

    def _text(self, key: tuple[str, str]) -> Markup:
        found = self._known.get(key)
        if found is None:
            language, message = key
            catalog = translations(language)
            found = self._known[key] = Markup(catalog.ugettext(message) if catalog else message)  # noqa: S704 - as above
        return found


def choose_language() -> str:
    """The person's language; before sign-in that of the browser, then the organisation's. On a laptop, where the
    person's own cannot be changed, what was chosen in the browser comes first."""
    person = g.identity.person if "identity" in g else None
    kept = request.cookies.get("language")
    if g.node.laptop is not None and kept in LANGUAGES:
        return kept
    if person is not None and person.language in LANGUAGES:
        return str(person.language)
    if kept in LANGUAGES:
        return kept
    wanted = request.accept_languages.best_match(["zh", "zh-CN", "zh-TW", "zh-HK", "en"])
    return wanted[:2] if wanted else str(getattr(g.node.settings, "language", "en"))


def choose_zone() -> str:
    """The person's zone, or the organisation's."""
    person = g.identity.person if "identity" in g else None
    if person is not None and person.zone:
        return str(person.zone)
    return str(getattr(g.node.settings, "zone", clock.DEFAULT_ZONE))


def _zone() -> ZoneInfo:
    return ZoneInfo(g.zone)  # ZoneInfo keeps them itself


def say(sentence: Any, language: str | None = None) -> str:
    """A sentence from inside (a refusal, a warning) in the person's language, or another. One that is
    translated already stays as it is.
    """
    if language is not None and language != g.language:
        with force_locale(language):
            return sentence.say(gettext, language) if isinstance(sentence, Message) else str(gettext(str(sentence)))
    if isinstance(sentence, Message):
        return sentence.say(gettext, g.language)
    return str(gettext(str(sentence))) if sentence else ""


def moment(value: Any) -> datetime | None:
    """A stored datetime in the person's zone; None where it is none."""
    try:
        return clock.parse(value).astimezone(_zone()) if isinstance(value, str) else None
    except ValueError:
        return None


def format_date(value: Any) -> str:
    """A stored date (or the date of a stored datetime) as people write it: 22 Nov 2026, 2026年11月22日."""
    day: date | None
    if isinstance(value, datetime):
        day = value.date()
    elif isinstance(value, date):
        day = value
    elif isinstance(value, str) and len(value) == 10:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return value
    else:
        found = moment(value)
        day = found.date() if found else None
    if day is None:
        return "" if value is None else str(value)
    return _date(day, g.language)


@lru_cache(maxsize=4096)
def _date(day: date, language: str) -> str:
    return dates.format_date(day, "medium", locale=language)


def format_day(value: Any) -> str:
    """A stored date without its year when that is the present one: 22 Nov, 11月22日."""
    try:
        day = date.fromisoformat(str(value)[:10])
    except ValueError:
        return format_date(value)
    return dates.format_skeleton("MMMd", day, locale=g.language) if day.year == today().year else format_date(day)


def format_datetime(value: Any) -> str:
    """A stored datetime in full, in the person's zone."""
    found = moment(value)
    if found is None:
        return "" if value is None else str(value)
    return f"{format_date(found)} {found:%H:%M}"


def format_ago(value: Any) -> str:
    """A stored datetime as people say it: just now, 5 minutes ago, 14:05 today, else the date."""
    found = moment(value)
    if found is None:
        return "" if value is None else str(value)
    now = clock.utcnow().astimezone(_zone())
    past = now - found
    if timedelta(0) <= past < timedelta(minutes=1):
        return str(gettext("just now"))
    if timedelta(0) <= past < timedelta(hours=1):
        return str(gettext("%(minutes)s min ago", minutes=int(past.total_seconds() // 60)))
    if found.date() == now.date():
        return f"{found:%H:%M}"
    if found.date() == now.date() - timedelta(days=1):
        return str(gettext("yesterday %(time)s", time=f"{found:%H:%M}"))
    if found.year == now.year:
        return dates.format_skeleton("MMMd", found, locale=g.language)
    return format_date(found)


def format_number(value: Any, digits: int | None = None) -> str:
    """A number with the separators of the person's language."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "" if value is None else str(value)
    return _number(value, digits, g.language)


@lru_cache(maxsize=4096)
def _number(value: float, digits: int | None, language: str) -> str:
    pattern = None if digits is None else "#,##0." + "0" * digits if digits else "#,##0"
    return numbers.format_decimal(value, format=pattern, locale=language)


def format_size(size: int) -> str:
    """Bytes as people say them."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""


def today() -> date:
    """The date where the person is."""
    return clock.today(g.zone)


def initials(name: str) -> str:
    """Two letters for a name: the last two characters of a Chinese one, else the first of the first and
    last word.
    """
    name = name.strip()
    if not name:
        return "?"
    chinese = "".join(letter for letter in name if "\u4e00" <= letter <= "\u9fff")
    if chinese:
        return chinese[-2:]
    words = name.split()
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def install(app: Flask) -> None:
    """Texts, formats and their filters for `app`."""
    babel = Babel(app, locale_selector=lambda: g.language, timezone_selector=lambda: g.zone)
    with app.app_context():
        for language in LANGUAGES:
            if compiled := translations(language):
                babel.domain_instance.cache[language, "messages"] = compiled
    app.jinja_env.filters.update(
        date=format_date,
        day=format_day,
        datetime=format_datetime,
        ago=format_ago,
        number=format_number,
        size=format_size,
        say=say,
    )
    words = Words()
    app.jinja_env.globals.update(languages=LANGUAGES, today=today, _=words, gettext=words)
    app.jinja_env.filters["initials"] = initials
