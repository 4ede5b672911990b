"""The wallet's key file: encrypting it, and looking up whose it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer(help="Encrypt the wallet's key file, or show whose it is.", no_args_is_help=True)

_LAST_DESCRIPTOR = 2**31 - 1
_Key = typer.Argument(
    metavar="KEYFILE",
    help="Keypair file of Solana's command line, or env for the key in RIPCORD_WALLET_KEY.",
    show_default=False,
)


@commands.command()
def encrypt(
    keyfile: Annotated[str, _Key],
    out: Annotated[Path, typer.Option(help="Encrypted file to write.", show_default=False)],
    passphrase_fd: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=_LAST_DESCRIPTOR,
            help="Read the passphrase's line from this file descriptor.",
            show_default="prompt",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the encrypted file if it is there.")] = False,
) -> None:
    """Encrypt a keypair file under a passphrase (scrypt, ChaCha20-Poly1305) and print its address."""
    from chain.keys.sources import encrypt_key, key_source
    from engine.cli.passphrase import passphrase_from

    source = key_source(keyfile)
    ask = passphrase_from(passphrase_fd, twice=True)
    address = encrypt_key(source, out, environ=os.environ, passphrase=ask, overwrite=overwrite)
    sys.stdout.write(f"{address}\n")
    kept = (
        f"{source} still holds the key in plain" if isinstance(source, Path) else "The key is still where it came from"
    )
    sys.stderr.write(
        f"{out} holds the key, encrypted, and was seen to open. {kept}: keep a copy of it offline, then delete it here."
        " Without the passphrase the encrypted file is worth nothing.\n"
    )


@commands.command()
def address(
    keyfile: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Keypair file, encrypted or not, or env as for encrypt.", show_default=False
        ),
    ],
) -> None:
    """Print the address of a key; that of an encrypted file needs no passphrase."""
    from chain.keys.sources import address_of, key_source

    sys.stdout.write(f"{address_of(key_source(keyfile), environ=os.environ)}\n")
