"""The gazetteer and the pipeline, as in the tests of the package."""

from __future__ import annotations

from tests.enrich.conftest import cache_dir, gazetteer, lexicon, nlp

__all__ = ["cache_dir", "gazetteer", "lexicon", "nlp"]
