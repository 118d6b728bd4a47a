"""Who a party or an owner is: a certificate that the others have pinned, and the private key to it.

Certificates are self-signed. Three parties and a few owners know each other by contract: an authority would only be one
more who can let somebody in. When a certificate is renewed, the others get the new one.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ditto.errors import DittoError

_DAY = datetime.timedelta(days=1)


class IdentityError(DittoError, ValueError):
    """A certificate or key that is missing, cannot be read, or does not fit; names the file."""


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str = field(repr=False)

    def save(self, stem: Path) -> None:
        """Writes `stem`.pem and `stem`.key, the key for its owner's eyes only."""
        stem.parent.mkdir(parents=True, exist_ok=True)
        key = stem.with_name(stem.name + ".key")
        with contextlib.suppress(FileNotFoundError):
            key.unlink()
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.key)
        stem.with_name(stem.name + ".pem").write_text(self.certificate)

    @staticmethod
    def load(stem: str | Path) -> Identity:
        """Reads what `save` wrote.

        Raises:
            IdentityError: a file is missing or no PEM, or the key is that of another certificate.
        """
        stem = Path(stem)
        certificate, key = (read_text(stem.with_name(stem.name + suffix)) for suffix in (".pem", ".key"))
        try:
            private = serialization.load_pem_private_key(key.encode(), None)
        except (ValueError, TypeError) as error:
            # The parser's own words might show a part of the file.
            raise IdentityError(f"{stem}.key holds no private key in PEM without a password") from error
        if private.public_key() != parsed(certificate, f"{stem}.pem").public_key():
            raise IdentityError(f"{stem}.key is not the key of the certificate {stem}.pem")
        return Identity(certificate, key)

    @staticmethod
    def make(name: str, days: int = 365) -> Identity:
        """A new identity with a certificate of so many days (from yesterday on: clocks differ)."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + days * _DAY)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host_name(name))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Identity(certificate.public_bytes(serialization.Encoding.PEM).decode(), pem.decode())


def host_name(name: str) -> str:
    """What a certificate calls an identity where TLS asks for the name of a host."""
    return re.sub(r"[^a-z0-9-]", "-", name.lower()).strip("-") or "nobody"


def names_of(certificate: str, place: str) -> list[str]:
    """The host names of a certificate."""
    try:
        names = parsed(certificate, place).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def fingerprint(certificate: str | bytes, place: str = "a certificate") -> bytes:
    """SHA-256 of a certificate (DER)."""
    text = certificate.decode() if isinstance(certificate, bytes) else certificate
    return hashlib.sha256(parsed(text, place).public_bytes(serialization.Encoding.DER)).digest()


def expiry(certificate: str, place: str = "a certificate") -> datetime.datetime:
    """Until when a certificate is valid."""
    return parsed(certificate, place).not_valid_after_utc


def parsed(certificate: str, place: str) -> x509.Certificate:
    """A certificate in PEM. Raises IdentityError; names the place."""
    try:
        return x509.load_pem_x509_certificate(certificate.encode())
    except ValueError as error:
        raise IdentityError(f"{place} holds no certificate in PEM") from error


def read_text(path: Path) -> str:
    """Raises IdentityError."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise IdentityError(f"{path} cannot be read: {reason}") from error
