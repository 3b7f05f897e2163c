"""What adding a list of subscriptions to a feeds.yaml is held against: lxml, and libraries that write YAML.

PyYAML writes a file of data, and loses comments and order of what was there; ruamel.yaml keeps both.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.tasks import Clock, Task


def _subscriptions(file: str) -> list[dict[str, str]]:
    from lxml import etree

    found = []
    for folder in etree.parse(file).iterfind("body/outline"):
        slug = (folder.get("text") or "").lower().replace(" ", "-")
        for one in folder:
            found.append({"name": one.get("title") or "", "category": slug, "feed": one.get("xmlUrl") or ""})
    return found


def pyyaml(clock: Clock, *, config: str, file: str) -> int:
    """Read feeds.yaml and the list, and write all of it by PyYAML (with libyaml); returns the number of sources."""
    import lxml.etree  # noqa: F401 - before the clock
    import yaml

    path = Path(config)
    with clock:
        whole: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        whole["sources"] += _subscriptions(file)
        text = yaml.dump(whole, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
    return len(whole["sources"])


def ruamel(clock: Clock, *, config: str, file: str) -> int:
    """The same by ruamel.yaml, which keeps comments."""
    import lxml.etree  # noqa: F401 - before the clock
    from ruamel.yaml import YAML

    path, reader = Path(config), YAML()
    with clock:
        whole: Any = reader.load(path)
        whole["sources"] += _subscriptions(file)
        reader.dump(whole, path)
    return len(whole["sources"])


TASKS: dict[str, Task] = {"pyyaml_list": pyyaml, "ruamel_list": ruamel}
