"""The 21 counties, and the seven regions of the police."""

from __future__ import annotations

from types import MappingProxyType

#: Official code → name, as Statistics Sweden has them.
COUNTIES = MappingProxyType(
    {
        "01": "Stockholms län", "03": "Uppsala län", "04": "Södermanlands län", "05": "Östergötlands län", "06": "Jönköpings län",
        "07": "Kronobergs län", "08": "Kalmar län", "09": "Gotlands län", "10": "Blekinge län", "12": "Skåne län", "13": "Hallands län",
        "14": "Västra Götalands län", "17": "Värmlands län", "18": "Örebro län", "19": "Västmanlands län", "20": "Dalarnas län",
        "21": "Gävleborgs län", "22": "Västernorrlands län", "23": "Jämtlands län", "24": "Västerbottens län", "25": "Norrbottens län",
    }
)  # fmt: skip

#: Region of the police → its counties (polisen.se, "Polisregioner").
POLICE = MappingProxyType(
    {
        "nord": ("22", "23", "24", "25"),
        "mitt": ("03", "19", "21"),
        "bergslagen": ("17", "18", "20"),
        "stockholm": ("01", "09"),
        "öst": ("04", "05", "06"),
        "väst": ("13", "14"),
        "syd": ("07", "08", "10", "12"),
    }
)

_PLAIN = str.maketrans("åäöé", "aaoe")


def folded(name: str) -> str:
    """The name as it is compared: ``vast`` is ``väst``."""
    return name.strip().lower().translate(_PLAIN)
