"""Whether two titles are one, although each source writes it in its own way. Pure."""

from __future__ import annotations

import re
import unicodedata

#: Words of a site's name in the end of a title, at most.
_WORDS = 5
#: Characters of a host's label, at least, that may stand for a longer name, or be the beginning of one.
_SHORTEST = 4
#: Characters of what is left of a title without the site's name, at least.
_LEFT = 8

_QUOTES = re.compile("[\"'`´«»‹›“”„‟‘’‚‛「」『』〝〞]")
_DASHES = re.compile("[‐‑‒–—―−]")
_SEPARATOR = re.compile(r"\s+(?:-{1,2}|:{1,2}|[|·•/_])\s+|\s*\|\s*")
_WORD = re.compile(r"\w+")
#: Words that a site's name has, and its host need not have; and labels of hosts that name no site.
_COMMON_WORDS = frozenset({"the"})
_COMMON_LABELS = frozenset("www blog blogs news feeds feed rss com co org net edu gov".split())


def fold_title(title: str) -> str:
    """Fold case, width, quotation marks, dashes and white space."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title).casefold())
    folded = _DASHES.sub("-", _QUOTES.sub("", folded))
    return " ".join(folded.split()).rstrip(".") or title


def title_forms(title: str, host: str) -> tuple[str, ...]:
    """Return the title, folded, and then without the names of its site at its end.

    A name is taken off only if it is that of the host: what else follows a dash may tell two items apart.

    Args:
        host: the host of its address.
    """
    forms = [fold_title(title)]
    while True:
        ends = list(_SEPARATOR.finditer(forms[-1]))
        if not ends:
            break
        head, name = forms[-1][: ends[-1].start()], forms[-1][ends[-1].end() :]
        if len(head) < _LEFT or not _names(name, host):
            break
        forms.append(head)
    return tuple(forms)


def _names(name: str, host: str) -> bool:
    """Whether a text is the name of the site at a host, such as `Example News` at `example.org`."""
    if name.removeprefix("www.") == host:
        return True
    words = [word for word in _WORD.findall(name) if word not in _COMMON_WORDS]
    if not 0 < len(words) <= _WORDS:
        return False
    joined = "".join(words)
    labels = (label.replace("-", "") for label in host.partition(":")[0].split(".")[:-1])
    return any(_alike(joined, words, label) for label in labels if label not in _COMMON_LABELS)


def _alike(name: str, words: list[str], label: str) -> bool:
    label = label.removeprefix("the") or label
    if name == label or words[0] == label:
        return True
    short, long = sorted((name, label), key=len)
    return len(short) >= _SHORTEST and long.startswith(short)
