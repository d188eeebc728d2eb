"""What is denied, practised, invented, played or long past is no theme; what only sounds like it is. All texts are invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich.cues import Shader
from enrich.text import frame
from enrich.themes import Classifier


@pytest.fixture(scope="module")
def classifier(lexicon) -> Classifier:
    return Classifier(lexicon)


#: Texts whose words suggest a theme that they do not tell of: (text, beginning of the theme's id).
NOT = [
    # denied
    ("Det fanns ingen brand i huset.", "fire"),
    ("Det var inget rån.", "theft"),
    ("Det är ingen skottlossning.", "weapons"),
    ("Det rör sig inte om något inbrott.", "theft"),
    ("Det handlar inte om mord.", "violence"),
    ("Händelsen är inte fråga om ett rån.", "theft"),
    ("Det finns inget som tyder på anlagd brand.", "fire"),
    ("Polisen har ingen misstanke om misshandel.", "violence"),
    ("Det finns inga tecken på inbrott.", "theft"),
    ("Mordbrand kan uteslutas.", "fire"),
    ("Rån är uteslutet, säger polisen.", "theft"),
    ("Misstankarna om våldtäkt avfärdas.", "sexual"),
    ("Utredningen om bedrägeri avskrivs.", "fraud"),
    ("Det var aldrig någon bomb.", "weapons"),
    ("No fire was found.", "fire"),
    ("Det var ej fråga om stöld.", "theft"),
    ("Inget inbrott har skett.", "theft"),
    ("Ingen explosion inträffade.", "weapons"),
    # practised
    ("Brandövning på skolan i morgon, en brand spelas upp.", "fire"),
    ("I dag hålls en övning med rök och simulerad brand.", "fire"),
    ("Larmövning: skottlossning på resecentrum.", "weapons"),
    ("Övningen går ut på ett terrordåd med explosion.", "weapons"),
    ("Räddningstjänsten övar brand i tunnel.", "fire"),
    ("Militärövning: skottlossning kan höras.", "weapons"),
    ("Utrymningsövning. Brandlarmet ljuder.", "fire"),
    ("Krisövning om översvämning i kommunen.", "weather"),
    ("Sjöräddningsövning utanför hamnen, en drunkning spelas upp.", "rescue"),
    ("Fire drill at the school: smoke and fire.", "fire"),
    ("Totalförsvarsövning med sprängladdning.", "weapons"),
    ("Skjutövning: flera skott kommer att höras.", "weapons"),
    ("Samverkansövning med pågående dödligt våld.", "violence"),
    ("Testlarm i dag, det är inget bombhot.", "weapons"),
    # invented
    ("Ny film om ett bankrån har biopremiär.", "theft"),
    ("I filmen sker ett mord.", "violence"),
    ("Romanen handlar om en skottlossning.", "weapons"),
    ("Deckaren börjar med ett mord i skärgården.", "violence"),
    ("Tv-serien om knivmordet får en andra säsong.", "violence"),
    ("Författaren skriver om en mordbrand.", "fire"),
    ("I boken blir hon våldtagen.", "sexual"),
    ("Skådespelaren spelar en rånare i pjäsen.", "theft"),
    ("Datorspelet låter spelaren skjuta med automatvapen.", "weapons"),
    ("Filmatiseringen av deckaren om narkotika.", "drugs"),
    ("Filminspelning: explosion på torget.", "weapons"),
    ("Dramaserien om kidnappningen.", "violence"),
    ("A new movie about a bank robbery.", "theft"),
    ("Avsnittet handlar om en sprängning.", "weapons"),
    # played
    ("Flera skott på mål i första halvlek.", "weapons"),
    ("Skott avlossades mot ribban.", "weapons"),
    ("Anfallaren sköt hem segern, skotten haglade.", "weapons"),
    ("Målvakten räddade tre skott.", "weapons"),
    ("Hattrick och skottlossning mot mål i allsvenskan.", "weapons"),
    ("Mittbacken fick en smäll och misshandlades av motståndarna i straffområdet.", "violence"),
    ("Rånade på segern: straffsparken dömdes bort.", "theft"),
    ("De stal matchen i powerplay, rena stölden.", "theft"),
    ("En explosion av glädje när kvitteringen kom.", "weapons"),
    ("Tränaren om slagsmålet om mittfältet.", "violence"),
    ("Skidskytte: alla skott satt.", "weapons"),
    ("Landslaget brann i första perioden.", "fire"),
    # long past
    ("Tio år efter mordet minns staden.", "violence"),
    ("Årsdagen av skottlossningen uppmärksammas.", "weapons"),
    ("För trettio år sedan brann stadshuset.", "fire"),
    ("Minnesstund för offren för branden.", "fire"),
    ("På 1980-talet sprängdes en bomb här.", "weapons"),
    ("Museet visar stadens brand under 1700-talet.", "fire"),
    ("Ett jubileum: hundra år sedan den stora översvämningen.", "weather"),
    ("Historiker skriver om rånet i början av 1900-talet.", "theft"),
    ("Ten years ago: the fire.", "fire"),
    ("Minnesmärke över drunkningsolyckan avtäcks.", "rescue"),
    ("Två decennier sedan branden på dansstället.", "fire"),
    ("Andra världskriget: bomben föll på Skeppsbron.", "weapons"),
]
#: Texts with such words that do tell of it.
YES = [
    ("Ingen skadades i branden.", "fire"),
    ("Ingen är gripen för mordet.", "violence"),
    ("Polisen kan inte utesluta mordbrand.", "fire"),
    ("Polisen har inte gripit någon efter rånet.", "theft"),
    ("Föraren hade inget körkort.", "traffic"),
    ("Mannen är död. Ingen misstanke om brott.", "rescue.death"),
    ("En man hittades död, inget misstänkt brott.", "rescue.death"),
    ("Inga personskador vid trafikolyckan.", "traffic"),
    ("Branden är inte släckt.", "fire"),
    ("Det är ingen övning, det brinner på skolan.", "fire"),
    ("Detta är inte en övning: skottlossning på torget.", "weapons"),
    ("Övningskörning slutade i en krock.", "traffic"),
    ("Arbetsutövningen avbröts av ett rån.", "theft"),
    ("Prövningen av åtalet om misshandel.", "violence"),
    ("Misshandeln filmades av ett vittne.", "violence"),
    ("Rånet fångades på film av en övervakningskamera.", "theft"),
    ("En serie inbrott i källare.", "theft"),
    ("Bråk utanför biografen, en man misshandlad.", "violence"),
    ("Slagsmål efter matchen, flera gripna av polisen.", "violence"),
    ("Bengaler och misshandel på läktaren i allsvenskan, polisen grep tre.", "violence"),
    ("Två målvakter rånades på väg hem, polisen söker vittnen.", "theft"),
    ("Skottlossning vid fotbollsplanen, en man förd till sjukhus med ambulans. Halvlek avbröts.", "weapons"),
    ("Det brinner i en villa. Det är andra gången, en brand härjade här för tio år sedan.", "fire"),
    ("Rån mot en butik. Samma butik rånades för två år sedan.", "theft"),
    ("En man sköts till döds. Tre år efter ett annat mord är oron stor.", "weapons"),
    ("Stöld av ett minnesmärke: tjuvar tog koppar och stal skylten. De greps. Inbrottet skedde i natt.", "theft"),
    ("Brand i en skola. Räddningstjänsten hade övning i närheten och kom snabbt.", "fire"),
    ("Inbrott på biblioteket. Böcker och en ny film stals.", "theft"),
]


def found(classifier, text):
    return [theme.id for theme in classifier.classify(frame("", text))]


@pytest.mark.parametrize(("text", "theme"), NOT)
def test_it_is_not_told(classifier, text, theme):
    """The theme that the words suggest is dropped, or scored below one half with the reason."""
    for judged in classifier.judge(frame("", text)):
        if judged.theme.id.startswith(theme) and judged.kept:
            assert judged.theme.score < 0.5
            assert judged.theme.reason


@pytest.mark.parametrize(("text", "theme"), NOT)
def test_without_the_cue_it_would_be(classifier, text, theme):
    """The words do suggest it: the theme is among those judged, with what speaks against it."""
    judged = [judged for judged in classifier.judge(frame("", text)) if judged.theme.id.startswith(theme)]
    assert judged
    assert any(judged.theme.reason for judged in judged)


@pytest.mark.parametrize(("text", "theme"), YES)
def test_it_is_told(classifier, text, theme):
    """Words like those of a cue, and cues about something else, take no theme away."""
    assert any(name.startswith(theme) for name in found(classifier, text))


def test_a_title_shades_the_whole_text(classifier):
    """A title that speaks of a drill makes one of the text below; a later sentence only of itself."""
    drill = frame("Övning i tunneln", "Det brinner i en bil. Flera personer är skadade i branden.")
    assert classifier.classify(drill) == () or classifier.classify(drill)[0].score < 0.5
    told = frame("Brand i tunneln", "Det brinner i en bil. I förra veckan hölls en övning här.")
    assert classifier.classify(told)[0].score > 0.8


def test_relatives_lend_nothing_to_what_is_denied(classifier):
    """A fire that is told makes no arson of one that is denied."""
    assert "fire.arson" not in found(classifier, "En lägenhet brinner. Det finns ingen misstanke om mordbrand.")


def test_a_word_that_comes_twice_counts_where_it_is_told(classifier):
    """What is denied first and told later is told."""
    (theme, *_) = classifier.classify(frame("", "Först sades att det inte var någon mordbrand. Nu utreds mordbrand."))
    assert theme.id.startswith("fire")


@given(
    st.text(max_size=200), st.sampled_from(["ingen ", "övningen", "årsdagen ", "uteslutas", "ribban", "i filmen "]), st.text(max_size=200)
)
def test_a_shade_lies_in_the_text(before, word, after):
    """Whatever stands around a cue, its shade is a part of the text."""
    text = (before + word + after).lower()
    for shade in Shader().shades(text, 0):
        assert 0 <= shade.start <= shade.end <= len(text)
        assert 0 < shade.factor < 1
        assert shade.reason
