"""Text as spaCy reads it fastest, and the way back to the text as it is stored.

spaCy's tokenizer is four times slower on leading, doubled or newline whitespace, so components see every run of whitespace
as one space. What they find is mapped back: spans in a document always refer to its stored title or text.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from msgspec import Struct

#: Stands between title and text: no name and no term runs across it.
SEPARATOR = " | "
_WORD = re.compile(r"\S+")


def normalise(text: str) -> str:
    """``text`` with every run of whitespace as one space, and none at its ends."""
    if text.isprintable() and "  " not in text:  # then each space stands alone: other whitespace does not print
        return text.strip(" ")
    return " ".join(text.split())


def lower(text: str) -> str:
    """``text`` in lower case, as long as it was: an ``İ``, whose lower case is two characters, stays as it is."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(small if len(small := character.lower()) == 1 else character for character in text)


class Offsets:
    """Maps offsets in the normalised text to offsets in the original; made only where something was found.

    :param length: of the normalised text.
    """

    def __init__(self, original: str, length: int) -> None:
        self._same = len(original) == length  # then each run of whitespace is one character, whatever it is
        self._normal: list[int] = []
        self._original: list[int] = []
        if not self._same:
            position = 0
            for word in _WORD.finditer(original):
                self._normal.append(position)
                self._original.append(word.start())
                position += word.end() - word.start() + 1

    def span(self, start: int, end: int) -> tuple[int, int]:
        """[start, end) of the original for a span of the normalised text that begins and ends inside words."""
        if self._same or end <= start:
            return start, end
        return self._at(start), self._at(end - 1) + 1

    def _at(self, offset: int) -> int:
        word = bisect_right(self._normal, offset) - 1
        return self._original[word] + offset - self._normal[word]


class Frame(Struct, frozen=True, kw_only=True):
    """What the components read: title and text as one normalised string, and what is known of the source."""

    #: Title, separator and text, normalised.
    text: str
    #: Offset in ``text`` where the document's own text begins; 0 without a title.
    body: int = 0
    #: Code of the area that the source writes about; ``SE`` for the nation.
    area: str = "SE"
    #: Code of the place that the source itself states; empty if it states none.
    stated: str = ""
    #: The source's own category; empty if it has none.
    category: str = ""

    def field(self, start: int) -> str:
        """``title`` or ``text``: where the character at ``start`` stands."""
        return "text" if start >= self.body else "title"


def frame(title: str, text: str, *, area: str = "SE", stated: str = "", category: str = "") -> Frame:
    """The frame of a document with this title and text."""
    head, body = normalise(title), normalise(text)
    if not head:
        return Frame(text=body, area=area, stated=stated, category=category)
    joined = head + SEPARATOR + body
    return Frame(text=joined, body=len(head) + len(SEPARATOR), area=area, stated=stated, category=category)


class Unframe:
    """The way back from a frame to the stored title and text."""

    def __init__(self, framed: Frame, title: str, text: str) -> None:
        self._frame = framed
        body = framed.body
        self._parts = {"title": (title, max(0, body - len(SEPARATOR))), "text": (text, len(framed.text) - body)}
        self._offsets: dict[str, Offsets] = {}

    def span(self, start: int, end: int) -> tuple[str, int, int]:
        """(field, start, end) in the stored title or text, for a span of the frame's text."""
        field = self._frame.field(start)
        shift = self._frame.body if field == "text" else 0
        offsets = self._offsets.get(field)
        if offsets is None:
            offsets = self._offsets[field] = Offsets(*self._parts[field])
        return field, *offsets.span(start - shift, end - shift)
