"""What people do in the console, beside looking: each a form on a page, and the same for a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from pipeline.access.roles import Action, Principal
from pipeline.console.pages import alerts, municipality, search
from pipeline.console.room import Room


class Deed(Struct, frozen=True, kw_only=True):
    """Something that changes what others see."""

    name: str
    #: Address that a page's form is sent to, and that below ``/api/v1`` for programs; both by POST.
    page: str
    api: str
    action: Action
    asked: type[Struct]
    #: Does it, and gives the address of the page to go on with.
    do: Callable[[Room, Principal, Any], str]


DEEDS = (
    Deed(
        name="acknowledge", page="/larm/{alert}/kvittera", api="/alerts/{alert}/acknowledge", action=Action.HANDLE_ALERTS,
        asked=alerts.Reason, do=alerts.acknowledge,
    ),
    Deed(
        name="resolve", page="/larm/{alert}/avsluta", api="/alerts/{alert}/resolve", action=Action.HANDLE_ALERTS, asked=alerts.Reason,
        do=alerts.resolve,
    ),
    Deed(
        name="mark", page="/larm/{alert}/nytta", api="/alerts/{alert}/mark", action=Action.HANDLE_ALERTS, asked=alerts.Useful,
        do=alerts.mark,
    ),
    Deed(
        name="silence", page="/larm/{alert}/tysta", api="/alerts/{alert}/silence", action=Action.HANDLE_ALERTS, asked=alerts.Silencing,
        do=alerts.silence,
    ),
    Deed(
        name="unsilence", page="/larm/tystnad/{silence}/upphava", api="/silences/{silence}/end", action=Action.HANDLE_ALERTS,
        asked=alerts.Unsilencing, do=alerts.unsilence,
    ),
    Deed(
        name="assess", page="/kommun/{area}/bedomning", api="/situations/{area}/assessments", action=Action.ASSESS,
        asked=municipality.Assess, do=municipality.assess,
    ),
    Deed(
        name="share", page="/kommun/{area}/markning", api="/situations/{area}/markings", action=Action.SHARE, asked=municipality.Mark,
        do=municipality.mark,
    ),
    Deed(
        name="sign", page="/kommun/{area}/faststall", api="/situations/{area}/sign", action=Action.SIGN, asked=municipality.Sign,
        do=municipality.sign,
    ),
    Deed(name="save", page="/sok/spara", api="/searches", action=Action.SEARCH, asked=search.Save, do=search.save),
    Deed(name="forget", page="/sok/glom/{search}", api="/searches/{search}/forget", action=Action.SEARCH, asked=search.Forget, do=search.forget),
)  # fmt: skip
