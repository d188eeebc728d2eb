"""The file with what was learned: whole or not at all, and refused where it is not its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrich.learned import file
from enrich.learned.file import Learned, Part
from pipeline.errors import SettingsError
from tests.enrich.learn.notices import START

LEARNED = Learned(notices=1, first=START, last=START, places_part=Part(used=False, why="få"), themes_part=Part(used=False, why="få"))


def test_it_comes_back(tmp_path):
    """What was saved is loaded; nothing else is left beside it; without a file there is nothing."""
    assert file.load(tmp_path) is None
    assert file.save(LEARNED, tmp_path) == tmp_path / "learned.json"
    assert file.load(tmp_path) == LEARNED
    assert [path.name for path in tmp_path.iterdir()] == ["learned.json"]


def test_it_is_forgotten(tmp_path):
    """Once, and it says whether there was one."""
    file.save(LEARNED, tmp_path)
    assert file.forget(tmp_path)
    assert not file.forget(tmp_path)
    assert file.load(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "(file)"),
        (b"hello", "(file)"),
        (b'{"some": "json"}\n{}', "(file)"),
        (b"\xff\xfe\x00", "(file)"),
        (b'{"format": "fjaril learned", "version": 99, "fingerprint": ""}\n{}\n', "this program reads 1"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, content, said):
    """The error names the file, what was found and how to go on."""
    (tmp_path / "learned.json").write_bytes(content)
    with pytest.raises(SettingsError) as raised:
        file.load(tmp_path)
    assert str(tmp_path / "learned.json") in str(raised.value)
    assert said in str(raised.value)
    assert "fjaril learn --forget" in str(raised.value)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused(tmp_path, data):
    """One byte changed anywhere, or an end that is missing: never something else than was learned."""
    content = bytearray(file.save(LEARNED, tmp_path).read_bytes())
    at = data.draw(st.integers(0, len(content) - 2))
    if data.draw(st.booleans()):
        content[at] = (content[at] + data.draw(st.integers(1, 255))) % 256
    else:
        del content[at:]
    (tmp_path / "learned.json").write_bytes(content)
    assert loaded_or_refused(tmp_path)


def loaded_or_refused(folder: Path) -> bool:
    """Whether the file is what was saved, or is refused with the way on."""
    try:
        return file.load(folder) == LEARNED
    except SettingsError as error:
        return "fjaril learn" in str(error)
