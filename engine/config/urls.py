"""Addresses that may hold a key: written with the names of secrets, and shown without them.

Rule of this file: nothing that it raises or shows repeats a part of an address that could be a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo

from engine.config.section import Told

HIDDEN = "***"
MAINNET_BETA, TESTNET, DEVNET, LOCALHOST = "mainnet-beta", "testnet", "devnet", "localhost"
PUBLIC_RPC = {
    MAINNET_BETA: "https://api.mainnet-beta.solana.com",
    TESTNET: "https://api.testnet.solana.com",
    DEVNET: "https://api.devnet.solana.com",
    LOCALHOST: "http://localhost:8899",
}
"""What Solana's command line takes each name of a cluster for."""
_MONIKERS = {name: url for cluster, url in PUBLIC_RPC.items() for name in (cluster, cluster[0])}
_HTTP, _WEBSOCKET, _DATABASE = ("https", "http"), ("wss", "ws"), ("postgresql", "postgres")
_NATS = ("nats", "tls")
_KNOWN = frozenset({*_HTTP, *_WEBSOCKET, *_DATABASE, *_NATS})

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KIND = re.compile(r"([A-Za-z][A-Za-z+-]{0,15})://")
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\](:\d{1,5})?|[A-Za-z0-9._-]*(:\d{1,5})?")
_WORD = re.compile(r"[A-Za-z0-9.]{0,7}|[a-z]{0,19}|([a-z]{1,15}|v?\d{1,2})([_.-]([a-z]{1,15}|v?\d{1,2}))*")
_LONGEST_LABEL = 19


class Url:
    """An address as it was written, and as it is once the environment has filled it in.

    However it is printed, it shows what was written, without what could be a key; only `reveal` gives the whole.
    """

    __slots__ = ("__whole", "_shown")

    def __init__(self, written: str, *, environ: Mapping[str, str] | None = None, shown: str | None = None) -> None:
        """Fill `${NAME}` in *written* from *environ*.

        Args:
            written: the address.
            environ: what fills it in.
            shown: what is shown in its place, such as the file that it comes from.

        Raises:
            ValueError: a variable is not set.
        """
        self._shown = redacted(written) if shown is None else shown
        self.__whole = _filled(written, environ or {})

    def reveal(self) -> str:
        """Return the whole address, keys and all."""
        return self.__whole

    @property
    def host(self) -> str:
        """The name of the server, without its port."""
        return urlsplit(self.__whole).hostname or ""

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"Url({self._shown!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and other.reveal() == self.__whole

    def __hash__(self) -> int:
        return hash(self.__whole)


def redacted(url: str) -> str:
    """Return *url* without user, password and query values, and without what looks like a key in its path or host.

    A `${NAME}` stays: it names a secret and holds none. What cannot be read as an address is hidden altogether, and of
    an address of another kind than those that settings have of servers, such as tgram://, only the kind is shown.
    """
    if _REFERENCE.fullmatch(url):
        return url
    if (kind := _KIND.match(url)) and kind[1].lower() not in _KNOWN:
        return f"{kind[1]}://{HIDDEN}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    user, at, host = parts.netloc.rpartition("@")
    if (
        not parts.scheme
        or "@" in f"{parts.path}{parts.query}{parts.fragment}"
        or not _HOST.fullmatch(_REFERENCE.sub("x", host))
    ):
        return f"{parts.scheme}://{HIDDEN}" if parts.scheme in _KNOWN else HIDDEN
    labels = ".".join(HIDDEN if len(label) > _LONGEST_LABEL and _digits(label) else label for label in host.split("."))
    path = "/".join(map(_segment, parts.path.split("/")))
    query = "&".join(map(_parameter, parts.query.split("&"))) if parts.query else ""
    return (
        f"{parts.scheme}://{f'{HIDDEN}@' if user or at else ''}{labels}{path}"
        f"{f'?{query}' if query else ''}{f'#{HIDDEN}' if parts.fragment else ''}"
    )


def cluster_of(url: Url) -> str | None:
    """Return the cluster whose public node *url* is, or None where the address does not tell."""
    hosts = {urlsplit(public).hostname: cluster for cluster, public in PUBLIC_RPC.items() if cluster != LOCALHOST}
    return hosts.get(url.host)


def _digits(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _segment(text: str) -> str:
    return text if _REFERENCE.fullmatch(text) or _WORD.fullmatch(text) else HIDDEN


def _parameter(text: str) -> str:
    name, equals, value = text.partition("=")
    if not equals or not _WORD.fullmatch(name):
        return HIDDEN
    return text if _REFERENCE.fullmatch(value) else f"{name}={HIDDEN}"


def _filled(written: str, environ: Mapping[str, str]) -> str:
    missing = [name for name in _REFERENCE.findall(written) if not environ.get(name)]
    if missing:
        raise ValueError(f"needs the environment variable {missing[0]}, which is not set")
    if "${" in _REFERENCE.sub("", written):
        raise ValueError("holds a ${ that names no environment variable: write ${NAME}")
    return _REFERENCE.sub(lambda match: environ[match[1]], written)


def _url(value: Any, info: ValidationInfo, *, schemes: tuple[str, ...], form: str) -> Any:
    if isinstance(value, Url) or value is None:
        return value
    if not isinstance(value, str):
        raise ValueError(f"should be {form}")  # noqa: TRY004 - pydantic reads ValueError
    url = Url(value, environ=(info.context or {}).get("environ"))
    try:
        parts = urlsplit(url.reveal())
        sound = parts.scheme in schemes and parts.port != 0 and bool(parts.hostname or schemes is _DATABASE)
    except ValueError:
        sound = False
    if not sound or re.search(r"\s", url.reveal()):
        raise ValueError(f"should be {form}")
    return url


def _rpc(value: Any, info: ValidationInfo) -> Any:
    form = f"an address such as https://host, or one of {', '.join(PUBLIC_RPC)}"
    return _url(_MONIKERS.get(value, value) if isinstance(value, str) else value, info, schemes=_HTTP, form=form)


def _nats(value: Any, info: ValidationInfo) -> Any:
    url = _url(value, info, schemes=_NATS, form="an address such as nats://host:4222 or tls://host:4222")
    if isinstance(url, Url) and "@" in url.reveal():
        raise ValueError("should have no user, password or token in it: set user and password_env, or token_env")
    return url


_shown = PlainSerializer(str)
HttpUrl = Annotated[
    Url,
    BeforeValidator(partial(_url, schemes=_HTTP, form="an address such as https://host")),
    _shown,
    Told(form="an http(s) address"),
]
RpcUrl = Annotated[Url, BeforeValidator(_rpc), _shown, Told(form="an http(s) address or the name of a cluster")]
WebsocketUrl = Annotated[
    Url,
    BeforeValidator(partial(_url, schemes=_WEBSOCKET, form="an address such as wss://host")),
    _shown,
    Told(form="a ws(s) address"),
]
DatabaseUrl = Annotated[
    Url,
    BeforeValidator(partial(_url, schemes=_DATABASE, form="postgresql://USER:PASSWORD@HOST/DATABASE")),
    _shown,
    Told(form="a postgresql:// address"),
]
NatsUrl = Annotated[
    Url,
    BeforeValidator(_nats),
    _shown,
    Told(form="a nats:// or tls:// address"),
]
