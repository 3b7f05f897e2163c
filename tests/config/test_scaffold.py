"""The JSON Schema that editors use."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from aggregator.config import TEMPLATE, load, schema_text
from aggregator.errors import ConfigError
from aggregator.sources import KINDS
from tests import ROOT

GOOD = [
    "sources: [{feed: https://a.example/}]",
    "{site: null, posts: null, feeds: null, fetch: null, categories: null, sources: []}",
    "{categories: {a: A, 新: {title: B, limit: 3}}, sources: [{feed: https://a.example/, category: a}]}",
    "{posts: {placeholder: false}, fetch: {allow_private_addresses: ['::1']}, sources: []}",
    "{posts: {preset: hugo, path: '{year}/{name}'}, sources: []}",
    "{posts: [{folder: posts}, {preset: zola, folder: site/content, categories: [a]}], categories: {a: A}, "
    "sources: []}",
    "{posts: [], sources: []}",
    "{fetch: {interval: auto}, sources: [{feed: https://a.example/, interval: 0 7 * * mon}]}",
    "sources: [{feed: https://a.example/, poll_without_validators: true}]",
    "sources: [{feed: https://a.example/, insist: true}]",
    "{categories: {a: {interval: {every: 1h, max: 6h}}}, sources: []}",
    "{fetch: {interval: {auto: true, min: 5m, patience: 1h}}, sources: []}",
    "{fetch: {interval: {cron: 0 7 * * mon, timezone: Europe/Berlin}}, sources: []}",
    "sources: [{id: a.b, interval: 1h30m, max_body: 1MiB, scrape: {url: https://a.example/, items: a, limit: 3}}]",
    "sources: [{scrape: {url: https://a.example/, items: //li, title: h2, link: {select: a.more, attribute: href}, "
    "date: {select: .//time, regex: '(.*)', format: '%d.%m.%Y', timezone: Asia/Shanghai}, id: {attribute: data-id}, "
    "author: {value: Me}, next: '/page/{n}', pages: 5}}]",
    "sources: [{scrape: {url: https://a.example/, items: li, next: a.next, date: {timezone: UTC}}}]",
    "sources: [{sitemap: https://a.example/}]",
    "sources: [{sitemap: {url: https://a.example/, include: [/blog/*], article: {body: main}}}]",
    "{rsshub: {instances: [https://a.example, {url: https://b.example, key: secret}]}, sources: [{rsshub: /a/b}, "
    "{rsshub: {route: /c, instances: [https://c.example]}}]}",
    "sources: [{json: {url: https://a.example/, items: a, link: u, next: links.next, script: '#x', article: true}}]",
    "sources: [{json: {url: https://a.example/, items: a, link: u, next: '?p={n}', script: application/ld+json}}]",
    "sources: [{json: {url: https://a.example/, items: a, id: i, body: {p: '{n}'}, next: '{n}', pages: 2}}]",
    "sources: [{json: {url: https://a.example/, items: a, link: u, next: {path: c, url: '?c={next}'}, "
    "script: {select: main, attribute: data-x}}}]",
    "{rules: [{drop: {title: [sponsored, 广告]}}, {keep: rust, when: words > 2}], sources: []}",
    "{rules: null, outputs: null, sources: []}",
    "{outputs: {rust: {where: 'title.contains(\"Rust\")', per_source: 5, rate: 5/day, "
    "digest: weekly on friday at 8:00}}, sources: []}",
    "{outputs: {x: {digest: {every: daily, at: '08:00', timezone: Europe/Berlin}, rules: [{tag: x}]}}, sources: []}",
    "{outputs: {x: {title_template: '[{source}] {title}', private: true, mix: fair, delay: 2h}}, sources: []}",
    "{duplicates: url, prefer: [a], duplicate_key: title, sources: [{id: a, feed: https://a.example/}]}",
    "{categories: {a: {rules: [{tag: x}], duplicates: url}, b: B}, "
    "sources: [{feed: https://a.example/, categories: [a, b], review: true, rules: [{draft: true}]}]}",
    "sources: [{for: {lang: [en, de], n: [1, 2]}, id: 'w-${lang}-${n}', feed: 'https://${lang}.example/${n}'}]",
]
BAD = [
    "{}",
    "sources: {}",
    "sources: null",
    "sources: [x]",
    "sources: [{name: a}]",
    "sources: [{feed: https://a.example/, scrape: {url: https://a.example/, items: a}}]",
    "sources: [{feed: a.example}]",
    "sources: [{feed: null}]",
    "sources: [{feed: https://a.example/, nmae: x}]",
    "sources: [{feed: https://a.example/, name: null}]",
    "sources: [{feed: https://a.example/, name: 12}]",
    "sources: [{feed: https://a.example/, id: Foo}]",
    "sources: [{feed: https://a.example/, interval: 20}]",
    "sources: [{feed: https://a.example/, interval: 20x}]",
    "sources: [{feed: https://a.example/, interval: 0 7 * *}]",
    "sources: [{feed: https://a.example/, interval: {every: 1h, auto: true}}]",
    "sources: [{feed: https://a.example/, interval: {max: 1h}}]",
    "sources: [{feed: https://a.example/, interval: {auto: false}}]",
    "sources: [{feed: https://a.example/, poll_without_validators: 1}]",
    "sources: [{feed: https://a.example/, insist: 1}]",
    "sources: [{feed: https://a.example/, insist: true, poll_without_validators: true}]",
    "sources: [{feed: https://a.example/, max_body: 15}]",
    "sources: [{scrape: {url: https://a.example/}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, article: false}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, limit: 0}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, pages: 3}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, next: a, pages: 51}}]",
    "sources: [{json: {url: https://a.example/, items: a, link: u, script: {}}}]",
    "sources: [{json: {url: https://a.example/, items: a, link: u, next: 2}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, title: {}}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, title: [h2]}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, title: {select: h2, attr: x}}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, title: {select: h2, attribute: a=b}}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, title: {select: h2, format: '%Y'}}}]",
    "sources: [{scrape: {url: https://a.example/, items: a, date: {select: h2, format: YYYY}}}]",
    "{site: {url: foo}, sources: []}",
    "{site: {language: zh_CN}, sources: []}",
    "{posts: {preset: hexxo}, sources: []}",
    "{posts: {placeholder: true}, sources: []}",
    "{posts: hexo, sources: []}",
    "{posts: {path: '{category}'}, sources: []}",
    "{posts: [{footer: 1}], sources: []}",
    "{feeds: {formats: [rss, rss]}, sources: []}",
    "{feeds: {formats: []}, sources: []}",
    "{feeds: {limit: '3'}, sources: []}",
    "{fetch: {concurrency: 0}, sources: []}",
    "{categories: {all: x}, sources: []}",
    "{categories: {A b: x}, sources: []}",
    "{categories: {a: 3}, sources: []}",
    "{unknown: 1, sources: []}",
    "{rules: [{dorp: rust}], sources: []}",
    "{rules: [{keep: rust, drop: rust}], sources: []}",
    "{rules: [{when: words > 2}], sources: []}",
    "{rules: [drop], sources: []}",
    "{rules: {drop: rust}, sources: []}",
    "{outputs: {all: {}}, sources: []}",
    "{outputs: {x: {mix: oldest}}, sources: []}",
    "{outputs: {x: {rate: 5}}, sources: []}",
    "{outputs: {x: {digest: monthly}}, sources: []}",
    "{outputs: {x: {digest: {at: '08:00'}}}, sources: []}",
    "{outputs: {x: {per_source: 0}}, sources: []}",
    "{outputs: {x: {formats: [rss, rss]}}, sources: []}",
    "{outputs: {x: {title_template: x}}, sources: []}",
    "{outputs: {x: {private: 1}}, sources: []}",
    "{duplicates: title, sources: []}",
    "sources: [{feed: https://a.example/, categories: []}]",
    "sources: [{feed: https://a.example/, review: 1}]",
    "sources: [{for: {lang: en}, feed: 'https://${lang}.example/'}]",
    "sources: [{for: {lang: []}, feed: 'https://${lang}.example/'}]",
]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema: dict[str, Any] = json.loads(schema_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_shipped_schema_is_current() -> None:
    shipped = (ROOT / "feeds.schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text(), "run: aggregator schema > feeds.schema.json"


@pytest.mark.parametrize("text", [*GOOD, TEMPLATE, (ROOT / "feeds.yaml").read_text(encoding="utf-8")])
def test_good_files_pass_in_the_schema_and_in_load(validator: Draft202012Validator, tmp_path: Path, text: str) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(text, encoding="utf-8")
    load(path, {})
    assert list(validator.iter_errors(yaml.safe_load(text))) == []


@pytest.mark.parametrize("text", BAD)
def test_bad_files_fail_in_the_schema_and_in_load(validator: Draft202012Validator, tmp_path: Path, text: str) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        load(path, {})
    assert list(validator.iter_errors(yaml.safe_load(text)))


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.stem)
def test_the_sources_in_the_documentation_pass_in_the_schema(validator: Draft202012Validator, page: Path) -> None:
    for block in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        # A day is a text in YAML 1.2.
        value = json.loads(json.dumps(yaml.safe_load(block), default=str))
        sources = value.get("sources", [value]) if isinstance(value, dict) else value or []
        written = [one for one in sources if isinstance(one, dict) and one.keys() & KINDS.keys()]
        # The section with the instances has the name of the kind.
        if "instances" not in str(written):
            assert list(validator.iter_errors({"sources": written})) == [], block


def test_the_old_name_of_a_key_is_not_offered(validator: Draft202012Validator) -> None:
    schema: Any = validator.schema
    offered = schema["$defs"]["SourceSettings"]["properties"]
    assert ("poll_without_validators" in offered, "insist" in offered) == (True, False)


def test_every_key_is_described(validator: Draft202012Validator) -> None:
    schema: Any = validator.schema
    models = [schema, *schema["$defs"].values()]
    models += [choice for model in models for choice in model.get("anyOf", ())]
    keys = [(name, key) for model in models for name, key in model.get("properties", {}).items()]
    assert len(keys) > 40
    assert [name for name, key in keys if not key.get("description")] == []
