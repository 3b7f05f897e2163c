"""Which pages are asked for again, as a pure function of what is remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Fetched, NotModified, PageState, RawEntry, Text
from aggregator.sources.articles import ArticleRules, Listed, mark_of, reading_of
from aggregator.sources.fields import FieldRules
from aggregator.sources.revisits import FRUITLESS, Mark, Plan, Visit, by_key, plan

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
URL = "https://example.org/a"
READING = reading_of(ArticleRules(), None)
SAME = "4." + "c" * 32
PAGE = Fetched(URL, URL, 200, "text/html", b"", etag='"1"', last_modified="Mon", body_hash="b" * 64)


def listed(url: str = URL, **said: object) -> Listed:
    entry = RawEntry(guid=url, url=url, **said)  # type: ignore[arg-type]
    return Listed(entry, mark_of(entry))


def planned(
    one: Listed, state: PageState | None, *, stored: bool = True, reading: str = READING, now: datetime = NOW
) -> Plan:
    keys = by_key([one])
    return plan(keys, set(keys) if stored else set(), {URL: state} if state else {}, reading, now)


def read(one: Listed, content: str = SAME, state: PageState | None = None) -> PageState:
    return Visit(one, URL, READING, NOW, state, state is not None).read(PAGE, content, whole=True)


def test_marks_are_written_and_read() -> None:
    mark = Mark("a" * 64, "b" * 64, "4." + "c" * 32)
    assert Mark.load(mark.dump()) == Mark("a" * 32, "b" * 16, "c" * 32)
    assert len(mark.dump()) == 82
    for text in ("", "x", "a.b", "a.b.c.d"):
        assert Mark.load(text) == Mark()


@given(st.text(max_size=100))
def test_any_stored_mark_is_read(text: str) -> None:
    state = PageState(URL, text)
    assert len(planned(listed(), state).visits) <= 1


def test_a_mark_is_of_what_the_list_says_and_of_nothing_else() -> None:
    base = listed(title=Text("T", "text"), published="2026-04-20 10:00")
    assert base.mark == listed(title=Text("T", "text"), published="2026-04-20T10:00:00+00:00").mark
    others = (
        listed(title=Text("U", "text"), published="2026-04-20 10:00"),
        listed(title=Text("T", "text"), published="2026-04-20 10:01"),
        listed(title=Text("T", "text"), published="2026-04-20 10:00", tags=("x",)),
        listed(title=Text("T", "text"), published="2026-04-20 10:00", summary=Text("s", "text")),
        listed(title=Text("T", "text"), published="2026-04-20 10:00", image="https://example.org/i.png"),
        listed(title=Text("T", "text"), published="2026-04-20 10:00", authors=("Ann",)),
    )
    assert len({one.mark for one in (base, *others)}) == 7
    assert mark_of(base.entry, "2026-04-20") != mark_of(base.entry, "2026-04-21")
    relative = {
        listed(published=date).mark for date in (None, "3 hours ago", "5 hours ago", "昨天 10:00", "today", "soon")
    }
    assert len(relative) == 1


def test_the_digest_of_rules_knows_only_what_is_set() -> None:
    assert reading_of(ArticleRules(), None) == reading_of(ArticleRules(pages=10, remove=()), None)
    different = (
        ArticleRules(body="a"),
        ArticleRules(title=FieldRules("a")),
        ArticleRules(title=FieldRules("a", regex="b")),
        ArticleRules(author=FieldRules("a")),
        ArticleRules(pages=2),
    )
    assert len({READING, reading_of(ArticleRules(), "gbk"), *(reading_of(one, None) for one in different)}) == 7


def test_what_is_known_and_unchanged_is_left_alone() -> None:
    one = listed()
    assert planned(one, read(one)) == Plan()
    # Also where the entry has another key by now.
    assert planned(one, read(one), stored=False) == Plan()


def test_new_ones_come_before_changed_ones() -> None:
    pages = [listed(f"https://example.org/{name}") for name in "abc"]
    keys = list(by_key(pages))
    states = {keys[0]: PageState(keys[0], Mark("old", READING, "c").dump())}
    made = plan(by_key(pages), {keys[0], keys[1]}, states, READING, NOW)
    assert [visit.key for visit in made.visits] == [keys[2], keys[0]]
    assert made.remembered == (PageState(keys[1], Mark(pages[1].mark, READING).dump()),)


def test_validators_are_sent_only_where_they_are_of_the_same_reading() -> None:
    one = listed()
    state = read(one)
    changed = listed(title=Text("New", "text"))

    def validators(state: PageState | None, **options: object) -> tuple[str | None, str | None, str | None]:
        (visit,) = planned(changed, state, **options).visits  # type: ignore[arg-type]
        return visit.validators

    assert validators(state) == ('"1"', "Mon", "b" * 64)
    nothing = (None, None, None)
    assert validators(None, stored=False) == nothing
    assert validators(state, reading=reading_of(ArticleRules(body="x"), None)) == nothing
    assert validators(state, now=NOW + timedelta(days=7)) == nothing
    assert validators(state, now=NOW - timedelta(hours=1)) == nothing


def test_visits_in_vain_are_counted_until_the_page_changes() -> None:
    state = read(listed())
    for number in range(1, FRUITLESS + 1):
        changed = listed(title=Text(str(number), "text"))
        (visit,) = planned(changed, state).visits
        state = visit.unchanged(NotModified(URL, etag='"2"')) if number % 2 else visit.read(PAGE, SAME, whole=True)
        assert state.fruitless == number
    changed = listed(title=Text("again", "text"))
    assert planned(changed, state, now=NOW + timedelta(hours=23)) == Plan()
    (visit,) = planned(changed, state, now=NOW + timedelta(hours=24)).visits
    assert visit.read(PAGE, "4." + "d" * 32, whole=True).fruitless == 0
    # A clock that was set back does not hold it for years.
    assert len(planned(changed, state, now=NOW - timedelta(days=1)).visits) == 1
    # Other rules are no visit in vain.
    assert len(planned(changed, state, reading=reading_of(ArticleRules(body="x"), None)).visits) == 1


def test_a_page_of_several_has_no_validators() -> None:
    one = listed()
    state = Visit(one, URL, READING, NOW, None, False).read(PAGE, SAME, whole=False)
    assert (state.etag, state.last_modified, state.body_hash) == (None, None, None)


def test_an_incomplete_article_is_asked_for_again_and_then_rarely() -> None:
    one, state = listed(), None
    for _ in range(FRUITLESS):
        (visit,) = planned(one, state, stored=state is not None).visits
        assert visit.validators == (None, None, None)
        state = visit.incomplete()
    assert planned(one, state) == Plan()
    assert len(planned(one, state, now=NOW + timedelta(days=1)).visits) == 1


def test_what_fails_rests_after_three_times_and_what_is_gone_at_once() -> None:
    one, state = listed(), None
    for _ in range(FRUITLESS):
        (visit,) = planned(one, state, stored=False).visits
        state = visit.failed()
    assert [visit.url for visit in planned(one, state, stored=False).resting] == [URL]
    assert planned(one, state, stored=False).visits == ()
    (visit,) = planned(one, None, stored=False).visits
    gone = planned(one, visit.gone(), stored=False)
    assert (gone.visits, len(gone.resting)) == ((), 1)


def test_what_is_stored_keeps_its_mark_when_its_page_fails() -> None:
    state = read(listed())
    changed = listed(title=Text("New", "text"))
    (visit,) = planned(changed, state).visits
    after = visit.failed()
    assert (after.mark, after.etag, after.fruitless) == (state.mark, state.etag, 1)
    assert len(planned(changed, after).visits) == 1
    assert planned(changed, visit.gone()) == Plan()


def test_of_items_with_one_id_the_first_counts() -> None:
    entries = [RawEntry(guid="same", url=f"https://example.org/{n}") for n in (1, 2)]
    assert by_key([Listed(entry, "") for entry in entries]) == {"same": Listed(entries[0], "")}
