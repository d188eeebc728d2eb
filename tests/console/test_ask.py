"""What is asked of a page is understood, or refused with the parameter and what was found."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.console.ask import AskError, asked, moment
from pipeline.console.pages.search import SearchAsked

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)


def test_several_values_and_empty_ones():
    """A parameter that takes several gets all; an empty one counts as not given."""
    found = asked(SearchAsked, [("q", " bil "), ("place", "1480"), ("place", "14"), ("since", ""), ("originals", "true"), ("size", "5")])
    assert found == SearchAsked(q="bil", place=("1480", "14"), originals=True, size=5)


@pytest.mark.parametrize(
    ("pairs", "key", "field"),
    [
        ([("nope", "1")], "parameter", "nope"),
        ([("size", "many")], "value", "size"),
        ([("size", "0")], "value", "size"),
        ([("order", "worst")], "value", "order"),
    ],
)
def test_what_cannot_be_meant_is_refused(pairs, key, field):
    """The error names the parameter."""
    with pytest.raises(AskError) as error:
        asked(SearchAsked, pairs)
    assert (error.value.key, error.value.field) == (key, field)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2026-03-01", datetime(2026, 2, 28, 23, tzinfo=UTC)),
        ("2026-03-01T14:30", datetime(2026, 3, 1, 13, 30, tzinfo=UTC)),
        ("2026-03-01T14:30:00Z", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("36h", datetime(2026, 3, 8, 0, tzinfo=UTC)),
        ("7d", datetime(2026, 3, 2, 12, tzinfo=UTC)),
    ],
)
def test_times(text, right):
    """A time that names no zone is that of clocks in Sweden."""
    assert moment("since", text, NOW) == right


@given(st.text(min_size=1, max_size=40))
def test_any_text_is_a_time_or_refused(text):
    """Nothing that somebody types breaks it."""
    with suppress(AskError):
        found = moment("since", text, NOW)
        assert found is not None
        assert found.tzinfo is not None
