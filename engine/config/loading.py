"""Settings are read here: from one file alone, or from everything that can set them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from engine.config import keys
from engine.config.checking import Checked, World, fitted, sound, source_of
from engine.config.secrets import jupiter_key
from engine.config.settings import Profile, Settings
from engine.config.solana import fall_back, solana_config
from engine.config.sources import DEFAULT, Entry, Kind, Layer, Source, environment, options, toml_file
from engine.config.urls import PUBLIC_RPC, Url, cluster_of
from engine.domain.errors import BadInputError, ConfigError

FILE = Path("ripcord.toml")
"""What is read where no file is named, if it is there."""
WALLET_KEY = "RIPCORD_WALLET_KEY"
"""The environment variable that holds the wallet's key where no key file is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a command was given to find its settings by."""

    files: tuple[Path, ...] = ()
    """TOML files, the later ones win; without any, `ripcord.toml` in *folder*."""
    sets: tuple[str, ...] = field(default=(), repr=False)
    url: str | None = field(default=None, repr=False)
    keypair: str | None = field(default=None, repr=False)
    profile: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    home: Path = field(default_factory=lambda: Path("~").expanduser())
    folder: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings, and where each comes from."""

    settings: Settings
    sources: Mapping[keys.KeyPath, Source]
    """Of every key that is not at its default."""
    filed_profile: Profile | None
    """The profile that the files name, the last of them, whatever wins over it."""
    jupiter_key: SecretStr | None = field(repr=False)

    def source(self, path: keys.KeyPath) -> Source:
        """Return where the value of the key at *path* comes from."""
        return self.sources.get(path, DEFAULT)


def load(path: Path | None) -> Settings:
    """Return the settings in the TOML file at *path*, and in nothing else; the defaults where it is None.

    Raises:
        BadInputError: the file cannot be read, is not TOML, or has unknown keys or values out of range: all named.
    """
    layer = Layer() if path is None else toml_file(path)
    good, bad, faults = sound(layer.entries, World(environ=os.environ, home=Path("~").expanduser()))
    checked = fitted(good, spoilt=bad)
    faults = [*layer.faults, *faults, *checked.faults]
    if faults or checked.settings is None:
        raise BadInputError(_all_of(faults))
    return checked.settings


def resolve(given: Given) -> Loaded:
    """Return the settings of a command: defaults, Solana's own, files, environment and command line, later wins.

    Raises:
        ConfigError: at least one source has a fault; every fault of every source is named.
    """
    world = World(environ=given.environ, home=given.home)
    layers = [
        *map(toml_file, given.files or _found(given.folder)),
        environment(given.environ),
        options(given.sets, url=given.url, keypair=given.keypair, profile=given.profile),
    ]
    good, bad, faults = sound([entry for layer in layers for entry in layer.entries], world)
    faults = [*(fault for layer in layers for fault in layer.faults), *faults]
    own = {entry.path: entry for entry in good}
    profile: Profile = own[("profile",)].value if ("profile",) in own else Profile.DEMO
    solana, solana_faults = _solana(given, own, profile, world)
    checked = fitted([*_for_profile(profile, own, given), *solana, *good], spoilt=bad)
    faults += [*solana_faults, *checked.faults]
    secret, secret_faults = jupiter_key(checked.winners, given.environ)
    faults += [*secret_faults, *_wrong_cluster(checked, profile)]
    if faults or checked.settings is None:
        raise ConfigError(_all_of(faults))
    filed = [e.value for e in good if e.path == ("profile",) and e.source.kind is Kind.FILE]
    return Loaded(
        settings=checked.settings,
        sources={path: source_of(checked.winners, path) for path in checked.winners},
        filed_profile=filed[-1] if filed else None,
        jupiter_key=secret,
    )


def _found(folder: Path) -> tuple[Path, ...]:
    return (folder / FILE,) if (folder / FILE).exists() else ()


def _solana(
    given: Given, own: Mapping[keys.KeyPath, Entry], profile: Profile, world: World
) -> tuple[list[Entry], list[str]]:
    """Return what Solana's own file adds: nothing for the demo, and no node of another cluster than the profile's."""
    if profile.cluster is None:
        return [], []
    layer = fall_back(solana_config(given.home), taken=own, key_in_environment=bool(given.environ.get(WALLET_KEY)))
    good, _, faults = sound(layer.entries, world)
    elsewhere = any(
        cluster_of(url) not in (None, profile.cluster)
        for entry in good
        if entry.path == ("chain", "rpc_urls")
        for url in entry.value
    )
    return [e for e in good if not (elsewhere and e.path[0] == "chain")], [*layer.faults, *faults]


def _for_profile(profile: Profile, own: Mapping[keys.KeyPath, Entry], given: Given) -> list[Entry]:
    """Return the defaults that depend on the profile: its cluster's public node, and a database of its own."""
    entries = []
    if profile.cluster is not None:
        entries.append(Entry(path=("chain", "rpc_urls"), value=(Url(PUBLIC_RPC[profile.cluster]),), source=DEFAULT))
    if ("store", "url") not in own:
        data = Path(given.environ.get("XDG_DATA_HOME", ""))
        # The XDG base directory specification: a relative path is invalid and to be ignored.
        data = data if data.is_absolute() else given.home / ".local" / "share"
        path = data / "ripcord" / f"ripcord-{profile}.db"
        entries.append(Entry(path=("store", "path"), value=path, source=DEFAULT))
    return entries


def _wrong_cluster(checked: Checked, profile: Profile) -> list[str]:
    """Name the public nodes of another cluster than the profile's."""
    if checked.settings is None or profile.cluster is None:
        return []
    source = source_of(checked.winners, ("chain", "rpc_urls"))
    return [
        f"{source}: chain.rpc_urls: {url} is of {cluster_of(url)}, and the profile {profile} is for {profile.cluster}"
        for url in checked.settings.chain.rpc_urls
        if cluster_of(url) not in (None, profile.cluster)
    ]


def _all_of(faults: list[str]) -> str:
    if len(faults) == 1:
        return faults[0]
    return "\n".join([f"{len(faults)} faults in the settings:", *(f"  {fault}" for fault in faults)])
