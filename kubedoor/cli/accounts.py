"""`kubedoor users` and `kubedoor tokens`."""

from __future__ import annotations

import secrets
from typing import Annotated, Any
from urllib.parse import quote

import typer

from kubedoor.cli.output import Format, FormatOption, print_found
from kubedoor.roles import Role

GENERATED_PASSWORD_BYTES = 12
Username = Annotated[str, typer.Argument(help="Name of the user.")]
RoleOption = Annotated[Role, typer.Option(help="viewer, operator or admin.")]


def add_to(app: typer.Typer) -> None:
    users = typer.Typer(help="Who may log in.", no_args_is_help=True)
    users.command("list")(list_users)
    users.command(
        "create", help="The first password is made up and printed; it has to be changed at the first log-in."
    )(create_user)
    users.command("role", help="Give another role.")(change_role)
    users.command("password", help="Give a new first password, made up and printed.")(reset_password)
    users.command("log-out", help="End every session of a user.")(log_out)
    users.command("delete")(delete_user)
    app.add_typer(users, name="users")
    tokens = typer.Typer(help="API tokens for pipelines.", no_args_is_help=True)
    tokens.command("list")(list_tokens)
    tokens.command("create", help="Prints the token, this once.")(create_token)
    tokens.command("revoke")(revoke_token)
    app.add_typer(tokens, name="tokens")


def list_users(context: typer.Context, form: FormatOption = Format.TABLE) -> None:
    print_found(context.obj.call("GET", "/users"), form, ("user", "role", "from", "remark"), _user)


def _user(user: dict[str, Any]) -> tuple[str, ...]:
    remark = "first password" if user["must_change_password"] else ""
    return user["username"], user["role"], user["source"], remark


def create_user(context: typer.Context, username: Username, role: RoleOption = Role.VIEWER) -> None:
    password = secrets.token_urlsafe(GENERATED_PASSWORD_BYTES)
    context.obj.call("POST", "/users", {"username": username, "password": password, "role": role})
    print(f"{username} may log in as {role} with {password}")


def change_role(
    context: typer.Context, username: Username, role: Annotated[Role, typer.Argument(help="The new role.")]
) -> None:
    context.obj.call("PATCH", f"/users/{quote(username, safe='')}", {"role": role})
    print(f"{username} is {role}")


def reset_password(context: typer.Context, username: Username) -> None:
    password = secrets.token_urlsafe(GENERATED_PASSWORD_BYTES)
    context.obj.call("PUT", f"/users/{quote(username, safe='')}/password", {"password": password})
    print(f"{username} may log in with {password}")


def log_out(context: typer.Context, username: Username) -> None:
    context.obj.call("POST", f"/users/{quote(username, safe='')}/log-out")
    print(f"every session of {username} has ended")


def delete_user(context: typer.Context, username: Username) -> None:
    context.obj.call("DELETE", f"/users/{quote(username, safe='')}")
    print(f"{username} is gone")


def list_tokens(context: typer.Context, form: FormatOption = Format.TABLE) -> None:
    columns = ("token", "role", "expires", "last used", "made by")
    print_found(context.obj.call("GET", "/tokens"), form, columns, _token)


def _token(token: dict[str, Any]) -> tuple[str, ...]:
    return token["name"], token["role"], token["expires_at"], token["last_used_at"] or "never", token["made_by"]


def create_token(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: RoleOption = Role.VIEWER,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it lasts.")] = 90,
) -> None:
    body = {"name": name, "role": role, "expires_in_days": days}
    print(context.obj.call("POST", "/tokens", body)["token"])


def revoke_token(context: typer.Context, name: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    context.obj.call("DELETE", f"/tokens/{quote(name, safe='')}")
    print(f"{name} works no more")
