"""``fjaril users``: accounts and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, counted, print_json, print_table, settings_of

if TYPE_CHECKING:
    from pipeline.access.access import Access

app = typer.Typer(help="Accounts of the console: list, add, remove, password, token.")
Name = Annotated[str, typer.Argument(help="The account's name.")]


@contextmanager
def accessed(context: typer.Context) -> Iterator[Access]:
    """Accounts and log of the data directory."""
    from pipeline.app import open_access

    access = open_access(settings_of(context))
    try:
        yield access
    finally:
        access.close()


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List accounts and tokens; no password or secret is stored that could be shown."""
    with accessed(context) as access:
        accounts, tokens = access.accounts.list(), access.tokens.list()
    if as_json:
        print_json({"accounts": accounts, "tokens": tokens})
        return
    rows = [
        (one.principal.name, one.principal.role, one.principal.agency, " ".join(one.principal.areas), f"{one.created:%Y-%m-%d}")
        for one in accounts
    ]
    print_table(counted(len(rows), "account"), ("name", "role", "agency", "sees", "since"), rows)
    if tokens:
        keys = [(t.id, t.account, t.label, f"{t.expires:%Y-%m-%d}", f"{t.used:%Y-%m-%d %H:%M}" if t.used else "never") for t in tokens]
        print_table(counted(len(keys), "token"), ("id", "account", "for", "expires", "used (UTC)"), keys)


@app.command()
def add(
    context: typer.Context,
    name: Name,
    role: Annotated[str, typer.Option(metavar="ROLE", help="viewer, analyst, officer or admin.")] = "analyst",
    agency: Annotated[str, typer.Option(metavar="NAME", help="The agency that they work for; what is shared goes by it.")] = "",
    area: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Code of a municipality or county that a viewer sees; may be repeated.")
    ] = None,
) -> None:
    """Make an account; its password is asked for, or read from standard input where that is no terminal."""
    from pipeline.access.roles import Principal, Role
    from pipeline.clock import SystemClock
    from pipeline.errors import UsageError

    if role not in set(Role):
        raise UsageError(f"--role: found {role!r}; expected one of {', '.join(Role)}")
    principal = Principal(name=name, role=Role(role), agency=agency, areas=tuple(area or ()))
    with accessed(context) as access:
        _log(access, f"add {name} {role} {agency} {' '.join(principal.areas)}")
        access.accounts.add(principal, _password(), SystemClock().now())
    typer.echo(f"account {name}: {role}{f' of {agency}' if agency else ''}")


@app.command()
def remove(context: typer.Context, name: Annotated[str, typer.Argument(help="The account's name, or a token's id.")]) -> None:
    """Remove an account with its sessions and tokens, or one token; takes effect at once."""
    with accessed(context) as access:
        is_token = name in {token.id for token in access.tokens.list()}
        _log(access, f"remove {'token ' if is_token else ''}{name}")
        (access.tokens if is_token else access.accounts).remove(name)
    typer.echo(f"{'token' if is_token else 'account'} {name}: removed")


@app.command()
def password(context: typer.Context, name: Name) -> None:
    """Give an account a new password; its sessions end."""
    with accessed(context) as access:
        _log(access, f"password {name}")
        access.accounts.set_password(name, _password())
    typer.echo(f"account {name}: new password, its sessions have ended")


@app.command()
def token(
    context: typer.Context,
    name: Name,
    label: Annotated[str, typer.Option("--for", metavar="NAME", help="What it is for, as a program's name.")] = "",
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days that it is valid.")] = 365,
) -> None:
    """Make a token for a program, and print it; it is shown this once."""
    from pipeline.clock import SystemClock

    with accessed(context) as access:
        _log(access, f"token for {name}")
        made = access.tokens.make(name, label, days, SystemClock().now())
    typer.echo(made)


def _password() -> str:
    import sys
    from getpass import getpass

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass("Password (12 characters or more): ")
    if first != getpass("Again: "):
        from pipeline.errors import UsageError

        raise UsageError("password: the two are not alike; begin again")
    return first


def _log(access: Access, what: str) -> None:
    """Before it is done: what cannot be logged is not done."""
    from pipeline.access.roles import Action
    from pipeline.cli.audit import operator
    from pipeline.clock import SystemClock

    access.audit.append(operator(), "", Action.MANAGE_USERS, what, SystemClock().now())
