"""The API over TLS, by a certificate that the test makes."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.sync.client import connect

from engine.config import ApiSection
from tests.api.desk import V1, Desk, running


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return the files of a new certificate for 127.0.0.1, signed by itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ripcord")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return cert_file, key_file


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a running engine with an open position, and its API over TLS."""
    cert, key = certificate(tmp_path)
    section = ApiSection(port=0, tls_cert=cert, tls_key=key)
    with running(tmp_path, lambda desk: desk.add(), section=section) as desk:
        yield desk


@pytest.fixture
def trusting(desk: Desk) -> ssl.SSLContext:
    """Return what trusts the certificate of *desk* and no other."""
    return ssl.create_default_context(cafile=str(desk.folder / "cert.pem"))


def test_who_trusts_the_certificate_is_served(desk: Desk, trusting: ssl.SSLContext) -> None:
    """Questions, commands, pages of the server itself and websockets, all of them encrypted."""
    assert desk.server is not None
    headers = {"Authorization": f"Bearer {desk.token}"}
    with httpx.Client(base_url=desk.server.url, headers=headers, verify=trusting) as client:
        assert client.base_url.scheme == "https"
        own = {"Origin": desk.server.url}
        assert client.get(f"{V1}/positions", headers=own).json()["total"] == 1
        sold = client.post(f"{V1}/positions/position-1/exit", headers={**own, "Idempotency-Key": "key-1"})
        assert sold.status_code == 200
    url = f"{desk.server.url.replace('https', 'wss')}{V1}/ws?since=0"
    with connect(url, additional_headers=headers, ssl=trusting) as line:
        assert '"position.position-1.opened"' in str(line.recv(timeout=10))


def test_who_does_not_trust_the_certificate_sends_nothing(desk: Desk) -> None:
    """A client that knows only the public authorities ends the handshake, and the token stays with it."""
    assert desk.server is not None
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        desk.client.get(f"{V1}/positions")


def test_plain_http_is_not_served(desk: Desk) -> None:
    """Nobody reads a token off the wire because a scheme was left out."""
    assert desk.server is not None
    with pytest.raises(httpx.RemoteProtocolError), httpx.Client() as plain:
        plain.get(f"http://127.0.0.1:{desk.server.port}/livez")
