"""An encrypted key opens with its passphrase, exactly as it was, or not at all."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from solders.keypair import Keypair

from chain.keys.sealed import STANDARD, SealedKey, Work, is_sealed, seal, sealed_key
from chain.keys.secret import Secret

KEYPAIR = Keypair.from_seed(bytes(range(32)))
OTHER = Keypair.from_seed(bytes([7] * 32))
ADDRESS = str(KEYPAIR.pubkey())
LIGHT = Work(n=2**15)


def secret(content: bytes) -> Secret:
    """Return *content* as a secret."""
    return Secret(bytearray(content))


def written(work: Work = LIGHT) -> bytes:
    """Return the content of an encrypted file."""
    return seal(secret(bytes(KEYPAIR)), secret(b"phrase"), address=ADDRESS, work=work).to_json()


FILE = written()


def read(content: bytes) -> SealedKey:
    """Return what *content* holds."""
    found = sealed_key(content)
    assert isinstance(found, SealedKey), found
    return found


def test_what_was_encrypted_is_opened_again() -> None:
    """The 64 bytes, and the address beside them."""
    sealed = read(FILE)
    opened = sealed.open(secret(b"phrase"))
    assert opened is not None
    assert bytes(opened.reveal()) == bytes(KEYPAIR)
    assert sealed.address == ADDRESS


def test_the_file_is_what_its_description_says() -> None:
    """Scrypt makes the key, ChaCha20-Poly1305 opens the ciphertext, and all the rest is authenticated."""
    shown = json.loads(FILE)
    kdf, cipher = shown["kdf"], shown["cipher"]
    key = Scrypt(salt=bytes.fromhex(kdf["salt"]), length=32, n=2**15, r=8, p=1).derive(b"phrase")
    ciphertext = bytes.fromhex(cipher.pop("ciphertext"))
    header = json.dumps(shown, sort_keys=True, separators=(",", ":")).encode()
    assert ChaCha20Poly1305(key).decrypt(bytes.fromhex(cipher["nonce"]), ciphertext, header) == bytes(KEYPAIR)


def test_the_standard_cost_is_128_mib() -> None:
    """N = 2^17, r = 8, p = 1, and so it is written where nothing else is asked for."""
    assert (STANDARD.n, STANDARD.r, STANDARD.p, STANDARD.memory) == (2**17, 8, 1, 128 * 2**20)
    assert json.loads(written(STANDARD))["kdf"]["n"] == 2**17


def test_no_two_files_share_salt_or_nonce() -> None:
    """The same key under the same passphrase is another file."""
    one, two = read(FILE), read(written())
    assert one.salt != two.salt
    assert one.nonce != two.nonce
    assert one.ciphertext != two.ciphertext


@pytest.mark.parametrize("phrase", [b"", b"phras", b"phrase ", b"Phrase", b"phrase\n"])
def test_another_passphrase_opens_nothing(phrase: bytes) -> None:
    """However near it is."""
    assert read(FILE).open(secret(phrase)) is None


def _changed(*path: str, value: Any) -> bytes:
    decoded = json.loads(FILE)
    place = decoded
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(decoded).encode()


def _flipped(*path: str) -> bytes:
    decoded = json.loads(FILE)
    for name in path:
        decoded = decoded[name]
    return _changed(*path, value=f"{int(decoded[0], 16) ^ 1:x}{decoded[1:]}")


@pytest.mark.parametrize(
    "content",
    [
        _flipped("cipher", "ciphertext"),
        _flipped("cipher", "nonce"),
        _flipped("kdf", "salt"),
        _changed("address", value=str(OTHER.pubkey())),
        _changed("kdf", "n", value=2**16),
        _changed("kdf", "p", value=2),
    ],
    ids=["ciphertext", "nonce", "salt", "address", "n", "p"],
)
def test_a_file_that_was_changed_does_not_open(content: bytes) -> None:
    """Every part of it is authenticated, the address too."""
    assert read(content).open(secret(b"phrase")) is None


@pytest.mark.parametrize(
    ("n", "r", "p"),
    [
        (2**14, 8, 1),
        (2**15, 4, 1),
        (2**15, 8, 0),
        (0, 8, 1),
        (-(2**17), 8, 1),
        (2**17 + 1, 8, 1),
        (2**21, 8, 1),
        (2**20, 16, 1),
        (2**40, 8, 1),
        (2**17, 2**30, 1),
        (2**17, 8, 5),
        (2**17, 8, 2**30),
    ],
)
def test_a_cost_that_is_too_low_or_too_high_is_refused_before_it_is_paid(n: int, r: int, p: int) -> None:
    """A file must neither weaken the key nor exhaust the machine; the sentence gives the bounds."""
    decoded = json.loads(FILE)
    decoded["kdf"] |= {"n": n, "r": r, "p": p}
    found = sealed_key(json.dumps(decoded).encode())
    assert isinstance(found, str)
    assert f"N={n}, r={r}, p={p}, which is too weak or too much" in found


@pytest.mark.parametrize("work", [Work(2**15, 8, 1), Work(2**20, 8, 4), Work(2**18, 32, 1)])
def test_the_costs_at_the_bounds_are_accepted(work: Work) -> None:
    """Up to 1 GiB."""
    assert work.acceptable


def _without(*path: str) -> bytes:
    decoded = json.loads(FILE)
    place = decoded
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return json.dumps(decoded).encode()


DAMAGED = {
    "cut off": FILE[:-20],
    "deep": b'{"a":' * 9000,
    "no address": _without("address"),
    "no kdf": _without("kdf"),
    "no salt": _without("kdf", "salt"),
    "no nonce": _without("cipher", "nonce"),
    "an address that is none": _changed("address", value="\x1b[31mred"),
    "a number for an address": _changed("address", value=7),
    "another kdf": _changed("kdf", "name", value="md5"),
    "another cipher": _changed("cipher", "name", value="rot13"),
    "a text for n": _changed("kdf", "n", value="131072"),
    "a fraction for n": _changed("kdf", "n", value=32768.0),
    "a list for the kdf": _changed("kdf", value=[1]),
    "a short nonce": _changed("cipher", "nonce", value="00"),
    "a short salt": _changed("kdf", "salt", value="00" * 15),
    "no hex": _changed("cipher", "ciphertext", value="zz" * 80),
    "a short ciphertext": _changed("cipher", "ciphertext", value="00" * 16),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_called_so_before_a_passphrase_is_asked(content: bytes) -> None:
    """One sentence, and what to do."""
    assert is_sealed(content)
    assert sealed_key(content) == "is a damaged encrypted wallet: use a backup of it"


@pytest.mark.parametrize("content", [b"{}", b'{"format": "keystore", "version": 1}', b'{"version": 1}'])
def test_an_object_of_another_kind_is_called_so(content: bytes) -> None:
    """Other programs write keys as JSON objects too."""
    assert "is neither a keypair file nor a wallet that ripcord" in str(sealed_key(content))


def test_a_later_version_asks_for_an_update() -> None:
    """It is neither damaged nor opened by guessing."""
    found = sealed_key(_changed("version", value=2))
    assert found == "is an encrypted wallet of version 2, and this Ripcord knows version 1: update it"


def test_a_keypair_file_is_not_taken_for_an_encrypted_one() -> None:
    """Arrays are plain."""
    assert not is_sealed(KEYPAIR.to_json().encode())


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, vars, Secret.__getstate__])
def test_a_secret_cannot_be_taken_away(take: Callable[[Any], Any]) -> None:
    """No copy of its buffer is made behind its back."""
    with pytest.raises(TypeError):
        take(secret(b"hidden"))


def test_a_secret_is_not_shown_and_is_overwritten_at_the_end() -> None:
    """Neither in text nor in what is left of its buffer."""
    buffer = bytearray(b"hidden")
    with Secret(buffer) as held:
        assert f"{held} {held!r}" == "<Secret> <Secret>"
        assert bytes(held.reveal()) == b"hidden"
    assert buffer == bytes(6)
