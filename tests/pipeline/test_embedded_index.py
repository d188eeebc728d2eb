"""What only the embedded index does: crashes between its two commits, erasure from its files, several processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import IndexBusyError, SearchIndexError
from pipeline.index import engine
from pipeline.index.analysis import PASSAGE, Highlighter, analyzer
from pipeline.index.embedded import EmbeddedIndex
from pipeline.index.store import FILE, LAYOUT
from pipeline.model import Document, Place, PlaceKind, PlaceRole, Provenance, Reliability
from pipeline.ports import Filters, Search, Written
from pipeline.sqlite import connect

NOON = datetime(2024, 5, 14, 12, tzinfo=UTC)


def document(key: str, text: str, revision: int = 1, *, withdrawn: bool = False) -> Document:
    provenance = Provenance(source="polisen", native_id=key, fetched_url="", status=200, reliability=Reliability.A, area="SE")
    here = Place(code="0180", name="Stockholm", kind=PlaceKind.MUNICIPALITY, role=PlaceRole.HAPPENED, score=1.0)
    places = () if withdrawn else (here,)
    return Document(
        id=key, revision=revision, content_hash="", text=text, published=NOON, fetched=NOON, places=places, provenance=provenance,
        withdrawn=withdrawn,
    )  # fmt: skip


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EmbeddedIndex]:
    opened = EmbeddedIndex(tmp_path)
    yield opened
    opened.close()


def found(index: EmbeddedIndex, text: str) -> list[str]:
    return [hit.document.id for hit in index.search(Search(text=text)).hits]


# --- crashes -----------------------------------------------------------------------------------------------------------

#: Where the process dies → code that puts its death there. Each is (owner of the method, method, before or after it ran).
DEATHS = {
    "before the store's commit": ("Store", "commit", "before"),
    "between the two commits": ("Engine", "commit", "before"),
    "after both commits": ("Engine", "commit", "after"),
    "before the generation changes": ("Store", "set_generation", "before"),
    "after the generation changed": ("Store", "set_generation", "after"),
    "before the store is rewritten": ("Store", "rewrite", "before"),
}
CHILD = """
import os, signal, sys
from pathlib import Path
from pipeline.index.directory import Engine, Store
from pipeline.index.embedded import EmbeddedIndex
from tests.pipeline.test_embedded_index import document

folder, owner, name, when = sys.argv[1:]
index = EmbeddedIndex(Path(folder))
index.upsert([document("a", "första bilen"), document("b", "hemligt ord"), document("d", "borttagen")])
index.flush()
kind = {"Engine": Engine, "Store": Store}[owner]
original = getattr(kind, name)

def dying(*args):
    if when == "after":
        original(*args)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(kind, name, dying)
index.upsert([document("a", "andra bussen", 2), document("b", "", 2, withdrawn=True), document("c", "tredje båten")])
index.delete(["d"])
if name in ("set_generation", "rewrite"):
    index.purge()
index.flush()
"""


@pytest.mark.parametrize("death", DEATHS)
def test_a_kill_at_any_step_loses_and_doubles_nothing(tmp_path: Path, death: str):
    """Delivered again after the kill, each document is found exactly once, by its newest words only, and counted once."""
    result = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path), *DEATHS[death]], check=False, capture_output=True, text=True)
    assert result.returncode == -signal.SIGKILL, result.stderr
    index = EmbeddedIndex(tmp_path)
    durable = index.get("c") is not None
    assert durable is (death != "before the store's commit")
    assert found(index, "båt") == (["c"] if durable else [])  # right before anything is delivered again
    index.upsert([document("a", "andra bussen", 2), document("b", "", 2, withdrawn=True), document("c", "tredje båten")])
    index.delete(["d"])
    index.flush()
    assert [found(index, word) for word in ("bil", "buss", "båt", "hemligt", "borttagen")] == [[], ["a"], ["c"], [], []]
    assert (index.count(), index.search(Search()).total, index.trend(Filters())[0].count) == (2, 2, 2)
    assert len(list(tmp_path.glob("search-*"))) == 1  # what a killed purge left is gone
    index.close()


def test_a_list_of_deleted_documents_that_a_kill_left_is_no_obstacle(tmp_path: Path):
    """Search writes the list before its commit; killed between them, the same list is written again by the next writer."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    index = EmbeddedIndex(whole)
    index.upsert([document("a", "bilen"), document("b", "båten")])
    index.close()
    shutil.copytree(whole, killed)
    for folder in (whole, killed):
        index = EmbeddedIndex(folder)
        index.upsert([document("a", "husen", 2)])
        index.flush()
        assert (found(index, "bil"), found(index, "hus"), found(index, "båt")) == ([], ["a"], ["b"])
        lists = list(whole.glob("search-1/*.del"))
        assert lists, "the premise: a replaced document is in a list"
        for file in lists:
            shutil.copy(file, killed / "search-1")
        index.close()


def test_a_failed_commit_of_search_is_made_good_by_the_next_flush(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch):
    """The error is raised, and what the store has is not lost to search."""

    def fail(_: object) -> None:
        raise ValueError("no space left on device")

    index.upsert([document("a", "bilen")])
    with monkeypatch.context() as patch:
        patch.setattr(engine.Engine, "commit", fail)
        with pytest.raises(SearchIndexError, match="no space left"):
            index.flush()
    assert found(index, "bil") == []
    index.flush()
    assert found(index, "bil") == ["a"]
    assert index.upsert([document("a", "bilen")]) == Written(stale=1)


def test_a_failed_upsert_is_forgotten_whole(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch):
    """Nothing of what no flush made durable is left half done: written again, it is all there once."""
    index.upsert([document("a", "bilen")])
    with monkeypatch.context() as patch:
        patch.setattr(engine, "fields", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            index.upsert([document("b", "bilen")])
    index.flush()
    assert (index.get("a"), index.count(), index.trend(Filters())) == (None, 0, ())
    assert index.upsert([document("a", "bilen"), document("b", "bilen")]) == Written(created=2)
    index.flush()
    assert (sorted(found(index, "bil")), index.trend(Filters())[0].count) == (["a", "b"], 2)


# --- erasure -----------------------------------------------------------------------------------------------------------


def files_with(folder: Path, word: str) -> list[str]:
    """The files in which the word stands, in any case."""
    forms = {form.encode() for form in (word, word.lower(), word.upper(), word.capitalize())}
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if any(form in path.read_bytes() for form in forms)]


def test_purged_text_is_in_no_file(tmp_path: Path):
    """Neither the words as written nor their terms: not of withdrawn, replaced or deleted documents, while the index is open."""
    index = EmbeddedIndex(tmp_path)
    words = ["Xylofonerna", "Zeppelinare", "Quantumets"]
    index.upsert([document(str(i), f"Här är {words[i % 3]} igen. " * 40) for i in range(300)] + [document("kept", "Kvarlevor finns")])
    index.flush()
    index.upsert([document(str(i), "", 2, withdrawn=True) for i in range(0, 300, 3)])
    index.upsert([document(str(i), "annat", 2) for i in range(1, 300, 3)])
    index.delete([str(i) for i in range(2, 300, 3)])
    index.flush()
    erased = words + [term for word in words for term in analyzer().analyze(word)]
    assert any(files_with(tmp_path, word) for word in erased)  # or purge would have nothing to show
    index.purge()
    assert {word: files_with(tmp_path, word) for word in erased} == {word: [] for word in erased}
    assert files_with(tmp_path, "Kvarlevor")
    assert (index.count(), found(index, "kvarlevor")) == (101, ["kept"])
    index.close()


def test_a_reader_puts_a_purge_off(tmp_path: Path):
    """While another process reads, purge says at once that it is to be done again; done again, or after a restart, the text is gone."""
    index = EmbeddedIndex(tmp_path)
    index.upsert([document("a", "Xylofonerna"), document("b", "bilen")])
    index.flush()
    reader = connect(tmp_path / FILE, readonly=True)
    reader.execute("BEGIN; SELECT * FROM documents").fetchall()
    index.upsert([document("a", "", 2, withdrawn=True)])
    began = time.monotonic()
    with pytest.raises(IndexBusyError, match="another process reads the index"):
        index.purge()
    assert time.monotonic() - began < 5
    assert files_with(tmp_path, "Xylofonerna")
    reader.execute("COMMIT")
    reader.close()
    index.close()
    index = EmbeddedIndex(tmp_path)
    index.purge()
    assert (files_with(tmp_path, "Xylofonerna"), found(index, "bil")) == ([], ["b"])
    index.close()


def test_search_stores_no_text(tmp_path: Path):
    """The text stands in one file, so that there is one place to erase it from."""
    index = EmbeddedIndex(tmp_path)
    index.upsert([document("a", "Här brann Bilen i Natten")])
    index.flush()
    index.close()
    assert files_with(tmp_path, "brann Bilen i Natten") == [FILE]


# --- the directory -----------------------------------------------------------------------------------------------------


def test_a_newer_layout_is_refused(tmp_path: Path):
    """The error says which layout was found, and what to do."""
    EmbeddedIndex(tmp_path).close()
    connection = apsw.Connection(str(tmp_path / FILE))
    connection.pragma("user_version", LAYOUT + 1)
    connection.close()
    with pytest.raises(SearchIndexError, match=f"layout {LAYOUT + 1}.*remove the directory"):
        EmbeddedIndex(tmp_path)


def test_the_database_of_another_program_is_refused(tmp_path: Path):
    """Nothing is written into it."""
    connection = apsw.Connection(str(tmp_path / FILE))
    connection.execute("PRAGMA user_version = 7; CREATE TABLE t(a)")
    connection.close()
    with pytest.raises(SearchIndexError, match="another program"):
        EmbeddedIndex(tmp_path)


def test_search_is_made_again_if_its_directory_is_gone(tmp_path: Path):
    """The store is the truth; a damaged search directory is an error that says to remove it."""
    index = EmbeddedIndex(tmp_path)
    index.upsert([document("a", "bilen")])
    index.close()
    (tmp_path / "search-1" / "meta.json").write_text("{")
    with pytest.raises(SearchIndexError, match="remove this directory"):
        EmbeddedIndex(tmp_path)
    shutil.rmtree(tmp_path / "search-1")
    index = EmbeddedIndex(tmp_path)
    assert found(index, "bil") == ["a"]
    index.close()


def test_one_writes_and_others_follow(tmp_path: Path):
    """Another opening finds each flush, also after a purge has moved search; it cannot write until the first is closed."""
    writer, reader = EmbeddedIndex(tmp_path), EmbeddedIndex(tmp_path)
    writer.upsert([document("a", "bilen")])
    assert found(reader, "bil") == []
    writer.flush()
    assert (found(reader, "bil"), reader.count()) == (["a"], 1)
    with pytest.raises(SearchIndexError, match="another process writes"):
        reader.upsert([document("b", "bilen")])
    writer.purge()
    writer.upsert([document("c", "bilen")])
    writer.flush()
    assert found(reader, "bil") == ["a", "c"]
    writer.close()
    assert reader.upsert([document("b", "bilen")]) == Written(created=1)
    reader.flush()
    assert reader.count() == 3
    reader.close()


@pytest.mark.parametrize("when", ["as it opens", "as it refreshes"])
def test_a_reader_that_comes_just_as_a_purge_moves_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str):
    """It finds what there is, and makes nothing where the old directory was."""
    writer, reader = EmbeddedIndex(tmp_path), EmbeddedIndex(tmp_path)
    writer.upsert([document("a", "bilen"), document("b", "bussen")])
    writer.flush()
    assert found(reader, "bil") == ["a"]

    def purge() -> None:
        writer.delete(["b"])
        writer.purge()

    if when == "as it opens":
        purge()  # so that the reader has to open another
        writer.upsert([document("b", "bussen")])
    asked = reader._store.generation

    def overtaken() -> int:
        number = asked()
        monkeypatch.undo()
        purge()
        return number

    monkeypatch.setattr(reader._store, "generation", overtaken)
    assert found(reader, "bil") == ["a"]
    assert [path.name for path in tmp_path.glob("search-*")] == [writer._files.engine.directory.name]
    reader.close()
    writer.close()


def test_a_closed_index_says_so(tmp_path: Path):
    """Closing twice is no error; using it is."""
    index = EmbeddedIndex(tmp_path)
    index.close()
    index.close()
    for use in (lambda: index.get("a"), lambda: index.upsert([]), lambda: index.search(Search()), index.count, index.flush, index.purge):
        with pytest.raises(SearchIndexError, match="closed"):
            use()


def test_closing_flushes(tmp_path: Path):
    """What was written before is there at the next opening."""
    index = EmbeddedIndex(tmp_path)
    index.upsert([document("a", "bilen")])
    index.close()
    index = EmbeddedIndex(tmp_path)
    assert found(index, "bil") == ["a"]
    index.close()


# --- passages ----------------------------------------------------------------------------------------------------------


def test_a_passage_is_where_most_words_meet():
    """Not the first match, but the one with the others beside it."""
    text = "bil " + "ord " * 200 + "polisen stoppade en bil i natt " + "ord " * 200
    passage = Highlighter({"bil", "polis"}, analyzer()).passage(text)
    assert "<mark>polisen</mark> stoppade en <mark>bil</mark>" in passage
    assert passage.startswith("…")
    assert passage.endswith("…")


@pytest.mark.parametrize("text", ["", "x" * 5000, "bil" * 2000, "🦋 bilen <b>", "å " * 300 + "bil"])
def test_passages_of_odd_texts(text: str):
    """No spaces, no text, signs beyond the basic plane: short, escaped, and a match is whole."""
    passage = Highlighter({"bil"}, analyzer()).passage(text)
    assert len(passage) < 2 * PASSAGE
    assert "<b>" not in passage
    assert passage.count("<mark>") == passage.count("</mark>") == (1 if text[-3:] in ("bil", "<b>") and len(text) < 1000 else 0)


@given(st.text(alphabet="bilrånÅÄÖenarst 5.,_-<>&é", max_size=60))
def test_what_is_marked_is_what_search_matches(text: str):
    """The words marked are those that the analyzer gives the term for, no more and no fewer."""
    terms = {"bil", "rån", "å"}
    marked = Highlighter(terms, analyzer()).passage(text).count("<mark>")
    assert marked == sum(term in terms for term in analyzer().analyze(text))


def test_the_lock_goes_with_the_process(tmp_path: Path):
    """A killed writer leaves no lock behind."""
    code = "import os, sys, pathlib; from pipeline.index.embedded import EmbeddedIndex as E; i = E(pathlib.Path(sys.argv[1])); i.upsert([]); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env=os.environ).returncode == -signal.SIGKILL
    index = EmbeddedIndex(tmp_path)
    assert index.upsert([document("a", "bilen")]) == Written(created=1)
    index.close()
