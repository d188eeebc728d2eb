"""Words that are names of places and something else too."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


#: Names that are ordinary words when they begin a sentence: they count only after a word of place or in an official form.
COMMON_WORDS = words(
    """
    Ale Alvik Ask Backa Backe Bara Berg Berga Bergen Bie Boda Boo Bor Bro Brunn Brunna Bua Bönan Centrum Dalum Deje Diö Ed Eda Edane Ekeby
    Finja Fisksätra Floby Fors Fotö Gemla Gimo Gnarp Grebo Göta Hagen Hede Hemse Hok Holm Horn Hova Härad Idala Indal Kemi Kil Kode Kungs
    Kärna Kåge Lagan Lit Ljung Lugnet Lund Lunden Lur Länna Mark Medle Mora Moss Norje Norr Norra Näs Or Påryd Rolfs Rom Roma Rome Rot Ruda Ryd Sala
    Salem Selja Skogen Skruv Slaka Sten Storå Strand Södra Tofta Torup Tun Tving Töre Valje Valla Vanda Vara Vasa Vi Viby Vidja Vik Vika Viken Väse
    Västra Åby Ås Åsa Öster Östra
    """
)

#: Names of larger municipalities that are other words in lower case, also after a word of place: ``på klippan``.
LOWER_CASE_WORDS = words("Ale Boden Klippan Mark Mora Sala Sandviken")

#: Names that people bear as surnames.
SURNAMES = words(
    """
    Backe Berg Bergby Boo Borg Dahl Ek Falk Fors Hallberg Hede Hedlund Holm Horn Kumla Lidberg Lind Lindberg Ljung Lund Lunde Moberg
    Mora Norberg Sala Sandberg Sten Strand Sundby Söderberg Torp Vik Åberg Östberg
    """
)

#: Common given names: the name after one is a surname.
GIVEN_NAMES = words(
    """
    Adam Agneta Alexander Alice Alva Amanda Anders Andreas Anita Ann Anna Anne Annika Anton Arne Astrid Axel Barbro Bengt Bertil
    Birgitta Björn Bo Britt Camilla Carina Carl Caroline Cecilia Charlotte Christer Christian Christina Christoffer Claes Clara Daniel
    David Ebba Elias Elin Elisabeth Ella Ellen Elsa Emelie Emil Emma Eric Erik Erika Eva Ewa Felix Filip Fredrik Frida Gabriel Gun
    Gunilla Gunnar Gustav Göran Hanna Hans Harald Helena Henrik Hugo Håkan Ida Inga Ingemar Inger Ingrid Isabella Jakob Jan Jenny Jens
    Jessica Joakim Johan Johanna John Jonas Jonathan Josefin Julia Jörgen Karin Karl Katarina Kenneth Kent Kerstin Kjell Klara Kristina
    Kurt Lars Leif Lena Lennart Linda Linnea Linus Lisa Louise Lucas Ludvig Magnus Maja Malin Marcus Margareta Maria Marie Markus Martin
    Mats Mattias Maud Max Mikael Mohammed Monica Monika Niklas Nils Olle Olof Oscar Oskar Patrik Per Peter Petra Pia Rasmus Rebecka
    Rickard Robert Robin Roger Rolf Rune Sara Sebastian Simon Siv Sofia Sofie Stefan Sten Stig Susanne Sven Therese Thomas Tobias Tommy
    Torbjörn Ulf Ulla Ulrika Viktor Viktoria Vilhelm William Yvonne Åke Åsa
    """
)
