"""Certificates and handshakes that go wrong: the source fails with the cause in words, and recovers by itself."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.origin import Origin
from tests.support import Site, item, rss

HERE = "127.0.0.1"
DAY = timedelta(days=1)
Issue = Callable[[trustme.CA, trustme.CA], trustme.LeafCert]


def _now() -> datetime:
    # Certificates are checked against the clock of the machine; whole days are far from any edge.
    return datetime.now(UTC)


BAD: dict[str, tuple[Issue, str]] = {
    "expired": (lambda ours, _: ours.issue_cert(HERE, not_before=_now() - 9 * DAY, not_after=_now() - DAY), "expired"),
    "not valid before tomorrow": (lambda ours, _: ours.issue_cert(HERE, not_before=_now() + DAY), "not yet valid"),
    "of another host": (lambda ours, _: ours.issue_cert("other.example"), "not valid for '127.0.0.1'"),
    "of nobody known": (lambda _, strange: strange.issue_cert(HERE), "unable to get local issuer certificate"),
}


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that this machine trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return made


@pytest.mark.parametrize("name", BAD)
def test_a_bad_certificate_is_named_and_a_good_one_ends_it(
    name: str, authority: trustme.CA, site: Site, origin: Origin
) -> None:
    issue, words = BAD[name]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issue(authority, trustme.CA()).configure_cert(context)
    with closing(Origin(context)) as secure:
        bad = {"id": "bad", "feed": secure.route("/bad", rss([item(1), item(2)])), "timeout": "1m"}
        site.configure(bad, {"id": "good", "feed": origin.route("/good", rss([item(20)]))})
        assert site.run("update").status == 1
        rows = site.status()
        assert (rows["bad"]["failure_kind"], rows["bad"]["entries"]) == ("tls", 0), rows["bad"]
        assert words in rows["bad"]["error"]
        assert "tls" in rows["bad"]["error"].partition(words)[2], "what to do about it"
        assert (rows["good"]["state"], rows["good"]["entries"]) == ("ok", 1)
        assert secure.asked("/bad") == []
        authority.issue_cert(HERE).configure_cert(context)
        assert site.run("update", "--all").status == 0
    after = site.status()["bad"]
    assert (after["state"], after["entries"], after["error"]) == ("ok", 2, None)


def test_what_was_stored_before_a_certificate_expired_stays(authority: trustme.CA, site: Site) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HERE).configure_cert(context)
    with closing(Origin(context)) as secure:
        site.configure({"id": "one", "feed": secure.route("/one", rss([item(1)]))})
        assert site.run("update").status == 0
        before = site.stamps()
        BAD["expired"][0](authority, authority).configure_cert(context)
        assert site.run("update", "--all").status == 1
        assert site.stamps() == before
        row = site.status()["one"]
    assert (row["state"], row["failure_kind"], row["entries"]) == ("failing", "tls", 1)


@contextmanager
def _listener(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose connections are all given to `serve`."""

    def run() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                serve(connection)

    with socket.create_server((HERE, 0)) as listening:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _reset(connection: socket.socket) -> None:
    connection.recv(100)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _say_nothing(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


def _speak_plainly(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(("serve", "kind"), [(_reset, "connect"), (_say_nothing, "timeout"), (_speak_plainly, "tls")])
def test_a_handshake_that_fails_costs_one_source_one_cycle(
    serve: Callable[[socket.socket], None], kind: str, site: Site, origin: Origin
) -> None:
    good = {"id": "good", "feed": origin.route("/good", rss([item(20)]))}
    with _listener(serve) as port:
        patience = "2s" if kind == "timeout" else "1m"
        site.configure({"id": "bad", "feed": f"https://{HERE}:{port}/bad", "timeout": patience}, good)
        assert site.run("update").status == 1
    rows = site.status()
    assert (rows["bad"]["state"], rows["bad"]["failure_kind"]) == ("failing", kind), rows["bad"]
    assert len(rows["bad"]["error"]) > 20
    assert (rows["good"]["state"], rows["good"]["entries"]) == ("ok", 1)
