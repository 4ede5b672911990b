"""Who may publish: every way to sign in, and what is said where the server does not let us in."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from engine.domain.errors import BadInputError
from engine.nats.credentials import read_credentials
from tests.nats.bridging import Happenings, troubled
from tests.nats.server import NatsServer
from tests.waiting import eventually

SECRET = "correct-horse-battery"


@pytest.mark.parametrize(
    ("server_side", "ours", "wrong"),
    [
        (
            f'user: "desk", password: "{SECRET}"',
            {"user": "desk", "password_env": SecretStr(SECRET)},
            {"user": "desk", "password_env": SecretStr("wrong")},
        ),
        (f'token: "{SECRET}"', {"token_file": SecretStr(SECRET)}, {}),
    ],
    ids=["password", "token"],
)
def test_whoever_is_let_in_publishes(
    tmp_path: Path, server_side: str, ours: dict[str, Any], wrong: dict[str, Any]
) -> None:
    """Anybody else is told to look at the settings, and no secret is repeated."""
    server = NatsServer(tmp_path, f"authorization {{ {server_side} }}")
    server.start()
    happenings = Happenings()
    happenings.happen(2)
    try:
        with happenings.bridge(server, **wrong) as bridge:
            troubled(bridge, "uthorization")
            assert "look at how [nats] signs in" in bridge.troubles()[0].message
            assert SECRET not in repr(bridge.troubles())
        with happenings.bridge(server, **ours) as bridge:
            eventually(lambda: bridge.published == 2, "it publishes")
    finally:
        server.kill()


def test_what_the_server_does_not_allow_is_said(tmp_path: Path) -> None:
    """By the subject that it refuses."""
    rights = '{ user: "desk", password: "x", permissions: { publish: ["$JS.>", "ripcord.alert.>"] } }'
    server = NatsServer(tmp_path, f"authorization {{ users: [{rights}] }}")
    server.start()
    happenings = Happenings()
    try:
        with happenings.published(server, waits=(60.0,), user="desk", password_env=SecretStr("x")) as bridge:

            def refused() -> bool:
                happenings.tick(0.5)  # again and again: a live event of before it listens reaches nobody
                said = 'permissions violation for publish to "ripcord.price.'
                return any(said in trouble.message for trouble in bridge.troubles())

            eventually(refused, "it says what the server refused")
    finally:
        server.kill()


# JWTs and keys as NATS has them: https://docs.nats.io/running-a-nats-service/nats_admin/security/jwt

_SEED, _OPERATOR, _ACCOUNT, _USER = 18 << 3, 14 << 3, 0, 20 << 3


def encoded(prefix: bytes, key: bytes) -> str:
    """Return *key* as NATS writes it: what it is, the key and a check sum, in base 32."""
    body = prefix + key
    return base64.b32encode(body + binascii.crc_hqx(body, 0).to_bytes(2, "little")).decode().rstrip("=")


class Party:
    """Somebody with a key: an operator, an account or a user."""

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self._key = Ed25519PrivateKey.generate()
        self.name = encoded(bytes([kind]), self._key.public_key().public_bytes_raw())

    @property
    def seed(self) -> str:
        """The secret."""
        prefix = bytes([_SEED | (self._kind >> 5), (self._kind & 31) << 3])
        return encoded(prefix, self._key.private_bytes_raw())

    def vouches_for(self, other: Party, kind: str, **claims: Any) -> str:
        """Return a JWT that says who *other* is."""
        body = {
            "jti": other.name,
            "iat": 1_700_000_000,
            "iss": self.name,
            "sub": other.name,
            "name": kind,
            "nats": {"type": kind, "version": 2, **claims},
        }
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body]
        text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        return f"{text}.{base64.urlsafe_b64encode(self._key.sign(text.encode())).decode().rstrip('=')}"


def credentials_file(path: Path, jwt: str, seed: str) -> Path:
    """Write a .creds file that its owner alone can read."""
    path.write_text(
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n",
        encoding="ascii",
    )
    path.chmod(0o600)
    return path


def test_a_credentials_file_signs_in(tmp_path: Path) -> None:
    """On a server that knows users by their account's signature alone."""
    operator, account, system, user = Party(_OPERATOR), Party(_ACCOUNT), Party(_ACCOUNT), Party(_USER)
    without_end = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    limits = {**without_end, "wildcards": True, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
    jwt = operator.vouches_for(account, "account", limits=limits)
    own = operator.vouches_for(system, "account", limits=without_end)
    server = NatsServer(
        tmp_path,
        f"operator: {operator.vouches_for(operator, 'operator')}\nsystem_account: {system.name}\n"
        f"resolver: MEMORY\nresolver_preload: {{ {account.name}: {jwt}\n {system.name}: {own} }}",
    )
    server.start()
    happenings = Happenings()
    happenings.happen(2)
    vouched = account.vouches_for(user, "user", subs=-1, data=-1, payload=-1)
    file = credentials_file(tmp_path / "desk.creds", vouched, user.seed)
    try:
        with happenings.bridge(server, credentials_file=file) as bridge:
            eventually(lambda: bridge.published == 2, "it publishes")
        with happenings.bridge(server) as bridge:
            troubled(bridge, "look at how [nats] signs in")
    finally:
        server.kill()


def test_a_credentials_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """In a sentence that names it and repeats nothing of it."""
    file = credentials_file(tmp_path / "a.creds", "jwt", f"{SECRET}")
    with pytest.raises(BadInputError, match=r"a\.creds is no \.creds file") as error:
        read_credentials(file)
    assert SECRET not in str(error.value)
    with pytest.raises(BadInputError, match="cannot be read: No such file"):
        read_credentials(tmp_path / "none.creds")
    file.chmod(0o644)
    with pytest.raises(BadInputError, match="can be read by other users"):
        read_credentials(file)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nats")])
    now = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def test_a_line_is_encrypted_where_the_server_wants_it(tmp_path: Path) -> None:
    """To a server whose certificate is trusted, and to no other."""
    cert, key = certificate(tmp_path)
    server = NatsServer(tmp_path, f'tls {{ cert_file: "{cert}", key_file: "{key}" }}')
    server.start()
    happenings = Happenings()
    happenings.happen(2)
    url = server.url.replace("nats://", "tls://")
    try:
        with happenings.bridge(server, url=url) as bridge:
            troubled(bridge, "its certificate is not trusted (self")
        with happenings.bridge(server, url=url, tls_ca=tmp_path / "nothing.pem") as bridge:
            troubled(bridge, "nothing.pem cannot be used: No such file")
        with happenings.bridge(server, url=url, tls_ca=cert) as bridge:
            eventually(lambda: bridge.published == 2, "it publishes")
    finally:
        server.kill()


def test_a_server_that_does_not_encrypt_is_told_no_secret(server: NatsServer) -> None:
    """Where the address says tls://, nothing is sent in the clear."""
    with Happenings().bridge(
        server, url=server.url.replace("nats://", "tls://"), token_env=SecretStr(SECRET)
    ) as bridge:
        troubled(bridge, "the server does not encrypt")
