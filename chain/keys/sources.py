"""Where the wallet's key comes from: a keypair file, an encrypted one, or the environment.

Rule of this file: what goes wrong while a secret is at hand is returned as a sentence, and raised where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from chain.keys.files import read_private, write_private
from chain.keys.sealed import STANDARD, SealedKey, Work, is_sealed, seal, sealed_key
from chain.keys.secret import Secret
from chain.keys.text import keypair_in_array, keypair_in_text, looks_like_a_key
from chain.keys.wallet import NOT_A_KEYPAIR_FILE, Wallet, wallet_of
from engine.domain.errors import BadInputError
from engine.files import already_there

VARIABLE = "RIPCORD_WALLET_KEY"
"""Environment variable that may hold the key: base58, or a JSON array of 64 numbers."""
SHORTEST_PASSPHRASE = 8
"""Bytes that a new passphrase must have."""
_TORN = "holds 64 bytes that do not belong together: export the keypair again"

AskPassphrase = Callable[[], Secret]
"""Asks a person, or a file descriptor; what it returns is overwritten after use."""


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """The key is in the environment variable *name*."""

    name: str = VARIABLE


KeySource = Path | FromEnvironment


def key_source(text: str) -> KeySource:
    """Return what the setting *text* names: ``env``, ``env:NAME``, or the path of a file, encrypted or not.

    Raises:
        BadInputError: it names a device or a prompt, or is a key itself, which is then not repeated.
    """
    if text == "env":
        return FromEnvironment()
    if text.startswith("env:"):
        return FromEnvironment(text.removeprefix("env:").strip() or VARIABLE)
    if looks_like_a_key(text) and not _is_file(text):
        raise BadInputError(
            "What names the wallet's keypair file is as long as a key itself, and there is no such file: name a file,"
            f" or put the key into the environment variable {VARIABLE} and name env"
        )
    if text in ("", "-", "ASK") or "://" in text or text.startswith(("prompt:", "stdin:", "usb:")):
        raise BadInputError(f"{text!r} names no key that Ripcord can sign with by itself: name a keypair file, or env")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise BadInputError(f"{text} names the home of a user whom there is not: name the file in full") from None


def open_wallet(source: KeySource, *, environ: MutableMapping[str, str], passphrase: AskPassphrase) -> Wallet:
    """Return the wallet of *source*.

    Args:
        source: see `key_source`. Whether a file is encrypted is told by what it holds.
        environ: the process's environment (`os.environ`). The variable is removed from it once it was read, so that
            child processes do not inherit the key. What the process was started with stays visible to the same user
            in /proc, which is why a file is the better place.
        passphrase: called for an encrypted file only.

    Raises:
        BadInputError: there is no key, or it cannot be used; the sentence says what to do, and never shows the key.
    """
    found = _found(source, environ)
    keypair = _unlocked(found, passphrase) if isinstance(found, SealedKey) else found
    opened = _wallet_in(keypair) if isinstance(keypair, Secret) else keypair
    if isinstance(opened, str):
        raise BadInputError(f"{_name(source)} {opened}")
    if isinstance(found, SealedKey) and opened.address != found.address:
        raise BadInputError(f"{source} holds the key of {opened.address}, and not of {found.address} as it says")
    return opened


def address_of(source: KeySource, *, environ: MutableMapping[str, str]) -> str:
    """Return the base58 address of *source*; that of an encrypted file without its passphrase, as the file says.

    Raises:
        BadInputError: as `open_wallet`.
    """
    found = _found(source, environ)
    if isinstance(found, SealedKey):
        return found.address
    opened = _wallet_in(found) if isinstance(found, Secret) else found
    if isinstance(opened, str):
        raise BadInputError(f"{_name(source)} {opened}")
    return opened.address


def encrypt_key(
    source: KeySource,
    target: Path,
    *,
    environ: MutableMapping[str, str],
    passphrase: AskPassphrase,
    overwrite: bool = False,
    work: Work = STANDARD,
) -> str:
    """Write the key of *source* to *target*, encrypted, and return its address once the file was seen to open.

    *source* stays as it is.

    Raises:
        BadInputError: there is no key, or it is encrypted already; the passphrase is too short; or the file cannot be
            written, is the keypair file itself, or is there already and *overwrite* is not set.
    """
    _check_target(target, source, overwrite=overwrite)
    with _plain_key(source, environ) as keypair:
        wallet = wallet_of(keypair.reveal())
        if wallet is None:
            raise BadInputError(f"{_name(source)} {_TORN}")
        with passphrase() as phrase:
            if len(phrase) < SHORTEST_PASSPHRASE:
                raise BadInputError(f"The passphrase is too short: give at least {SHORTEST_PASSPHRASE} characters")
            content = _sealed_file(keypair, phrase, wallet.address, work)
    write_private(target, content, overwrite=overwrite)
    return wallet.address


def _check_target(target: Path, source: KeySource, *, overwrite: bool) -> None:
    """Refuse a bad target before anybody is asked for a passphrase."""
    if not target.parent.is_dir():
        raise BadInputError(f"{target} cannot be written: there is no folder {target.parent}")
    if not target.exists():
        return
    if not overwrite:
        raise BadInputError(already_there(target))
    if isinstance(source, Path) and source.exists() and target.samefile(source):
        raise BadInputError(f"{target} is the keypair file itself: name another file to write")


def _plain_key(source: KeySource, environ: MutableMapping[str, str]) -> Secret:
    found = _found(source, environ)
    if isinstance(found, SealedKey):
        raise BadInputError(f"{source} is encrypted already: name the plain keypair file")
    if isinstance(found, str):
        raise BadInputError(f"{_name(source)} {found}")
    return found


def _sealed_file(keypair: Secret, phrase: Secret, address: str, work: Work) -> bytes:
    """Return the content of the encrypted file, after it was opened again."""
    try:
        content = seal(keypair, phrase, address=address, work=work).to_json()
        written = sealed_key(content)
        again = written.open(phrase) if isinstance(written, SealedKey) else None
    except MemoryError:
        raise BadInputError(f"The key cannot be encrypted: {_memory(work)}") from None
    if again is None or again.reveal() != keypair.reveal():
        raise RuntimeError("what was encrypted does not open again: nothing was written")
    again.wipe()
    return content


def _found(source: KeySource, environ: MutableMapping[str, str]) -> SealedKey | Secret | str:
    """Return what is at *source*, or what is wrong with it, after its name."""
    if isinstance(source, FromEnvironment):
        text = environ.pop(source.name, "")
        if not text.strip():
            return "is not set or is empty: put the wallet's key into it, as base58 or as a JSON array of 64 numbers"
        return keypair_in_text(text.encode(errors="replace"))
    content = read_private(source)
    if is_sealed(content):
        return sealed_key(content)
    return keypair_in_array(content) or NOT_A_KEYPAIR_FILE


def _unlocked(sealed: SealedKey, passphrase: AskPassphrase) -> Secret | str:
    try:
        with passphrase() as phrase:
            return sealed.open(phrase) or "cannot be opened: the passphrase is wrong, or the file was changed"
    except MemoryError:
        return f"cannot be opened: {_memory(sealed.work)}"


def _wallet_in(keypair: Secret) -> Wallet | str:
    with keypair:
        return wallet_of(keypair.reveal()) or _TORN


def _name(source: KeySource) -> str:
    return f"The environment variable {source.name}" if isinstance(source, FromEnvironment) else str(source)


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, RuntimeError):
        return False


def _memory(work: Work) -> str:
    return f"that takes {work.memory >> 20} MiB of memory, which this machine does not have to spare"
