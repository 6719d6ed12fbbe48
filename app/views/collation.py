"""Sort keys: bytes whose memcmp order is the order people expect.

    value          bytes                                              order
    missing        01                                                 first
    false, true    02, 03
    numbers        05 · 8 bytes (double, flipped) · rest              exact for Decimal, int, float
    choices        0a · 2 bytes                                       as their list has them
    text, dates    20 · one code a letter … · 00 · ties               see below
    anything else  40 · text of its JSON

Text ignores case and accents. A Latin letter is the byte 60+2i, a Chinese character the byte 61+2i of
its syllable's first letter and a second byte for the syllable (see pinyin.py), so that under each letter
Latin words come before Chinese ones and Chinese sorts syllable by syllable. Characters with the same
syllable differ in the *ties*, two bytes each, after the text's end. Texts beyond 100 characters are cut
there and told apart by a digest. Every key ends itself: keys of several columns can be joined.
Descending order is the key with all bits inverted.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from bisect import bisect_left
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from app.views import pinyin

NUMBER, CHOICE, TEXT, OTHER = b"\x05", b"\x0a", b"\x20", b"\x40"
LONGEST = 100
INVERT = bytes(255 - code for code in range(256))
_END, _CUT = b"\x00", b"\x01"
_LETTER, _ELSEWHERE = 0x60, 0xA0
_PUNCTUATION = {ord(mark): 2 + n for n, mark in enumerate(" _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$")}


def _ascii_codes() -> bytes:
    codes = bytearray([2] * 128)
    for mark, code in _PUNCTUATION.items():
        codes[mark] = code
    for digit in range(10):
        codes[0x30 + digit] = 0x30 + digit
    for letter in range(26):
        codes[0x41 + letter] = codes[0x61 + letter] = _LETTER + 2 * letter
    return bytes(codes) + bytes(128)


_ASCII = _ascii_codes()


def key(value: Any, *, descending: bool = False, rank: int | None = None) -> bytes:
    """The sort key of a JSON value (or Decimal). `rank`: its position among choices, which counts instead."""
    if rank is not None:
        plain = choice_key(rank)
    elif isinstance(value, str):
        return text_key(value).translate(INVERT) if descending else text_key(value)
    elif value is None:
        plain = b"\x01"
    elif isinstance(value, bool):
        plain = b"\x03" if value else b"\x02"
    elif isinstance(value, int | float | Decimal):
        plain = number_key(value)
    else:
        plain = OTHER + text_key(orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode())
    return plain.translate(INVERT) if descending else plain


def exact_key(value: Any, *, descending: bool = False, rank: int | None = None) -> bytes:
    """A sort key from which `decode` reads the value back: for categories, which show what they hold."""
    held = orjson.dumps(value if not _wide(value) else str(value), default=str)
    plain = key(value, rank=rank) + held + _END
    return plain.translate(INVERT) if descending else plain


def choice_key(rank: int) -> bytes:
    """The key of a choice at a position of its list."""
    return CHOICE + min(rank, 0xFFFF).to_bytes(2, "big")


def _wide(value: Any) -> bool:
    return isinstance(value, int) and not -(2**63) <= value < 2**63


# --- numbers


def number_key(number: int | float | Decimal) -> bytes:
    """Nearest double first, then what is left of the exact value: order is that of exact decimal values."""
    try:
        near = float(number)
    except OverflowError:
        near = float("inf") if number > 0 else float("-inf")
    near += 0.0  # -0.0 and 0.0 are one
    bits: int = struct.unpack(">Q", struct.pack(">d", near))[0]
    bits ^= 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else 1 << 63
    first = NUMBER + struct.pack(">Q", bits)
    if type(number) is float or (type(number) is int and -(2**53) <= number <= 2**53):
        return first + b"\x80"
    return first + _rest(exact(number), near)


def exact(number: int | float | Decimal) -> Decimal:
    """The number a person wrote: a float counts as its shortest decimal form."""
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)


def _rest(whole: Decimal, near: float) -> bytes:
    if not whole.is_finite():
        return b"\x80"
    seen = Decimal(repr(near)) if near not in (float("inf"), float("-inf")) else Decimal(0)
    left = _subtract(whole, seen)
    if left == 0:
        return b"\x80"
    digits = "".join(map(str, left.as_tuple().digits)).rstrip("0")
    body = struct.pack(">L", min(max(left.adjusted() + 2**31, 0), 2**32 - 1)) + digits.encode() + _END
    return b"\x81" + body if left > 0 else b"\x7f" + body.translate(INVERT)


def _subtract(a: Decimal, b: Decimal) -> Decimal:
    low = min(int(a.as_tuple().exponent), int(b.as_tuple().exponent))
    high = max(a.adjusted() if a else low, b.adjusted() if b else low)
    return Context(prec=min(max(high - low + 3, 9), MAX_PREC), Emax=MAX_EMAX, Emin=MIN_EMIN).subtract(a, b)


# --- text


class _Codes(dict[int, str]):
    """Character → its codes (latin-1 string), Chinese by the usual syllable. Filled on demand."""

    def __missing__(self, code: int) -> str:
        self[code] = found = self._find(chr(code))
        return found

    def _find(self, character: str) -> str:
        if character == "\0" or unicodedata.combining(character):
            return ""
        if character.isascii():
            return chr(_ASCII[ord(character)])
        if is_han(character):
            return syllable_code(pinyin.tables().single[ord(character)])
        folded = unicodedata.normalize("NFKD", character).casefold()
        folded = _PLAIN.get(folded, folded)
        if folded != character:
            return "".join(self[ord(part)] for part in folded)
        if character.isspace():
            return "\x02"
        return chr(_ELSEWHERE) + character.encode("utf-8", "surrogatepass").decode("latin-1")


class _Ties(dict[int, str]):
    """Character → the Chinese characters whose syllables `_Codes` gives for it."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character.isascii():
            found = ""
        elif is_han(character):
            found = character
        else:
            parts = unicodedata.normalize("NFKD", character).casefold()
            found = "" if parts == character else "".join(self[ord(part)] for part in parts)
        self[code] = found
        return found


_codes = _Codes()
_ties = _Ties()
_PLAIN = {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ı": "i"}


def is_han(character: str) -> bool:
    """True for a Chinese character whose syllable is known (those beyond the basic plane sort by number)."""
    return "〇" <= character <= "\uffff" and bool(pinyin.tables().single.get(ord(character)))


@lru_cache(maxsize=1)
def syllables() -> dict[str, list[str]]:
    """First letter → its syllables in order."""
    found: dict[str, set[str]] = {}
    for syllable in pinyin.tables().single.values():
        if syllable:
            found.setdefault(syllable[0], set()).add(syllable)
    for phrases in pinyin.tables().phrases.values():
        for _, read in phrases:
            for syllable in filter(None, read):
                found.setdefault(syllable[0], set()).add(syllable)
    for syllable in pinyin.SURNAMES.values():
        found.setdefault(syllable[0], set()).add(syllable)
    return {letter: sorted(those) for letter, those in found.items()}


@lru_cache(maxsize=1024)
def syllable_code(syllable: str) -> str:
    """Two codes of a syllable, as a latin-1 string."""
    if not syllable:
        return ""
    letter = syllable[0]
    return chr(_LETTER + 2 * (ord(letter) - 97) + 1) + chr(2 + bisect_left(syllables()[letter], syllable))


def codes(text: str) -> str:
    """The codes of a text (latin-1 string), without end and ties."""
    found = pinyin.readings(text)
    if not found:
        return text.translate(_codes)
    return "".join(
        syllable_code(found[at]) if at in found else _codes[ord(character)] for at, character in enumerate(text)
    )


@lru_cache(maxsize=40_000)
def text_key(text: str) -> bytes:
    """The sort key of a text."""
    cut = len(text) > LONGEST
    shown = text[:LONGEST] if cut else text
    if shown.isascii():
        body = TEXT + shown.encode().translate(_ASCII, b"\0")
        ties = b""
    else:
        body = TEXT + codes(shown).encode("latin-1")
        ties = shown.translate(_ties).encode("utf-16-be")
    if cut:
        return body + _CUT + ties + blake2b(fold(text).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return body + _END + ties


_DIGITS = re.compile(r"[0-9]+")


def natural_key(text: str) -> bytes:
    """Like `text_key`, with runs of digits in the order of their numbers: room 9 before room 10."""

    def longer_is_later(run: re.Match[str]) -> str:
        digits = run[0].lstrip("0") or "0"
        return f"{min(len(digits), 99):02d}{digits}"

    return text_key(_DIGITS.sub(longer_is_later, text)) + text_key(text)


def fold(text: str) -> str:
    """Case and accents folded, for `contains` and `starts with`."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


# --- ranges


def after(prefix: bytes) -> bytes:
    """The smallest bytes greater than everything that begins with `prefix`."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else b"\xff" * 64


def starting(text: str) -> list[tuple[bytes, bytes]]:
    """Key ranges [low, high) of the texts that begin with what a person typed.

    Letters also find Chinese by pinyin: `zhangs` finds 张三. Chinese characters find their homophones as
    well; the caller compares `fold` where the typed text holds any.
    """
    if not text.isascii():
        prefix = TEXT + codes(text[:LONGEST]).encode("latin-1")
        return [(prefix, after(prefix))]
    plain = TEXT + text[:LONGEST].encode().translate(_ASCII, b"\0")
    ranges = [(plain, after(plain))]
    if text.isalpha():
        ranges += [(TEXT + low, TEXT + high) for low, high in _spelled(text.lower())[:15]]
    return sorted(ranges)


def _spelled(letters: str) -> list[tuple[bytes, bytes]]:
    """Ranges of syllable codes that `letters` may be the beginning of."""
    found: list[tuple[bytes, bytes]] = []
    those = syllables().get(letters[0], [])
    begun = [syllable for syllable in those if syllable.startswith(letters)]
    if begun:
        low, high = (syllable_code(which).encode("latin-1") for which in (begun[0], begun[-1]))
        found.append((low, after(high)))
    for syllable in those:
        if letters.startswith(syllable) and len(syllable) < len(letters):
            head = syllable_code(syllable).encode("latin-1")
            found += [(head + low, head + high) for low, high in _spelled(letters[len(syllable) :])]
    return found


# --- reading back


def decode(part: bytes, at: int = 0, *, descending: bool = False) -> tuple[Any, int]:
    """The value of an `exact_key` that begins at `at`, and where the next one begins."""
    plain = part[at:].translate(INVERT) if descending else part[at:]
    start = length(plain)
    end = plain.index(_END, start)
    return orjson.loads(plain[start:end]), at + end + 1


def length(plain: bytes) -> int:
    """How many bytes the first (ascending) key in `plain` has."""
    tag = plain[:1]
    if tag in (b"\x01", b"\x02", b"\x03"):
        return 1
    if tag == NUMBER:
        mark = plain[9]
        if mark == 0x80:
            return 10
        return plain.index(b"\x00" if mark == 0x81 else b"\xff", 14) + 1
    if tag == CHOICE:
        return 3
    if tag == OTHER:
        return 1 + length(plain[1:])
    return _text_length(plain)


def _text_length(plain: bytes) -> int:
    at, chinese = 1, 0
    while (code := plain[at]) > 1:
        if code == _ELSEWHERE:
            first = plain[at + 1]
            at += 3 if first < 0xE0 else 4 if first < 0xF0 else 5
        elif code > _LETTER and code & 1:
            chinese, at = chinese + 1, at + 2
        else:
            at += 1
    return at + 1 + 2 * chinese + (8 if code == 1 else 0)
