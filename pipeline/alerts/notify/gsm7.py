"""Text for SMS: 160 characters of the GSM 7-bit alphabet (3GPP TS 23.038), of which some count double."""

from __future__ import annotations

import unicodedata

#: Characters of one septet. Å, Ä and Ö are among them, Á and – are not.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Characters of two.
_EXTENDED = frozenset("^{}\\[~]|€\f")
_ALIKE = {
    "–": "-", "—": "-", "−": "-", "‑": "-", "…": "...", "”": '"', "“": '"', "„": '"', "’": "'", "‘": "'", "«": '"', "»": '"', "·": ".",
    "•": "-", "→": "->", "đ": "d", "Đ": "D", "ŋ": "n", "Ŋ": "N", "ŧ": "t", "Ŧ": "T", "ł": "l", "Ł": "L", "×": "x", "`": "'",
}  # fmt: skip
LIMIT = 160


def septets(text: str) -> int:
    """How much room the text takes in an SMS.

    :raises ValueError: if a character is not of the alphabet.
    """
    if strange := set(text) - _BASIC - _EXTENDED:
        raise ValueError(f"not of the GSM alphabet: {sorted(strange)}")
    return len(text) + sum(character in _EXTENDED for character in text)


def plain(text: str) -> str:
    """The text in the alphabet: letters without the marks that it lacks, and ``?`` for what has no likeness."""
    return "".join(character if character in _BASIC or character in _EXTENDED else _like(character) for character in text)


def cut(text: str, room: int) -> str:
    """As much of the text as there is room for, with two dots where something was left out.

    :param text: of the alphabet.
    :param room: septets, at least 2.
    """
    if septets(text) <= room:
        return text
    while septets(text) > room - 2:
        text = text[:-1]
    return text.rstrip() + ".."


def _like(character: str) -> str:
    if character in _ALIKE:
        return _ALIKE[character]
    if character.isspace():
        return " "
    return "".join(one for one in unicodedata.normalize("NFKD", character) if one in _BASIC) or "?"
