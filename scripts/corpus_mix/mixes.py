"""The mixes by name: English prose (`sources.SOURCES`), messages in many languages, source code.

The multilingual mix and that of code hold no text under copyleft, but for messages of Firefox (MPL-2.0) in languages
of which the other packages hold little but names: that licence asks for changed files to stay open, and says nothing
of what is counted in them. What was left out for its licence: newer versions of `matrix-react-sdk` and all of
`scratch-l10n` (AGPL); `quran-json`, whose package says CC BY 4.0, its licence file CC BY-SA 4.0 and its translators
something else; the help of LibreOffice (MPL-2.0).
"""

from functools import partial

from scripts.corpus_mix import sources
from scripts.corpus_mix.code import source_files
from scripts.corpus_mix.plain import text_files
from scripts.corpus_mix.sources import Read, Source
from scripts.corpus_mix.translations import language_pack, translations

# English of the first mix that is in the others too: in the public domain or under licences without copyleft.
PROSE = ("factbook", "speeches", "novel", "psalms", "bible", "plays", "jargon", "cloud")
IN_BROWSERS = (
    "be",
    "bn",
    "gu",
    "hi",
    "hy",
    "kk",
    "km",
    "kn",
    "mr",
    "my",
    "ne",
    "pa",
    "si",
    "ta",
    "te",
    "th",
    "ur",
)
BROWSERS = {"gu": "gu-in", "hi": "hi-in", "hy": "hy-am", "ne": "ne-np", "pa": "pa-in"}
MANUALS = ("python", "django", "sqlite", "postgresql", "cloud")


def _english(names: tuple[str, ...]) -> tuple[Source, ...]:
    return tuple(source for source in sources.SOURCES if source.name in names)


def _catalogues(folder: str, *without: str) -> Read:
    return partial(
        translations, f"{folder}/**/LC_MESSAGES/*.mo", r"/([\w-]+)/LC_MESSAGES/[^/]*$", without=without
    )


def _browser(language: str, package: str) -> Source:
    read = partial(language_pack, "usr/lib/firefox-esr/browser/extensions/*.xpi", language)
    name = f"firefox-esr-l10n-{package}"
    return Source(f"browser-{language}", "messages", "Debian", name, None, "MPL-2.0", True, read)


def _json(pattern: str, tag: str) -> Read:
    return partial(translations, pattern, tag)


def _code(*patterns: str, without: tuple[str, ...] = ()) -> Read:
    return partial(source_files, patterns, without=without)


MULTILINGUAL = (
    Source("home", "messages", "PyPI", "homeassistant", "2024.3.3", "Apache-2.0", True,
           _json("homeassistant/components/*/translations/*.json", r"/(?:\w+\.)?([\w-]+)\.json$")),
    Source("dashboard", "messages", "PyPI", "home-assistant-frontend", "20250109.2", "Apache-2.0", True,
           _json("hass_frontend/static/translations/**/*.json", r"/([\w-]+)-[0-9a-f]{20,}\.json$")),
    Source("chat", "messages", "npm", "matrix-react-sdk", "3.85.0", "Apache-2.0", True,
           _json("package/src/i18n/strings/*.json", r"/([\w-]+)\.json$")),
    Source("charts", "messages", "PyPI", "apache-superset", "6.1.0", "Apache-2.0", True,
           _catalogues("superset")),
    Source("sites", "messages", "PyPI", "wagtail", "8.0.1", "BSD-3-Clause", True, _catalogues("wagtail")),
    Source("shop", "messages", "PyPI", "django-oscar", "4.2.1", "BSD-3-Clause", True, _catalogues("oscar")),
    Source("manuals", "messages", "PyPI", "sphinx", "9.0.4", "BSD-2-Clause", True, _catalogues("sphinx")),
    Source("database", "messages", "Debian", "postgresql-15", None, "PostgreSQL", True,
           _catalogues("usr/share/locale")),
    Source("map", "places", "npm", "@openstreetmap/id-tagging-schema", "6.19.2", "ISC", True,
           _json("package/dist/translations/*.json", r"/([\w-]+)\.json$")),
    Source("symbols", "words", "npm", "cldr-annotations-full", "48.2.0", "Unicode-3.0", True,
           _json("package/annotations/*/*.json", r"annotations/([\w-]+)/")),
    Source("names", "names", "npm", "cldr-localenames-full", "48.2.0", "Unicode-3.0", True,
           _json("package/main/*/[lt]*.json", r"main/([\w-]+)/")),
    *(_browser(language, BROWSERS.get(language, language)) for language in IN_BROWSERS),
    *_english(PROSE),
)  # fmt: skip

CODE = (
    Source("python-library", "code", "Debian", "libpython3.11-stdlib", None, "PSF-2.0", True,
           _code("usr/lib/python3.11/**/*.py")),
    Source("python-home", "code", "PyPI", "homeassistant", "2024.3.3", "Apache-2.0", True,
           _code("homeassistant/**/*.py", "homeassistant/**/*.yaml", "homeassistant/components/*/manifest.json")),
    Source("javascript-3d", "code", "npm", "three", "0.187.0", "MIT", True, _code("package/src/**/*.js")),
    Source("javascript-lint", "code", "npm", "eslint", "10.15.0", "MIT", True, _code("package/lib/**/*.js")),
    Source("typescript-effect", "code", "npm", "effect", "4.1.0", "MIT", True, _code("package/src/**/*.ts")),
    Source("typescript-streams", "code", "npm", "rxjs", "7.8.2", "Apache-2.0", True,
           _code("package/src/**/*.ts")),
    Source("styles", "code", "npm", "bootstrap", "5.3.9", "MIT", True,
           _code("package/scss/**/*.scss", "package/js/src/**/*.js", "package/dist/css/bootstrap.css")),
    Source("templates", "code", "PyPI", "wagtail", "8.0.1", "BSD-3-Clause", True, _code("wagtail/**/*.html")),
    Source("mobile", "code", "npm", "react-native", "0.86.3", "MIT", True,
           _code("package/**/*.kt", "package/**/*.java", "package/**/*.mm", "package/**/*.xml",
                 "package/Libraries/**/*.js")),
    Source("cpp", "code", "npm", "re2", "1.24.0", "BSD-3-Clause, Apache-2.0", True,
           _code("package/vendor/**/*.cc", "package/vendor/**/*.h")),
    Source("cpp-json", "code", "Debian", "nlohmann-json3-dev", None, "MIT", True,
           _code("usr/include/**/*.hpp")),
    Source("c", "code", "npm", "better-sqlite3", "12.11.1", "public domain, MIT", True,
           partial(source_files, ("package/deps/**/*.c", "package/deps/**/*.h"), most_bytes=1 << 24)),
    Source("go", "code", "Debian", "golang-1.19-src", None, "BSD-3-Clause", True,
           _code("usr/share/go-1.19/src/**/*.go")),
    Source("rust", "code", "Debian", "rust-src", None, "MIT or Apache-2.0", True,
           _code("usr/src/*/library/**/*.rs", "usr/src/*/compiler/**/*.rs", "usr/src/*/library/**/*.toml")),
    Source("ruby", "code", "Debian", "libruby3.1", None, "BSD-2-Clause", True,
           _code("usr/lib/ruby/3.1.0/**/*.rb")),
    Source("php", "code", "Debian", "composer", None, "MIT", True, _code("usr/share/**/*.php")),
    Source("lua", "code", "Debian", "lua-penlight", None, "MIT", True, _code("usr/share/lua/5.1/**/*.lua")),
    Source("sql", "code", "Debian", "postgresql-15", None, "PostgreSQL", True, _code("usr/share/**/*.sql")),
    Source("shell", "code", "Debian", "zsh-common", None, "MIT-like (Zsh)", True,  # less what is GPL
           _code("usr/share/zsh/functions/**/*", without=("*.zwc", "*/_darcs", "*/_osc", "*/_zypper"))),
    Source("rust-notes", "manual", "Debian", "rust-src", None, "MIT or Apache-2.0", True,
           partial(text_files, "usr/src/*/src/doc/**/*.md")),
    *_english(MANUALS),
)  # fmt: skip

MIXES = {"english": sources.SOURCES, "multilingual": MULTILINGUAL, "code": CODE}
