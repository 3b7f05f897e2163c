"""What a feed says about when to come back, in every format and by either reader."""

from __future__ import annotations

import pytest

from aggregator.models import Fetched, ParsedFeed, Syndication
from aggregator.parse import parse, tolerant
from aggregator.parse.sniff import sniff
from aggregator.schedule import feed_hints

URL = "https://site.example/feed"
SY = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
MODULE = (
    "<sy:updatePeriod> hourly\n</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>"
    "<sy:updateBase>2000-01-01T12:00+00:00</sy:updateBase>"
)
MODULE_READ = Syndication(update_period="hourly", update_frequency="2", update_base="2000-01-01T12:00+00:00")
ITEM = "<item><title>1</title></item>"


def both(text: str) -> ParsedFeed:
    """What our readers make of a document; the tolerant one must agree."""
    fetched = Fetched(requested_url=URL, url=URL, status=200, content_type="", body=text.encode())
    parsed = parse(fetched)
    assert parsed.reader == "lxml"
    assert tolerant.read(sniff(fetched)).syndication == parsed.syndication
    return parsed


def rss(inside: str) -> str:
    return f'<rss version="2.0" {SY}><channel><title>T</title>{inside}</channel></rss>'


def test_rss_with_everything() -> None:
    hours = "".join(f"<hour>{hour}</hour>" for hour in (0, 1, 23))
    parsed = both(
        rss(
            f"<ttl> 60 </ttl><skipHours>{hours}</skipHours>{ITEM}{MODULE}"
            "<skipDays><day>Saturday</day><day>Sunday</day></skipDays>"
        )
    )
    assert parsed.syndication == Syndication(
        "60", ("0", "1", "23"), ("Saturday", "Sunday"), "hourly", "2", "2000-01-01T12:00+00:00"
    )


def test_rdf() -> None:
    parsed = both(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        f'{SY}><channel rdf:about="https://site.example/"><title>T</title>{MODULE}</channel>'
        '<item rdf:about="https://site.example/1"><title>1</title></item></rdf:RDF>'
    )
    assert parsed.syndication == MODULE_READ


@pytest.mark.parametrize("namespace", ["http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"])
def test_atom(namespace: str) -> None:
    parsed = both(f'<feed xmlns="{namespace}" {SY}><title>T</title>{MODULE}<entry><id>1</id></entry></feed>')
    assert parsed.syndication == MODULE_READ


@pytest.mark.parametrize(
    "inside",
    [ITEM, f"<ttl/><skipHours/><skipDays><day> </day></skipDays>{ITEM}", "<item><title>1</title><ttl>5</ttl></item>"],
)
def test_a_feed_that_says_nothing(inside: str) -> None:
    assert both(rss(inside)).syndication is None


def test_the_first_of_several_counts() -> None:
    assert both(rss(f"<ttl></ttl><ttl>5</ttl><ttl>6</ttl>{ITEM}")).syndication == Syndication(ttl="5")


def test_texts_and_lists_are_bounded() -> None:
    hours = "<hour>1</hour>" * 10_000
    parsed = both(rss(f"<ttl>{'9' * 100_000}</ttl><skipHours>{hours}</skipHours>{ITEM}"))
    assert parsed.syndication == Syndication(ttl="9" * 100, skip_hours=("1",) * 100)
    assert feed_hints(parsed.syndication).ttl is None


def test_an_ill_formed_feed_says_it_as_well() -> None:
    body = rss(f"<ttl>60</ttl><skipHours><hour>1</hour><hour>2</hour></skipHours><b>{ITEM}").encode()
    parsed = parse(Fetched(requested_url=URL, url=URL, status=200, content_type="", body=body))
    assert parsed.syndication == Syndication(ttl="60", skip_hours=("1", "2"))
