"""Names in a text that may be those of places: capitalised words and runs of them, and numbered roads. No list of names is needed."""

from __future__ import annotations

import re

from enrich.names import words

#: Most words of a name.
_MOST_WORDS = 3
_WORD = r"[A-ZÅÄÖ][^\W_]*(?:[-'’:][^\W_]+)*"
#: Words in lower case that belong to the name before them: ``Möllans torg``.
_NOUNS = words(
    "torg torget station centrum väg vägen gata gatan gränd allé plan park parken industriområde köpcentrum skola skolan stadion arena"
    " trafikplats sjukhus kyrka kyrkan by camping strand bro tunneln rondellen"
)
_RUN = re.compile(rf"(?<![^\W_]){_WORD}(?: (?:{_WORD}|\d{{1,4}}\b|(?:{'|'.join(sorted(_NOUNS, key=len, reverse=True))})\b))*")
_ROAD = re.compile(r"(?:\b(?:riks|läns)?väg(?:en)?|\b[RrLl]v|\bRV|\bLV)\.? ?(\d{1,4})\b")


def proper_names(text: str) -> dict[str, tuple[int, int]]:
    """Name → characters [start, end) of its first mention. A road is called ``väg 45`` however the text has it."""
    found: dict[str, tuple[int, int]] = {}
    for match in _RUN.finditer(text):
        begin, run = match.start(), match[0]
        if " " not in run:
            if run not in found:
                found[run] = (begin, match.end())
            continue
        _add_parts(found, run, begin)
    for match in _ROAD.finditer(text):
        found.setdefault(f"väg {match[1]}", match.span())
    return found


def _add_parts(found: dict[str, tuple[int, int]], run: str, begin: int) -> None:
    """Each sequence of up to three words of a run that begins with a capital."""
    starts = [0, *(n + 1 for n, character in enumerate(run) if character == " ")]
    ends = [*(n - 1 for n in starts[1:]), len(run)]
    for first, start in enumerate(starts):
        if run[start].isupper():
            for end in ends[first : first + _MOST_WORDS]:
                found.setdefault(run[start:end], (begin + start, begin + end))
