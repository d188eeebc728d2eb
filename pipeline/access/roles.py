"""Roles, and what each may do. There is no action that looks up a person: no view or query by person exists."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from pipeline.errors import AccessError
from pipeline.index.keys import place_line
from pipeline.ports import Filters


class Action(StrEnum):
    """What somebody does; what the audit log calls it."""

    READ_OVERVIEW = "overview.read"
    READ_SITUATION = "situation.read"
    SEARCH = "documents.search"
    READ_DOCUMENT = "document.read"
    READ_SPREAD = "spread.read"
    READ_SOURCES = "sources.read"
    READ_ALERTS = "alerts.read"
    READ_RULES = "rules.read"
    TEST_RULES = "rules.test"
    EXPORT = "export"
    ASSESS = "situation.assess"
    HANDLE_ALERTS = "alerts.handle"
    SIGN = "situation.sign"
    SHARE = "situation.share"
    READ_AUDIT = "audit.read"
    MANAGE_USERS = "users.manage"
    ERASE = "erase"
    # What everyone does who comes and goes.
    LOG_IN = "login"
    LOG_OUT = "logout"


class Role(StrEnum):
    """Each of the first three may do what the one before may, and more."""

    VIEWER = "viewer"  # of a partner agency: reads what lies in its own areas, and what was shared with it
    ANALYST = "analyst"
    OFFICER = "officer"  # on duty: answers for alerts, signs and shares the situation picture
    ADMIN = "admin"  # accounts, audit, erasure; on a machine of one's own the only one


_EVERYONE = frozenset({Action.LOG_IN, Action.LOG_OUT})
_VIEWER = _EVERYONE | {
    Action.READ_OVERVIEW,
    Action.READ_SITUATION,
    Action.SEARCH,
    Action.READ_DOCUMENT,
    Action.READ_SPREAD,
    Action.READ_SOURCES,
}
_ANALYST = _VIEWER | {Action.READ_ALERTS, Action.READ_RULES, Action.TEST_RULES, Action.EXPORT, Action.ASSESS}
_OFFICER = _ANALYST | {Action.HANDLE_ALERTS, Action.SIGN, Action.SHARE}
_ALLOWED = {Role.VIEWER: _VIEWER, Role.ANALYST: _ANALYST, Role.OFFICER: _OFFICER, Role.ADMIN: frozenset(Action)}


def allows(role: Role, action: Action) -> bool:
    """Whether the role may do it at all; a viewer only in its own areas, see :meth:`Principal.sees`."""
    return action in _ALLOWED[role]


class Principal(Struct, frozen=True, kw_only=True):
    """Somebody who has been let in."""

    name: str
    role: Role
    #: The agency that they work for, as ``polisen``; what is shared goes by it.
    agency: str = ""
    #: Codes of municipalities and counties that a viewer sees; nothing lies outside for the other roles.
    areas: tuple[str, ...] = ()

    def may(self, action: Action) -> bool:
        """Whether they may do it at all."""
        return allows(self.role, action)

    @property
    def is_bounded(self) -> bool:
        """Whether only :attr:`areas` are seen."""
        return self.role is Role.VIEWER

    def sees(self, code: str) -> bool:
        """Whether a place lies in what they see: a county holds its municipalities, a municipality what lies inside it."""
        return not self.is_bounded or not set(self.areas).isdisjoint(place_line(code))

    def narrowed(self, filters: Filters) -> Filters:
        """The filters, held to what they see.

        :raises AccessError: if only places are asked for that they do not see.
        """
        if not self.is_bounded:
            return filters
        places = tuple(filter(self.sees, filters.places)) if filters.places else self.areas
        if not places:
            raise AccessError(f"{', '.join(filters.places)}: {self.agency} sees {', '.join(self.areas)} only")
        return replace(filters, places=places)
