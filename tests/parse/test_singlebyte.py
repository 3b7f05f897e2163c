"""Single-byte encodings other than windows-1252, what only could be East Asian, and UTF-8 that was encoded twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Fetched
from aggregator.parse import parse
from aggregator.parse.encoding import decode
from tests.parse.test_encoding import document, title

TEXTS = {
    "ru": "Печь остывает медленно, и глазурь ложится ровно на стенки горшка",
    "uk": "Піч холоне повільно, її глина вже суха, і глечик готовий до випалу",
    "bg": "Пещта изстива бавно, а глазурата ляга равно по стените на гърнето",
    "el": "Ο φούρνος κρυώνει αργά και το σμάλτο απλώνεται στο δοχείο από πηλό",
    "he": "התנור מתקרר לאט והזיגוג נמרח היטב על דפנות הכד שעשוי מחומר",
    "ar": "يبرد الفرن ببطء وتنتشر طبقة الطلاء على جدران الإناء المصنوع من الطين",
    "th": "เตาเผาเย็นลงช้า และน้ำเคลือบไหลเรียบไปตามผนังของหม้อดิน",
    "pl": "Piec stygnie powoli, a szkliwo spływa równo po ściankach; żółta glina już nie pęknie, mówią źródła",
    "cs": "Pec chladne pomalu a glazura se rozlévá rovnoměrně po stěnách; žlutá hlína už nepraskne, říká dílna",
    "hu": "A kemence lassan hűl, és a máz egyenletesen terül szét a fazék falán, amelyet tegnap őriztünk meg",
    "tr": "Fırın yavaşça soğuyor ve sır, çömleğin duvarlarına eşit dağılıyor; işçiler dün şöyle dedi",
    "lt": "Krosnis lėtai vėsta, o glazūra tolygiai pasklinda puodo sienelėmis; šiąnakt žiūrėsime, ką ji duos",
}
WESTERN = [
    "Le four refroidit, la glaçure s’étale déjà : où êtes-vous, à l’atelier près de la forêt ?",
    "Der Ofen kühlt ab, die Glasur läuft schön über die Wände; süß und größer",
    "El horno se enfría; la cerámica está más roja, ¿y mañana? El niño sonrió",
    "O forno arrefece, não há pressão: três opções são possíveis às nove",
    "Ovnen køler langsomt af, og glasuren løber på væggene; æblerne står på bordet",
    "Uuni jäähtyy hitaasti, ja lasite leviää tasaisesti; pöydällä on neljä ruukkua",
    "Ofninn kólnar hægt og glerungurinn sest jafnt á veggi; það er þæfður leir í húsinu",
]


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        *[
            ("ru", "cp1251"),
            ("ru", "koi8-r"),
            ("ru", "iso8859-5"),
            ("uk", "cp1251"),
            ("uk", "koi8-u"),
            ("bg", "cp1251"),
        ],
        *[("el", "cp1253"), ("el", "iso8859-7"), ("he", "cp1255"), ("ar", "cp1256"), ("th", "cp874")],
        *[("pl", "cp1250"), ("pl", "iso8859-2"), ("cs", "cp1250"), ("cs", "iso8859-2"), ("hu", "cp1250")],
        *[("tr", "cp1254"), ("lt", "cp1257")],
    ],
)
@pytest.mark.parametrize("declared", [None, "utf-8", "nonsense"])
def test_what_is_not_declared_or_declared_wrongly_is_detected(
    language: str, encoding: str, declared: str | None
) -> None:
    text = TEXTS[language]
    assert title(document(text, encoding, declared))[0] == text
    assert title(document(text, encoding, declared), "text/xml; charset=utf-8")[0] == text


@pytest.mark.parametrize("language", ["ru", "el", "he", "ar", "th"])
def test_whole_words_in_another_script_are_no_latin_1(language: str) -> None:
    encoding = {"ru": "cp1251", "el": "cp1253", "he": "cp1255", "ar": "cp1256", "th": "cp874"}[language]
    assert title(document(TEXTS[language], encoding, "iso-8859-1")) == (TEXTS[language], encoding)


@pytest.mark.parametrize("text", WESTERN)
@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1"])
def test_western_texts_stay_what_they_are(text: str, declared: str | None) -> None:
    assert title(document(text, "cp1252", declared)) == (text, "windows-1252")


@pytest.mark.parametrize(
    ("text", "language", "read"),
    [
        ("Mlečna češnja", "sl", "Mlečna češnja"),
        ("Źdźbło", "pl", "Źdźbło"),
        ("Naïve café", "pl", "Naďve café"),
        ("Çömlek ışığı", "tr", "Çömlek ışığı"),
    ],
)
def test_the_language_that_is_named_helps_with_short_texts(text: str, language: str, read: str) -> None:
    encoding = {"sl": "cp1250", "pl": "cp1250", "tr": "cp1254"}[language]
    if read != text:
        # Two letters are too few to leave windows-1252, whatever the language.
        body = f"<rss><language>{language}</language><title>{text}</title></rss>".encode("cp1252")
        assert title(body) == (text, "windows-1252")
        return
    body = f"<rss><language>{language}</language><title>{text} {text} {text}</title></rss>".encode(encoding)
    assert title(body) == (f"{text} {text} {text}", encoding)


@pytest.mark.parametrize(
    ("label", "text"), [("cp-1251", "Пар"), ("win-1251", "Пар"), ("windows1251", "Пар"), ("x-cp1250", "Łś")]
)
def test_labels_of_code_pages_are_understood(label: str, text: str) -> None:
    encoding = "cp1250" if "1250" in label else "cp1251"
    assert title(document(text, encoding, label)) == (text, encoding)


@pytest.mark.parametrize("declared", [None, "iso-8859-1", "utf-8"])
@pytest.mark.parametrize("text", ["Ángel mira", "Él y Ángel; Ágata", "Übung", "À Árvore", "Ølgod ål"])
def test_single_letters_are_nothing_east_asian(text: str, declared: str | None) -> None:
    """``Án`` are two bytes that Big5 has a character for."""
    assert title(document(text, "cp1252", declared)) == (text, "windows-1252")


def twice(text: str) -> str:
    return (
        text.encode()
        .decode("latin-1")
        .translate({n: bytes([n]).decode("cp1252", "ignore") or n for n in range(128, 160)})
    )


@pytest.mark.parametrize(
    "text", [*TEXTS.values(), *WESTERN, "人工智能与开源社区，我们来看这些新闻。 你好 吗 好", "“Yes” – it’s… €5"]
)
def test_utf8_that_was_encoded_twice_is_read_once_more(text: str) -> None:
    body = f'<?xml version="1.0" encoding="utf-8"?><rss><title>{twice(text)}</title></rss>'.encode()
    decoded = decode(body)
    assert decoded.text.partition("<title>")[2].partition("<")[0] == text
    assert decoded.repairs == ("encoded as UTF-8 twice, read once more",)
    feed = parse(
        Fetched(
            "https://e.example/",
            "https://e.example/",
            200,
            "",
            body.replace(b"<rss>", b"<rss version='2.0'><channel>").replace(b"</rss>", b"</channel></rss>"),
        )
    )
    assert (feed.title, feed.repairs) == (text, decoded.repairs)


@pytest.mark.parametrize(
    "text",
    [
        "Ã©",
        "It shows Ã© where é was meant, and Ã¼ for ü, and â€™ for ’",
        "Ã© Ã© Ã© Ã©",
        "«café», «thé», «lé»",
        "SÃO PAULO, AÇÃO, NÃO",
        "Ð¡ and Ð´ and нет",
        "naïve Â© 2024, déjà",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    """A text about the fault, or a part of one, is not undone: all that is beyond ASCII has to be of this kind."""
    assert title(document(text, "utf-8", "utf-8")) == (text, "utf-8")


@given(
    st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="<&\ufeff"), max_size=80)
)
def test_utf8_is_read_as_it_is_unless_all_of_it_is_encoded_twice(text: str) -> None:
    read, encoding = title(document(text, "utf-8", "utf-8"))
    assert encoding == "utf-8"
    assert read == text or twice(read) == text


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded(body: bytes) -> None:
    decode(b"<rss>" + body)


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252"])
@pytest.mark.parametrize(
    "text",
    [
        "Ünï é ü é, Ünï é ü é, Ünï é ü é, Ünï é ü é",
        "O que é um forno? E o que é um pote? Quem é ela? Ele é alto. Isto é tudo. Como é? Onde é? Quando é? Já é",
        "Hva er det å brenne? Slik er det å male, å spise, å drikke, å lese, å se, å gi, å ta",
    ],
)
def test_words_of_one_letter_are_no_script_of_their_own(text: str, declared: str) -> None:
    assert title(document(text, "windows-1252", declared))[0] == text
