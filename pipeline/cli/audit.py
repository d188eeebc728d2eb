"""``fjaril audit``: the log of who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, counted, print_json, print_table

if TYPE_CHECKING:
    from pipeline.access.roles import Principal

app = typer.Typer(help="The log of who read, exported and changed what: list, verify.")


def operator() -> Principal:
    """Whoever uses the command line: the system's user, who can read the data directory anyway."""
    from getpass import getuser

    from pipeline.access.roles import Principal, Role

    return Principal(name=f"local:{getuser()}", role=Role.ADMIN)


@app.command("list")
def list_(
    context: typer.Context,
    size: Annotated[int, typer.Option("--size", "-n", min=1, help="Most lines.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only lines with smaller numbers.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the last lines, newest first."""
    from pipeline.cli.users import accessed

    with accessed(context) as access:
        lines = access.audit.latest(size, before)
    if as_json:
        print_json(lines)
        return
    rows = [(e.seq, f"{e.at:%Y-%m-%d %H:%M:%S}", e.who, e.role, e.agency, e.action, e.subject, e.purpose) for e in lines]
    print_table(counted(len(rows), "line"), ("no", "when (UTC)", "who", "role", "agency", "did", "to what", "why"), rows)


@app.command()
def verify(
    context: typer.Context,
    kept: Annotated[
        str | None, typer.Option(metavar="NUMBER:MAC", help="A head kept elsewhere; the log must still have that line.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read all of the log and say whether a line was changed, removed, moved or cut off; print its head, to be kept elsewhere."""
    from pipeline.cli.users import accessed

    with accessed(context) as access:
        head = access.audit.verify(kept)
    if as_json:
        print_json({"lines": head.seq, "head": head.text})
    else:
        typer.echo(f"{counted(head.seq, 'line')}, each as it was written; head {head.text}")
