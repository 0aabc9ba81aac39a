"""A CA of our own, certificates it signs, and a scripted remote that speaks TLS."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.remote_tom import RemoteTom


class Authority:
    """A certificate authority, as an institute runs one."""

    def __init__(self, directory: Path, name: str = "Institute CA") -> None:
        self.directory = directory
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        basic = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        made = _certificate(self.name, self.name, self.key.public_key())
        made = made.add_extension(basic, critical=True)
        made = made.add_extension(usage, critical=True)
        made = made.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()),
            critical=False,
        )
        self.bundle = directory / f"{name}.pem"
        self.bundle.write_bytes(_pem(made.sign(self.key, hashes.SHA256())))

    def certificate(self, address: str = "127.0.0.1", days: int = 1) -> Path:
        """Sign a certificate for an address; return the file with it and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a TOM")])
        alternative = x509.IPAddress(ipaddress.ip_address(address))
        ours = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = (
            _certificate(subject, self.name, key.public_key(), days)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(ours, critical=False)
        )
        file = self.directory / f"server-{address}-{days}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_bytes(_pem(made.sign(self.key, hashes.SHA256())) + secret)
        return file


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: Any, days: int = 1
) -> x509.CertificateBuilder:
    """Begin a certificate that ends in so many days, or has ended."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class TlsTom(RemoteTom):
    """A scripted remote TOM behind TLS."""

    def __init__(self, certificate: Path) -> None:
        self._certificate = certificate
        super().__init__()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/"

    def listen(self) -> None:
        """Accept connections, each after a handshake."""
        super().listen()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        assert self._server is not None
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
