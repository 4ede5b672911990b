"""The options by which a command finds the engine that it talks to, given to every such command by `talks`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, get_type_hints

import typer

from engine.cli.codes import NoEngineError
from engine.cli.config import FilesOption, ProfileOption, SetOption, resolved
from engine.cli.remote.client import ANSWER_SECONDS, Client
from engine.cli.remote.place import TOKEN_VARIABLE, Place, place_named, place_of
from engine.domain.errors import BadInputError

if TYPE_CHECKING:
    from engine.config import Loaded

P = ParamSpec("P")

ApiOption = Annotated[
    str | None,
    typer.Option("--api", metavar="URL", help="API of an engine elsewhere, in place of that of the settings."),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option("--token-file", help=f"With --api: file of its token. [default: {TOKEN_VARIABLE} in the environment]"),
]
CaFileOption = Annotated[
    Path | None, typer.Option("--ca-file", help="With --api: a certificate to trust, PEM, such as its own.")
]
TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", min=0.1, help=f"Seconds that an answer may take. [default: {ANSWER_SECONDS:g}]"),
]

KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Idempotency key: a command that is repeated with the same one is done once. [default: a new one]",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How an engine is found."""

    files: FilesOption = None
    sets: SetOption = None
    profile: ProfileOption = None
    api: ApiOption = None
    token_file: TokenFileOption = None
    ca_file: CaFileOption = None
    timeout: TimeoutOption = None

    def loaded(self) -> Loaded:
        """Return the settings.

        Raises:
            ConfigError: they have faults.
        """
        return resolved(self.files, self.sets, profile=self.profile)

    def place(self) -> Place:
        """Return where the engine is.

        Raises:
            BadInputError: the options make no sense together, or settings have faults.
        """
        if self.api is not None:
            return place_named(self.api, self.token_file, self.ca_file)
        if self.token_file is not None or self.ca_file is not None:
            raise BadInputError("--token-file and --ca-file go with --api: settings name their own")
        return place_of(self.loaded().settings)

    @contextmanager
    def client_or_none(self, *, key: str | None = None) -> Iterator[Client | None]:
        """Yield the engine, for what can be done without one; None where that of the settings does not run.

        It is None too where the settings do not say where it is asked: then its lease keeps the database.

        Raises:
            EngineError: see `engine.cli.codes`; no engine answers at the address of --api.
        """
        section = self.loaded().settings.api
        with ExitStack() as stack:
            engine: Client | None = None
            if self.api is not None or (section.enabled and section.port):
                try:
                    engine = stack.enter_context(self.client(key=key))
                    engine.get("/engine")
                except NoEngineError:
                    if self.api is not None:
                        raise
                    engine = None
            yield engine

    @contextmanager
    def client(self, *, key: str | None = None) -> Iterator[Client]:
        """Yield the engine.

        Raises:
            NoEngineError: that of the settings does not run, or has another profile than they name.
            EngineError: see `engine.cli.codes`.
        """
        with Client(self.place(), timeout=self.timeout or ANSWER_SECONDS, key=key) as client:
            if self.api is None:
                _check_profile(client, self.loaded())
            yield client


def _check_profile(client: Client, loaded: Loaded) -> None:
    """See that the engine is the one that is meant: two profiles may share a port, and the folder of the token."""
    from engine.config.sources import DEFAULT

    wanted = str(loaded.settings.profile)
    if loaded.source(("profile",)) is DEFAULT:
        return
    found = client.get("/engine")["profile"]
    if found != wanted:
        raise NoEngineError(
            f"no engine of the profile {wanted} runs at {client.place.url}: that one is of {found}; name it with "
            "--profile, or set api.port"
        )


def reaching(command: Callable[Concatenate[Reach, P], None]) -> Callable[..., None]:
    """Give *command*, whose first parameter is a `Reach`, the options of one."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    hints = get_type_hints(Reach, include_extras=True)
    parameters = [
        *own,
        *(
            inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hints[each.name])
            for each in fields(Reach)
        ),
    ]

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        reach = Reach(**{each.name: options.pop(each.name) for each in fields(Reach)})
        command(reach, *arguments, **options)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run
