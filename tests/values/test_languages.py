"""Language tags as they are published."""

from __future__ import annotations

import pytest

from aggregator.values.languages import valid_tag


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "en"), (" zh_CN ", "zh-CN"), ("zh-Hant-TW", "zh-Hant-TW"), ("de-CH-1996", "de-CH-1996"),
        ("sl-rozaj-biske", "sl-rozaj-biske"), ("en-u-ca-buddhist", "en-u-ca-buddhist"), ("x-klingon", "x-klingon"),
        ("es-419", "es-419"), ("zh-cmn-Hans-CN", "zh-cmn-Hans-CN"), ("en-a-bbb-x-a", "en-a-bbb-x-a"),
        ("e", None), ("english language", None), ("en-", None), ("en--US", None), ("en-a", None), ("中文", None),
        ("a" * 9, None), ("en-US-US", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_language_tags(tag: str | None, expected: str | None) -> None:
    assert valid_tag(tag) == expected
