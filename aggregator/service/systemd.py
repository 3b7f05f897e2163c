"""Notifications to systemd, for what runs as a service."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

#: Where nothing has been completed for this long, something hangs; then the watchdog gets no more messages.
STALLED = timedelta(minutes=15)


class Systemd:
    """Notifications to systemd, over the socket that it names in the environment; none if it names no socket.

    The protocol is a datagram of ``NAME=value`` lines (sd_notify(3)). Sending never blocks and never raises.

    Args:
        environ: the environment with ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # The name of an abstract socket begins with @ in place of its zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        interval = environ.get("WATCHDOG_USEC", "")
        meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        #: Seconds within which the watchdog expects a message; None if there is no watchdog.
        self.watchdog = int(interval) / 1e6 if interval.isdecimal() and int(interval) and meant else None

    def ready(self) -> None:
        """Report that the start, or a reload, is complete."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Report that the configuration is being reloaded."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Report that the service is about to exit."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Send the message that the watchdog expects, if there is one."""
        if self.watchdog is not None:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send(f"STATUS={' '.join(text.split())}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(message.encode(), self._address)
