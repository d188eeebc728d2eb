"""The picture's words, Swedish and English: one table a language, with the same keys."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pipeline.errors import UsageError
from pipeline.situation.period import ZONE

Language = Literal["sv", "en"]
#: Groups of themes.
_GROUPS = {
    "traffic": ("Trafik", "Traffic"),
    "fire": ("Brand", "Fire"),
    "violence": ("Våld", "Violence"),
    "theft": ("Stöld och rån", "Theft and robbery"),
    "rescue": ("Räddning och olyckor", "Rescue and accidents"),
    "disorder": ("Ordning", "Public order"),
    "drugs": ("Narkotika och alkohol", "Drugs and alcohol"),
    "fraud": ("Bedrägeri", "Fraud"),
    "weapons": ("Vapen och sprängmedel", "Weapons and explosives"),
    "sexual": ("Sexualbrott", "Sexual offences"),
    "nature": ("Djur och miljö", "Animals and environment"),
    "weather": ("Väder", "Weather"),
    "infrastructure": ("El, vatten, tele", "Power, water, telecom"),
    "health": ("Hälsa", "Health"),
    "migration": ("Migration", "Migration"),
    "notice": ("Meddelanden", "Notices"),
    "summary": ("Sammanfattningar", "Summaries"),
    "none": ("Utan tema", "Without theme"),
}
_TEXTS = {
    "title": ("Lägesbild", "Situation picture"),
    "period": ("Period", "Period"),
    "made": ("Framtagen", "Made"),
    "zone": ("Alla tider är svensk tid.", "All times are those of Sweden."),
    "version": ("Version", "Version"),
    "unsigned": (
        "Inte fastställd: framtagen maskinellt, ingen svarar för den ännu.",
        "Not signed off: made by machine, nobody answers for it yet.",
    ),
    "signed": ("Fastställd av", "Signed off by"),
    "machine": ("Maskinellt", "By machine"),
    "people": ("Bedömt av människor", "Assessed by people"),
    "brief": ("I korthet", "In short"),
    "brief.more": ("Fler än vanligt: {what}.", "More than usual: {what}."),
    "brief.fewer": ("Färre än vanligt: {what}.", "Fewer than usual: {what}."),
    "brief.figure": ("{theme} ({count}, vanligt {low}–{high})", "{theme} ({count}, ordinary {low}–{high})"),
    "brief.usual": ("Inget ämnesområde avviker från det vanliga.", "No theme is beyond what is ordinary."),
    "brief.unknown": ("För lite är känt för att säga vad som är vanligt.", "Too little is known to say what is ordinary."),
    "brief.spread": ("Fynd förenliga med spridning som berör området: {n}.", "Findings consistent with spread that touch the area: {n}."),
    "brief.no_spread": ("Ingen spridning syns.", "No spread is seen."),
    "brief.blind": (
        "Blinda fläckar: {n}. Att inget syns där betyder inte att inget har hänt.",
        "Blind spots: {n}. That nothing is seen there does not mean that nothing happened.",
    ),
    "figures": ("Nyckeltal mot det väntade", "Key figures against what is expected"),
    "map": ("Karta", "Map"),
    "trends": ("Trend per ämnesområde", "Trend by theme"),
    "stories": ("Händelser som flera dokument berättar om", "Stories that several documents tell of"),
    "spread": ("Spridning in och ut", "Spread in and out"),
    "blind": ("Blinda fläckar", "Blind spots"),
    "sources": ("Källor och deras tillförlitlighet", "Sources and how far they can be relied on"),
    "assessments": ("Bedömningar", "Assessments"),
    "changes": ("Ändrat sedan förra versionen", "Changed since the version before"),
    "notes": ("Så ska den läsas", "How to read it"),
    "theme": ("Ämnesområde", "Theme"),
    "count": ("Antal", "Count"),
    "expected": ("Väntat", "Expected"),
    "ordinary": ("Vanligt", "Ordinary"),
    "ratio": ("Kvot (95 %)", "Ratio (95 %)"),
    "confirmed": ("Bekräftade", "Confirmed"),
    "reading": ("Läsning", "Reading"),
    "more": ("fler än vanligt", "more than usual"),
    "fewer": ("färre än vanligt", "fewer than usual"),
    "usual": ("som vanligt", "as usual"),
    "unknown": ("för lite är känt", "too little is known"),
    "hidden": ("färre än {n}", "fewer than {n}"),
    "legend": (
        "Staplar: inträffat; i orange där perioden har fler än vanligt. Streckad linje: väntat.",
        "Bars: observed; orange where the period has more than usual. Dashed line: expected.",
    ),
    "where": ("Var", "Where"),
    "when": ("När", "When"),
    "coverage": ("Dokument", "Documents"),
    "independent": ("Oberoende källor", "Independent sources"),
    "direction": ("Riktning", "Direction"),
    "in": ("in hit", "came here"),
    "out": ("härifrån", "went from here"),
    "both": ("in och ut", "in and out"),
    "here": ("här", "here"),
    "way": ("Väg", "Way"),
    "support": ("Stöd", "Support"),
    "support.spread": (
        "{linked} av {steps} steg har länkar; slumpen ger något lika starkt {expected} gånger om året",
        "{linked} of {steps} steps have links; chance gives one as strong {expected} times a year",
    ),
    "support.other": (
        "ingen spridning; slumpen ger något lika starkt {expected} gånger om året",
        "no spread; chance gives one as strong {expected} times a year",
    ),
    "kind.spread": ("förenligt med spridning", "consistent with spread"),
    "kind.common source": ("gemensam källa", "common source"),
    "kind.simultaneous": ("samtidigt", "simultaneous"),
    "kind.surge": ("ökning i många län", "surge in many counties"),
    "kind.burst": ("ökning på en plats", "burst in one place"),
    "blind.stopped": ("Ingen källa har hämtats vid periodens slut{since}", "No source was asked at the end of the period{since}"),
    "blind.begun": ("Inget är känt före den första uppgiften{since}", "Nothing is known from before the first news{since}"),
    "blind.failing": ("{what} svarar inte{since}", "{what} does not work{since}"),
    "blind.silent": ("{what} är tyst{since}", "{what} is silent{since}"),
    "blind.since": (", senaste nya uppgift {time}", ", last news {time}"),
    "blind.asked": (", senast {time}", ", last on {time}"),
    "blind.first": (", {time}", ", {time}"),
    "blind.area": ("Ingen källa för {what} fungerar", "No source of {what} works"),
    "blind.unplaced": (
        "{count} händelser i {what} utan känd kommun ingår inte",
        "{count} occurrences in {what} without a known municipality are left out",
    ),
    "blind.none": ("Inga kända: alla källor för området svarar.", "None known: all sources of the area work."),
    "blind.meaning": (
        "Att inget syns där betyder inte att inget har hänt.",
        "That nothing is seen there does not mean that nothing happened.",
    ),
    "source": ("Källa", "Source"),
    "reliability": ("Tillförlitlighet", "Reliability"),
    "health": ("Tillstånd", "State"),
    "told": ("Berättat om", "Told of"),
    "latest": ("Senast nytt", "Last news"),
    "unlisted": (
        "* Källan står inte i inställningarna; graden är den som den hade när den senast hämtades.",
        "* The settings do not list the source; the grade is the one that it had when it was last fetched.",
    ),
    "sources.none": (
        "Ingen källa som hämtas är till för området, och ingen har berättat om det under perioden.",
        "No source that is fetched is there for the area, and none told of it in the period.",
    ),
    "more.places": ("{n} kommuner till", "{n} more municipalities"),
    "grades": (
        "A helt tillförlitlig, B vanligtvis, C ganska, D vanligtvis inte, E otillförlitlig, F kan inte bedömas.",
        "A completely reliable, B usually, C fairly, D not usually, E unreliable, F cannot be judged.",
    ),
    "health.ok": ("svarar", "works"),
    "health.failing": ("svarar inte", "does not work"),
    "health.never": ("aldrig hämtad", "never asked"),
    "open": ("Öppen", "Open"),
    "partners": ("Delas med", "Shared with"),
    "police": ("Endast polisen", "Police only"),
    "withheld": ("Avsnittet delas inte med er.", "This section is not shared with you."),
    "none": ("Inget under perioden.", "Nothing in the period."),
    "assessments.none": ("Ingen har skrivit någon bedömning ännu.", "Nobody has written an assessment yet."),
    "changes.first": (
        "Första versionen: det finns ingen tidigare att jämföra med.",
        "The first version: there is none before to compare with.",
    ),
    "short.figures": ("Antal", "Count"),
    "short.stories": ("Händelse", "Story"),
    "short.spread": ("Spridning", "Spread"),
    "short.blind": ("Blind fläck", "Blind spot"),
    "changes.none": ("Inget av betydelse.", "Nothing of note."),
    "change.new": ("ny", "new"),
    "change.gone": ("gäller inte längre", "no longer holds"),
    "change.more": ("{before} → {after}", "{before} → {after}"),
    "change.fewer": ("{before} → {after}", "{before} → {after}"),
    "page": ("sida", "page"),
    "municipality": ("kommun", "municipality"),
    "county": ("län", "county"),
    "own": ("eget område", "own area"),
    "note.expected": (
        (
            "Väntat: vad som ändå skulle ha kommit, räknat på det som hänt här förut, på veckans timmar och årstiden. Inom det vanliga ryms 95 % av sådana "
            "perioder. Kvot: antalet delat med det väntade, inom parentes vad den kan vara. Händelser räknas, inte dokument: många artiklar om en sak är "
            "en händelse. Bekräftade: två källor eller fler har berättat med egna ord."
        ),
        (
            "Expected: what would have come anyway, by what happened here before, the hours of the week and the season. 95 % of such periods lie in the "
            "ordinary range. Ratio: the count over what is expected, in brackets what it may be. Occurrences are counted, not documents. Confirmed: two sources or more told of it in words of their own."
        ),
    ),
    "note.spread": (
        "Spridning betyder: mönstret är förenligt med att det ena följde av det andra. Det säger aldrig att det ena orsakade det andra.",
        "Spread means: consistent with one following from the other. It never says that one caused the other.",
    ),
    "note.privacy": (
        (
            "Små tal: antal under {n} visas inte för ämnen som rör den enskilde, och inget som de kan räknas ut ur. Kartan visar ingenting finare än kommun, "
            "händelser har dag men inte klockslag. Inga uppgifter om enskilda personer ingår."
        ),
        (
            "Small numbers: counts below {n} are not told of themes that are about a person, nor what they could be computed from. The map shows nothing finer "
            "than municipalities, stories have a day but no hour. Nothing on individual persons is in it."
        ),
    ),
}
_MONTHS = {
    "sv": ("januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
}


class Words:
    """The words of one language.

    :raises UsageError: if it is neither Swedish nor English.
    """

    def __init__(self, language: str) -> None:
        if language not in {"sv", "en"}:
            raise UsageError(f"--lang: found {language!r}; expected sv or en")
        self.language: Language = "sv" if language == "sv" else "en"
        self._column = 0 if language == "sv" else 1

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with what it names filled in."""
        text = _TEXTS[key][self._column]
        return text.format(**values) if values else text

    def group(self, theme: str) -> str:
        """The name of a group of themes; one of a lexicon of one's own stands as it is."""
        names = _GROUPS.get(theme)
        return names[self._column] if names else theme

    def number(self, value: float, digits: int = 1) -> str:
        """``1,5`` in Swedish; without digits where it is large."""
        text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.{digits}f}"
        return text.replace(".", ",") if self.language == "sv" else text

    def rare(self, value: float) -> str:
        """A number over many orders: two figures."""
        text = f"{value:.2g}" if value < 1000 else f"{value:.0f}"
        return text.replace(".", ",") if self.language == "sv" else text

    def day(self, day: date) -> str:
        """``9 mars 2026``."""
        return f"{day.day} {_MONTHS[self.language][day.month - 1]} {day.year}"

    def short_day(self, text: str) -> str:
        """``9/3`` of ``2026-03-09``."""
        day = date.fromisoformat(text)
        return f"{day.day}/{day.month}" if self.language == "sv" else f"{day.day} {_MONTHS['en'][day.month - 1][:3]}"

    def time(self, moment: datetime) -> str:
        """``9 mars 2026 kl. 14.05``, Swedish time."""
        local = moment.astimezone(ZONE)
        return (
            f"{self.day(local.date())} kl. {local:%H.%M}"
            if self.language == "sv"
            else f"{self.day(local.date())} {local:%H:%M} ({local:%Z})"
        )
