"""Each reader of the mix on a package laid out by the test."""

import gzip
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from equalinfo.errors import EqualInfoError
from scripts.corpus_mix.dictionaries import dictionary, entry_text
from scripts.corpus_mix.pages import page_text, web_pages
from scripts.corpus_mix.plain import letters, text_files, zipped_table
from scripts.corpus_mix.pods import pod_text, pods
from scripts.corpus_mix.structures import api_documentation, game_texts, recipes
from scripts.corpus_mix.sword import osis_text, sword_module
from scripts.corpus_mix.unpacked import files
from tests.support.packages import laid_out

LONG = "A sentence that is long enough to be taken for prose by every reader of the mix."


def test_files_come_by_name_without_links_and_without_what_is_left_out(tmp_path: Path) -> None:
    outside = laid_out(tmp_path / "outside", {"secret.txt": "x"})
    folder = laid_out(tmp_path / "in", {"b.txt": "b", "a/c.txt": "c", "a/skip/d.txt": "d"})
    (folder / "e.txt").symlink_to(outside / "secret.txt")
    (folder / "f").symlink_to(outside)
    found = [path.relative_to(folder).as_posix() for path in files(folder, "**/*.txt", ["*/skip/*"])]
    assert found == ["a/c.txt", "b.txt"]
    assert not [path for path in files(folder, "*/*.txt") if "secret" in path.name]


def test_a_package_that_has_changed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match=r"holds no \*\.txt; .*--without"):
        list(text_files("*.txt", tmp_path))


def test_text_files_may_be_latin_1_and_lose_gutenbergs_notices(tmp_path: Path) -> None:
    book = "Notice\n*** START OF THIS PROJECT GUTENBERG EBOOK X ***\nText\n*** END OF THE PROJECT GUTENBERG EBOOK\nl"
    laid_out(tmp_path, {"a.txt": "café".encode("latin-1"), "b.txt": "café", "c.txt": book})
    assert list(text_files("*.txt", tmp_path)) == ["café", "café", "Text\n"]


def test_letters_are_bodies_without_headers_and_attachments(tmp_path: Path) -> None:
    plain = b"\nFrom a@b Thu Aug 22\nSubject: x\nContent-Type: text/plain; charset=iso-8859-1\n\ncaf\xe9\n"
    mixed = (
        "Subject: y\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\n"
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--B\n"
        "Content-Type: text/html\n\n<p>no</p>\n--B--\n"
    )
    odd = "Subject: z\nContent-Type: text/plain; charset=nonsense\n\nstill here"
    laid_out(tmp_path, {"ham/1.txt": plain, "ham/2.txt": mixed, "ham/3.txt": odd, "spam/4.txt": plain})
    assert [text.strip() for text in letters("*ham/*.txt", tmp_path)] == ["café", "hello", "still here"]


def test_a_column_of_a_zipped_table(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("b.csv", "text\nlast\n")
        archive.writestr("a.csv", 'title,text\nx,"one\ntwo"\ny,\n')
    laid_out(tmp_path, {"t.zip": stream.getvalue()})
    assert list(zipped_table("t.zip", "text", tmp_path)) == ["one\ntwo", "", "last"]


def test_a_page_is_its_blocks_without_navigation(tmp_path: Path) -> None:
    page = (
        "<html><head><title>no</title></head><body><div class='nav top'>no <div>no</div> no</div>"
        "<h1>Title<a class=headerlink href=#x>¶</a></h1>\n <p>One  <em>two</em>\n three &amp; four<br>five</p>"
        "<pre>if x:\n    y</pre><table><tr><td>a</td><td>b</td></tr></table><script>no</script></body>"
    )
    text = page_text(page)
    assert [line.rstrip() for line in text.split("\n") if line.strip()] == [
        "Title", "One two three & four", "five", "if x:", "    y", "a b",
    ]  # fmt: skip
    laid_out(tmp_path, {"a.html": page})
    assert list(web_pages("*.html", tmp_path)) == [text]


def test_of_alternative_words_the_default_is_read() -> None:
    assert page_text("Press <span class=MAC>Command</span><span id=default1>Ctrl</span>+A") == "Press Ctrl+A"


def test_an_element_that_is_passed_over_ends_at_its_own_end() -> None:
    assert page_text("<div id=sidebar><div><p>no</div>no<br/></div><p>yes").strip() == "yes"


def test_pods_lose_commands_and_codes(tmp_path: Path) -> None:
    pod = (
        "=head1 NAME\n\nperl - B<the I<best>> of C<< $a->{b} >>, see L<the manual|perl> or L<perlre>X<index>\n\n"
        "=begin html\n\nno\n\n=end html\n\n=over 4\n\n=item Item\n\n2 E<lt> 3 and E<eacute>E<233>\n\n    code\n\n=cut\n"
    )
    text = "NAME\n\nperl - the best of $a->{b}, see the manual or perlre\n\nItem\n\n2 < 3 and éé\n\n    code"
    assert [line for line in pod_text(pod).split("\n") if line] == [line for line in text.split("\n") if line]
    laid_out(tmp_path, {"p.pod": pod.encode("latin-1")})
    assert list(pods("*.pod", tmp_path)) == [pod_text(pod)]


ENTRY = """Coagulate \\Co*ag"u*late\\, v. t. [imp. & p. p. {Coagulated}; p.
   pr. & vb. n. {Coagulating}.]
   To cause (a liquid) to change into a curdlike or semisolid
   state; to curdle. --Boyle.
   [1913 Webster]

   Syn: To thicken.
        [1913 Webster]"""


def test_an_entry_is_unwrapped() -> None:
    assert entry_text(ENTRY) == (
        "Coagulate, v. t. [imp. & p. p. Coagulated; p. pr. & vb. n. Coagulating.]\n"
        "To cause (a liquid) to change into a curdlike or semisolid state; to curdle. --Boyle.\nSyn: To thicken."
    )


def test_a_dictionary_is_joined_entries(tmp_path: Path) -> None:
    text = f"00-database-info\n   no\n{ENTRY}\n\nTwo \\2\\\n, n.\n   Second.\n"
    laid_out(tmp_path, {"d.dict.dz": gzip.compress(text.encode())})
    assert list(dictionary("d.dict.dz", tmp_path)) == [f"{entry_text(ENTRY)}\n\nTwo, n.\nSecond."]
    laid_out(tmp_path, {"d.dict.dz": b"damaged"})
    with pytest.raises(EqualInfoError, match="readable dictionary"):
        list(dictionary("d.dict.dz", tmp_path))


def test_a_sword_module_is_its_blocks(tmp_path: Path) -> None:
    blocks = [
        zlib.compress(text.encode()) for text in ("<p>In the <b>beginning</b></p>\0<p>was</p>", "<verse/>x")
    ]
    index = b"".join(
        struct.pack("<III", offset, size, 0)
        for offset, size in ((0, len(blocks[0])), (0, 0), (len(blocks[0]), len(blocks[1])))
    )
    new = zlib.compress(b"new")
    laid_out(
        tmp_path,
        {
            "m/ot.bzs": index,
            "m/ot.bzz": b"".join(blocks),
            "m/nt.bzs": struct.pack("<III", 0, len(new), 0),
            "m/nt.bzz": new,
        },
    )
    assert list(sword_module("m/?t.bzs", tmp_path)) == ["In the beginning\nwas", "x", "new"]
    laid_out(tmp_path, {"m/nt.bzz": b"damaged, and long enough"})
    with pytest.raises(EqualInfoError, match="readable module"):
        list(sword_module("m/?t.bzs", tmp_path))


def test_osis_loses_notes() -> None:
    assert osis_text("<l>One<note>no</note></l><l>two &amp; three</l>") == "One\ntwo & three"


def test_games_tell_prose_only(tmp_path: Path) -> None:
    game = [
        {"//": f"For authors. {LONG}", "description": f"<color_red>{LONG}</color>", "name": "short"},
        {"rows": [f"Map. {LONG}"], "picture": [LONG], "text": ["|..,," * 20, {"str": f"More. {LONG}"}]},
    ]
    laid_out(tmp_path, {"a.json": json.dumps(game), "b.json": "// no JSON", "c.json": "3"})
    assert list(game_texts("*.json", tmp_path)) == [f"{LONG}\n\nMore. {LONG}"]


def test_api_documentation_of_the_newest_version(tmp_path: Path) -> None:
    def model(text: str) -> bytes:
        shapes = [{"documentation": "short"}, {"documentation": f"More. {text}"}]
        return gzip.compress(json.dumps({"documentation": f"<p>{text}</p>", "shapes": shapes}).encode())

    laid_out(
        tmp_path,
        {
            "s/2019/service-2.json.gz": model(f"Old. {LONG}"),
            "s/2020/service-2.json.gz": model(f"New. {LONG}"),
        },
    )
    assert list(api_documentation("*/*/service-2.json.gz", tmp_path)) == [f"New. {LONG}\n\nMore. New. {LONG}"]


def test_recipes_are_lines(tmp_path: Path) -> None:
    steps = ["1&#xBD; cups<br/>of milk", "Mix it"]
    value = {"1": {"title": "Frito pie", "url": "see https://x y", "id": "17", "steps": steps}}
    laid_out(tmp_path, {"r.json": json.dumps(value)})
    assert list(recipes("r.json", tmp_path)) == ["Frito pie\n1½ cups\nof milk\nMix it"]
