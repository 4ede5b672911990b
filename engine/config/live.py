"""Two separate switches, so that nobody trades real money by accident."""

from __future__ import annotations

from engine.config.loading import Loaded
from engine.config.settings import Profile
from engine.domain.errors import ConfigError


def live_allowed(loaded: Loaded, *, live: bool) -> bool:
    """Return whether real money may be traded: mainnet in a file, and --live on the command line.

    Args:
        loaded: the settings, and where they come from.
        live: whether --live was given.

    Raises:
        ConfigError: one of the two switches is missing, or --live stands beside another profile.
    """
    profile, source = loaded.settings.profile, loaded.source(("profile",))
    if profile is not Profile.MAINNET:
        if live:
            raise ConfigError(
                f"--live is for the profile mainnet, and the profile is {profile} ({source}): leave it out"
            )
        return False
    missing = []
    if loaded.filed_profile is not Profile.MAINNET:
        missing.append(f'profile = "mainnet" in a settings file (it comes from {source})')
    if not live:
        missing.append("--live on the command line")
    if missing:
        raise ConfigError(f"mainnet trades real money and is not started without {' and '.join(missing)}")
    return True
