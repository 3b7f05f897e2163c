"""The tables of the store, in SQLAlchemy Core.

A new database gets exactly these tables, and an old one gets them from the migrations; a test compares the two.
Therefore a new column is the last one of its table. No statement is executed here.
"""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Sequence,
    Table,
    UniqueConstraint,
    and_,
    true,
)

from aggregator.models import HostTraffic
from aggregator.store.columns import (
    Integer,
    LenientFlag,
    LenientNumber,
    LenientText,
    LenientTime,
    Lines,
    StateDay,
    StateTime,
    Text,
    Timestamp,
)

#: The newest migration; it results in these tables.
REVISION = "0015"

#: The counts of `models.HostTraffic`.
HOST_COUNTS = tuple(field.name for field in fields(HostTraffic)[1:])

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)

#: Where databases that several processes share take stamps from (`store.stamps`). SQLite has no sequences.
STAMPS = Sequence("stamps", metadata=metadata)


def _stamp() -> Column[int]:
    """When a row was changed last, in the order of all changes; always 0 in a database that one process has alone."""
    return Column("stamp", BigInteger, nullable=False, server_default="0")


sources = Table(
    "sources",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("url", Text, nullable=False),
    # As configured; NULL: the title of the feed is used.
    Column("name", Text),
    Column("category", Text, nullable=False),
    Column("section", Text),
    Column("explicit_id", Boolean, nullable=False),
    # Whether it is configured now.
    Column("active", Boolean, nullable=False),
    Column("title", Text),
    Column("home_url", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body_hash", Text),
    Column("request_hash", Text),
    Column("last_attempt_at", StateTime),
    Column("last_success_at", StateTime),
    Column("next_due_at", StateTime),
    Column("failures", Integer, nullable=False),
    Column("failure_kind", Text),
    Column("error", Text),
    # Number of its rows in `entries`: counting a million of them would take a scan.
    Column("entries", Integer, nullable=False),
    Column("due_why", Text),
    # `schedule.Rhythm` and `schedule.FeedHints`, as they dump themselves.
    Column("rhythm", Text),
    Column("feed_hints", Text),
    Column("gone_days", Integer, nullable=False, server_default="0"),
    Column("gone_last", StateDay),
    Column("outages", Integer, nullable=False, server_default="0"),
    Column("moved_to", Text),
    Column("moved_since", StateTime),
    # `trust.Trust`, as it dumps itself.
    Column("identity", Text),
    Column("notes", Lines),
    # The part of its address that may be published, and the name used if nothing else names it.
    Column("public_url", Text),
    Column("fallback_name", Text),
    Column("whole_at", StateTime),
    # What may be published of its entries, as configured: `models.Republish`, rights, and whether they are indexed.
    Column("republish", Text, nullable=False, server_default="full"),
    Column("copyright", Text),
    Column("noindex", Boolean, nullable=False, server_default="0"),
    # What its kind remembers of it.
    Column("memory", LenientText),
    UniqueConstraint("id"),
)
Index("ix_sources_due", sources.c.active, sources.c.next_due_at)

entries = Table(
    "entries",
    metadata,
    Column("pk", Integer, primary_key=True, autoincrement=False),
    Column("source_pk", Integer, ForeignKey("sources.pk"), nullable=False),
    Column("key", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("published_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("dated", Boolean, nullable=False),
    Column("pending", Boolean, nullable=False),
    # Copied from the source or the ruling, so that one index gives the newest of a category; NULL while the source is
    # not configured, or the entry is not published.
    Column("category", LenientText),
    # These three are NULL until `assign`.
    Column("public_id", Text),
    Column("path", Text),
    Column("path_key", Text),
    Column("guid", Text),
    Column("url", Text),
    Column("title", Text, nullable=False),
    # JSON: arrays of strings, and an array of objects with the fields of `models.Enclosure`.
    Column("authors", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("enclosures", Text, nullable=False),
    Column("image", Text),
    Column("comments_url", Text),
    Column("language", Text),
    # The long texts come last: SQLite reads a row from its start and does not read their overflow pages.
    Column("summary", Text, nullable=False),
    Column("html", Text, nullable=False),
    # Entries of one source and one date are in the order of their document, newest first: the higher number is the
    # newer one. Rows from before this column all have 0 and are in the order of their row numbers.
    Column("position", Integer, nullable=False, server_default="0"),
    # JSON: an object with the fields of `models.OriginalFeed`. Few entries have one.
    Column("original_feed", Text),
    # JSON: `models.Extras` as `models.extras.to_plain` writes it. Few entries have one.
    Column("extras", Text),
    Column("future_at", LenientTime),
    # When it was first seen; NULL: by a version that did not record it.
    Column("seen_at", LenientTime),
    # Whether a rule made it a draft: its post is written, but it is in no feed.
    Column("draft", LenientFlag, nullable=False, server_default="0"),
    _stamp(),
    UniqueConstraint("source_pk", "key"),
    UniqueConstraint("public_id"),
    UniqueConstraint("path_key"),
)

#: Entries that belong in the feeds.
LISTED = and_(entries.c.category.is_not(None), entries.c.public_id.is_not(None), ~entries.c.draft)
#: Entries whose post has to be written.
PENDING = and_(entries.c.pending, entries.c.category.is_not(None))

#: The order of feeds; entries that are equal in this order follow their row numbers.
NEWEST_FIRST = (entries.c.published_at.desc(), entries.c.source_pk, entries.c.position.desc())

Index(
    "ix_entries_listed_by_category",
    entries.c.category,
    *NEWEST_FIRST,
    sqlite_where=LISTED,
)
Index("ix_entries_listed", *NEWEST_FIRST, sqlite_where=LISTED)
# The entries of a page of an archive. In SQLite, the row number is the last column of every index.
Index("ix_entries_listed_by_number", entries.c.category, sqlite_where=LISTED)
Index("ix_entries_of_source", entries.c.source_pk, entries.c.published_at.desc(), entries.c.position.desc())
# `pending` is the same in every row of this index, but without the column SQLite would read the rows.
Index("ix_entries_pending", entries.c.published_at, entries.c.category, entries.c.pending, sqlite_where=PENDING)

#: The digests of post files, for entries whose file was about to be written at least once. This is a table of its own
#: so that a change of it does not write the long texts of an entry again.
post_files = Table(
    "post_files",
    metadata,
    Column("entry_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
    # Digest of the file as last written; NULL: not written yet, "": written before this table existed.
    Column("written", Text),
    # Digest of the content that is about to be written; stored before the file is replaced.
    Column("intended", Text),
)

#: The paths of posts in other folders than the first one, and the digests of their files, as in `post_files`.
folder_posts = Table(
    "folder_posts",
    metadata,
    Column("entry_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
    Column("folder", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("path_key", Text, nullable=False),
    Column("written", Text),
    Column("intended", Text),
    UniqueConstraint("folder", "path_key"),
)

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    _stamp(),
)

#: The closed pages of the archive of each output (slug of a category, or `models.ALL`), numbered from 1. A page holds
#: the listed entries of the output whose row numbers come after those of the page before, up to `last_pk`.
archives = Table(
    "archives",
    metadata,
    Column("output", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("last_pk", Integer, nullable=False),
)
Index("ix_archives_last", archives.c.last_pk)

#: Pages whose files are not written yet, or are out of date.
stale_archives = Table(
    "stale_archives",
    metadata,
    Column("output", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    _stamp(),
)

#: What rules made of entries. An entry that is published as it is, in the category of its source, has no row.
rulings = Table(
    "rulings",
    metadata,
    Column("entry_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
    # `models.Verdict` other than ``published``.
    Column("verdict", LenientText),
    # The first category, if it is not that of the source.
    Column("category", LenientText),
    # JSON: the fields of `models.Entry` that rules changed, in the form of their columns.
    Column("changes", LenientText),
    # The steps of one's own that made parts of it.
    Column("made_by", Lines),
)
#: Entries that are not published.
Index("ix_rulings_verdict", rulings.c.verdict, rulings.c.entry_pk, sqlite_where=rulings.c.verdict.is_not(None))

#: The outputs and further categories of entries: one row for each besides the first category.
memberships = Table(
    "memberships",
    metadata,
    Column("output", LenientText, primary_key=True),
    Column("entry_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
    # Copied from the entry.
    Column("published_at", LenientTime, nullable=False),
    Column("source_pk", LenientNumber, nullable=False),
    Column("position", LenientNumber, nullable=False),
    # Whether the entry is published, and its source is configured.
    Column("listed", LenientFlag, nullable=False),
    # When it became a member.
    Column("added_at", LenientTime, nullable=False),
    # When it came out, in an output with a delay or a rate; NULL: it waits.
    Column("released_at", LenientTime),
    # As in `rulings`: what this output alone changes.
    Column("changes", LenientText),
    sqlite_with_rowid=False,
)
#: Members that the output shows, as soon as they have an id.
LISTED_MEMBER = memberships.c.listed == true()
_newest_member = (memberships.c.published_at.desc(), memberships.c.source_pk, memberships.c.position.desc())
Index(
    "ix_memberships_newest",
    memberships.c.output,
    *_newest_member,
    memberships.c.entry_pk,
    sqlite_where=LISTED_MEMBER,
)
Index(
    "ix_memberships_of_source",
    memberships.c.output,
    memberships.c.source_pk,
    memberships.c.published_at.desc(),
    memberships.c.position.desc(),
    memberships.c.entry_pk,
    sqlite_where=LISTED_MEMBER,
)
# Those that wait come first, in the order in which they became members.
Index(
    "ix_memberships_released",
    memberships.c.output,
    memberships.c.released_at,
    memberships.c.added_at,
    sqlite_where=LISTED_MEMBER,
)
Index("ix_memberships_entry", memberships.c.entry_pk)

#: Entries that are no longer published, and of which post files may be there.
withheld_posts = Table(
    "withheld_posts",
    metadata,
    Column("entry_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
)

#: What persons decided on entries in review. ``published``, ``dropped``, or "": they have no opinion any more.
decisions = Table(
    "decisions",
    metadata,
    Column("entry_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
    Column("verdict", LenientText, nullable=False),
    Column("category", LenientText),
    Column("decided_at", LenientTime, nullable=False),
    # Whether the ruling of the entry follows from it; the next publication sees to that.
    Column("carried_out", LenientFlag, nullable=False),
)
Index("ix_decisions_open", decisions.c.entry_pk, sqlite_where=~decisions.c.carried_out)

#: By what entries with the same item are found, while duplicates are joined anywhere.
addresses = Table(
    "addresses",
    metadata,
    Column("entry_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
    Column("address", LenientText, nullable=False),
)
Index("ix_addresses_address", addresses.c.address)

#: Entries that are another source's item again, and the entry that is published for them.
copies = Table(
    "copies",
    metadata,
    Column("entry_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
    Column("leader_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), nullable=False),
    # Whether its text and link are shown in place of those of the leader.
    Column("shown", Boolean, nullable=False),
)
Index("ix_copies_leader", copies.c.leader_pk)

#: Pairs of entries that a person said are no duplicates; the smaller row number comes first.
not_duplicates = Table(
    "not_duplicates",
    metadata,
    Column("first_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
    Column("second_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
)
Index("ix_not_duplicates_second", not_duplicates.c.second_pk)

#: Addresses whose entries have to be compared again.
stale_addresses = Table("stale_addresses", metadata, Column("address", Text, primary_key=True))

#: Results of steps of one's own, by a hash of the input and the step.
step_results = Table(
    "step_results",
    metadata,
    Column("hash", Text, primary_key=True),
    # JSON.
    Column("result", Text, nullable=False),
    Column("made_at", Timestamp, nullable=False),
)
Index("ix_step_results_made", step_results.c.made_at)

#: Post files that a person has changed, moved or deleted: `publish.postedits`.
post_edits = Table(
    "post_edits",
    metadata,
    Column("entry_pk", Integer, ForeignKey("entries.pk", ondelete="CASCADE"), primary_key=True),
    Column("folder", Text, primary_key=True),
    # ``edited``, ``moved``, ``deleted``, or ``missing``: not written, because most files of the folder are not there.
    Column("edit", Text, nullable=False),
    # Where it was moved to, below the folder.
    Column("path", Text),
    # Digests that the file with the new version beside it can have.
    Column("upstream", Lines),
)

#: Requests to each host and their answers, by day (UTC).
host_days = Table(
    "host_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("host", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in HOST_COUNTS),
)

#: Hosts that must not be asked until a certain time.
host_waits = Table(
    "host_waits",
    metadata,
    Column("host", Text, primary_key=True),
    Column("until", Timestamp, nullable=False),
)

#: The pages of entries, such as the articles behind a list: `models.PageState`.
pages = Table(
    "pages",
    metadata,
    Column("source_pk", Integer, ForeignKey("sources.pk"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("mark", LenientText, nullable=False),
    Column("etag", LenientText),
    Column("last_modified", LenientText),
    Column("body_hash", LenientText),
    Column("asked_at", LenientTime),
    Column("fruitless", LenientNumber, nullable=False),
    sqlite_with_rowid=False,
)

#: Instances that serve the same documents: `models.InstanceState`.
instances = Table(
    "instances",
    metadata,
    Column("url", Text, primary_key=True),
    Column("failures", LenientNumber, nullable=False),
    Column("until", LenientTime),
)

#: Removed entries: their keys are not stored again, and no other entry gets their ids and paths.
tombstones = Table(
    "tombstones",
    metadata,
    Column("source_pk", Integer, ForeignKey("sources.pk"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("public_id", Text),
    Column("path_key", Text),
    UniqueConstraint("public_id"),
    UniqueConstraint("path_key"),
)

#: Further keys by which entries are found; a key without an entry belongs to several entries.
aliases = Table(
    "aliases",
    metadata,
    Column("source_pk", Integer, ForeignKey("sources.pk"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("entry_pk", Integer, ForeignKey("entries.pk")),
    # Grows from row to row. SQLite has it without being asked.
    Column("rowid", BigInteger, Identity(), nullable=False, system=True),
)
Index("ix_aliases_entry", aliases.c.entry_pk)
