"""What is wrong, in the reader's language."""

from __future__ import annotations

from pipeline.console.ask import AskError
from pipeline.console.guard import TooManyError
from pipeline.console.texts import Texts
from pipeline.errors import AccessError, LoginError, QueryError


def fault(error: Exception, t: Texts) -> tuple[int, str]:
    """HTTP status, and what is wrong in the reader's language."""
    if isinstance(error, AskError):
        return error.status, t(f"fault.{error.key}", **error.values)
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
