"""A self-signed CA and the webhook's certificate, as files in a folder. Key files are readable by their owner only.

For local runs and the sandbox, and for `in_cluster`, which copies the files into a Secret.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS = 3650
LEAF_DAYS = 90
RENEW_CA_BEFORE_DAYS = 30


@dataclass(frozen=True)
class CertificateFiles:
    ca: Path
    certificate: Path
    key: Path


def ensure(
    folder: Path, names: Sequence[str], *, now: datetime, lifetime: timedelta = timedelta(days=LEAF_DAYS)
) -> CertificateFiles:
    """Create missing files; renew a certificate that is for other names or has a third of `lifetime` left. Idempotent."""
    folder.mkdir(parents=True, exist_ok=True)
    files = files_in(folder)
    ca_key_file = folder / "ca.key"
    if (
        not files.ca.exists()
        or not ca_key_file.exists()
        or _expires_before(files.ca, now + timedelta(days=RENEW_CA_BEFORE_DAYS))
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        _write_key(ca_key_file, key)
        _write_certificate(files.ca, _ca(key, now))
        files.certificate.unlink(missing_ok=True)
    if not files.key.exists() or not _is_usable(files.certificate, names, now + lifetime / 3):
        ca_key = serialization.load_pem_private_key(ca_key_file.read_bytes(), password=None)
        if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{ca_key_file} is not a key that KubeDoor made")
        leaf_key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(leaf_key, ca_key, x509.load_pem_x509_certificate(files.ca.read_bytes()), names, now, lifetime)
        _write_key(files.key, leaf_key)
        _write_certificate(files.certificate, leaf)
    return files


def files_in(folder: Path) -> CertificateFiles:
    return CertificateFiles(folder / "ca.crt", folder / "tls.crt", folder / "tls.key")


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Replace files of `folder`, by name."""
    for name, content in contents.items():
        _replace(folder / name, content, mode=0o600 if name.endswith(".key") else 0o644)


def days_left(certificate: Path, *, now: datetime) -> int:
    """Whole days until a certificate expires; negative once it has. Raises OSError and ValueError."""
    return (x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc - now).days


def _expires_before(certificate: Path, moment: datetime) -> bool:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc < moment


def _is_usable(certificate: Path, names: Sequence[str], moment: datetime) -> bool:
    if not certificate.exists() or _expires_before(certificate, moment):
        return False
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(alternatives) == set(_alternatives(names))


def _ca(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "KubeDoor local CA")])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, key.public_key(), now, timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    ca_key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    names: Sequence[str],
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    return (
        _builder(subject, ca.subject, key.public_key(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Valid from an hour ago, for API servers whose clock is behind.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + lifetime)
    )


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    result: list[x509.GeneralName] = []
    for name in names:
        try:
            result.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            result.append(x509.DNSName(name))
    return result


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _replace(path, pem, mode=0o600)


def _write_certificate(path: Path, certificate: x509.Certificate) -> None:
    _replace(path, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as handle:
        handle.write(content)
    scratch.replace(path)
