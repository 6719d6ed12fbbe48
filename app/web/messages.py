"""The texts people read, collected from templates and code into `translations/<language>/LC_MESSAGES/messages.po`.

    make messages    (python -m app.web.messages)

Collected are `_('…')` and `gettext`, and what a page or a refusal says (`Message("…")`, `raise Forbidden("…")`), in
every package but the command line and what only programs read, which is English. A text that is new stands in the
file with an empty translation; one that is gone is dropped. Nothing is guessed: there are no fuzzy entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from app.web.i18n import FOLDER

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "replication", "replication/client", "mail", "discussion", "knowledge")
NOT_FOR_PEOPLE = ("app/web/cli/", "app/demo/")
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
PROTOCOLS = ("replication",)  # refusals there are read by programs, in CouchDB's words; the client talks to people
ONE = (1,)
PAGES: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "_l": None,
    "_n": (1, 2),
    "gettext": None,
    "ngettext": (1, 2),
    "lazy_gettext": None,
}
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    **PAGES,
    "Message": ONE,
    "FieldProblem": ONE,
    "BadRequest": ONE,
    "Unauthorized": ONE,
    "Forbidden": ONE,
    "NotFound": ONE,
    "Conflict": ONE,
    "FileExists": ONE,
    "MissingStub": ONE,
    "TooLarge": ONE,
    "TooManyRequests": ONE,
    "Unavailable": ONE,
    "InsufficientStorage": ONE,
    "Unreachable": ONE,
    "Refused": ONE,
    "Outdated": ONE,
    "Stopped": ONE,
    "Problem": (4,),
    "problem": (2,),
    "_bad": (2,),
    "_weak": ONE,
}


def found() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Each text and the file it stands in."""
    for package in PACKAGES:
        folder = ROOT / package
        if not folder.is_dir():
            continue
        keywords = PAGES if package in PROTOCOLS else KEYWORDS
        for name, _line, text, _comments, _context in extract_from_dir(folder, METHODS, keywords=keywords):
            where = f"{package}/{name}"
            plain = text if isinstance(text, str) else text[0]
            if plain.strip() and not where.startswith(NOT_FOR_PEOPLE):
                yield where, text


def collected(language: str) -> Catalog:
    """All texts, with the translations there are."""
    path = FOLDER / language / "LC_MESSAGES" / "messages.po"
    kept = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as file:
            kept = read_po(file, locale=language)
    texts = Catalog(locale=language, project="Davenport", fuzzy=False, header_comment="# Texts of Davenport.")
    texts.revision_date = texts.creation_date = kept.creation_date
    for where, text in sorted(found(), key=lambda each: each[0]):
        texts.add(text, locations=[(where, 1)])
    for entry in texts:
        if entry.id:
            entry.string = _translation(kept, entry)
    return texts


def _translation(kept: Catalog, entry: Entry) -> str | tuple[str, ...]:
    old = kept.get(entry.id[0] if entry.pluralizable else entry.id)
    empty: str | tuple[str, ...] = ("",) * kept.num_plurals if entry.pluralizable else ""
    if old is None or old.fuzzy or not old.string:
        return empty
    first = old.string if isinstance(old.string, str) else old.string[0]
    if not entry.pluralizable:
        return first
    return (first,) * kept.num_plurals if isinstance(old.string, str) else tuple(old.string)


def update(language: str) -> tuple[int, list[str]]:
    """Write the file of a language anew; how many texts there are, and which are not translated."""
    texts = collected(language)
    path = FOLDER / language / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, texts, width=120, sort_output=True, include_lineno=False, omit_header=False)
    return len(texts), [str(entry.id) for entry in texts if entry.id and not _done(entry)]


def _done(entry: Entry) -> bool:
    return bool(entry.string) if isinstance(entry.string, str) else all(entry.string or ("",))


def main() -> None:
    """Update the Chinese texts and tell what is missing."""
    total, missing = update("zh")
    print(f"{total} texts, {len(missing)} not translated")
    for text in missing:
        print(f"  {text}")


if __name__ == "__main__":
    main()
