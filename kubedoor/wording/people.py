"""Sentences about people: log-ins, users, tokens, passwords, roles."""

PEOPLE = {
    # Log-ins.
    "people.wrong_password": "the user name or the password is wrong",
    "people.old_password_wrong": "the old password is wrong",
    "people.log_in_first": "log in first",
    "people.session_ended": "the session has ended: log in again",
    "people.unknown_token": "the API token is unknown, has expired or has been revoked",
    "people.first_password_is_local": (
        "the first password kubedoor is for the machine that KubeDoor runs on: set KUBEDOOR_ADMIN_PASSWORD"
        " before the first start, or run `kubedoor users password` there"
    ),
    "people.many_log_ins": "many people are logging in just now: try again",
    "people.too_many_failed": "too many log-ins have failed: try again in {minutes} {minutes:minute|minutes}",
    "people.unknown_host": "this name is not known to lead here: open localhost, or set KUBEDOOR_PUBLIC_URL",
    "people.other_site": "this change comes from another site's page",
    "people.for_people": "this is for people who have logged in, not for API tokens or the command line",
    "people.change_first_password": "change the first password before anything else: PUT /api/v1/session/password",
    "people.needs_role": "this needs the role {needed}, and {who} is {role}",
    "people.unknown_cluster": "there is no such cluster here",
    # OpenID Connect.
    "people.not_started": "this log-in was not started here: start again",
    "people.not_started_or_ended": "this log-in was not started here, or has ended",
    "people.took_too_long": "this log-in took too long: start again",
    "people.not_let_in": "the provider did not let the person in",
    "people.no_oidc": "OpenID Connect is not set up here: KUBEDOOR_OIDC_ISSUER",
    "people.many_at_provider": "many people are logging in at the identity provider just now: try again",
    "people.other_issuer": "the provider at KUBEDOOR_OIDC_ISSUER says that it is another issuer",
    "people.other_user": "the provider's userinfo is about another user than its ID token",
    "people.no_claim": "the provider does not say {claim}: check scopes and claims",
    "people.no_role": "{who} has no role in KubeDoor",
    "people.provider_no_object": "the identity provider answers something that is not an object",
    "people.provider_refuses": "the identity provider refuses: {error}",
    "people.provider_invalid": "the identity provider's answer is invalid: {error}",
    "people.provider_unreachable": "the identity provider cannot be reached, or does not answer as it should",
    "people.provider_lacks": "the identity provider's answer lacks a field, or has one of the wrong type",
    # Users and their names.
    "people.no_user": "there is no user {name}",
    "people.user_exists": "there is a user {name} already",
    "people.looks_like": "there is a user {other}, whom nobody could tell from {name}: choose another name",
    "people.user_changed": "user {name} has been changed since: it has version {version}",
    "people.user_changed_meanwhile": "user {name} has been changed by somebody else in the meantime",
    "people.user_names": "a user name has up to {most} letters, digits and . _ @ + -",
    "people.token_names": "a token's name has up to {most} letters, digits and . _ -",
    "people.plain_form": "{rule}, in their plain form: write {name}",
    "people.other_alphabets": "{rule}; letters of other alphabets than {alphabets} look too much like these",
    "people.one_alphabet": "{rule}, of one alphabet: this has {alphabets} ones, which look alike",
    "people.role_of_provider": "the role of {name} comes from the identity provider: change it there",
    "people.password_of_provider": "the password of {name} is kept by the identity provider",
    "people.your_password_of_provider": "your password is kept by the identity provider: change it there",
    "people.name_taken": "the user name {name} belongs to somebody else here",
    "people.name_unusable": "the user name {name} cannot be used here",
    "people.last_admin": "{name} is the last admin: make somebody else an admin first",
    "people.last_local_admin": (
        "{name} is the last admin with a password here, and the identity provider can take the role from the others: make"
        " another local user an admin first"
    ),
    "people.no_such_role": "there is no role {role}: there are {roles}",
    # Tokens.
    "people.no_token": "there is no token {name}",
    "people.token_exists": "there is a token {name} already: revoke it first, or choose another name",
    "people.token_looks_like": "there is a token {other}, which {name} looks like: choose another name",
    "people.token_days": "a token lasts from {least} to {most} days",
    "people.token_changed": "token {name} has been changed by somebody else in the meantime",
    # Passwords.
    "people.password_length": "a password has {least} to {most} characters",
    "people.password_not_new": "the new password must be neither the old one, the default nor the user name",
    "people.password_weak": "this password is too easy to guess: it {why}",
    "people.weak_short": "has fewer than {least} characters",
    "people.weak_few_different": "has fewer than {least} different characters",
    "people.weak_digits": "has digits only, and fewer than {least}",
    "people.weak_repeated": "is one piece again and again",
    "people.weak_walk": "is a walk over the keyboard or the alphabet",
    "people.weak_word": "is a common word, or the user's name, with little around it",
}
