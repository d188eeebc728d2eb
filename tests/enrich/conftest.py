"""The gazetteer and the pipeline, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from spacy.language import Language

from enrich import gazetteer as gazetteers
from enrich import lexicon as lexicons
from enrich import nlp as pipelines
from enrich.gazetteer import Gazetteer
from enrich.lexicon import Lexicon


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def gazetteer(cache_dir) -> Gazetteer:
    return gazetteers.load(cache_dir)


@pytest.fixture(scope="session")
def lexicon() -> Lexicon:
    return lexicons.load()


@pytest.fixture(scope="session")
def nlp(gazetteer, lexicon) -> Language:
    return pipelines.build(gazetteer, lexicon)
