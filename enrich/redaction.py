"""Personal data that must not be stored: identity numbers, telephone numbers and e-mail addresses become markers.

Numbers that help the public stay: 112, 114 14, 1177, 113 13, and times, years, road numbers and amounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from urllib.parse import unquote

from msgspec import Struct

from pipeline.model import Redaction

#: Kind of redaction → what stands in its place.
MARKERS = {"personal_number": "[personnummer]", "phone": "[telefon]", "email": "[e-post]"}

_NUMBERS = re.compile(r"\d(?:[\s()+./–-]{0,3}\d){7}")  # eight digits close together: the least that could be one
_PERSONAL = re.compile(
    r"(?<!\d)(?<!\d[.,])(?P<century>1[89]|20)?(?P<year>\d\d)[-/.]?(?P<month>0[1-9]|1[0-2])[-/.]?"
    r"(?P<day>0[1-9]|[12]\d|3[01]|6[1-9]|[78]\d|9[01])\s?[-+–‐]?\s?(?P<last>\d{4})(?!\d)"
)
_PHONE = re.compile(
    r"(?<![\w+])(?:(?:\+|00)[1-9](?:[\s./–-]?\(?\d\)?){6,13}|07\d\.\d{3}[\s.-]?\d{2}[\s.-]?\d{2}|0[1-9]\d{0,2}(?:\.\d{2,3}){2,4}"
    r"|\(?0[1-9]\d{0,2}\)?\s?[-–/]?\s?\d{2,8}(?:[\s–-]\d{2,4}){0,4})(?!\d|:\d)"
)
#: ``%40`` is the @ of an address in a link, ``%2540`` that of one in a link in a link.
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}(?:@|%(?:25){0,3}40)(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
#: What looks like a hyphen or an @: hyphen, non-breaking hyphen, figure dash, em dash, horizontal bar, minus, the small and wide ones.
_LOOKS_LIKE = dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2014, 0x2015, 0x2212, 0xFE58, 0xFE63, 0xFF0D), "-") | dict.fromkeys(
    (0xFE6B, 0xFF20), "@"
)
#: Characters without width: soft hyphen, spaces, joiners, marks of direction.
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
#: Any of these; most texts have none, and translating takes longer than all the rest.
_ODD = re.compile(f"{_INVISIBLE.pattern[:-1]}{''.join(map(chr, _LOOKS_LIKE))}]")
#: Links to somebody's telephone: pages that are one, and what gives one a name.
_CALLS = re.compile(
    r"//(?:wa\.me|api\.whatsapp\.com)/"
    r"|(?<![^\W_])(?:tel|telefon|telephone|phone|mobil|mobile|msisdn|sms|callto)(?:nr|no|nummer|number)?[=:][\s+(]*\d[\d\s()./-]{5}",
    re.IGNORECASE,
)
#: How the links begin that are pages of such a telephone; all others have a sign that few links have.
_CALLING = ("wa.me", "api.whatsapp.com")
_YEAR_AT_END = re.compile(r"\s(?:19|20)\d\d$")


class Redacted(Struct, frozen=True):
    """A text without personal data, and where markers stand in it."""

    text: str
    redactions: tuple[Redaction, ...] = ()


class _Finding(Struct, frozen=True):
    start: int
    end: int
    kind: str


def redact(text: str, field: str = "text") -> Redacted:
    """``text`` with a marker for each identity number, telephone number and e-mail address. Idempotent."""
    findings = _findings(text)
    if not findings:
        return Redacted(text)
    parts: list[str] = []
    redactions: list[Redaction] = []
    done = length = 0
    for finding in findings:
        before, marker = text[done : finding.start], MARKERS[finding.kind]
        parts += before, marker
        start = length + len(before)
        length = start + len(marker)
        redactions.append(Redaction(kind=finding.kind, start=start, end=length, field=field))
        done = finding.end
    return Redacted("".join(parts) + text[done:], tuple(redactions))


def public_links(links: Iterable[str]) -> tuple[str, ...]:
    """Those that lead to a page and hold no address or number of somebody: not ``mailto:``, ``tel:``, ``?m=anna@…``."""
    return tuple(link for link in links if _is_link(link) and not _names_somebody(link))


def public_id(native: str) -> str:
    """A source's own id of an item: a link if it may be stored, else nothing; anything else with markers, as text has them."""
    return next(iter(public_links((native,))), "") if _is_link(native) else redact(native).text


def _is_link(text: str) -> bool:
    return text.strip().lower().startswith(("http://", "https://"))


def _names_somebody(link: str) -> bool:
    """Whether it holds an e-mail address, an identity number or what calls itself a telephone.

    Other digits are mostly a date or the page's own number.
    """
    plain = _visible(unquote(unquote(link)) if "%" in link else link)
    if ("@" in plain or "%" in plain) and _EMAIL.search(plain):
        return True
    if _may_call(plain) and _CALLS.search(plain):
        return True
    numbers = _PERSONAL.finditer(plain) if _NUMBERS.search(plain) else ()
    return any(_is_personal(match) for match in numbers if "/" not in match.group())


def _may_call(link: str) -> bool:
    """Whether it is worth looking for a telephone."""
    after = link.partition("//")[2]
    return "=" in after or ":" in after or "//" in after or after[:16].lower().startswith(_CALLING)


def _findings(text: str) -> list[_Finding]:
    """What to replace, in order, without overlaps: identity numbers before telephone numbers before addresses."""
    plain = _visible(text)
    found = _findings_in(plain)
    if not found or len(plain) == len(text):
        return found
    at = [number for number, character in enumerate(text) if not _INVISIBLE.match(character)]
    return [_Finding(at[f.start], at[f.end - 1] + 1, f.kind) for f in found]


def _visible(text: str) -> str:
    """As a reader sees it; what is left stands for one character each."""
    if text.isascii() or not _ODD.search(text):
        return text
    return _INVISIBLE.sub("", text).translate(_LOOKS_LIKE)


def _findings_in(text: str) -> list[_Finding]:
    found: list[_Finding] = []
    if "@" in text or "%" in text:
        found += [_Finding(m.start(), m.end(), "email") for m in _EMAIL.finditer(text)]
    if _NUMBERS.search(text):
        found += [_Finding(m.start(), m.end(), "personal_number") for m in _PERSONAL.finditer(text) if _is_personal(m)]
        found += [_Finding(m.start(), m.end(), "phone") for m in _PHONE.finditer(text) if _is_phone(m.group())]
    return _without_overlaps(found) if found else found


def _without_overlaps(found: list[_Finding]) -> list[_Finding]:
    """Of overlapping findings the union, under the kind of the first: no digit of either may remain."""
    kept: list[_Finding] = []
    for finding in sorted(found, key=lambda f: (f.start, -f.end)):
        if kept and finding.start < kept[-1].end:
            kept[-1] = _Finding(kept[-1].start, max(kept[-1].end, finding.end), kept[-1].kind)
        else:
            kept.append(finding)
    return kept


def _is_personal(match: re.Match[str]) -> bool:
    """Whether date and check digit are right; a coordination number has 60 added to its day."""
    year, month, day, last = match["year"], match["month"], match["day"], match["last"]
    centuries = (match["century"],) if match["century"] else ("19", "20")
    return _luhn(year + month + day + last) and any(_is_date(int(c + year), int(month), int(day) % 60) for c in centuries)


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1, as the Tax Agency uses it."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(digits))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _is_phone(found: str) -> bool:
    """Whether it has as many digits as a number; ``08-12 2024`` is a date, ``0-10 000`` an amount."""
    digits = sum(character.isdigit() for character in found)
    if found.startswith(("+", "00")):
        return 8 <= digits <= 16
    return 8 <= digits <= 12 and not (digits == 8 and (_YEAR_AT_END.search(found) or "-" not in found))
