"""Settings: the only place where they are read. Every fault of every source is named at once, with its key."""

from engine.config.alerts import AlertsSection
from engine.config.api import ApiSection
from engine.config.console import ConsoleSection
from engine.config.custody import StoreSection, WalletSection
from engine.config.live import live_allowed
from engine.config.loading import Given, Loaded, load, resolve
from engine.config.nats import NatsSection
from engine.config.network import ChainSection, JupiterSection, PriorityFeeSection
from engine.config.orders import OrdersSection, RetrySection, TokensSection
from engine.config.prices import MISSED_POLLS, PricesSection
from engine.config.settings import Profile, Settings
from engine.config.urls import Url, redacted

__all__ = [
    "MISSED_POLLS",
    "AlertsSection",
    "ApiSection",
    "ChainSection",
    "ConsoleSection",
    "Given",
    "JupiterSection",
    "Loaded",
    "NatsSection",
    "OrdersSection",
    "PricesSection",
    "PriorityFeeSection",
    "Profile",
    "RetrySection",
    "Settings",
    "StoreSection",
    "TokensSection",
    "Url",
    "WalletSection",
    "live_allowed",
    "load",
    "redacted",
    "resolve",
]
