"""What is wrong, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.console.ask import AskError
from pipeline.console.guard import TooManyError
from pipeline.console.texts import Texts
from pipeline.errors import AccessError, LoginError, QueryError

#: How msgspec says what it expected → text below ``fault.expected.``, the first that fits.
_EXPECTED = {
    r"^Invalid enum value": "choice",
    r"`str` of length <= (?P<n>\d+)": "short",
    r"`str` of length >= (?P<n>\d+)": "long",
    r" >=? (?P<n>[\d.]+)$": "least",
    r" <=? (?P<n>[\d.]+)$": "most",
    r"^Expected `(int|float)": "number",
}


def fault(error: Exception, t: Texts) -> tuple[int, str]:
    """HTTP status, and what is wrong in the reader's language; parameters by their names."""
    if isinstance(error, AskError):
        return error.status, t(f"fault.{error.key}", **_said(error.values, t))
    if isinstance(error, QueryError):
        return 400, t(f"fault.query.{error.fault}", **error.values) if t.has(
            f"fault.query.{error.fault}"
        ) else f"{t('fault.query.other')} {error}"
    if isinstance(error, TooManyError):
        return 429, t("fault.often", seconds=round(error.after))
    if isinstance(error, LoginError):
        return 401, t("fault.login")
    if isinstance(error, AccessError):
        return 403, t("fault.access")
    return 500, f"{t('fault.inside')} {error}"


def fault_of_page(error: Exception, t: Texts) -> tuple[int, str]:
    """The same for people: fields as the page calls them."""
    if isinstance(error, AskError) and t.has(f"field.{error.values.get('name')}"):
        named = error.values | {"name": t(f"field.{error.values['name']}")}
        return error.status, t(f"fault.{error.key}", **_said(named, t))
    return fault(error, t)


def _said(values: Mapping[str, object], t: Texts) -> Mapping[str, object]:
    """The values with what was expected in the reader's language."""
    for pattern, key in _EXPECTED.items():
        if found := re.search(pattern, str(values.get("why", ""))):
            return {**values, "why": t(f"fault.expected.{key}", **found.groupdict())}
    return values
