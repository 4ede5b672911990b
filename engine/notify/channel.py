"""A channel to a person: any service that Apprise knows, by its address.

The address holds the service's token. Apprise and the services it calls name addresses in their log lines and errors,
so none of those is passed on: of a failure a person is told what kind it was.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from engine.domain.alert import Alert, Severity
from engine.domain.errors import ConfigError, DeliveryError
from engine.notify.bounded import Bounded
from engine.notify.wording import body_of, title_of

if TYPE_CHECKING:
    from apprise import Apprise, AppriseAsset, AppriseResult

LIMIT = 10.0
"""Seconds that one delivery may take: well below what the supervisor grants an actor for a message."""
_STATUS = re.compile(r"\berror=(\d{3})\b")
_SILENT = logging.NullHandler()


class AppriseChannel:
    """One service.

    Args:
        name: what it is called in messages.
        url: Apprise's address of it, secrets and all.
        min_severity: the least severity that it is for.
        limit: seconds that one delivery may take.

    Raises:
        ConfigError: Apprise does not know such an address; it is not repeated.
    """

    def __init__(self, name: str, url: str, *, min_severity: Severity, limit: float = LIMIT) -> None:
        self.name = name
        self.min_severity = min_severity
        self._service = _service(name, url)
        self._bounded = Bounded(f"channel-{name}", limit=limit)

    def deliver(self, alert: Alert, *, reminder: int = 0) -> None:
        """Send *alert*, the *reminder*-th repetition of it, once.

        Raises:
            DeliveryError: the service did not take it, or did not say so in time; it may have been delivered.
        """
        try:
            result = self._bounded.run(lambda: self._send(alert, reminder))
        except DeliveryError:
            raise
        except Exception as error:  # noqa: BLE001 - see below
            # The chain of causes may hold the address.
            raise DeliveryError(f"it could not be sent ({type(error).__name__})") from None
        if not result:
            raise DeliveryError(_reason(result))

    def _send(self, alert: Alert, reminder: int) -> AppriseResult:
        from apprise import NotifyFormat, NotifyType

        return self._service.notify(
            title=title_of(alert, reminder),
            body=body_of(alert),
            notify_type=NotifyType.WARNING if alert.severity is Severity.WARNING else NotifyType.FAILURE,
            body_format=NotifyFormat.TEXT,
            log_callback=lambda _entry, _service: None,  # without one it keeps no lines to find the reason in
        )


def _service(name: str, url: str) -> Apprise:
    from apprise import Apprise

    _hush()
    asset = _asset()
    service = Apprise(asset=asset)
    plugin = Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if plugin is None or not service.add(plugin):
        raise ConfigError(
            f"the alert channel {name} has an address that no service of Apprise has: see docs/alerts.md for its form"
        )
    return service


def _asset() -> AppriseAsset:
    from apprise import AppriseAsset

    return AppriseAsset(
        app_id="Ripcord",
        app_desc="Ripcord alerts",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,  # on the thread that is waited for
        service_timeout=0,  # `Bounded` has the limit
        http_redirects=False,  # a token is for the host that it was given for
        pgp_autogen=False,
        pem_autogen=False,
        allow_templates=False,
    )


def _hush() -> None:
    """Keep Apprise's own lines out of the log: some repeat the whole address."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if _SILENT not in logger.handlers:
        logger.addHandler(_SILENT)


def _reason(result: AppriseResult) -> str:
    said = " ".join(entry.message for entry in result.logs())
    if status := _STATUS.search(said):
        return f"the service answered {status[1]}"
    return "the service cannot be reached" if "onnection error" in said else "the service did not take it"
