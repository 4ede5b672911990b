"""The key comes from a file, an encrypted file or the environment, and what is wrong with it is said in a sentence."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import base58
import pytest
from solders.keypair import Keypair

from chain.keys.sealed import SealedKey, Work, seal
from chain.keys.secret import Secret
from chain.keys.sources import VARIABLE, FromEnvironment, KeySource, address_of, encrypt_key, key_source, open_wallet
from engine.domain.errors import BadInputError

KEYPAIR = Keypair.from_seed(bytes(range(32)))
ADDRESS = str(KEYPAIR.pubkey())
ARRAY = KEYPAIR.to_json()
PHRASE = "correct horse"
LIGHT = Work(n=2**15)
ENV = FromEnvironment()


def phrase(text: str = PHRASE) -> Callable[[], Secret]:
    """Return what gives *text* as the passphrase."""
    return lambda: Secret(bytearray(text.encode()))


def unasked() -> Secret:
    """Fail: no passphrase is needed."""
    raise AssertionError("a passphrase was asked for")


def keyfile(folder: Path, text: str = ARRAY, mode: int = 0o600) -> Path:
    """Write a keypair file."""
    path = folder / "id.json"
    path.write_text(text)
    path.chmod(mode)
    return path


def encrypted(folder: Path) -> Path:
    """Write an encrypted file."""
    target = folder / "wallet.json"
    encrypt_key(keyfile(folder), target, environ={}, passphrase=phrase(), work=LIGHT)
    return target


@pytest.mark.parametrize("text", [str(KEYPAIR), f"  {KEYPAIR}\n", ARRAY, json.dumps(list(bytes(KEYPAIR)), indent=1)])
def test_a_key_in_the_environment_is_taken_out_of_it(text: str) -> None:
    """Base58 or an array; afterwards the variable is gone, and the others are not."""
    environ = {VARIABLE: text, "HOME": "/"}
    assert open_wallet(ENV, environ=environ, passphrase=unasked).address == ADDRESS
    assert environ == {"HOME": "/"}


def test_a_child_process_does_not_inherit_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started after the key was read has no such variable."""
    monkeypatch.setenv(VARIABLE, str(KEYPAIR))
    open_wallet(ENV, environ=os.environ, passphrase=unasked)
    shown = subprocess.run(
        [sys.executable, "-c", "import os; print(dict(os.environ))"], capture_output=True, text=True, check=True
    ).stdout
    assert "PATH" in shown
    assert VARIABLE not in shown


def test_a_refused_key_is_taken_out_of_the_environment_as_well() -> None:
    """It is no less secret for being half of one."""
    environ = {VARIABLE: str(KEYPAIR)[:-3]}
    with pytest.raises(BadInputError):
        open_wallet(ENV, environ=environ, passphrase=unasked)
    assert environ == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "RIPCORD_WALLET_KEY is not set or is empty: put the wallet's key into it"),
        (" \n", "is not set or is empty"),
        ("0OIl", "is neither base58 nor a JSON array"),
        ("x" * 300, "is neither base58 nor a JSON array"),
        ("\udcff", "is neither base58 nor a JSON array"),
        ("[1, 2]", "is not a JSON array of 64 numbers"),
        ("[" * 5000, "is not a JSON array of 64 numbers"),
        (json.dumps([256] * 64), "is not a JSON array of 64 numbers"),
        (json.dumps([1.5] * 64), "is not a JSON array of 64 numbers"),
        (base58.b58encode(bytes(range(32))).decode(), "holds 32 bytes, a seed or an address: export the whole keypair"),
        (base58.b58encode(bytes(63)).decode() + "1", "64 bytes that do not belong together"),
        (base58.b58encode(bytes(range(40))).decode(), "holds 40 bytes, and a keypair has 64"),
    ],
)
def test_a_bad_key_in_the_environment_is_named_and_not_shown(text: str, sentence: str) -> None:
    """Which variable, what it holds instead, and nothing of it."""
    with pytest.raises(BadInputError, match=sentence) as caught:
        open_wallet(ENV, environ={VARIABLE: text}, passphrase=unasked)
    assert VARIABLE in str(caught.value)
    assert len(text) < 4 or text not in str(caught.value)


def test_another_variable_can_be_named() -> None:
    """env:NAME reads NAME, and its errors name it."""
    source = key_source("env:MY_KEY")
    assert open_wallet(source, environ={"MY_KEY": ARRAY}, passphrase=unasked).address == ADDRESS
    with pytest.raises(BadInputError, match="variable MY_KEY is not set"):
        open_wallet(source, environ={}, passphrase=unasked)


def test_a_keypair_file_needs_no_passphrase(tmp_path: Path) -> None:
    """It is Solana's own."""
    assert open_wallet(keyfile(tmp_path), environ={}, passphrase=unasked).address == ADDRESS


def test_an_encrypted_file_is_told_by_its_content(tmp_path: Path) -> None:
    """Whatever it is called: with its passphrase it gives the same wallet."""
    renamed = encrypted(tmp_path).rename(tmp_path / "key.txt")
    assert open_wallet(renamed, environ={}, passphrase=phrase()).address == ADDRESS


def test_a_passphrase_is_overwritten_after_use(tmp_path: Path) -> None:
    """Of the buffer that was handed over nothing is left, whether it opened the file or not."""
    path = encrypted(tmp_path)
    buffers = [bytearray(b"something else"), bytearray(PHRASE.encode())]
    with pytest.raises(BadInputError):
        open_wallet(path, environ={}, passphrase=lambda: Secret(buffers[0]))
    open_wallet(path, environ={}, passphrase=lambda: Secret(buffers[1]))
    assert [set(buffer) for buffer in buffers] == [{0}, {0}]


def test_a_wrong_passphrase_and_a_changed_file_are_the_same_to_whoever_tries(tmp_path: Path) -> None:
    """One sentence for both: it says nothing about how near a guess was."""
    path = encrypted(tmp_path)
    said = set()
    with pytest.raises(BadInputError, match="the passphrase is wrong, or the file was changed") as caught:
        open_wallet(path, environ={}, passphrase=phrase("correct horsf"))
    said.add(str(caught.value))
    content = json.loads(path.read_text())
    content["cipher"]["ciphertext"] = "00" * 80
    path.write_text(json.dumps(content))
    with pytest.raises(BadInputError) as caught:
        open_wallet(path, environ={}, passphrase=phrase())
    said.add(str(caught.value))
    assert len(said) == 1


def test_the_address_of_every_source_is_shown_without_a_passphrase(tmp_path: Path) -> None:
    """Of a plain file, an encrypted one, and the environment."""
    sealed = encrypted(tmp_path)
    sources: list[KeySource] = [tmp_path / "id.json", sealed, ENV]
    assert [address_of(source, environ={VARIABLE: ARRAY}) for source in sources] == [ADDRESS] * 3


def test_an_encrypted_key_of_another_address_is_refused(tmp_path: Path) -> None:
    """Whoever wrote the file knew the passphrase, and named a wallet that it does not hold."""
    other = str(Keypair.from_seed(bytes([7] * 32)).pubkey())
    held = Secret(bytearray(bytes(KEYPAIR)))
    path = keyfile(tmp_path, seal(held, phrase()(), address=other, work=LIGHT).to_json().decode())
    with pytest.raises(BadInputError, match=f"holds the key of {ADDRESS}, and not of {other} as it says"):
        open_wallet(path, environ={}, passphrase=phrase())


def test_a_machine_without_the_memory_says_how_much_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening and encrypting both need it."""
    path = encrypted(tmp_path)

    def scarce(*_: object, **__: object) -> Secret:
        raise MemoryError

    monkeypatch.setattr(SealedKey, "_key", scarce)
    with pytest.raises(BadInputError, match="cannot be opened: that takes 32 MiB of memory"):
        open_wallet(path, environ={}, passphrase=phrase())
    with pytest.raises(BadInputError, match="cannot be encrypted: that takes 32 MiB of memory"):
        encrypt_key(tmp_path / "id.json", tmp_path / "w", environ={}, passphrase=phrase(), work=LIGHT)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_an_encrypted_file_that_others_can_read_is_refused_too(tmp_path: Path, mode: int) -> None:
    """Whoever reads it can guess at its passphrase at leisure."""
    path = encrypted(tmp_path)
    path.chmod(mode)
    with pytest.raises(BadInputError, match="run chmod 600"):
        open_wallet(path, environ={}, passphrase=unasked)


def test_a_missing_file_is_answered_with_how_to_make_one(tmp_path: Path) -> None:
    """Both ways are named."""
    with pytest.raises(BadInputError, match=r"none\.json cannot be read.*solana-keygen new.*ripcord wallet encrypt"):
        open_wallet(tmp_path / "none.json", environ={}, passphrase=unasked)


def test_a_file_that_is_far_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Somebody named the wrong file."""
    with pytest.raises(BadInputError, match="larger than 16384 bytes"):
        open_wallet(keyfile(tmp_path, "[" + "1," * 10_000), environ={}, passphrase=unasked)


def test_an_encrypted_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, and no draft is left beside it."""
    before = os.umask(0)
    try:
        path = encrypted(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["id.json", "wallet.json"]


def test_the_plain_file_stays_as_it_was(tmp_path: Path) -> None:
    """Encrypting deletes nothing."""
    encrypted(tmp_path)
    assert (tmp_path / "id.json").read_text() == ARRAY


def test_nothing_is_overwritten_without_being_told(tmp_path: Path) -> None:
    """A file that is there stays, and no passphrase is asked for; with the option it is replaced."""
    path = encrypted(tmp_path)
    other = Keypair.from_seed(bytes([7] * 32))
    source = keyfile(tmp_path, other.to_json())
    with pytest.raises(BadInputError, match=r"wallet\.json is there already: .*--overwrite"):
        encrypt_key(source, path, environ={}, passphrase=unasked, work=LIGHT)
    assert address_of(path, environ={}) == ADDRESS
    encrypt_key(source, path, environ={}, passphrase=phrase(), overwrite=True, work=LIGHT)
    assert open_wallet(path, environ={}, passphrase=phrase()).address == str(other.pubkey())


def test_a_file_that_appears_while_the_passphrase_is_typed_is_not_overwritten(tmp_path: Path) -> None:
    """The refusal is the file system's own, not a look beforehand."""
    target = tmp_path / "wallet.json"

    def slow() -> Secret:
        target.write_text("precious")
        return phrase()()

    with pytest.raises(BadInputError, match="is there already"):
        encrypt_key(keyfile(tmp_path), target, environ={}, passphrase=slow, work=LIGHT)
    assert target.read_text() == "precious"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["id.json", "wallet.json"]


def _itself(folder: Path) -> None:
    path = keyfile(folder)
    encrypt_key(path, path, environ={}, passphrase=unasked, overwrite=True)


def _short(folder: Path) -> None:
    encrypt_key(keyfile(folder), folder / "w", environ={}, passphrase=phrase("1234567"))


def _nowhere(folder: Path) -> None:
    encrypt_key(keyfile(folder), folder / "nowhere" / "w", environ={}, passphrase=unasked)


def _again(folder: Path) -> None:
    encrypt_key(encrypted(folder), folder / "w", environ={}, passphrase=unasked)


def _no_key(folder: Path) -> None:
    encrypt_key(keyfile(folder, "[1]"), folder / "w", environ={}, passphrase=unasked)


def _torn(folder: Path) -> None:
    halves = list(bytes(KEYPAIR)[:32] + bytes(32))
    encrypt_key(keyfile(folder, json.dumps(halves)), folder / "w", environ={}, passphrase=unasked)


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (_itself, "is the keypair file itself: name another file"),
        (_short, "too short: give at least 8"),
        (_nowhere, "there is no folder"),
        (_again, "is encrypted already: name the plain keypair file"),
        (_no_key, "is not a keypair file"),
        (_torn, "64 bytes that do not belong together"),
    ],
)
def test_what_cannot_be_encrypted_is_refused_and_nothing_is_written(
    tmp_path: Path, attempt: Callable[[Path], None], sentence: str
) -> None:
    """Each in a sentence; the key's own file is untouched."""
    with pytest.raises(BadInputError, match=sentence):
        attempt(tmp_path)
    assert not (tmp_path / "w").exists()
    assert (tmp_path / "id.json").exists()


def test_a_key_in_the_environment_can_be_encrypted(tmp_path: Path) -> None:
    """For whoever has it from a wallet that exports base58."""
    environ = {VARIABLE: str(KEYPAIR)}
    target = tmp_path / "wallet.json"
    assert encrypt_key(ENV, target, environ=environ, passphrase=phrase(), work=LIGHT) == ADDRESS
    assert environ == {}
    assert open_wallet(target, environ={}, passphrase=phrase()).address == ADDRESS


@pytest.mark.parametrize(
    "text", [str(KEYPAIR), ARRAY, json.dumps(list(bytes(KEYPAIR))), bytes(KEYPAIR).hex(), bytes(KEYPAIR)[:32].hex()]
)
def test_a_key_in_the_place_of_a_file_name_is_not_repeated(text: str) -> None:
    """Somebody pasted the key itself: the sentence says where it belongs, and shows none of it."""
    with pytest.raises(BadInputError, match=r"as long as a key itself.*RIPCORD_WALLET_KEY") as caught:
        key_source(text)
    assert text[:20] not in str(caught.value)


def test_a_file_with_a_long_name_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is called by its address is a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ADDRESS).write_text(ARRAY)
    assert key_source(ADDRESS) == Path(ADDRESS)


@pytest.mark.parametrize("text", ["", "-", "ASK", "usb://ledger", "prompt://", "stdin:"])
def test_a_device_or_a_prompt_is_no_source(text: str) -> None:
    """Solana's command line takes them; an engine must sign by itself."""
    with pytest.raises(BadInputError, match="names no key that Ripcord can sign with"):
        key_source(text)


def test_a_source_is_the_environment_or_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is written in a setting."""
    monkeypatch.setenv("HOME", "/home/someone")
    assert key_source("env") == FromEnvironment("RIPCORD_WALLET_KEY")
    assert key_source("~/id.json") == Path("/home/someone/id.json")


def test_the_home_of_nobody_is_refused() -> None:
    """A tilde with a user whom the machine does not know."""
    with pytest.raises(BadInputError, match=r"~nobody-here/id\.json names the home of a user whom there is not"):
        key_source("~nobody-here/id.json")
