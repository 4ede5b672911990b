"""How alerts and signs of life leave the process: the log, Apprise's services, a dead-man's switch."""

from engine.notify.channel import AppriseChannel
from engine.notify.deadman import HttpDeadMansSwitch
from engine.notify.log import LogNotifier

__all__ = ["AppriseChannel", "HttpDeadMansSwitch", "LogNotifier"]
