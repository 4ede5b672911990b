"""Where the API of an engine is, and the token that it asks for."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.domain.errors import BadInputError, ConfigError

if TYPE_CHECKING:
    from ssl import SSLContext

    from pydantic import SecretStr

    from engine.config import Settings

TOKEN_VARIABLE = "RIPCORD_API_TOKEN"  # noqa: S105 - the name of it
"""The environment variable that holds the token of an engine that --api names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an engine is asked."""

    url: str
    """Without a trailing slash."""
    token_from: str
    """Where the token is, for a person."""
    token: Callable[[], SecretStr] = field(repr=False)
    """Raises ConfigError where there is none."""
    certificate: Path | None = None
    """PEM; trusted beside the authorities that the system trusts."""
    named: bool = False
    """Whether it was named by its address, and not by settings."""

    def tls(self) -> SSLContext:
        """Return what the server's certificate is checked against; without TLS nobody's would be trusted.

        Raises:
            ConfigError: the certificate cannot be read.
        """
        import ssl

        if self.url.startswith("http:"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to read the system's authorities takes its time
        context = ssl.create_default_context()
        if self.certificate is not None:
            try:
                context.load_verify_locations(self.certificate)
            except OSError as error:
                raise ConfigError(f"the certificate {self.certificate} cannot be read: {error}") from None
        return context


def place_of(settings: Settings) -> Place:
    """Return where the engine of *settings* is asked, from the machine that it runs on.

    Raises:
        ConfigError: it is not asked anywhere.
    """
    from engine.api.folder import token_file

    section = settings.api
    if not section.enabled:
        raise ConfigError("api.enabled is false: the engine of these settings takes no commands")
    if not section.port:
        raise ConfigError("api.port is 0, a port that the system chose: name the address with --api")
    host = ipaddress.ip_address(section.host)
    if host.is_unspecified:  # it listens everywhere, on loopback too
        host = ipaddress.ip_address("::1" if host.version == 6 else "127.0.0.1")  # noqa: PLR2004
    shown = f"[{host}]" if host.version == 6 else str(host)  # noqa: PLR2004
    file = token_file(settings)
    return Place(
        url=f"{'https' if section.tls else 'http'}://{shown}:{section.port}",
        token_from=str(file),
        token=lambda: _read(file),
        certificate=section.tls_cert,
    )


def place_named(url: str, file: Path | None, certificate: Path | None) -> Place:
    """Return the engine at *url*, with the token in *file*, or without one in the environment.

    Raises:
        BadInputError: the address makes no sense, or would show the token to whoever is on the way.
    """
    wrong = BadInputError(f"--api is {url!r}: give an address such as https://engine.example:8787")
    try:
        parts = urlsplit(url)
    except ValueError:  # such as of half an IPv6 address
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise wrong
    if parts.scheme == "http" and not _loopback(parts.hostname):
        raise BadInputError(f"--api {url} would show the token to everybody on the way: use https, or an ssh tunnel")
    return Place(
        url=url.rstrip("/"),
        token_from=str(file) if file is not None else TOKEN_VARIABLE,
        token=(lambda: _read(file)) if file is not None else _from_environment,
        certificate=certificate,
        named=True,
    )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(file: Path) -> SecretStr:
    from engine.config.secrets import secret_file

    try:
        return secret_file(file)
    except BadInputError as error:
        raise ConfigError(f"the API token: {error}") from None


def _from_environment() -> SecretStr:
    from pydantic import SecretStr

    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token or not token.isascii() or len(token.split()) != 1:
        raise ConfigError(f"the API token is missing: set {TOKEN_VARIABLE}, or name its file with --token-file")
    return SecretStr(token)
