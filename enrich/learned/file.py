"""What was learned, as one file in the data directory.

Two lines of JSON: the format, its version and the fingerprint of the second line; and :class:`Learned`. It is written whole or not at
all, and refused as a whole where the fingerprint does not match.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
from msgspec import Struct

from pipeline.errors import SettingsError
from pipeline.model import Instant, fingerprint

#: Name of the file in the data directory.
FILE_NAME = "learned.json"
#: Raised when the meaning of a field changes, or the features that the weights belong to.
VERSION = 1
_FORMAT = "fjaril learned"


class Count(Struct, frozen=True, array_like=True):
    """Notices of one area."""

    #: Municipality (four digits), or county (two) where a notice gives no more.
    code: str
    notices: int
    #: The same with each notice halved per half-life of its age.
    weight: float


class LearnedName(Struct, frozen=True, kw_only=True):
    """A name that stands in official notices, and the places that they were about."""

    name: str
    #: Most first.
    counts: tuple[Count, ...]
    #: Notices with the name as a word in lower case, if it is one word.
    common: int = 0
    first: Instant
    last: Instant
    #: Ids of some of the latest documents with the name.
    examples: tuple[str, ...] = ()

    def support(self, length: int) -> int:
        """Notices that give a place as exact as ``length`` digits."""
        return sum(count.notices for count in self.counts if len(count.code) >= length)

    def best(self, length: int) -> tuple[str, int]:
        """(code, notices) of the municipality (4) or county (2) that most of them were about; ``("", 0)`` if none."""
        sums: dict[str, int] = {}
        for count in self.counts:
            if len(count.code) >= length:
                sums[count.code[:length]] = sums.get(count.code[:length], 0) + count.notices
        return max(sums.items(), key=lambda item: item[1], default=("", 0))


class Judge(Struct, frozen=True, kw_only=True):
    """How evidence becomes a probability: logistic regression on :data:`enrich.learned.places.FEATURES`."""

    weights: tuple[float, ...]
    #: Probability from which a place is given.
    threshold: float


class LearnedPlaces(Struct, frozen=True, kw_only=True):
    """Names and how to weigh them."""

    names: tuple[LearnedName, ...]
    #: Notices of each code, aged as in ``names``: what is likely before anything is read.
    usual: dict[str, float]
    municipality: Judge
    county: Judge


class LearnedTheme(Struct, frozen=True, kw_only=True):
    """A main theme with all below it, whether what was learned of them is used, and why."""

    #: The first part of their ids: ``fire`` of ``fire.vehicle``.
    id: str
    #: Notices of it, and those of them that were held back.
    examples: int
    held_back: int
    used: bool
    #: F1 on notices held back.
    lexicon_f1: float
    learned_f1: float


class Scoring(Struct, frozen=True, kw_only=True):
    """How values become a probability: :func:`enrich.learned.themes.scores`."""

    value: float
    lead: float
    constant: float


class LearnedThemes(Struct, frozen=True, kw_only=True):
    """The weights of :class:`enrich.learned.wording.Wording`, packed, and what becomes of its values."""

    main: tuple[LearnedTheme, ...]
    #: Ids, in the order of the weights.
    themes: tuple[str, ...]
    scoring: Scoring
    features: tuple[str, ...]
    #: features × themes, int8, row by row; each column times its scale.
    weights: bytes
    scales: tuple[float, ...]


class Figures(Struct, frozen=True, kw_only=True):
    """Right of the answered and of all, on notices held back."""

    notices: int
    of_answered: float
    of_all: float


class Part(Struct, frozen=True, kw_only=True):
    """Whether a part of what was learned is used, and why."""

    used: bool
    #: One sentence in Swedish, with the figures it rests on.
    why: str
    #: What the program does without it, and with it, on notices held back; by measure.
    before: dict[str, Figures] = {}
    after: dict[str, Figures] = {}


class Learned(Struct, frozen=True, kw_only=True):
    """All that was learned at one time."""

    #: Official notices learned from, and times of the earliest and latest.
    notices: int
    first: Instant
    last: Instant
    places_part: Part
    themes_part: Part
    places: LearnedPlaces | None = None
    themes: LearnedThemes | None = None


class _Head(Struct, frozen=True):
    format: str
    version: int
    fingerprint: str


def save(learned: Learned, directory: Path) -> Path:
    """Write the file into the data directory, in the place of the one before; returns its path.

    :raises OSError: if the directory cannot be written to.
    """
    body = msgspec.json.encode(learned)
    head = msgspec.json.encode(_Head(_FORMAT, VERSION, fingerprint(body.decode())))
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    with NamedTemporaryFile(dir=directory, prefix=FILE_NAME, delete=False) as file:
        file.write(head + b"\n" + body + b"\n")
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    return path


def forget(directory: Path) -> bool:
    """Remove the file; returns whether there was one."""
    path = directory / FILE_NAME
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def load(directory: Path) -> Learned | None:
    """What was learned for this data directory; None if nothing was.

    :raises SettingsError: if the file is damaged or of another version.
    """
    path = directory / FILE_NAME
    again = "learn again with `fjaril learn`, or go on without with `fjaril learn --forget`"
    try:
        first, _, body = path.read_bytes().partition(b"\n")
        head = msgspec.json.decode(first, type=_Head)
        if (head.format, head.version) != (_FORMAT, VERSION):
            raise SettingsError(str(path), "version", f"{head.format} {head.version}", f"this program reads {VERSION}; {again}")
        body = body.rstrip(b"\n")
        if fingerprint(body.decode()) != head.fingerprint:
            raise SettingsError(str(path), "fingerprint", head.fingerprint, f"the file was changed or cut off; {again}")
        return msgspec.json.decode(body, type=Learned)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(str(path), "(file)", error.strerror, "name a data directory that can be read") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(path), "(file)", str(error), again) from error
