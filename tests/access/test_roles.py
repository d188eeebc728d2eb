"""Roles: what each may do, and where a viewer looks."""

from __future__ import annotations

import pytest

from pipeline.access.roles import Action, Principal, Role, allows
from pipeline.errors import AccessError
from pipeline.ports import Filters

VIEWER = Principal(name="rakel", role=Role.VIEWER, agency="raddningstjansten", areas=("2480", "12"))
#: The least role that may do it.
LEAST = {
    Action.LOG_IN: Role.VIEWER,
    Action.LOG_OUT: Role.VIEWER,
    Action.READ_OVERVIEW: Role.VIEWER,
    Action.READ_SITUATION: Role.VIEWER,
    Action.SEARCH: Role.VIEWER,
    Action.READ_DOCUMENT: Role.VIEWER,
    Action.READ_SPREAD: Role.VIEWER,
    Action.READ_SOURCES: Role.VIEWER,
    Action.READ_ALERTS: Role.ANALYST,
    Action.READ_RULES: Role.ANALYST,
    Action.TEST_RULES: Role.ANALYST,
    Action.EXPORT: Role.ANALYST,
    Action.ASSESS: Role.ANALYST,
    Action.HANDLE_ALERTS: Role.OFFICER,
    Action.SIGN: Role.OFFICER,
    Action.SHARE: Role.OFFICER,
    Action.READ_AUDIT: Role.ADMIN,
    Action.MANAGE_USERS: Role.ADMIN,
    Action.ERASE: Role.ADMIN,
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_the_matrix_says(role: Role, action: Action):
    """Every pair of role and action; a new action without a line here fails."""
    ranks = list(Role)
    assert allows(role, action) == (ranks.index(role) >= ranks.index(LEAST[action]))


@pytest.mark.parametrize(
    ("code", "sees"),
    [("2480", True), ("2480:2602384", True), ("1280", True), ("12", True), ("24", False), ("2482", False), ("SE", False), ("", False)],
)
def test_a_viewer_sees_what_lies_in_its_areas(code, sees):
    """A county holds its municipalities; the county of a municipality is not the viewer's."""
    assert VIEWER.sees(code) == sees


def test_an_analyst_sees_everything():
    """Whatever areas the account names."""
    assert Principal(name="a", role=Role.ANALYST, areas=("2480",)).sees("0180")


def test_a_viewers_search_is_held_to_its_areas():
    """All of them, or those asked for that it sees; only others is refused by name; other filters stay."""
    assert VIEWER.narrowed(Filters(themes=("fire",))) == Filters(themes=("fire",), places=("2480", "12"))
    assert VIEWER.narrowed(Filters(places=("0180", "1280"))).places == ("1280",)
    with pytest.raises(AccessError, match="0180"):
        VIEWER.narrowed(Filters(places=("0180",)))
    assert Principal(name="a", role=Role.ANALYST).narrowed(Filters()) == Filters()
