"""docs/serving.md: its configurations and scripts are run as they stand there, with the real programs.

A program that is not installed is no failure: its tests are skipped, and say so.
"""

from __future__ import annotations

import gzip
import http.client
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import ROOT
from tests.daemons import PATIENCE, wait_until
from tests.origin import Origin
from tests.support import Site, item, read_tree, rss

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
#: What the page has for its own folder and name.
FOLDER, NAME = "/srv/feeds/data/public", "feeds.example.org"
SHORT, LONG, DAY = "public, max-age=300", "public, max-age=31536000, immutable", "public, max-age=86400"
#: Path, media type, caching.
FILES = [
    ("/news/rss.xml", "application/rss+xml", SHORT),
    ("/all/atom.xml", "application/atom+xml", SHORT),
    ("/news/feed.json", "application/feed+json", SHORT),
    ("/news/archive/1/rss.xml", "application/rss+xml", LONG),
    ("/news/archive/1/atom.xml", "application/atom+xml", LONG),
    ("/news/archive/1/feed.json", "application/feed+json", LONG),
    ("/archive/rss.xml", "application/rss+xml", SHORT),
    ("/_assets/feed.css", "text/css", DAY),
    ("/feeds.opml", "text/x-opml", SHORT),
    ("/opml.xml", "text/x-opml", SHORT),
]
NGINX = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
{user}
events {{}}
http {{
    include {types};
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {block}
}}
"""


def _block(language: str, purpose: str = "") -> str:
    (text,) = re.findall(rf"^```{language}{purpose and ' ' + purpose}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(text)


def _program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed: what docs/serving.md says of it is not tested here")
    return path


@dataclass
class Answer:
    """What a server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def type(self) -> str:
        """The media type without parameters."""
        return self.headers.get_content_type()

    def words(self, name: str) -> set[str]:
        """The members of a header that is a list."""
        return {word.strip() for value in self.headers.get_all(name, []) for word in value.split(",")}


@dataclass
class Server:
    """A real server that gives out a published folder."""

    port: int
    site: Site

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask for a file; underscores in the names of headers are hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def file(self, path: str) -> Path:
        """The file of a path."""
        return self.site.data / "public" / path.lstrip("/")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A folder that the program published, and documents of archives in it."""
    site = Site(tmp_path_factory.mktemp("site"))
    with closing(Origin()) as origin:
        feed = origin.route("/feed", rss([item(number) for number in range(1, 20)]))
        site.configure({"id": "one", "feed": feed}, categories={"news": "News", "archive": "Archive"})
        assert site.run("update").status == 0
    pages = site.data / "public" / "news" / "archive" / "1"
    if not pages.exists():
        pages.mkdir(parents=True)
        for name in ("rss.xml", "atom.xml", "feed.json"):
            shutil.copy2(pages.parent.parent / name, pages)
    # What a killed run leaves behind.
    (site.data / "public" / "news" / ".rss.xml.aggregator-tmp").write_bytes(b"<rss")
    return site


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def server(
    request: pytest.FixtureRequest, published: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The program on a free port of this machine, with the block of the page."""
    program, folder = _program(request.param), tmp_path_factory.mktemp(request.param)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    block = _block(request.param)
    assert FOLDER in block
    assert NAME in block
    block = block.replace(FOLDER, str(published.data / "public"))
    if request.param == "nginx":
        assert "listen 80;" in block
        user = "user root;" if os.getuid() == 0 else ""
        types = Path("/etc/nginx/mime.types")
        block = block.replace("listen 80;", f"listen 127.0.0.1:{port};")
        text = NGINX.format(block=block, user=user, types=types if types.exists() else folder / "no.types")
        (folder / "no.types").write_text("types {}", encoding="utf-8")
        arguments = ["-p", str(folder), "-e", "stderr", "-c"]
    else:
        text = "{\n\tadmin off\n\tauto_https off\n}\n" + block.replace(NAME, f"http://127.0.0.1:{port}")
        arguments = ["run", "--adapter", "caddyfile", "--config"]
    configuration = folder / "configuration"
    configuration.write_text(text, encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *arguments, str(configuration)],
            cwd=folder,
            env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: process.poll() is not None or _listens(port), f"an answer of {request.param}")
        assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
        yield Server(port, published)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


# -- nginx and Caddy ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "media_type", "caching"), FILES)
def test_a_file_has_its_type_and_its_caching(server: Server, path: str, media_type: str, caching: str) -> None:
    for method in ("GET", "HEAD"):
        answer = server.get(path, method)
        assert (answer.status, answer.type) == (200, media_type)
        assert answer.headers.get_all("Cache-Control") == [caching]
        assert answer.body == (server.file(path).read_bytes() if method == "GET" else b"")


@pytest.mark.parametrize("path", [path for path, _, _ in FILES])
def test_a_file_is_safe_in_a_browser_and_readable_for_its_scripts(server: Server, path: str) -> None:
    answer = server.get(path)
    policy = answer.headers.get_all("Content-Security-Policy")
    assert policy is not None
    assert len(policy) == 1
    assert {"default-src 'none'", "style-src 'self'", "sandbox"} <= {part.strip() for part in policy[0].split(";")}
    assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert answer.headers.get_all("Access-Control-Allow-Origin") == ["*"]


@pytest.mark.parametrize("path", [path for path, _, _ in FILES])
def test_a_browser_gets_xml_feeds_as_pages(server: Server, path: str) -> None:
    is_feed = path.endswith(("/rss.xml", "/atom.xml"))
    plain, page = server.get(path), server.get(path, Sec_Fetch_Dest="document")
    assert (page.status, page.body) == (200, plain.body)
    assert page.type == ("application/xml" if is_feed else plain.type)
    assert page.headers["Content-Security-Policy"] == plain.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == plain.headers["Cache-Control"]
    for answer in (plain, page):
        assert ("Sec-Fetch-Dest" in answer.words("Vary")) == is_feed
    assert server.get(path, Sec_Fetch_Dest="document", If_None_Match=plain.headers["ETag"]).status == 304


@pytest.mark.parametrize("path", [path for path, _, _ in FILES])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_unchanged_file_costs_no_body(server: Server, path: str, encoding: str) -> None:
    first = server.get(path, Accept_Encoding=encoding)
    for condition in (
        {"If_None_Match": first.headers["ETag"]},
        {"If_Modified_Since": first.headers["Last-Modified"]},
    ):
        again = server.get(path, Accept_Encoding=encoding, **condition)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert server.get(path, Accept_Encoding=encoding, If_None_Match='"other"').status == 200


def test_a_publication_without_news_changes_no_etag(server: Server) -> None:
    before = {path: server.get(path).headers["ETag"] for path, _, _ in FILES}
    assert server.site.run("publish").status == 0
    assert {path: server.get(path).headers["ETag"] for path, _, _ in FILES} == before


@pytest.mark.parametrize("path", [path for path, _, _ in FILES])
def test_files_are_compressed_for_who_wants_that(server: Server, path: str) -> None:
    answer = server.get(path, Accept_Encoding="gzip")
    data = server.file(path).read_bytes()
    if len(data) > 1000:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.body) == data
        assert "Accept-Encoding" in answer.words("Vary")
    assert server.get(path, Accept_Encoding="identity").headers["Content-Encoding"] is None


@pytest.mark.parametrize("path", ["/", "/news/", "/news/archive/", "/news/archive/1/", "/_assets/"])
def test_folders_are_not_listed(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status in (403, 404)
    assert b"rss.xml" not in answer.body


@pytest.mark.parametrize("path", ["/news/.rss.xml.aggregator-tmp", "/../aggregator.db", "/%2e%2e/aggregator.db"])
def test_what_is_not_published_is_not_served(server: Server, path: str) -> None:
    assert server.get(path).status in (400, 403, 404)


@pytest.mark.parametrize("path", ["/news/archive/7/atom.xml", "/_assets/other.css"])
def test_what_is_missing_is_not_missing_for_long(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 404
    assert answer.headers["Cache-Control"] in (None, SHORT)


# -- scripts -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(published: Site, tmp_path: Path) -> Site:
    """A copy of the published folder that a test may change."""
    shutil.copytree(published.data, tmp_path / "data")
    return Site(tmp_path)


def _shell(site: Site, script: str, *arguments: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {f"GIT_{role}_{key}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["/bin/sh", "-e", script, *arguments],
        cwd=site.folder,
        env={**environ, **who, "HOME": str(site.folder), "GIT_CONFIG_NOSYSTEM": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _visible(site: Site) -> dict[str, bytes]:
    return {name: data for name, data in site.public().items() if ".aggregator-tmp" not in name}


def test_rsync_copies_feeds_last_and_removes_what_is_gone(copy: Site, tmp_path: Path) -> None:
    _program("rsync")
    (copy.folder / "upload.sh").write_text(_block("sh", "rsync"), encoding="utf-8")
    target = tmp_path / "target"
    _shell(copy, "upload.sh", f"{target}/")
    assert read_tree(target) == _visible(copy)
    # The time of a file is part of its ETag.
    atom = "news/atom.xml"
    assert (target / atom).stat().st_mtime == pytest.approx((copy.data / "public" / atom).stat().st_mtime, abs=1)
    (copy.data / "public" / atom).unlink()
    _shell(copy, "upload.sh", f"{target}/")
    assert read_tree(target) == _visible(copy)


def test_the_first_call_of_rsync_copies_what_feeds_point_to(copy: Site, tmp_path: Path) -> None:
    _program("rsync")
    first = _block("sh", "rsync").partition(" &&\n")[0]
    (copy.folder / "upload.sh").write_text(first, encoding="utf-8")
    target = tmp_path / "target"
    _shell(copy, "upload.sh", f"{target}/")
    archives = {f"news/archive/1/{name}" for name in ("rss.xml", "atom.xml", "feed.json")}
    assert set(read_tree(target)) == {*archives, "_assets/feed.css"}


def test_git_makes_one_commit_of_each_cycle_that_changes_something(copy: Site, tmp_path: Path) -> None:
    _program("git")
    remote, public = tmp_path / "remote.git", copy.data / "public"
    (copy.folder / "init.sh").write_text(
        f"git init --quiet --bare {remote}\n{_block('sh', 'git-init')}git remote add origin {remote}\n",
        encoding="utf-8",
    )
    (copy.folder / "commit.sh").write_text(_block("sh", "git"), encoding="utf-8")
    (copy.folder / "look.sh").write_text(f"git --git-dir={remote} ls-tree -r --name-only gh-pages\n", encoding="utf-8")
    (copy.folder / "count.sh").write_text(f"git --git-dir={remote} rev-list --count gh-pages\n", encoding="utf-8")
    _shell(copy, "init.sh")
    for commits, change in enumerate(("", "", "<changed/>"), 1):
        if change:
            (public / "news" / "atom.xml").write_text(change, encoding="utf-8")
        _shell(copy, "commit.sh")
        assert _shell(copy, "count.sh") == ("2\n" if commits == 3 else "1\n")
    assert set(_shell(copy, "look.sh").split()) == set(_visible(copy))
    assert not (public / ".git").exists()
