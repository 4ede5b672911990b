"""Who may ask, by what name, and from which page.

The token says who. Host keeps out a page whose name was pointed at this machine (DNS rebinding), Origin a page that
uses the browser of whoever has the token (RFC 6454).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.config import ApiSection

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The names and pages that are let in.

    Args:
        hosts: names without a port, in lower case.
        origins: of other pages that may use the API.
        trusted_proxy: the address whose X-Forwarded-For is believed.
    """

    hosts: frozenset[str] = _LOOPBACK
    origins: frozenset[str] = frozenset()
    trusted_proxy: str | None = None

    def knows_host(self, host: str) -> bool:
        """Return whether *host*, as the header has it, is a name of this server."""
        return _name(host) in self.hosts

    def knows_origin(self, origin: str, host: str) -> bool:
        """Return whether a page of *origin* may ask the server that it called *host*."""
        try:
            parts = urlsplit(origin.lower())
        except ValueError:  # such as of half an IPv6 address
            return False
        own = parts.scheme in ("http", "https") and parts.netloc == host.lower()
        return own or origin.lower() in self.origins

    def client(self, peer: str, headers: Mapping[str, str]) -> str:
        """Return the address of whoever asks: *peer*, or the one that the trusted proxy says it speaks for."""
        forwarded = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        return forwarded if forwarded and peer == self.trusted_proxy else peer


def access_of(section: ApiSection) -> Access:
    """Return the access that the settings describe."""
    return Access(
        hosts=frozenset({*_LOOPBACK, section.host, *(_name(host) for host in section.hosts)}),
        origins=frozenset(section.origins),
        trusted_proxy=section.trusted_proxy,
    )


def _name(host: str) -> str:
    """Return *host* in lower case, without its port and the brackets of an IPv6 address."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() and ":" not in name else host
