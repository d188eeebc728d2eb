"""An account of each role, for the tests of what each may do."""

from __future__ import annotations

from pipeline.access.roles import Principal, Role
from pipeline.console.room import Room

PASSWORD = "fyra ord som ingen gissar"  # noqa: S105  (invented)
PEOPLE = {
    Role.VIEWER: Principal(name="skolan", role=Role.VIEWER, agency="skolan", areas=("0780",)),
    Role.ANALYST: Principal(name="analys", role=Role.ANALYST),
    Role.OFFICER: Principal(name="vakt", role=Role.OFFICER),
    Role.ADMIN: Principal(name="chef", role=Role.ADMIN),
}


def admit(room: Room) -> None:
    """Give each of them an account."""
    for person in PEOPLE.values():
        room.access.accounts.add(person, PASSWORD, room.clock.now())
    room.desk.refresh()


def tokens_of(room: Room) -> dict[Role, str]:
    """A token of each of them."""
    return {role: room.access.tokens.make(person.name, "prov", 1, room.clock.now()) for role, person in PEOPLE.items()}
