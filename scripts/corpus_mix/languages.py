"""Languages of the multilingual mix: what is taken of packages that hold more, under one code for each."""

# Code (BCP 47, no regions): name, script. Those of which open packages hold some 300 kB.
LANGUAGES = {
    "en": ("English", "Latin"),
    "am": ("Amharic", "Ethiopic"),
    "ar": ("Arabic", "Arabic"),
    "be": ("Belarusian", "Cyrillic"),
    "bg": ("Bulgarian", "Cyrillic"),
    "bn": ("Bengali", "Bengali"),
    "ca": ("Catalan", "Latin"),
    "cs": ("Czech", "Latin"),
    "da": ("Danish", "Latin"),
    "de": ("German", "Latin"),
    "el": ("Greek", "Greek"),
    "es": ("Spanish", "Latin"),
    "et": ("Estonian", "Latin"),
    "fa": ("Persian", "Arabic"),
    "fi": ("Finnish", "Latin"),
    "fr": ("French", "Latin"),
    "ga": ("Irish", "Latin"),
    "gl": ("Galician", "Latin"),
    "gu": ("Gujarati", "Gujarati"),
    "he": ("Hebrew", "Hebrew"),
    "hi": ("Hindi", "Devanagari"),
    "hr": ("Croatian", "Latin"),
    "hu": ("Hungarian", "Latin"),
    "hy": ("Armenian", "Armenian"),
    "id": ("Indonesian", "Latin"),
    "is": ("Icelandic", "Latin"),
    "it": ("Italian", "Latin"),
    "ja": ("Japanese", "Kana, Han"),
    "ka": ("Georgian", "Georgian"),
    "kk": ("Kazakh", "Cyrillic"),
    "km": ("Khmer", "Khmer"),
    "kn": ("Kannada", "Kannada"),
    "ko": ("Korean", "Hangul"),
    "lo": ("Lao", "Lao"),
    "lt": ("Lithuanian", "Latin"),
    "lv": ("Latvian", "Latin"),
    "mk": ("Macedonian", "Cyrillic"),
    "ml": ("Malayalam", "Malayalam"),
    "mn": ("Mongolian", "Cyrillic"),
    "mr": ("Marathi", "Devanagari"),
    "my": ("Burmese", "Myanmar"),
    "nb": ("Norwegian", "Latin"),
    "ne": ("Nepali", "Devanagari"),
    "nl": ("Dutch", "Latin"),
    "pa": ("Punjabi", "Gurmukhi"),
    "pl": ("Polish", "Latin"),
    "pt": ("Portuguese", "Latin"),
    "ro": ("Romanian", "Latin"),
    "ru": ("Russian", "Cyrillic"),
    "si": ("Sinhala", "Sinhala"),
    "sk": ("Slovak", "Latin"),
    "sl": ("Slovenian", "Latin"),
    "sq": ("Albanian", "Latin"),
    "sr": ("Serbian", "Cyrillic"),
    "sv": ("Swedish", "Latin"),
    "ta": ("Tamil", "Tamil"),
    "te": ("Telugu", "Telugu"),
    "th": ("Thai", "Thai"),
    "tr": ("Turkish", "Latin"),
    "uk": ("Ukrainian", "Cyrillic"),
    "ur": ("Urdu", "Arabic"),
    "vi": ("Vietnamese", "Latin"),
    "zh-Hans": ("Chinese, simplified", "Han"),
    "zh-Hant": ("Chinese, traditional", "Han"),
}

# Other tags for them; Chinese is told by place where no script is named.
SAME = {"no": "nb", "iw": "he", "in": "id", "zh": "zh-Hans", "zh-CN": "zh-Hans", "zh-SG": "zh-Hans",
        "zh-TW": "zh-Hant", "zh-HK": "zh-Hant"}  # fmt: skip


def language_of(tag: str) -> str | None:
    """The code in LANGUAGES for a language tag; None where it is none of them, or in another script.

    Examples:
        >>> language_of("pt_BR"), language_of("zh_TW"), language_of("sr-Latn"), language_of("fy")
        ('pt', 'zh-Hant', None, None)
    """
    tag = tag.replace("_", "-")
    language, _, more = tag.partition("-")
    # A script has four letters, a region two or three digits.
    code = SAME.get(tag) or (tag if len(more) == 4 else SAME.get(language, language))
    return code if code in LANGUAGES else None
