"""A keypair encrypted under a passphrase: scrypt (RFC 7914) makes the key, ChaCha20-Poly1305 (RFC 8439) encrypts.

Everything in the file but the ciphertext is authenticated with it. The address stands in the open, so that it can be
shown without the passphrase; until the file was opened nothing vouches for it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from solders.pubkey import Pubkey

from chain.keys.secret import Secret
from chain.keys.text import KEYPAIR_LENGTH

FORMAT, VERSION = "ripcord-wallet", 1
_SCRYPT, _CIPHER = "scrypt", "chacha20-poly1305"
_KEY_LENGTH, _NONCE_LENGTH, _TAG_LENGTH = 32, 12, 16
_SALT_LENGTHS = range(16, 65)
_N_RANGE = range(2**15, 2**20 + 1)
_R_RANGE = range(8, 33)
_P_RANGE = range(1, 5)
_MOST_MEMORY = 2**30
DAMAGED = "is a damaged encrypted wallet: use a backup of it"


@dataclass(frozen=True, slots=True)
class Work:
    """What a guess at the passphrase costs: the parameters of scrypt. The default is OWASP's, 128 MiB a guess."""

    n: int = 2**17
    r: int = 8
    p: int = 1

    @property
    def memory(self) -> int:
        """Bytes that a guess needs."""
        return 128 * self.n * self.r

    @property
    def acceptable(self) -> bool:
        """Whether it is neither too little to protect a key nor too much to be asked of this machine."""
        power_of_two = self.n & (self.n - 1) == 0
        ranges = self.n in _N_RANGE and self.r in _R_RANGE and self.p in _P_RANGE
        return power_of_two and ranges and self.memory <= _MOST_MEMORY


STANDARD = Work()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """What an encrypted file holds.

    Attributes:
        address: base58 public key of the wallet.
        work: cost of the key derivation.
        salt: of the key derivation.
        nonce: of the cipher, 12 bytes; the key is new with every salt, and so is used once.
        ciphertext: the keypair's 64 bytes, encrypted, and the tag.
    """

    address: str
    work: Work
    salt: bytes
    nonce: bytes
    ciphertext: bytes = b""

    def to_json(self) -> bytes:
        """Return the content of the file."""
        cipher = self._header["cipher"] | {"ciphertext": self.ciphertext.hex()}
        return json.dumps(self._header | {"cipher": cipher}, indent=2).encode() + b"\n"

    def open(self, passphrase: Secret) -> Secret | None:
        """Return the keypair; None where *passphrase* is not the one, or anything in the file was changed.

        Raises:
            MemoryError: the machine has not as much memory as `work` asks for.
        """
        plain = bytearray(KEYPAIR_LENGTH)
        with self._key(passphrase) as key:
            try:
                ChaCha20Poly1305(key.reveal()).decrypt_into(self.nonce, self.ciphertext, self._authenticated, plain)
            except InvalidTag:
                return None
        return Secret(plain)

    def holding(self, keypair: Secret, passphrase: Secret) -> SealedKey:
        """Return this with *keypair* in it. Only for one with a new salt: a nonce is used once.

        Raises:
            MemoryError: as `open`.
        """
        with self._key(passphrase) as key:
            cipher = ChaCha20Poly1305(key.reveal())
            return replace(self, ciphertext=cipher.encrypt(self.nonce, keypair.reveal(), self._authenticated))

    @property
    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "address": self.address,
            "kdf": {
                "name": _SCRYPT,
                "n": self.work.n,
                "r": self.work.r,
                "p": self.work.p,
                "salt": self.salt.hex(),
            },
            "cipher": {"name": _CIPHER, "nonce": self.nonce.hex()},
        }

    @property
    def _authenticated(self) -> bytes:
        return json.dumps(self._header, sort_keys=True, separators=(",", ":")).encode()

    def _key(self, passphrase: Secret) -> Secret:
        key, work = Secret(bytearray(_KEY_LENGTH)), self.work
        kdf = Scrypt(salt=self.salt, length=_KEY_LENGTH, n=work.n, r=work.r, p=work.p)
        kdf.derive_into(passphrase.reveal(), key.reveal())
        return key


def seal(keypair: Secret, passphrase: Secret, *, address: str, work: Work = STANDARD) -> SealedKey:
    """Return *keypair*, whose public key is *address*, encrypted under *passphrase*.

    Raises:
        MemoryError: the machine has not as much memory as *work* asks for.
    """
    salt, nonce = secrets.token_bytes(_SALT_LENGTHS.start), secrets.token_bytes(_NONCE_LENGTH)
    return SealedKey(address=address, work=work, salt=salt, nonce=nonce).holding(keypair, passphrase)


def is_sealed(content: bytes) -> bool:
    """Return whether *content* is an object, as encrypted files are, and not an array, as keypair files are."""
    return content.lstrip().startswith(b"{")


def sealed_key(content: bytes) -> SealedKey | str:
    """Return the encrypted key that *content* holds; otherwise what is wrong with it, after the file's name."""
    try:
        decoded: Any = json.loads(content)
    except (ValueError, RecursionError):
        return DAMAGED
    match decoded:
        case {"format": str(name), "version": int(version)} if name == FORMAT:
            if version != VERSION:
                return (
                    f"is an encrypted wallet of version {version}, and this Ripcord knows version {VERSION}: update it"
                )
        case _:
            return "is neither a keypair file nor a wallet that ripcord wallet encrypt has written"
    try:
        sealed = _sealed(decoded)
    except (KeyError, TypeError, ValueError):
        return DAMAGED
    if sealed.work.acceptable:
        return sealed
    work = sealed.work
    return (
        f"asks for scrypt with N={work.n}, r={work.r}, p={work.p}, which is too weak or too much:"
        f" N must be a power of two from {_N_RANGE.start} to {_N_RANGE.stop - 1}, r {_R_RANGE.start} to"
        f" {_R_RANGE.stop - 1}, p {_P_RANGE.start} to {_P_RANGE.stop - 1}, and the memory at most 1 GiB"
    )


def _sealed(decoded: Any) -> SealedKey:
    kdf, cipher = decoded["kdf"], decoded["cipher"]
    numbers = [kdf[name] for name in ("n", "r", "p")]
    sealed = SealedKey(
        address=str(Pubkey.from_string(decoded["address"])),
        work=Work(*numbers),
        salt=bytes.fromhex(kdf["salt"]),
        nonce=bytes.fromhex(cipher["nonce"]),
        ciphertext=bytes.fromhex(cipher["ciphertext"]),
    )
    if (kdf["name"], cipher["name"]) != (_SCRYPT, _CIPHER) or not all(type(number) is int for number in numbers):
        raise ValueError("unknown algorithms")
    lengths = len(sealed.nonce) == _NONCE_LENGTH and len(sealed.ciphertext) == KEYPAIR_LENGTH + _TAG_LENGTH
    if not lengths or len(sealed.salt) not in _SALT_LENGTHS:
        raise ValueError("unexpected lengths")
    return sealed
