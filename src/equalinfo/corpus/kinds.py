"""What a document seems to be: prose, code, markup or numbers, and in which script or language.

Guesses from characters and the commonest words, the same everywhere; good enough to group documents, not to sort them.
"""

import re
import unicodedata
from collections import Counter

LOOKED_AT = 20_000  # bytes of a document
CODE_LINE = re.compile(
    r"[;{}]\s*$|^\s*(def|class|import|from|return|if|for|while|#include|func|fn|let|const)\b"
)
TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
WORD = re.compile(r"[^\W\d_]+")
# The commonest words of languages in Latin script, those that few others share.
COMMON_WORDS = {
    "English": "the of and to in is that for it was with as on be at by this are",
    "German": "der die und das ist nicht ein zu den mit auf für von dem sich des",
    "French": "le les des et est dans une que pour qui sur pas au plus par avec",
    "Spanish": "el los las que es una por con del para se como más pero su al",
    "Portuguese": "o os que não uma com para do da em dos das por mais ao se",
    "Italian": "il che di è non per una gli della con sono del nel alla si",
    "Dutch": "de het een van en niet dat zijn op te met voor aan er ook",
    "Swedish": "och att det som en är på för av inte med till den ett",
    "Polish": "nie się na jest że w z do to jak przez dla od po są",
    "Turkish": "bir ve bu için ile da de olarak daha çok en gibi olan",
    "Vietnamese": "của và là có không được cho các một những trong người để",
    "Indonesian": "yang dan di untuk dengan tidak ini dari pada adalah dalam akan",
    "Czech": "je že se na ve jsou není která který jako pro při také",
    "Finnish": "ja on ei se että oli hän mutta kun myös ovat tai niin",
}
LANGUAGE_OF_WORD: dict[str, list[str]] = {}
for _language, _words in COMMON_WORDS.items():
    for _word in _words.split():
        LANGUAGE_OF_WORD.setdefault(_word, []).append(_language)


def kind_of_text(document: bytes) -> str:
    """`prose`, `code`, `markup`, `numbers`, or `not text` where it is not UTF-8.

    >>> kind_of_text(b"In the beginning was the word.")
    'prose'
    """
    text = _text(document)
    if text is None:
        return "not text"
    lines = [line for line in text.split("\n") if line.strip()]
    letters, digits = sum(map(str.isalpha, text)), sum(map(str.isdigit, text))
    if sum(map(len, TAG.findall(text))) > len(text) / 10:
        return "markup"
    if digits > letters / 2:
        return "numbers"
    if sum(1 for line in lines if CODE_LINE.search(line)) > len(lines) / 5:
        return "code"
    return "prose"


def language_of(document: bytes) -> str:
    """A language of Latin script, or the script of most letters; `other Latin`, `no letters` where neither is known.

    >>> language_of("Съешь ещё этих мягких булок".encode())
    'Cyrillic'
    """
    text = _text(document) or ""
    scripts = Counter(_script(character) for character in text[:4000] if character.isalpha())
    if not scripts:
        return "no letters"
    script = scripts.most_common(1)[0][0]
    if script != "Latin":
        return script
    words = Counter(
        language for word in WORD.findall(text.lower()) for language in LANGUAGE_OF_WORD.get(word, ())
    )
    # The first of equals, in the order of the table.
    best = max(COMMON_WORDS, key=lambda language: words[language])
    return best if words[best] else "other Latin"


def _text(document: bytes) -> str | None:
    try:
        return document.decode()[:LOOKED_AT]
    except UnicodeDecodeError:
        return None


def _script(character: str) -> str:
    """The first word of a letter's Unicode name, as LATIN, with Chinese characters and kana called so."""
    name = unicodedata.name(character, "OTHER").split()[0].title()
    return {"Cjk": "Chinese characters", "Hiragana": "Kana", "Katakana": "Kana"}.get(name, name)
