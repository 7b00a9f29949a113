"""Reading text: every kind of file, and one clear line for everything that can be wrong with one."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from agents.humans.text import Text
from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.text import files
from ecosystem.text.files import TextError, read, select, stamp
from ecosystem.text.tokens import Tokenizer

POEMS = [
    {"text": "Once upon a midnight dreary", "author": "Poe", "year": 1845, "tags": ["night", "bird"]},
    {"text": "The sea is calm tonight.", "author": "Arnold", "year": 1867},
    {"text": "  \n", "author": "Nobody"},
    {"text": "I wandered lonely as a cloud", "author": "Wordsworth", "year": 1807, "tags": ["day"]},
]


def lines(folder, rows, name="poems.jsonl"):
    file = folder / name
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return file


def texts(path):
    return [document.text for document in read(stamp(str(path)))]


def complaint(path):
    with pytest.raises(TextError) as caught:
        Text(path=str(path)).open([Text(path=str(path))])
    assert isinstance(caught.value, InputError)
    assert len(caught.value.lines) == 1
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_json_lines_give_their_texts_and_fields(tmp_path):
    found = read(stamp(str(lines(tmp_path, [*POEMS, ""]))))
    assert [d.text for d in found] == [p["text"] for p in POEMS if p["text"].strip()]
    assert found[1].fields == {"file": "poems.jsonl", "author": "Arnold", "year": 1867}


def test_plain_text_is_documents_between_blank_lines(tmp_path):
    file = tmp_path / "poem.txt"
    file.write_bytes("\ufeffOne\r\ntwo\r\n\r\n \t\r\nThree\n\n\nFour".encode())
    assert texts(file) == ["One\ntwo", "Three", "Four"]


def test_parquet_gives_the_same_as_json_lines(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    parquet.write_table(arrow.Table.from_pylist(POEMS), tmp_path / "poems.parquet")
    one, two = read(stamp(str(tmp_path / "poems.parquet"))), read(stamp(str(lines(tmp_path, POEMS))))
    assert [d.text for d in one] == [d.text for d in two]
    assert [dict(d.fields) | {"file": ""} for d in one] == [dict(d.fields) | {"file": ""} for d in two]


def test_a_folder_gives_all_its_text_files_in_order_of_name(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    lines(tmp_path / "b", [{"text": "third"}])
    lines(tmp_path / ".hidden", [{"text": "never"}])
    (tmp_path / "a.txt").write_text("first\n\nsecond")
    (tmp_path / "picture.png").write_bytes(b"\xff\xd8")
    assert texts(tmp_path) == ["first", "second", "third"]


def test_without_a_path_there_is_prose_that_every_python_carries():
    found = read(stamp(None))
    assert len(found) > 50
    assert "topic" in found[0].fields


def test_a_changed_file_is_read_again(tmp_path):
    file = lines(tmp_path, POEMS)
    assert len(texts(file)) == 3
    lines(tmp_path, POEMS[:1])
    os.utime(file, ns=(1, 1))
    assert len(texts(file)) == 1


def test_conditions_choose_documents_by_value_list_and_element(tmp_path):
    found = read(stamp(str(lines(tmp_path, POEMS))))

    def chosen(**where):
        return [d.fields["author"] for d in select(found, where, "poems")]

    assert chosen(author=("Poe", "Arnold")) == ["Poe", "Arnold"]
    assert chosen(year=("1807",)) == ["Wordsworth"]
    assert chosen(tags=("night",)) == ["Poe"]
    assert chosen() == ["Poe", "Arnold", "Wordsworth"]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"author": ("Arnolt",)}, "no document has author 'Arnolt' (did you mean 'Arnold'?). There are: Arnold, Poe"),
        ({"author": ("Poe", "Pooe")}, "no document has author 'Pooe' (did you mean 'Poe'?)"),
        ({"autor": ("Poe",)}, "no document has the field 'autor' (did you mean 'author'?). There are: author, file"),
        ({"author": ("Poe",), "year": ("1807",)}, "no document passes all of where: author in (Poe), year in (1807)."),
    ],
)
def test_conditions_that_nothing_meets_name_what_is_near(tmp_path, where, says):
    with pytest.raises(TextError) as caught:
        select(read(stamp(str(lines(tmp_path, POEMS)))), where, "poems.jsonl")
    assert str(caught.value).startswith(f"poems.jsonl: {says}")


BROKEN = {
    "broken": ('{"text": "one"}\n{"text": "two"', "t.jsonl:2: not JSON: Expecting ',' delimiter at column 15."),
    "list": ('["one"]', 't.jsonl:1: each line must be a JSON object such as {"text": "..."}. Got ["one"].'),
    "no text": ('{"txt": "one"}', "t.jsonl:1: no \"text\" (did you mean 'txt'?). There are: txt."),
    "number": ('\n{"text": 5}', 't.jsonl:2: "text" must be a string. Got 5.'),
    "null": ('{"text": null}', 't.jsonl:1: "text" must be a string. Got null.'),
    "half a pair": ('{"text": "ab\\ud800"}', 't.jsonl:1: "text" holds half of a surrogate pair at character 2'),
    "deep": ("[" * 100_000, "t.jsonl:1: not JSON that can be read: "),
    "long number": (f'{{"text": {"1" * 5000}}}', "t.jsonl:1: not JSON that can be read: "),
    "huge and broken": ('{"text": "' + "a" * 1_000_000, "(1,000,010 characters)."),
    "huge": (json.dumps({"text": "a" * 10_000_001}), "t.jsonl:1: a document must have at most 10,000,000 characters."),
    "empty": ("", "t.jsonl: holds no text; at least one document that is not empty is needed."),
    "only blanks": ('{"text": " "}\n', "t.jsonl: holds no text"),
    "one": ('{"text": "one"}\n{"text": "one"}', "t.jsonl: to hold any out needs 2 different texts. Got 1"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_clear_line(tmp_path, name):
    content, says = BROKEN[name]
    (tmp_path / "t.jsonl").write_text(content)
    said = complaint(tmp_path / "t.jsonl")
    assert says in said
    assert said.startswith(str(tmp_path))
    assert len(said) < 400 + len(str(tmp_path))


def test_bytes_that_are_not_utf_8_are_named_with_line_and_position(tmp_path):
    (tmp_path / "t.txt").write_bytes(b"fine\nna\xefve")
    assert "t.txt:2: not UTF-8: byte 0xef at position 7 of the file. Save" in complaint(tmp_path / "t.txt")
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbfna\xefve")
    assert "t.txt:1: not UTF-8: byte 0xef at position 5 of the file." in complaint(tmp_path / "t.txt")
    (tmp_path / "t.txt").write_bytes("text".encode("utf-16"))
    assert "It begins like UTF-16." in complaint(tmp_path / "t.txt")


def test_a_missing_file_names_the_nearest(tmp_path):
    lines(tmp_path, POEMS)
    assert complaint(tmp_path / "poem.jsonl").endswith("no such file or folder (did you mean 'poems.jsonl'?).")
    assert complaint(tmp_path / "far" / "away.txt").endswith("no such file or folder.")


def test_a_folder_without_text_files_says_which_are_wanted(tmp_path):
    assert "a folder without text files; wanted are .jsonl, " in complaint(tmp_path)


def test_a_file_larger_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    (tmp_path / "t.txt").write_text("word " * 300)
    assert texts(tmp_path / "t.txt")
    monkeypatch.setattr(machine, "memory", lambda: 4 * 1024)
    read.cache_clear()
    monkeypatch.setattr(files.Path, "read_bytes", lambda _: pytest.fail("it was read"))
    assert "t.txt: must have at most 1 KiB" in complaint(tmp_path / "t.txt")
    with pytest.raises(TextError, match=r"t\.txt: must have at most 1 KiB"):
        files.lines(str(tmp_path / "t.txt"))


def test_a_small_parquet_file_that_says_a_long_text_many_times_is_not_unpacked_whole(tmp_path, monkeypatch):
    parquet, arrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    parquet.write_table(arrow.table({"text": ["word " * 20_000] * 3_000}), tmp_path / "t.parquet")  # 300 MB of text
    assert (tmp_path / "t.parquet").stat().st_size < 200_000
    monkeypatch.setattr(machine, "memory", lambda: 64 * 2**20)
    said = complaint(tmp_path / "t.parquet")
    assert "t.parquet: the text up to row" in said
    assert "must have at most 16 MiB" in said
    assert int(re.search(r"row ([\d,]+)", said)[1].replace(",", "")) < 250


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
def test_a_device_is_no_text():
    assert complaint("/dev/zero") == "/dev/zero: must be a file or a folder; got a device, a socket or a pipe."


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert complaint(tmp_path / "t.parquet").endswith("pip install pyarrow.")


def test_a_broken_parquet_file_is_one_clear_line(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing more")
    assert "not a Parquet file that can be read" in complaint(tmp_path / "t.parquet")
    parquet.write_table(arrow.table({"texts": ["one"]}), tmp_path / "u.parquet")
    assert "no column \"text\" (did you mean 'texts'?). There are: texts." in complaint(tmp_path / "u.parquet")
    parquet.write_table(arrow.table({"text": [1, 2]}), tmp_path / "v.parquet")
    assert 'v.parquet: row 1: "text" must be a string. Got 1.' in complaint(tmp_path / "v.parquet")


def test_communities_must_share_tokenizer_and_length(tmp_path):
    world = Text(path=str(lines(tmp_path, POEMS)))
    with pytest.raises(TextError, match=r"The 'length' of Text must be the same for all communities: 64\. Got 32\."):
        world.open([world, world.model_copy(update={"length": 32})])
    with pytest.raises(TextError, match="The 'tokenizer' of Text must be the same"):
        world.open([world.model_copy(update={"tokenizer": Tokenizer(kind="byte")})])
