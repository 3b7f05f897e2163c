"""What was asked of the hosts: the numbers behind `aggregator etiquette`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostTraffic:
    """What went to one host and came back from it in one cycle, or in several added up."""

    #: Host name; of addresses and of names without a dot, with the port.
    host: str
    #: Requests sent, those for robots.txt and redirects among them.
    requests: int = 0
    #: Answers with a document (200, 226), and answers that it has not changed (304).
    documents: int = 0
    not_modified: int = 0
    #: Bytes of the bodies as they came, and the same with the content codings undone.
    received: int = 0
    decoded: int = 0
    #: Requests that were not sent, because the host wants to be left alone for a while.
    held: int = 0

    def __add__(self, other: HostTraffic) -> HostTraffic:
        """Both together, under the name of the first."""
        return HostTraffic(
            self.host,
            self.requests + other.requests,
            self.documents + other.documents,
            self.not_modified + other.not_modified,
            self.received + other.received,
            self.decoded + other.decoded,
            self.held + other.held,
        )
