"""What can go wrong between a laptop and its hub, each as a sentence; and whether trying again soon makes sense.

HubError ─┬─ Unreachable   no network, no answer, an answer that broke off, a proxy's 502     again
          ├─ Distrusted    the certificate, or plain http beyond this machine
          ├─ Refused       name, password or token; or what the hub says to one call
          ├─ Revoked       this device was revoked, and the hub has proved that it is the hub
          ├─ Outdated      the programs are too far apart
          └─ Recompare     the hub does not know our checkpoint: compare everything
"""

from __future__ import annotations

from typing import ClassVar

from app.errors import DavenportError


class HubError(DavenportError):
    """Base. `again`: the same call may succeed in a moment without anybody's doing."""

    status = 503
    error = "upstream"
    again: ClassVar[bool] = False


class Unreachable(HubError):
    """Nothing was answered, or not all of it."""

    again = True


class Distrusted(HubError):
    """Nothing was sent: whoever answers may not be the hub."""


class Refused(HubError):
    """The hub answered no. `code` is the HTTP status, `name` CouchDB's name of the error."""

    def __init__(self, reason: str, *, code: int = 0, name: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.name = name


class Revoked(HubError):
    """This device may no longer hold anything."""


class Outdated(HubError):
    """One of the two programs must be renewed."""


class Recompare(HubError):
    """The checkpoint means nothing to the hub."""


class Full(HubError):
    """The disk of this machine is full; the sync goes on where it stopped when there is room."""


class Stopped(HubError):
    """Somebody asked to stop, or the data limit of today is reached."""
