"""rss2email, which sends each item as a message: RSS and Atom by feedparser, here into a Maildir."""

from __future__ import annotations

import mailbox
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from generators.readers.base import Item, Look, Program, run

_CONFIG = """\
[DEFAULT]
from = reader@reader.example
to = reader@reader.example
email-protocol = maildir
maildir-path = {maildir}
maildir-mailbox = INBOX
date-header = True
date-header-order = issued, modified
reply-changes = True
encodings = UTF-8
verbose = warning
"""


def _version() -> str | None:
    if shutil.which("r2e") is None:
        return None
    found = re.search(r"rss2email ([\d.]+)", run(["r2e", "--version"], Path.cwd()))
    return found[1] if found else "?"


def _look(folder: Path, feeds: Mapping[str, str]) -> dict[str, Look]:
    maildir, config = folder / "mail", folder / "rss2email.cfg"
    if not config.exists():
        maildir.mkdir()
        # As `r2e add` does it for one feed.
        sections = "".join(f"\n[feed.{number}]\nurl = {url}\n" for number, url in enumerate(feeds.values()))
        config.write_text(_CONFIG.format(maildir=maildir) + sections, encoding="utf-8")
    inbox = mailbox.Maildir(maildir / "INBOX")
    before = set(inbox.keys())
    run(["r2e", "-c", str(config), "-d", str(folder / "seen.json"), "run"], folder)
    looks = {}
    messages = [(key in before, *_message(inbox.get_bytes(key))) for key in sorted(inbox.keys())]
    for name, url in feeds.items():
        known = {item.id: item for is_old, feed, item in messages if feed == url and is_old}
        sent = {item.id: item for is_old, feed, item in messages if feed == url and not is_old}
        new = tuple(identity for identity in sent if identity not in known)
        changed = tuple(identity for identity in sent if identity in known)
        looks[name] = Look(tuple({**known, **sent}.values()), new, changed)
    return looks


def _message(data: bytes) -> tuple[str, Item]:
    """The address of the feed, and the item."""
    message = BytesParser(policy=policy.default).parsebytes(data)
    link = message["X-RSS-URL"]
    item = Item(
        str(message["X-RSS-ID"]),
        str(message["Subject"]),
        str(link) if link else None,
        _date(str(message["Date"])),
    )
    return str(message["X-RSS-Feed"]), item


def _date(text: str) -> datetime:
    # A date without a zone (-0000) is one in UTC.
    date = parsedate_to_datetime(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


RSS2EMAIL = Program("rss2email", _version, "Debian's rss2email", ("rss", "atom"), _look, guesses=True)
