"""Users, sessions and OpenID Connect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting
from kubedoor.weak_secrets import WELL_KNOWN_PASSWORD


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class IdentitySettings:
    """Fields of `Settings`."""

    admin_username: str = setting("kubedoor", parsers.text, "admin", "Name of the first user.")
    admin_password: str = setting(
        WELL_KNOWN_PASSWORD,
        parsers.first_password,
        "…",
        "Password of the first user until it is changed. The default lets nobody in from other machines.",
        secret=True,
    )
    session_secret: str = setting(
        "",
        parsers.secret,
        "a long random text",
        "Key that session cookies are signed with; empty: made once and kept in the store.",
        secret=True,
    )
    session_hours: int = setting("12", parsers.integer(1, 720), "8", "How long a login lasts.")
    public_url: str = setting(
        "",
        parsers.url("http", "https"),
        "https://kubedoor.example.com",
        "Address that people open; needed for OpenID Connect, and where a proxy changes the Host header.",
    )
    hsts_days: int = setting(
        "365",
        parsers.integer(0, 730),
        "0",
        "How long browsers that have come over TLS refuse to come without it (HSTS), to this host on every port; 0: not said.",
    )
    trusted_hops: int = setting(
        "0",
        parsers.integer(0, 20),
        "2",
        "Number of proxies in front that add to X-Forwarded-For, for throttling and the audit: so many of its last entries are believed. 0: KUBEDOOR_TRUSTED_PROXIES decides.",
    )
    trusted_proxies: tuple[str, ...] = setting(
        "",
        parsers.networks,
        "192.0.2.10/32,127.0.0.1",
        "Networks of the proxies in front, whose X-Forwarded-For is believed. Everything in them can make up an address: not for networks of pods. With hops both must hold.",
    )
    oidc_issuer: str = setting(
        "",
        parsers.url("http", "https"),
        "https://id.example.com/realms/main",
        "OpenID Connect issuer; empty: passwords only.",
    )
    oidc_name: str = setting("", parsers.text, "Example ID", "What the login page calls the provider.")
    oidc_client_id: str = setting("", parsers.text, "kubedoor", "Client id at the provider.")
    oidc_client_secret: str = setting(
        "", parsers.text, "…", "Client secret at the provider; empty: a public client, PKCE alone.", secret=True
    )
    oidc_scopes: str = setting(
        "openid profile email", parsers.text, "openid profile email groups", "Scopes to ask for."
    )
    oidc_username_claim: str = setting("preferred_username", parsers.text, "email", "Claim that is the user's name.")
    oidc_role_claim: str = setting(
        "groups", parsers.text, "realm_access.roles", "Claim that decides the role; dots lead into objects."
    )
    oidc_role_mapping: Mapping[str, str] = setting(
        "",
        parsers.role_mapping,
        "sre=admin,dev=operator,*=viewer",
        "Role of each value of the role claim; the highest role counts, `*` is everybody. Values with commas, such as DNs of LDAP groups: a JSON object of them.",
    )
    oidc_ca_file: str = setting(
        "", parsers.file, "/etc/ssl/id-ca.crt", "CA file that the provider's certificate is checked with."
    )
