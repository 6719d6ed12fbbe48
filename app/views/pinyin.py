"""Pinyin for sorting: a syllable for every Chinese character, corrected where the word decides.

Built once, on first use, from pypinyin's tables. `Tables.single` gives a character's usual syllable;
`Tables.phrases` gives, per first two characters, the words in which some character is read otherwise
(重庆 chóngqìng, 银行 yínháng), longest first. Family names with a reading of their own (曾 zēng, 单 shàn)
count at the start of a text of two or three characters that is no dictionary word itself.
"""

from __future__ import annotations

import gc
import sys
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import orjson

SURNAMES = {
    "曾": "zeng", "单": "shan", "仇": "qiu", "解": "xie", "区": "ou", "查": "zha", "盖": "ge",
    "朴": "piao", "翟": "zhai", "覃": "qin", "缪": "miao", "乐": "yue", "召": "shao",
    "冼": "xian", "折": "she", "种": "chong", "黑": "he", "员": "yun", "尉": "wei",
    "祭": "zhai", "长": "chang", "沈": "shen", "哈": "ha", "秘": "bi",
}  # fmt: skip
PLACES = {
    "六安": "lu an", "台州": "tai zhou", "丽水": "li shui", "东莞": "dong guan",
    "铅山": "yan shan", "大埔": "da bu", "涡阳": "guo yang", "乐清": "yue qing",
    "乐亭": "lao ting", "井陉": "jing xing", "蔚县": "yu xian", "洪洞": "hong tong",
    "浚县": "xun xian", "莘县": "shen xian", "单县": "shan xian", "郫县": "pi xian",
    "朝阳": "chao yang", "厦门": "xia men", "重庆": "chong qing", "长春": "chang chun",
    "长沙": "chang sha", "东阿": "dong e", "番禺": "pan yu", "荥阳": "xing yang",
    "会稽": "kuai ji", "分行": "fen hang", "商行": "shang hang", "行业": "hang ye",
    "支行": "zhi hang", "总行": "zong hang", "长城": "chang cheng", "长江": "chang jiang",
    "长安": "chang an", "长虹": "chang hong", "长兴": "chang xing", "长荣": "chang rong",
    "长宁": "chang ning", "长治": "chang zhi", "长青": "chang qing", "长丰": "chang feng",
}  # fmt: skip


class Tables(NamedTuple):
    """What sorting needs to know about Chinese characters."""

    single: dict[int, str]
    phrases: dict[str, list[tuple[str, list[str]]]]
    words: frozenset[str]  # dictionary words that begin with a character of SURNAMES


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The tables, built on first use (0.3 s)."""
    packed = _read_pypinyin()
    gc.collect()
    single, known, words = orjson.loads(packed)
    phrases: dict[str, list[tuple[str, list[str]]]] = {}
    for phrase in sorted(known, key=len, reverse=True):
        phrases.setdefault(phrase[:2], []).append((phrase, list(map(sys.intern, known[phrase]))))
    return Tables({int(code): sys.intern(read) for code, read in single.items()}, phrases, frozenset(words))


def _read_pypinyin() -> bytes:
    """What is needed of pypinyin's tables, packed: pypinyin itself holds 50 MB and is let go again."""
    before = set(sys.modules)
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

    letters = _Letters()
    single = {code: letters[readings.split(",")[0]] for code, readings in PINYIN_DICT.items()}
    known = {place: reading.split() for place, reading in PLACES.items()}
    for phrase, readings in PHRASES_DICT.items():
        read = [letters[reading[0]] for reading in readings]
        if len(read) != len(phrase) or len(read) > 4:
            continue
        usual = [single.get(ord(character)) for character in phrase]
        differs = read != usual and all(usual) and all(read)
        if differs and phrase not in known:
            known[phrase] = read
    words = [phrase for phrase in PHRASES_DICT if phrase[0] in SURNAMES and len(phrase) <= 3]
    kept = {str(code): reading for code, reading in single.items() if reading}
    packed = orjson.dumps([kept, known, words])
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "pypinyin":
            del sys.modules[name]
    return packed


def readings(text: str) -> dict[int, str]:
    """Position → syllable, where the word or the family name decides otherwise than the single character."""
    known = tables()
    found: dict[int, str] = {}
    at, end = 0, len(text)
    if 2 <= end <= 3 and text[0] in SURNAMES and text not in known.words and text[:2] not in known.words:
        found[0] = SURNAMES[text[0]]
        at = 1
    phrases = known.phrases
    while at < end - 1:
        for phrase, syllables in phrases.get(text[at : at + 2], ()):
            if text.startswith(phrase, at):
                found.update(zip(range(at, at + len(phrase)), syllables, strict=True))
                at += len(phrase) - 1
                break
        at += 1
    return found


class _Letters(dict[str, str]):
    """`zhòng` → `zhong`, `lǚ` → `lv`."""

    def __missing__(self, reading: str) -> str:
        parts = unicodedata.normalize("NFD", reading.replace("ü", "v").replace("ǖ", "v").replace("ǘ", "v")
                                      .replace("ǚ", "v").replace("ǜ", "v"))  # fmt: skip
        plain = "".join(mark for mark in parts if "a" <= mark <= "z")
        self[reading] = sys.intern(plain)
        return self[reading]
