from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from kubedoor.admission.certificates import self_signed

NOW = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = ["kubedoor-mutate.kubedoor.svc", "localhost", "127.0.0.1"]


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_certificates_are_created_once_and_keys_are_private(tmp_path: Path) -> None:
    files = self_signed.ensure(tmp_path / "tls", NAMES, now=NOW)
    before = files.certificate.read_bytes()
    assert self_signed.ensure(tmp_path / "tls", NAMES, now=NOW) == files
    assert files.certificate.read_bytes() == before
    assert files.key.stat().st_mode & 0o077 == 0
    assert (tmp_path / "tls" / "ca.key").stat().st_mode & 0o077 == 0
    assert load(files.certificate).issuer == load(files.ca).subject
    load(files.certificate).verify_directly_issued_by(load(files.ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)


def test_a_certificate_is_renewed_by_the_same_authority_before_it_expires(tmp_path: Path) -> None:
    files = self_signed.ensure(tmp_path, NAMES, now=NOW)
    authority, leaf = files.ca.read_bytes(), files.certificate.read_bytes()
    assert self_signed.days_left(files.certificate, now=NOW) == self_signed.LEAF_DAYS
    self_signed.ensure(tmp_path, NAMES, now=NOW + timedelta(days=61))
    assert files.ca.read_bytes() == authority
    assert files.certificate.read_bytes() != leaf


def test_a_new_name_or_an_expiring_authority_causes_a_new_certificate(tmp_path: Path) -> None:
    files = self_signed.ensure(tmp_path, NAMES, now=NOW)
    leaf = files.certificate.read_bytes()
    self_signed.ensure(tmp_path, [*NAMES, "door.test"], now=NOW)
    assert files.certificate.read_bytes() != leaf
    authority = files.ca.read_bytes()
    self_signed.ensure(tmp_path, NAMES, now=NOW + timedelta(days=self_signed.CA_DAYS))
    assert files.ca.read_bytes() != authority
