"""Users, tokens and throttling, on the embedded store and on a server. Each test has its own database."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from kubedoor.errors import Conflict, InvalidInput, KubeDoorError, NotFound, StoreError, TooManyRequests, Unauthorized
from kubedoor.identity import passwords
from kubedoor.identity.accounts import Users
from kubedoor.identity.authentication import TOKEN_USE_INTERVAL
from kubedoor.identity.oidc import Identity
from kubedoor.identity.throttle import ACCOUNT_FAILURES, ADDRESS_FAILURES, WINDOW, normalized_address
from kubedoor.roles import Role
from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate
from kubedoor.store.users import OIDC, User, UserStore
from tests.support.accounts import EDITOR, FIRST, PASSWORD, Clock, IdentityServices, dsn_of_new_database
from tests.support.clickhouse import ClickHouse

HERE = "198.51.100.7"


@pytest.fixture(params=["embedded", "served"])
def own_store(request: pytest.FixtureRequest, embedded_dsn: str) -> Iterator[Connection]:
    served: ClickHouse | None = request.getfixturevalue("clickhouse") if request.param == "served" else None
    connection = Connection(dsn_of_new_database(served.dsn if served else embedded_dsn))
    migrate(connection)
    yield connection
    connection.close()


@pytest.fixture
def house(own_store: Connection) -> IdentityServices:
    made = IdentityServices(own_store, Clock())
    made.people.create_first_user(FIRST, PASSWORD)
    return made


@pytest.fixture(scope="module")
def shared(embedded_dsn: str) -> Iterator[IdentityServices]:
    """Shared by tests that change nothing."""
    connection = Connection(dsn_of_new_database(embedded_dsn))
    migrate(connection)
    made = IdentityServices(connection, Clock())
    made.people.create_first_user(FIRST, PASSWORD)
    yield made
    connection.close()


def fail(house: IdentityServices, times: int, *, username: str = FIRST, address: str = HERE) -> None:
    """Store this many failed log-ins, one second apart, the last one now."""
    for back in reversed(range(times)):
        house.logins.add(at=house.clock() - timedelta(seconds=back), account=username, address=address, succeeded=False)
    house.clock.advance(seconds=1)


def audit_of(house: IdentityServices) -> list[tuple[str, str, str]]:
    return [(row["action"], row["target"], row["outcome"]) for row in reversed(house.records.audit(limit=100))]


# Users


def test_the_first_user_is_made_once(house: IdentityServices) -> None:
    house.people.create_first_user("another", PASSWORD)
    assert [(user.username, user.role) for user in house.users.all()] == [(FIRST, "admin")]


def test_every_change_of_a_user_is_audited_with_before_and_after(house: IdentityServices) -> None:
    house.users.create("ann", "ann-password", "viewer", EDITOR)
    house.users.set_role("ann", "operator", EDITOR)
    house.users.reset_password("ann", "ann-password-2", EDITOR)
    house.users.log_out("ann", EDITOR)
    house.users.delete("ann", EDITOR)
    actions = ["user.create", "user.role", "password.reset", "user.log-out", "user.delete"]
    assert audit_of(house) == [(action, "ann", "done") for action in actions]
    role = house.records.audit(limit=100)[3]
    assert (role["who"], role["via"], role["address"]) == (EDITOR.who, EDITOR.via, EDITOR.address)
    assert (role["before"]["role"], role["after"]["role"]) == ("viewer", "operator")
    assert "password" not in str([row["after"] for row in house.records.audit(limit=100)]).replace(
        "must_change_password", ""
    )


def test_a_change_that_cannot_be_recorded_does_not_happen(house: IdentityServices, own_store: Connection) -> None:
    house.users.create("ann", "ann-password", "viewer", EDITOR)
    own_store.command("DROP TABLE audit")
    with pytest.raises(StoreError):
        house.users.set_role("ann", "admin", EDITOR)
    with pytest.raises(StoreError):
        house.users.create("eve", "eve-password", "admin", EDITOR)
    with pytest.raises(StoreError):
        house.tokens.create("ci", "admin", days=1, editor=EDITOR)
    assert [(user.username, user.role) for user in house.users.all()] == [("ann", "viewer"), (FIRST, "admin")]
    assert house.tokens.all() == []


@pytest.mark.parametrize("change", ["delete", "demote"])
def test_the_last_admin_stays(house: IdentityServices, change: str) -> None:
    def act(username: str) -> None:
        if change == "delete":
            house.users.delete(username, EDITOR)
        else:
            house.users.set_role(username, "viewer", EDITOR)

    house.users.create("ann", "ann-password", "operator", EDITOR)
    with pytest.raises(Conflict, match="last admin"):
        act(FIRST)
    house.users.set_role("ann", "admin", EDITOR)
    act(FIRST)
    with pytest.raises(Conflict, match="last admin"):
        act("ann")
    assert house.store.count(role="admin") == 1


@pytest.mark.parametrize("change", ["delete", "demote"])
def test_the_last_local_admin_stays_since_a_provider_can_take_the_role_from_its_own(
    house: IdentityServices, change: str
) -> None:
    boss = replace(ANN, role=Role.ADMIN)
    house.users.provision(boss, EDITOR)

    def act() -> None:
        if change == "delete":
            house.users.delete(FIRST, EDITOR)
        else:
            house.users.set_role(FIRST, "viewer", EDITOR)

    with pytest.raises(Conflict, match="the last admin with a password here"):
        act()
    house.users.provision(replace(boss, role=Role.VIEWER), EDITOR)
    assert house.store.count(role="admin") == 1
    house.users.provision(boss, EDITOR)
    house.users.delete("ann", EDITOR)
    assert house.store.count(role="admin") == 1


def test_of_admins_who_remove_each_other_at_once_one_stays(house: IdentityServices) -> None:
    house.users.create("ann", "ann-password", "admin", EDITOR)

    def demote(username: str) -> str:
        try:
            house.users.set_role(username, "viewer", EDITOR)
        except KubeDoorError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(demote, ["ann", FIRST]))
    assert house.store.count(role="admin") >= 1


def test_a_deleted_user_is_gone_and_the_name_can_be_given_anew(house: IdentityServices) -> None:
    house.users.create("ann", "ann-password", "viewer", EDITOR)
    _, cookie = house.people.log_in("ann", "ann-password", address=HERE)
    house.users.delete("ann", EDITOR)
    with pytest.raises(Unauthorized):
        house.people.session(cookie)
    with pytest.raises(Unauthorized):
        house.people.log_in("ann", "ann-password", address=HERE)
    with pytest.raises(NotFound):
        house.users.delete("ann", EDITOR)
    house.clock.advance(seconds=1)
    house.users.create("ann", "ann-password", "operator", EDITOR)
    with pytest.raises(Unauthorized):
        house.people.session(cookie)


def test_a_change_based_on_an_old_version_is_told_so(house: IdentityServices) -> None:
    ann = house.users.create("ann", "ann-password", "viewer", EDITOR)
    house.users.set_role("ann", "operator", EDITOR, version=ann.version)
    with pytest.raises(Conflict) as caught:
        house.users.set_role("ann", "admin", EDITOR, version=ann.version)
    assert caught.value.details == {"field": "version", "version": ann.version + 1}
    with pytest.raises(Conflict):
        house.users.delete("ann", EDITOR, version=ann.version)


@pytest.mark.parametrize(
    ("username", "password", "role", "field"),
    [
        ("", "good-password", "viewer", "username"),
        ("a/b", "good-password", "viewer", "username"),
        ("a b", "good-password", "viewer", "username"),
        ("ann", "short", "viewer", "password"),
        ("ann", "x" * 201, "viewer", "password"),
        ("long-name", "long-name", "viewer", "password"),
        ("ann", "kubedoor", "viewer", "password"),
        ("ann", "good-password", "root", "role"),
    ],
)
def test_a_bad_user_names_the_field(
    shared: IdentityServices, username: str, password: str, role: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        shared.users.create(username, password, role, EDITOR)
    assert caught.value.details["field"] == field


def test_a_name_in_use_is_a_conflict(shared: IdentityServices) -> None:
    with pytest.raises(Conflict):
        shared.users.create(FIRST, "good-password", "viewer", EDITOR)


class Interrupted(UserStore):
    """A store whose method `at` lets `other` go first, once: as a second pod would at that very moment."""

    def __init__(self, connection: Connection, at: str, other: Callable[[], object]) -> None:
        super().__init__(connection)
        self._at, self._other = at, other

    def _now(self, at: str) -> None:
        if self._at == at:
            self._at = ""
            self._other()

    def newest_version(self, username: str) -> int:
        found = super().newest_version(username)
        self._now("version is read")
        return found

    def user(self, username: str) -> User | None:
        found = super().user(username)
        self._now("user is not found")
        return found

    def save(self, user: User, *, deleted: bool = False) -> User:
        self._now("user is saved")
        return super().save(user, deleted=deleted)


def test_of_two_who_are_created_at_once_one_is(house: IdentityServices, own_store: Connection) -> None:
    moments = ("version is read", "user is not found", "user is saved")
    pairs = (("ann{}", "ann{}"), ("eve{}", "Eve{}"), ("b0b{}", "bob{}"))
    for number, (at, pair) in enumerate(itertools.product(moments, pairs)):
        first, second = (name.format("x" * number) for name in pair)
        store = Interrupted(own_store, at, partial(house.users.create, first, "first-password", "viewer", EDITOR))
        late = Users(store, house.records, house.passwords, now=house.clock)
        with pytest.raises(Conflict):
            late.create(second, "second-password", "admin", EDITOR)
        assert house.users.one(first).role == "viewer"
        assert house.people.log_in(first, "first-password", address=HERE)[0].user.role == "viewer"
        with pytest.raises(Unauthorized):
            house.people.log_in(second, "second-password", address=HERE)
    assert len(house.users.all()) == 1 + len(moments) * len(pairs)


def test_names_that_look_like_others_are_refused_wherever_they_come_from(house: IdentityServices) -> None:
    for name in ("Kubedoor", "kubedооr"):
        with pytest.raises(Conflict):
            house.users.provision(replace(ANN, username=name), EDITOR)
    assert [user.username for user in house.users.all()] == [FIRST]
    house.tokens.create("ci", "viewer", days=1, editor=EDITOR)
    with pytest.raises(Conflict, match="looks like"):
        house.tokens.create("CI", "admin", days=1, editor=EDITOR)


# Sessions


def test_a_new_password_ends_every_other_session(house: IdentityServices) -> None:
    login, cookie = house.people.log_in(FIRST, PASSWORD, address=HERE)
    house.clock.advance(seconds=1)
    changed, new_cookie = house.people.change_password(login, PASSWORD, "my-new-password", EDITOR)
    assert not changed.user.must_change_password
    assert house.people.session(new_cookie).user.username == FIRST
    with pytest.raises(Unauthorized):
        house.people.session(cookie)


def test_log_out_everywhere_ends_every_session(house: IdentityServices) -> None:
    cookies = [house.people.log_in(FIRST, PASSWORD, address=HERE)[1] for _ in range(2)]
    house.clock.advance(seconds=1)
    house.people.log_out_everywhere(house.users.one(FIRST), EDITOR)
    for cookie in cookies:
        with pytest.raises(Unauthorized):
            house.people.session(cookie)


def test_a_session_ends_by_itself_and_cannot_be_forged(house: IdentityServices) -> None:
    _, cookie = house.people.log_in(FIRST, PASSWORD, address=HERE)
    with pytest.raises(Unauthorized):
        # Not its last character: some of that one's bits belong to no byte.
        house.people.session(cookie[:-2] + ("A" if cookie[-2] != "A" else "B") + cookie[-1])
    with pytest.raises(Unauthorized):
        house.people.session(str(house.people.signer("oidc").dumps([FIRST, house.clock().timestamp()])))
    house.clock.advance(hours=12)
    with pytest.raises(Unauthorized):
        house.people.session(cookie)


def test_a_role_counts_from_the_next_request(house: IdentityServices) -> None:
    house.users.create("ann", "ann-password", "viewer", EDITOR)
    _, cookie = house.people.log_in("ann", "ann-password", address=HERE)
    house.users.set_role("ann", "admin", EDITOR)
    assert house.people.session(cookie).user.role == "admin"


# Throttling


def test_an_account_is_throttled_and_told_when_to_come_back(house: IdentityServices) -> None:
    fail(house, ACCOUNT_FAILURES)
    with pytest.raises(TooManyRequests) as caught:
        house.people.log_in(FIRST, PASSWORD, address="203.0.113.9")
    wait = caught.value.details["retry_after_seconds"]
    assert 0 < wait <= WINDOW.total_seconds()
    house.clock.advance(seconds=wait)
    assert house.people.log_in(FIRST, PASSWORD, address=HERE)[0].user.username == FIRST


def test_a_success_forgets_an_accounts_failures(house: IdentityServices) -> None:
    for _ in range(2):
        fail(house, ACCOUNT_FAILURES - 1)
        house.people.log_in(FIRST, PASSWORD, address=HERE)
        house.clock.advance(seconds=1)


def test_an_address_is_throttled_whatever_the_account(house: IdentityServices) -> None:
    for number in range(ADDRESS_FAILURES // 10):
        fail(house, 10, username=f"user-{number}")
    with pytest.raises(TooManyRequests):
        house.people.log_in(FIRST, PASSWORD, address=HERE)
    assert house.people.log_in(FIRST, PASSWORD, address="203.0.113.9")[0].user.username == FIRST


def test_of_ipv6_a_whole_network_counts_as_one_address(house: IdentityServices) -> None:
    for number in range(ADDRESS_FAILURES):
        with pytest.raises(Unauthorized):
            house.people.log_in(f"nobody-{number}", "wrong-password", address=f"2001:db8:0:1::{number:x}")
    with pytest.raises(TooManyRequests):
        house.people.log_in(FIRST, PASSWORD, address="2001:db8:0:1:ffff::1")
    assert house.people.log_in(FIRST, PASSWORD, address="2001:db8:0:2::1")[0].user.username == FIRST


@pytest.mark.parametrize(
    ("address", "want"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_what_an_address_counts_as(address: str, want: str) -> None:
    assert normalized_address(address) == want


def test_a_success_excuses_its_own_attempt_at_an_address(house: IdentityServices) -> None:
    fail(house, ADDRESS_FAILURES - 1, username="another")
    for _ in range(3):
        house.people.log_in(FIRST, PASSWORD, address=HERE)
        house.clock.advance(seconds=1)


def test_a_failed_log_in_counts(house: IdentityServices) -> None:
    fail(house, ACCOUNT_FAILURES - 1)
    with pytest.raises(Unauthorized):
        house.people.log_in(FIRST, "wrong-password", address=HERE)
    with pytest.raises(TooManyRequests):
        house.people.log_in(FIRST, PASSWORD, address=HERE)


def test_two_pods_throttle_as_one(house: IdentityServices, own_store: Connection) -> None:
    other = IdentityServices(own_store, house.clock)
    fail(house, ACCOUNT_FAILURES // 2)
    fail(other, ACCOUNT_FAILURES // 2)
    for pod in (house, other):
        with pytest.raises(TooManyRequests):
            pod.people.log_in(FIRST, PASSWORD, address=HERE)


def test_a_burst_gets_no_more_guesses_than_a_queue(house: IdentityServices) -> None:
    def guess(_: int) -> str:
        try:
            house.people.log_in(FIRST, "wrong-password", address=HERE)
        except KubeDoorError as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(guess, range(16)))
    assert outcomes.count("unauthorized") <= ACCOUNT_FAILURES
    assert set(outcomes) <= {"unauthorized", "too_many_requests"}


def test_what_is_refused_is_not_written(house: IdentityServices) -> None:
    fail(house, ACCOUNT_FAILURES)
    for _ in range(3):
        with pytest.raises(TooManyRequests):
            house.people.log_in(FIRST, PASSWORD, address=HERE)
    since = house.clock() - timedelta(days=1)
    assert len(house.logins.failures_of_account(FIRST, since=since)) == ACCOUNT_FAILURES


def test_what_a_busy_server_refuses_is_not_counted(house: IdentityServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASH_WAIT_SECONDS", 0.01)
    login, _ = house.people.log_in(FIRST, PASSWORD, address=HERE)
    with ExitStack() as others:
        for _ in range(passwords.MAX_CONCURRENT_HASHES):
            others.enter_context(house.passwords.slot())
        for _ in range(ACCOUNT_FAILURES + 2):
            with pytest.raises(TooManyRequests, match="many people"):
                house.people.log_in(FIRST, PASSWORD, address=HERE)
            with pytest.raises(TooManyRequests, match="many people"):
                house.people.change_password(login, PASSWORD, "my-new-password", EDITOR)
    assert house.people.log_in(FIRST, PASSWORD, address=HERE)[0].user.username == FIRST


def test_guessing_the_old_password_is_throttled_too(house: IdentityServices) -> None:
    login, _ = house.people.log_in(FIRST, PASSWORD, address=HERE)
    house.clock.advance(minutes=1)
    fail(house, ACCOUNT_FAILURES - 1)
    with pytest.raises(InvalidInput):
        house.people.change_password(login, "wrong-password", "my-new-password", EDITOR)
    with pytest.raises(TooManyRequests):
        house.people.change_password(login, PASSWORD, "my-new-password", EDITOR)


# Tokens


def test_a_token_works_until_it_is_revoked(house: IdentityServices, own_store: Connection) -> None:
    token, secret = house.tokens.create("ci", "operator", days=1, editor=EDITOR)
    login = house.people.token(secret)
    assert (login.user.username, login.user.role, login.via) == ("ci", "operator", "token")
    stored = own_store.rows("SELECT * FROM token_versions")
    assert secret not in str(stored)
    assert token.token_hash in str(stored)
    assert secret not in str(house.records.audit(limit=10))
    house.tokens.revoke("ci", EDITOR)
    with pytest.raises(Unauthorized):
        house.people.token(secret)
    assert house.tokens.all() == []
    with pytest.raises(NotFound):
        house.tokens.revoke("ci", EDITOR)
    assert [action for action, _, _ in audit_of(house)] == ["token.create", "token.revoke"]


def test_the_last_use_of_a_token_is_noted_every_few_minutes_and_not_at_every_request(
    house: IdentityServices, own_store: Connection
) -> None:
    _, secret = house.tokens.create("ci", "viewer", days=1, editor=EDITOR)
    assert [entry.last_used_at for entry in house.tokens.all()] == [None]
    first = house.clock()
    for _ in range(3):
        house.people.token(secret)
        house.clock.advance(minutes=1)
    assert own_store.rows("SELECT count() AS n FROM token_uses") == [{"n": 1}]
    house.clock.advance(minutes=TOKEN_USE_INTERVAL.seconds / 60)
    house.people.token(secret)
    (entry,) = house.tokens.all()
    assert entry.last_used_at is not None
    assert entry.last_used_at - first > TOKEN_USE_INTERVAL


def test_a_token_of_a_name_given_anew_has_not_been_used(house: IdentityServices) -> None:
    _, secret = house.tokens.create("ci", "viewer", days=1, editor=EDITOR)
    house.people.token(secret)
    house.tokens.revoke("ci", EDITOR)
    house.tokens.create("ci", "viewer", days=1, editor=EDITOR)
    assert [entry.last_used_at for entry in house.tokens.all()] == [None]


def test_a_token_expires_and_its_name_can_be_given_anew(house: IdentityServices) -> None:
    _, secret = house.tokens.create("ci", "viewer", days=1, editor=EDITOR)
    with pytest.raises(Conflict):
        house.tokens.create("ci", "viewer", days=1, editor=EDITOR)
    house.clock.advance(days=1)
    with pytest.raises(Unauthorized):
        house.people.token(secret)
    _, newer = house.tokens.create("ci", "viewer", days=1, editor=EDITOR)
    assert house.people.token(newer).user.username == "ci"
    with pytest.raises(Unauthorized):
        house.people.token(secret)


@pytest.mark.parametrize(
    ("name", "role", "days", "field"),
    [
        ("", "viewer", 1, "name"),
        ("a b", "viewer", 1, "name"),
        ("ci", "root", 1, "role"),
        ("ci", "viewer", 0, "expires_in_days"),
    ],
)
def test_a_bad_token_names_the_field(shared: IdentityServices, name: str, role: str, days: int, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        shared.tokens.create(name, role, days=days, editor=EDITOR)
    assert caught.value.details["field"] == field


# Identities of a provider


ANN = Identity("ann", Role.VIEWER, "https://id.example ann-1")


def test_an_identity_becomes_a_user_and_keeps_up_with_its_role(house: IdentityServices) -> None:
    assert house.users.provision(ANN, EDITOR).source == OIDC
    assert house.users.provision(replace(ANN, role=Role.OPERATOR), EDITOR).role == "operator"
    assert [action for action, _, _ in audit_of(house)] == ["user.create", "user.role"]
    with pytest.raises(Unauthorized):
        house.people.log_in("ann", "", address=HERE)
    with pytest.raises(Conflict, match="identity provider"):
        house.users.set_role("ann", "admin", EDITOR)
    with pytest.raises(Conflict, match="identity provider"):
        house.users.reset_password("ann", "good-password", EDITOR)


@pytest.mark.parametrize(
    "identity",
    [replace(ANN, username=FIRST), replace(ANN, subject="https://id.example eve-9"), replace(ANN, username="a/b")],
    ids=["a local user's name", "another person's name", "a name that cannot be used"],
)
def test_a_provider_cannot_take_a_user_over(house: IdentityServices, identity: Identity) -> None:
    house.users.provision(ANN, EDITOR)
    with pytest.raises(Conflict):
        house.users.provision(identity, EDITOR)
