"""`aggregator opml import` and `opml export`, as a person or a program calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from aggregator.config import load
from tests.commands import places, program
from tests.origin import Origin
from tests.subscriptions.documents import feed, opml, sample
from tests.support import Done, Site, command, item, rss

TEXT = """\
# mine
fetch: {allow_private_addresses: [127.0.0.0/8]}
categories: {news: News}
sources:
  - name: One   # the first
    category: news
    feed: https://example.org/1
"""


def run(site: Site, *arguments: str) -> Done:
    return command("opml", *arguments, "--config", str(site.config))


@pytest.fixture
def listed(site: Site) -> str:
    """The path of a list with a bit of everything; feeds.yaml is there."""
    site.config.write_text(TEXT, encoding="utf-8")
    path = site.folder / "list.opml"
    path.write_bytes(
        opml(
            f'<outline text="News">{feed(1)}{feed(2)}</outline>\n<outline text="Later">{feed(3)}{feed(3)}</outline>\n'
            '<outline type="link" text="A page" url="https://page.example/"/>\n'
            '<outline text="Bad" type="rss" xmlUrl="ftp://bad.example/"/>'
        )
    )
    return str(path)


def test_a_list_is_imported(site: Site, listed: str) -> None:
    done = run(site, "import", listed)
    assert done.status == 1
    assert done.stdout.splitlines() == [
        "source  category  address",
        "feed-2  news      https://example.org/2",
        "feed-3  later     https://example.org/3",
        "",
        f"{listed}:2: https://example.org/1 is there already, as one",
        f"{listed}:3: https://example.org/3 is the same as on line 3",
        f"{listed}:4: a page; to look for its feed: aggregator add https://page.example/",
        f"Added 2 sources in 1 new category to {site.config}; 1 there already, 1 repeated, 1 without a feed, 1 not "
        "taken. To fetch them: aggregator update",
    ]
    assert done.stderr.splitlines() == [
        f"{listed}:5: Bad: its address `ftp://bad.example/` must begin with `https://` or `http://`; only HTTP is "
        "supported"
    ]
    text = site.config.read_text(encoding="utf-8")
    assert text.startswith(TEXT.partition("sources:")[0].replace("{news: News}", "{news: News, later: Later}"))
    assert "# the first" in text
    assert run(site, "import", listed).stdout.splitlines()[-1].startswith(f"{site.config} was not changed; 3 there")


def test_what_would_be_imported(site: Site, listed: str) -> None:
    done = run(site, "import", listed, "--dry-run")
    assert site.config.read_text(encoding="utf-8") == TEXT
    assert done.stdout.splitlines()[-1].startswith(f"Would add 2 sources in 1 new category to {site.config}; 1 there")


def test_programs_get_json(site: Site, listed: str) -> None:
    done = run(site, "import", listed, "--json", "--dry-run", "--category", "later")
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert done.status == 1
    assert [(one["id"], one["line"], one["kind"], one["categories"]) for one in found["added"]] == [
        ("feed-2", 2, "feed", ["later"]),
        ("feed-3", 3, "feed", ["later"]),
    ]
    assert found["categories"] == {"later": "later"}
    assert (found["written"], found["config"]) == (False, str(site.config))
    assert {name: len(found[name]) for name in ("there", "repeated", "pages", "refused", "left_out", "remarks")} == {
        "there": 1,
        "repeated": 1,
        "pages": 1,
        "refused": 1,
        "left_out": 0,
        "remarks": 0,
    }


def test_a_new_file_is_made(site: Site) -> None:
    path = site.folder / "list.opml"
    path.write_bytes(sample("feedly"))
    done = command("opml", "import", str(path), "--config", str(site.folder / "new" / "feeds.yaml"))
    assert done.status == 0, done.stderr
    assert sorted(one.name for one in (site.folder / "new").iterdir()) == ["feeds.schema.json", "feeds.yaml"]
    assert len(load(site.folder / "new" / "feeds.yaml", {}).sources) == 4
    assert command("check", "--config", str(site.folder / "new" / "feeds.yaml")).status == 0
    # What failed makes none.
    path.write_bytes(opml('<outline xmlUrl="x:y"/>'))
    assert command("opml", "import", str(path), "--config", str(site.folder / "other" / "feeds.yaml")).status == 1
    assert not (site.folder / "other").exists()


def test_standard_input_and_standard_output(site: Site) -> None:
    site.config.write_text(TEXT, encoding="utf-8")
    exported = program(site, "opml", "export")
    out, error = exported.communicate(timeout=60)
    assert (exported.returncode, error) == (0, b"")
    assert out.startswith(b"<?xml")
    new = site.folder / "new.yaml"
    done = subprocess.run(
        [sys.executable, "-m", "aggregator", "opml", "import", "-", "--config", str(new)],
        input=out,
        capture_output=True,
        env={**os.environ, **places(site)},
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert b"`fetch.allow_private_addresses`: it allows addresses that are not public; --trust" in done.stderr
    assert [one.id for one in load(new, {}).sources] == ["one"]


def test_a_list_at_an_address(site: Site, origin: Origin) -> None:
    site.config.write_text(TEXT, encoding="utf-8")
    url = origin.route("/list.opml", opml(feed(2)), content_type="text/x-opml; charset=utf-8")
    assert run(site, "import", url).status == 0
    assert [one.id for one in load(site.config, {}).sources] == ["one", "feed-2"]
    (request,) = origin.asked("/list.opml")
    assert request.headers["accept"].startswith("text/x-opml")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/gone", 1, "404"),
        ("/page", 2, "it is an HTML page"),
        ("/feed", 2, "it is a feed"),
        ("/large", 1, "larger than"),
    ],
)
def test_an_address_without_a_list(site: Site, origin: Origin, path: str, status: int, said: str) -> None:
    site.config.write_text(TEXT, encoding="utf-8")
    origin.route("/page", "<!doctype html><title>x</title>", content_type="text/html")
    origin.route("/feed", rss([item(1)]))
    origin.route("/large", b"<opml>" + b" " * 20_000_001)
    done = run(site, "import", origin.url + path)
    assert (done.status, said in done.stderr) == (status, True), done
    assert site.config.read_text(encoding="utf-8") == TEXT


def test_a_private_address_is_not_reached_by_accident(site: Site, origin: Origin) -> None:
    site.config.write_text("sources: []\n", encoding="utf-8")
    done = run(site, "import", origin.route("/list.opml", opml(feed(2))))
    assert done.status == 1
    assert "127.0.0.1 is not a public address" in done.stderr
    assert origin.requests == []


def test_files_that_are_none(site: Site) -> None:
    site.config.write_text(TEXT, encoding="utf-8")
    done = run(site, "import", str(site.folder / "nothing.opml"))
    assert (done.status, "No such file" in done.stderr) == (2, True)
    done = run(site, "import", str(site.folder))
    assert (done.status, "cannot be read" in done.stderr) == (2, True)
    large = site.folder / "large.opml"
    with large.open("wb") as file:
        file.write(b"<opml><body>")
        file.truncate(50 * 10**6)
    done = run(site, "import", str(large))
    assert done.status == 2
    assert done.stderr == f"error: {large}: it is larger than 20 MB; is it a list of subscriptions?\n"
    assert site.config.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    "text", ["sources: [{feed: x}]", "sources:\n\t- x", "x-s: &s [{feed: https://a.example/}]\nsources: *s\n"]
)
def test_a_wrong_feeds_yaml_is_left_alone(site: Site, text: str) -> None:
    site.config.write_text(text, encoding="utf-8")
    path = site.folder / "list.opml"
    path.write_bytes(opml(feed(2)))
    done = run(site, "import", str(path))
    assert done.status == 2
    assert f"{site.config}" in done.stderr
    assert site.config.read_text(encoding="utf-8") == text


def test_many_lines_are_counted(site: Site) -> None:
    site.config.write_text("sources: []\n", encoding="utf-8")
    path = site.folder / "list.opml"
    path.write_bytes(opml("".join(feed(n, **{"miniflux:crawler": "true"}) + feed(n) for n in range(100))))
    done = run(site, "import", str(path))
    assert done.status == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 52
    assert lines[-2:] == [
        "… and 50 more",
        f"Added 100 sources to {site.config}; 100 repeated. To fetch them: aggregator update",
    ]
    errors = done.stderr.splitlines()
    assert len(errors) == 4
    assert errors[0].endswith(
        "Feed 0: left out full text from the pages (`miniflux:crawler`); the text of the feed is used"
    )
    assert errors[-1] == "… and 97 more with the same"


def test_control_characters_do_not_reach_the_terminal(site: Site) -> None:
    site.config.write_text("sources: []\n", encoding="utf-8")
    path = site.folder / "list.opml"
    path.write_bytes(
        opml(
            '<outline text="&#27;[31mred&#x9b;x" xmlUrl="https://a.example/"/>'
            '<outline text="&#27;[2J" xmlUrl="nothing&#27;"/><outline type="link" text="x" url="https://p.example/&#27;"/>'
            '<outline text="&#27;F"><outline text="y" xmlUrl="https://b.example/"/></outline>'
        )
    )
    done = run(site, "import", str(path))
    assert "\x1b" not in done.stdout + done.stderr + site.config.read_text(encoding="utf-8")
    assert "\x9b" not in done.stdout + done.stderr + site.config.read_text(encoding="utf-8")


def test_secrets_stay_out_of_the_export(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0ken-of-mine")
    site.config.write_text(
        "sources:\n  - id: a\n    feed: https://me:pass@a.example/\n    auth: {bearer: '${env:TOKEN}'}\n"
        "  - {id: b, feed: https://b.example/, cookies: {c: c00kie}}\n",
        encoding="utf-8",
    )
    done = site.run("opml", "export")
    assert done.status == 0
    assert done.stderr.splitlines() == [
        f"{site.config}: a: left out the user name and the password in `feed`",
        f"{site.config}: b: left out `cookies.c`, which is a secret or has one in it",
    ]
    assert "${env:TOKEN}" in done.stdout
    assert not any(one in done.stdout for one in ("t0ken", "me:pass", "c00kie"))


def test_titles_of_feeds_are_exported(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)], title="新闻 &amp; more"))})
    assert site.run("update").status == 0
    before = site.data.joinpath("aggregator.db").read_bytes()
    done = site.run("opml", "export")
    assert 'text="新闻 &amp; more"' in done.stdout
    assert 'htmlUrl="https://example.org/"' in done.stdout
    assert site.data.joinpath("aggregator.db").read_bytes() == before


def test_the_export_is_utf_8_in_any_locale(site: Site) -> None:
    site.config.write_text("site: {title: 新闻}\nsources: []\n", encoding="utf-8")
    done = program(site, "opml", "export", environ={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    out, _ = done.communicate(timeout=60)
    assert "<title>新闻</title>" in out.decode("utf-8")


def test_the_words_of_other_programs_lead_here() -> None:
    assert "aggregator opml import FILE" in command("import", "x.opml").stderr
    assert "aggregator opml export" in command("export").stderr
