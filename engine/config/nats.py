"""Where events are published beside the API's own streams."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, TypeAdapter, ValidationInfo, model_validator

from engine.config.section import EnvironmentName, File, Interval, Section, Told
from engine.config.urls import NatsUrl
from engine.domain.errors import BadInputError

_NAME: TypeAdapter[str] = TypeAdapter(EnvironmentName)
_FILE: TypeAdapter[Any] = TypeAdapter(File)
_HOUR = 3600


def _in_environment(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, SecretStr) or value is None:
        return value
    name = _NAME.validate_python(value)
    secret = (info.context or {}).get("environ", {}).get(name, "")
    if not secret:
        raise ValueError(f"needs the environment variable {name}, which is not set")
    return SecretStr(secret)


def _in_file(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, SecretStr) or value is None:
        return value
    from engine.config.secrets import secret_file  # which needs the list of all settings

    try:
        return secret_file(_FILE.validate_python(value, context=info.context))
    except BadInputError as error:
        raise ValueError(str(error)) from None


InEnvironment = Annotated[SecretStr, BeforeValidator(_in_environment), Told(form="the name of an environment variable")]
InFile = Annotated[SecretStr, BeforeValidator(_in_file), Told(form="a path")]
Prefix = Annotated[
    str,
    Field(strict=True, max_length=64, pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"),
    Told(form="words with dots between them"),
]
StreamName = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_-]{1,64}$"), Told(form="a word")]


class NatsSection(Section):
    """A NATS server that every event is published to. Each engine needs a `prefix` and a `stream` of its own there."""

    url: NatsUrl | None = None
    """The server, such as `nats://127.0.0.1:4222`; `tls://` refuses one that does not encrypt. Without it nothing is
    published."""
    user: Annotated[str, Field(strict=True, min_length=1), Told(form="a name")] | None = None
    """Whom to sign in as; with one of the two that follow."""
    password_env: InEnvironment | None = None
    """Which environment variable holds the password of `user`."""
    password_file: InFile | None = None
    """A file that holds it, readable by its owner alone."""
    token_env: InEnvironment | None = None
    """Which environment variable holds a token, in place of user and password."""
    token_file: InFile | None = None
    """A file that holds it, readable by its owner alone."""
    credentials_file: File | None = None
    """A `.creds` file with a user's JWT and seed, in place of both; readable by its owner alone."""
    tls_ca: File | None = None
    """Who vouches for the server's certificate, PEM. Without it: whom the system trusts."""
    prefix: Prefix = "ripcord"
    """What the subjects begin with: `ripcord.order.<id>.filled`."""
    stream: StreamName = "RIPCORD"
    """The JetStream stream that keeps the durable events; made where it is not there."""
    max_age: Annotated[float, Field(strict=True, ge=_HOUR, allow_inf_nan=False), Told(unit="seconds")] = 2_592_000.0
    """How long the stream keeps an event."""
    max_bytes: Annotated[int, Field(strict=True, ge=0), Told(unit="bytes")] = 0
    """How large the stream may grow before the oldest events go; 0 for as large as the server lets it."""
    replicas: Annotated[int, Field(strict=True, ge=1, le=5)] = 1
    """On how many servers of a cluster the stream is kept; read when it is made."""
    connect_timeout: Interval = 5.0
    """How long connecting and signing in may take."""
    ack_timeout: Interval = 5.0
    """How long the server may take to answer for what it was sent."""

    @property
    def password(self) -> SecretStr | None:
        """The password, wherever it comes from."""
        return self.password_env or self.password_file

    @property
    def token(self) -> SecretStr | None:
        """The token, wherever it comes from."""
        return self.token_env or self.token_file

    @model_validator(mode="after")
    def _signs_in_one_way(self) -> NatsSection:
        if self.password_env is not None and self.password_file is not None:
            raise ValueError("password_env and password_file are both set: name one")
        if self.token_env is not None and self.token_file is not None:
            raise ValueError("token_env and token_file are both set: name one")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and its password belong together: set user and password_env or password_file")
        if sum(each is not None for each in (self.user, self.token, self.credentials_file)) > 1:
            raise ValueError("sign in one way: by user and password, by token, or by credentials_file")
        return self
