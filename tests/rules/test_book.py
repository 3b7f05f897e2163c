"""All rules of a configuration: their order, outputs, digests, and the trace that explains a judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Decision, Entry, Placement, Sight
from aggregator.rules.book import NO_RULES, Trace, make_book
from tests.rule_samples import ENTRY, SEEN, SIGHT, book, judge, make_entry, output, rules_of
from tests.thoroughness import examples


def test_without_rules_an_entry_is_published_as_it_is() -> None:
    ruling = make_book().judge(ENTRY, SIGHT)
    assert ruling.entry is ENTRY
    assert ruling == replace(ruling, verdict="published", category=None, placements=(), draft=False, made_by=())
    assert make_book().is_trivial
    assert make_book().digest == NO_RULES


def test_addresses_lose_tracking_unless_a_rule_says_otherwise() -> None:
    tracked = make_entry(url="https://example.org/?id=1&utm_source=rss")
    older = Sight("hn", "news", None)
    assert judge("[]", tracked).entry.url == "https://example.org/?id=1"
    assert judge("[tag: x]", tracked).entry.url == "https://example.org/?id=1"
    assert judge("[strip_tracking: false]", tracked).entry.url == tracked.url
    assert judge("[{strip_tracking: false, when: 'words > 100'}]", tracked).entry.url == "https://example.org/?id=1"
    # Rules see the address as the source gave it.
    assert judge("[{tag: seen, when: 'url.contains(\"utm\")'}]", tracked).entry.tags[-1] == "seen"
    # Entries of versions that did not do it stay as they are, until a rule says so.
    assert judge("[]", tracked, older).entry is tracked
    assert judge("[strip_tracking: true]", tracked, older).entry.url == "https://example.org/?id=1"


def test_the_order_of_rules() -> None:
    made = make_book(
        site=rules_of("[tag: site]"),
        categories={"news": rules_of("[tag: category]"), "other": rules_of("[tag: never]")},
        sources={"hn": rules_of("[tag: source]"), "x": rules_of("[tag: never]")},
    )
    assert made.judge(ENTRY, SIGHT).entry.tags[2:] == ("site", "category", "source")
    assert made.judge(ENTRY, Sight("x", "other", SEEN)).entry.tags[2:] == ("site", "never")


def test_a_new_category_does_not_start_its_rules() -> None:
    made = make_book(
        site=rules_of("[category: other]"),
        categories={"news": rules_of("[tag: news]"), "other": rules_of("[tag: other]")},
    )
    ruling = made.judge(ENTRY, SIGHT)
    assert (ruling.category, ruling.entry.tags[-1]) == ("other", "news")


def test_rules_see_what_earlier_rules_changed() -> None:
    assert judge("[title: Other, drop: {title: rust}]").verdict == "published"
    assert judge("[tag: x, {drop: true, when: '\"x\" in tags'}]").verdict == "dropped"


def places(*outputs: Any, site: str = "[]", entry: Entry = ENTRY, **others: Any) -> dict[str, Entry | None]:
    ruling = book(site, outputs=outputs, **others).judge(entry, SIGHT)
    return {place.output: place.entry for place in ruling.placements}


def test_outputs() -> None:
    rust, rest = output("rust", 'title.contains("Rust")'), output("rest", "words > 100")
    assert places(rust, rest) == {"rust": None}
    assert places(output("everything")) == {"everything": None}
    assert places(rust, site="[title: Other]") == {}
    assert places(rust, site="[drop: rust]") == {}
    assert places(rust, site="[hold: rust]") == {}
    # Drafts keep their places.
    assert places(rust, site="[draft: true]") == {"rust": None}


def test_the_rules_of_an_output_are_for_it_alone() -> None:
    dropping, tagging = output("a", rules="[drop: rust]"), output("b", rules="[tag: b, title: '{title}!']")
    ruling = book(outputs=[dropping, tagging]).judge(ENTRY, SIGHT)
    assert (ruling.verdict, ruling.entry) == ("published", ENTRY)
    (place,) = ruling.placements
    assert place == Placement("b", make_entry(tags=(*ENTRY.tags, "b"), title="Rust 1.90 is out!"))


def test_a_rule_of_an_output_that_changes_nothing_leaves_no_entry_of_its_own() -> None:
    assert places(output("a", rules="[tag: rust]")) == {"a": None}


def test_also_in_goes_before_where_but_not_before_the_rules_of_the_output() -> None:
    never, picky = output("never", "false"), output("picky", "false", "[drop: rust]")
    assert places(never, picky, site="[also_in: [never, picky, more]]") == {"more": None, "never": None}


def test_further_categories_of_a_source() -> None:
    assert places(also_in={"hn": ("weekly", "news"), "x": ("never",)}) == {"weekly": None}
    moved = book("[category: weekly]", also_in={"hn": ("weekly", "tech")}).judge(ENTRY, SIGHT)
    assert (moved.category, [place.output for place in moved.placements]) == ("weekly", ["tech"])


class _Address:
    definition = "by url"

    def __call__(self, entry: Entry, sight: Sight, variables: Mapping[str, Any]) -> str | None:
        assert variables["title"] == entry.title
        return f"{entry.url} {entry.title}"


def test_the_address_of_an_item_is_asked_for_after_the_rules() -> None:
    made = book("[title: Other]", addresses=_Address())
    assert made.judge(ENTRY, SIGHT).address == f"{ENTRY.url} Other"
    assert book("[drop: rust]", addresses=_Address()).judge(ENTRY, SIGHT).address is None


def test_a_digest_changes_with_what_a_judgement_depends_on() -> None:
    books = [
        book(),
        book("[drop: rust]"),
        book("[keep: rust]"),
        book("[drop: [rust, go]]"),
        book("[drop: {title: rust}]"),
        book("[{drop: rust, when: 'words > 5'}]"),
        book("[{drop: rust, when: 'words > 6'}]"),
        book("[drop: true]"),
        book("[tag: a, tag: b]"),
        book("[tag: b, tag: a]"),
        book("[keep: {max_age: 1d}]"),
        book("[keep: {max_age: 2d}]"),
        book("[keep: {duration: '>1m'}]"),
        book("[title: '{title}']"),
        make_book(categories={"news": rules_of("[drop: rust]")}),
        make_book(sources={"news": rules_of("[drop: rust]")}),
        book(also_in={"hn": ("a",)}),
        book(review=frozenset({"hn"})),
    ]
    assert len({one.digest for one in books}) == len(books)
    assert [one.is_trivial for one in books] == [True, *[False] * (len(books) - 1)]


def test_a_digest_does_not_change_with_what_says_nothing() -> None:
    assert book(also_in={"hn": ()}, categories={"news": []}, sources={"hn": []}).digest == NO_RULES
    assert book("[drop: rust]").digest == book("[drop: {any: [rust]}]").digest
    with_outputs = book("[drop: rust]", outputs=[output("a", "words > 5")])
    assert with_outputs.digest == book("[drop: rust]").digest
    assert not book(outputs=[output("a")]).is_trivial
    # Whoever gives the addresses has a digest of them.
    assert book(addresses=_Address()).digest == NO_RULES
    assert not book(addresses=_Address()).is_trivial


def test_a_digest_changes_where_a_target_of_also_in_becomes_an_output() -> None:
    both = [make_book(site=rules_of("[also_in: a]"), outputs=outputs) for outputs in ([output("a")], [output("b")])]
    assert both[0].digest != both[1].digest == make_book(site=rules_of("[also_in: a]")).digest


def test_the_definition_of_an_output() -> None:
    definitions = [
        output("a").definition,
        output("a", "words > 5").definition,
        output("a", "words > 6").definition,
        output("a", "words > 5", "[tag: a]").definition,
        output("a", "words > 5", "[tag: b]").definition,
    ]
    assert len(set(definitions)) == 5
    assert output("b", "words > 5").definition == definitions[1]


def test_a_trace_says_what_each_rule_did() -> None:
    trace = Trace()
    made = make_book(
        site=rules_of("[tag: long, {tag: x, when: 'tags[9] == \"a\"'}, {drop: true, when: 'words > 100'}]"),
        sources={"hn": rules_of("[drop: {title: golang}, category: releases]", "source hn")},
        outputs=[output("rust", 'title.contains("Rust")', "[tag: r]"), output("go", 'title.contains("Go")')],
    )
    made.judge(ENTRY, SIGHT, trace=trace)
    assert [(step.place, step.number, step.name, step.what, step.matched) for step in trace.steps] == [
        ("site", 1, "tag", "tagged `long`", True),
        ("site", 2, "tag", None, False),
        ("site", 3, "drop", None, False),
        ("source hn", 1, "drop", None, False),
        ("source hn", 2, "category", "moved to `releases`", True),
        ("output rust", 1, "tag", "tagged `r`", True),
    ]
    notes = [step.note for step in trace.steps]
    assert notes[1] is not None and "counts as false" in notes[1]
    assert notes[2] == "`when` does not hold"
    assert notes[3:] == [None] * 3
    assert [step.applied for step in trace.steps] == [True, False, False, True, True, True]
    assert trace.outputs == [("rust", True, "`where` holds"), ("go", False, "`where` does not hold")]


@pytest.mark.parametrize(
    ("rules", "decision", "last", "why"),
    [
        ("[drop: {title: rust}]", None, "dropped: `rust` in title", "it is dropped"),
        ("[keep: golang]", None, "dropped, because it does not match", "it is dropped"),
        ("[hold: {has: text}]", None, "held: has text", "it is held"),
    ],
)
def test_a_trace_says_why_an_entry_is_in_no_output(rules: str, decision: Decision | None, last: str, why: str) -> None:
    trace = Trace()
    book(rules, outputs=[output("a")]).judge(ENTRY, SIGHT, decision=decision, trace=trace)
    assert trace.steps[-1].what == last
    assert trace.outputs == [("a", False, why)]


def test_a_trace_says_what_review_makes_of_an_entry() -> None:
    trace, again = Trace(), Trace()
    reviewed = book("[tag: a]", review=frozenset({"hn"}))
    reviewed.judge(ENTRY, SIGHT, trace=trace)
    reviewed.judge(ENTRY, SIGHT, decision=Decision("dropped"), trace=again)
    assert (trace.review, again.review) == ("held, because the source has `review: true`", "dropped by a person")
    assert [step.name for step in trace.steps] == ["tag"]


def test_a_book_lists_its_rules() -> None:
    made = make_book(
        site=rules_of("[tag: a, drop: b]"),
        sources={"hn": rules_of("[tag: c]", "source hn")},
        categories={"news": rules_of("[tag: d]", "category news")},
        outputs=[output("e", rules="[tag: e]")],
    )
    assert [(rule.place, rule.number) for rule in made.rules] == [
        ("site", 1),
        ("site", 2),
        ("category news", 1),
        ("source hn", 1),
        ("output e", 1),
    ]


# -- random sets of rules --------------------------------------------------------------------------------------------

_RULES = st.lists(
    st.sampled_from(
        [
            "drop: {title: [rust, sponsored]}",
            "keep: {any: [rust, compiles, '/x/i']}",
            "{drop: true, when: 'words > 5'}",
            "{hold: true, when: 'tags.size() > 2'}",
            "{tag: [a, b], when: 'title.contains(\"Rust\")'}",
            "untag: rust",
            "{title: '{title} +', when: 'title.size() < 30'}",
            "category: other",
            "{also_in: [more, one], when: 'category == \"other\"'}",
            "{draft: true, when: '\"a\" in tags'}",
            "{strip_tracking: false, when: 'source == \"hn\"'}",
            "future_dates: hold",
            "{tag: x, when: 'tags[5] == title'}",
        ]
    ),
    max_size=6,
).map(lambda rules: f"[{', '.join(rules)}]")
_OUTPUT_RULES = st.sampled_from(
    ["[]", "[drop: {title: [rust]}]", "[tag: own, untag: release]", "[keep: {max_age: 1d}]"]
)
_WHERE = st.sampled_from(
    [None, "true", "false", "words > 3", '"a" in tags', 'url.contains("utm")', 'category == "other"']
)
_ENTRIES = st.builds(
    make_entry,
    title=st.sampled_from(["Rust", "rust rust", "Sponsored: x", "今天 X"]),
    html=st.sampled_from(["", "<p>one two three four</p>", "<p>it compiles and it is long enough</p>"]),
    tags=st.lists(st.sampled_from(["release", "Rust", "a"]), unique=True).map(tuple),
    url=st.sampled_from([None, "https://example.org/?utm_source=x", "https://example.org/1"]),
)
_DECISIONS = st.sampled_from([None, Decision("published"), Decision("dropped"), Decision("published", "other")])


@examples(30)
@given(_RULES, _RULES, st.lists(st.tuples(_WHERE, _OUTPUT_RULES), max_size=3), _ENTRIES, _DECISIONS)
def test_random_rules(
    site: str, source: str, outputs: list[tuple[str | None, str]], entry: Entry, decision: Any
) -> None:
    slugs = ["one", "two", "three"]
    listed = [output(slug, where, rules) for slug, (where, rules) in zip(slugs, outputs, strict=False)]
    made = make_book(site=rules_of(site), sources={"hn": rules_of(source)}, outputs=listed, also_in={"hn": ("more",)})
    ruling = made.judge(entry, SIGHT, decision=decision)
    # A trace changes nothing, and neither does judging again.
    trace = Trace()
    assert made.judge(entry, SIGHT, decision=decision, trace=trace) == ruling
    members = [slug for slug, member, _ in trace.outputs if member]
    assert members == [place.output for place in ruling.placements]
    # What identifies an entry and its dates stay.
    kept = ("source_id", "key", "guid", "published_at", "updated_at", "hash")
    assert all(getattr(ruling.entry, name) == getattr(entry, name) for name in kept)
    assert ruling.category != "news"
    # The places in one output alone are the same.
    if ruling.verdict == "published":
        for one in listed:
            placed = made.place(
                ruling.entry, SIGHT, one.slug, category=ruling.category, original=entry, decision=decision
            )
            assert placed == next((place for place in ruling.placements if place.output == one.slug), None)
    else:
        assert ruling.placements == ()
