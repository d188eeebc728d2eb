"""Which language a text is in."""

from __future__ import annotations

import pytest

from enrich.language import Detector


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Det var en gång en liten katt som inte ville gå hem efter att det blev mörkt.", "sv"),
        ("There was once a small cat that would not go home after it was dark.", "en"),
        ("Det var en gang en liten katt som ikke ville gå hjem etter at det ble mørkt, og hun var også redd.", "nb"),
        ("Der var engang en lille kat, som ikke ville gå hjem efter at det blev mørkt, og hun var også bange af sig.", "da"),
        ("Olipa kerran pieni kissa, joka ei halunnut mennä kotiin, kun oli jo pimeää ja se oli väsynyt.", "fi"),
        ("Es war einmal eine kleine Katze, die nicht nach Hause gehen wollte, als es dunkel wurde.", "de"),
        ("Brand, Lund", "und"),
        ("", "und"),
    ],
)
def test_languages_are_told_apart(detector, text, code):
    """The languages of the region; too little text is ``und``."""
    assert detector.detect(text) == code
