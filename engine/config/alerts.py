"""Whom alerts reach, and who notices when nothing is heard of the engine any more."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter, ValidationInfo, model_validator

from engine.config.section import EnvironmentName, File, Interval, Section, Told
from engine.config.urls import HIDDEN, HttpUrl, Url
from engine.domain.alert import Severity
from engine.domain.errors import BadInputError

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9.+-]{0,31})://\S+")
_FORM = "an Apprise address such as tgram://TOKEN/CHAT"
_ENVIRONMENT_NAME: TypeAdapter[str] = TypeAdapter(EnvironmentName)
_FILE: TypeAdapter[Any] = TypeAdapter(File)


def _url(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, Url) or value is None:
        return value
    if not isinstance(value, str):
        raise ValueError(f"should be {_FORM}")  # noqa: TRY004 - pydantic reads ValueError
    return _sound(Url(value, environ=(info.context or {}).get("environ")))


def _url_in_environment(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, Url) or value is None:
        return value
    name = _ENVIRONMENT_NAME.validate_python(value)
    return _sound(Url(f"${{{name}}}", environ=(info.context or {}).get("environ")))


def _url_in_file(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, Url) or value is None:
        return value
    if isinstance(value, str) and "://" in value:
        # What was given is not repeated: it may be the address.
        raise ValueError("should be the path of a file; the address itself is never written down here")
    from engine.config.secrets import secret_file  # which needs the list of all settings

    path = _FILE.validate_python(value, context=info.context)
    try:
        return _sound(Url(secret_file(path).get_secret_value(), shown=str(path)))
    except BadInputError as error:
        raise ValueError(str(error)) from None


def _sound(url: Url) -> Url:
    if not _ADDRESS.fullmatch(url.reveal()):
        raise ValueError(f"should be {_FORM}")
    return url


_shown = PlainSerializer(str)


class ChannelSection(Section):
    """A service that alerts are sent to. Its address is a secret: it is named in one of three ways."""

    name: Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9-]{0,31}$"), Told(form="a short word")] | None = None
    """What it is called in messages. Without it: the kind of the service and the number of the channel, such as
    `tgram-1`."""
    url: Annotated[Url, BeforeValidator(_url), _shown, Told(form="an Apprise address")] | None = None
    """The address; write tokens as `${NAME}`."""
    url_env: (
        Annotated[Url, BeforeValidator(_url_in_environment), _shown, Told(form="the name of an environment variable")]
        | None
    ) = None
    """Which environment variable holds the address."""
    url_file: Annotated[Url, BeforeValidator(_url_in_file), _shown, Told(form="a path")] | None = None
    """A file that holds the address, readable by its owner alone."""
    min_severity: Severity = Severity.WARNING
    """The least severity that is sent there."""

    @model_validator(mode="after")
    def _one_address(self) -> ChannelSection:
        if sum(each is not None for each in (self.url, self.url_env, self.url_file)) != 1:
            raise ValueError("name exactly one of url, url_env and url_file")
        return self

    @property
    def address(self) -> Url:
        """The address, wherever it comes from."""
        address = self.url or self.url_env or self.url_file
        if address is None:
            raise ValueError("a channel without an address")
        return address

    @property
    def scheme(self) -> str:
        """The kind of service, which is no secret."""
        return self.address.reveal().partition("://")[0].lower()

    def __str__(self) -> str:
        return f"{self.scheme}://{HIDDEN} from {self.min_severity}"


class AlertsSection(Section):
    """Whom alerts reach beside the log, how often a CRITICAL one is said, and the dead-man's switch."""

    channels: tuple[Annotated[ChannelSection, Told(form="a table as below")], ...] = ()
    """Services that alerts are sent to, each as `[[alerts.channels]]`."""
    repeat_waits: tuple[Interval, ...] = (300.0, 900.0, 3600.0)
    """Before the first, second, ... reminder of a CRITICAL alert that nobody acknowledged; the last one stands for all
    that follow. An empty list: no reminders."""
    retry_waits: Annotated[tuple[Interval, ...], Field(min_length=1)] = (2.0, 10.0, 30.0, 120.0, 300.0)
    """Between two tries of a channel after its first, second, ... failure in a row; the last one stands for all that
    follow. It is tried until it works."""
    heartbeat_url: HttpUrl | None = None
    """Called while the engine is well: a dead-man's switch, which raises the alarm when it is not called. `${NAME}`
    stands for an environment variable."""
    heartbeat_interval: Annotated[Interval, Field(ge=5)] = 60.0
    """Between two calls."""
    heartbeat_method: Literal["GET", "POST"] = "GET"
    """How it is called."""

    @model_validator(mode="after")
    def _names_differ(self) -> AlertsSection:
        names = list(self.named())
        if len(names) != len(self.channels):
            raise ValueError("channels names one twice: give each a name of its own")
        return self

    def named(self) -> dict[str, ChannelSection]:
        """Return the channels by their names."""
        return {
            channel.name or f"{channel.scheme.replace('.', '-').replace('+', '-')}-{number}": channel
            for number, channel in enumerate(self.channels, 1)
        }
