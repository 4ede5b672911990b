"""Where the engine can be watched and commanded from."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from engine.config.section import File, Section, Told


def _ip(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is no IP address: give one such as 127.0.0.1") from None


def _host(value: str) -> str:
    if not value or not set(value) <= _HOST or not value.isascii():
        raise ValueError(f"{value!r} is no host name: give it without a scheme, a port or a path")
    return value.lower()


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or f"{parts.scheme}://{parts.netloc}" != value:
        raise ValueError(f"{value!r} is no origin: give scheme, host and port alone, such as https://desk.example.org")
    return value.lower()


_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]")
Ip = Annotated[str, Field(strict=True), AfterValidator(_ip), Told(form="an IP address")]
HostName = Annotated[str, Field(strict=True), AfterValidator(_host), Told(form="a host name")]
Origin = Annotated[str, Field(strict=True), AfterValidator(_origin), Told(form="an origin such as https://HOST:PORT")]


class ApiSection(Section):
    """The HTTP interface of a running engine. Whoever has its token can trade for the wallet."""

    enabled: bool = True
    """Whether it is served."""
    host: Ip = "127.0.0.1"
    """The address that it listens on. Any but one of this machine's own loopback needs TLS or a `trusted_proxy`."""
    port: Annotated[int, Field(strict=True, ge=0, le=65_535)] = 8787
    """The port that it listens on; 0 for one that the system chooses."""
    token_file: File | None = None
    """Where the token is, made at the first start, readable by its owner alone. Without it: `api-token` beside the
    database, or in the working directory where that is no file."""
    tls_cert: File | None = None
    """The certificate and its chain, PEM."""
    tls_key: File | None = None
    """The key of `tls_cert`, PEM."""
    trusted_proxy: Ip | None = None
    """The proxy that ends TLS before it and is the only one that can reach it; its X-Forwarded-For is believed."""
    hosts: tuple[HostName, ...] = ()
    """Names that it may be asked by beside loopback's and `host`."""
    origins: tuple[Origin, ...] = ()
    """Web pages of other origins that may use it."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def tls(self) -> bool:
        """Whether it encrypts by itself."""
        return self.tls_cert is not None

    @model_validator(mode="after")
    def _not_in_the_open(self) -> ApiSection:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: set both or none")
        if not self.loopback and not self.tls and self.trusted_proxy is None:
            raise ValueError(
                f"host {self.host} can be reached from other machines: set tls_cert and tls_key, or trusted_proxy, "
                "or leave it at 127.0.0.1"
            )
        return self
