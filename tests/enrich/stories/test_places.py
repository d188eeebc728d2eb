"""What places say for or against one occurrence."""

from __future__ import annotations

import pytest

from enrich.stories.places import affinity, apart, share_municipality


@pytest.mark.parametrize("codes", [("DK:2618425", "DK:2624652"), ("SE:norrland", "SE:norrort"), ("DK", "DK:2618425")])
def test_only_swedish_places_lie_in_a_municipality(codes):
    """Two towns of one country, or two regions, have none in common, whatever their codes begin with."""
    one, other = codes
    assert not share_municipality([one], [other])
    assert affinity([one], [other]) == 1.0


def test_districts_of_one_municipality_share_it():
    """Another district speaks against one occurrence, less than another municipality; the same one speaks for it."""
    assert share_municipality(["0180:1"], ["0180:2"])
    assert (
        affinity(["0180:1"], ["0180:1"]) > affinity(["0180:1"], ["0180"]) > affinity(["0180:1"], ["0180:2"]) > affinity(["0180"], ["1280"])
    )


@pytest.mark.parametrize(
    ("one", "other", "are_apart"),
    [
        ("0180", "1280", True), ("0180:1", "1280 1281", True), ("0180 1280", "1280", False), ("0180", "01", False), ("0180", "", False),
        ("0180", "1280 1281 1282 1283", False), ("0180", "DK", False),
    ],
)  # fmt: skip
def test_apart(one, other, are_apart):
    """Municipalities that differ; not counties, other countries, or a story in many of them."""
    assert apart(one.split(), other.split()) is apart(other.split(), one.split()) is are_apart
