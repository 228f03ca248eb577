"""Labels edited in place: the names change, every other byte stays; and where the names of a list lead."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augkit.errors import InputError
from augkit.folder.naming import Sources, find_base, new_name
from augkit.images.coco import Coco, open_coco
from augkit.images.labels import edited
from augkit.images.voc import voc_edited
from augkit.sidecars.json_text import decode, names_followed, spliced
from augkit.sidecars.names import Copy, followed

OLD, NEW = Path("/data/photos/cat/a b&c.jpg"), Path("/out/noisy/cat/a b&c_n1.png")

blanks = st.sampled_from(["", " ", "\n\t", "\r\n  "])
words = st.text(
    st.characters(codec="utf-8", exclude_characters="<>&\r", exclude_categories=("Cc", "Cs", "Cn")), max_size=9
)
others = st.builds(
    lambda name, text: f"<{name}>{escape(text)}</{name}>",
    st.sampled_from(["size", "owner", "object", "source"]),
    words,
) | st.sampled_from(["<!-- <filename>a b&c.jpg</filename> -->", "<object><filename>inner.jpg</filename></object>"])


@given(
    before=st.lists(others, max_size=4),
    after=st.lists(others, max_size=4),
    lead=blanks,
    trail=blanks,
    encoding=st.sampled_from(["utf-8", "utf-16", "iso-8859-1"]),
    attribute=st.sampled_from(["", ' lang=">"']),
    wrapped=st.booleans(),
)
def test_voc_changes_its_names_and_no_other_byte(before, after, lead, trail, encoding, attribute, wrapped):
    name = f"<![CDATA[{OLD.name}]]>" if wrapped else escape(OLD.name)
    old = f"<filename{attribute}>{lead}{name}{trail}</filename>"
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><annotation>{"".join(before)}{old}{"".join(after)}</annotation>\n'
    )
    data = text.encode(encoding, "xmlcharrefreplace")
    made = voc_edited(data, OLD, NEW)
    at = data.decode(encoding).index(old)
    made_text = made.data.decode(encoding)
    assert made_text[:at] == data.decode(encoding)[:at]
    assert made_text.endswith(data.decode(encoding)[at + len(old) :])
    inside = made_text[at : len(made_text) - (len(data.decode(encoding)) - at - len(old))]
    expected = "" if wrapped and not (lead or trail) else None
    assert re.fullmatch(rf"<filename{re.escape(attribute)}>\s*{re.escape(escape(NEW.name))}\s*</filename>", inside)
    assert expected is None or inside.endswith(f">{escape(NEW.name)}</filename>")
    root = ElementTree.fromstring(made.data)  # noqa: S314
    assert root.findtext("filename").strip() == NEW.name


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ("<folder>cat</folder><filename>a b&amp;c.jpg</filename>", "<folder>cat</folder><filename>{new}</filename>"),
        ("<filename>a b&amp;c</filename>", "<filename>a b&amp;c_n1</filename>"),
        ("<filename>other.jpg</filename>", "<filename>{new}</filename>"),
        ("<path>C:\\x\\a b&amp;c.jpg</path>", "<path>C:\\x\\{new}</path>"),
        ("<path>/else/where/a b&#38;c.jpg</path>", "<path>/else/where/{new}</path>"),
        (f"<path>{escape(str(OLD))}</path>", f"<path>{escape(str(NEW))}</path>"),
        ("<filename/><filename></filename><path> </path>", "<filename/><filename></filename><path> </path>"),
        ("<object><path>a b&amp;c.jpg</path></object>", "<object><path>a b&amp;c.jpg</path></object>"),
    ],
)
def test_voc_fields(fields, changed):
    made = voc_edited(f"<annotation>{fields}</annotation>".encode(), OLD, NEW)
    assert made.data.decode() == f"<annotation>{changed.format(new=escape(NEW.name))}</annotation>"
    assert bool(made.notices) == ("other" in fields)


def test_voc_follows_the_folder_of_an_image_in_src_itself():
    data = b"<annotation><folder>photos</folder><filename>a.jpg</filename></annotation>"
    made = voc_edited(data, Path("/data/photos/a.jpg"), Path("/out/noisy/a_n1.jpg"))
    assert made.data == b"<annotation><folder>noisy</folder><filename>a_n1.jpg</filename></annotation>"


def test_other_xml_stays_as_it_is():
    data = b"<gallery><filename>a b&amp;c.jpg</filename></gallery>"
    assert voc_edited(data, OLD, NEW).data == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"<annotation>",
        b"<annotation></annotation><annotation/>",
        b"\xff\xfe<\x00a",
        b'<?xml version="1.0" encoding="gb2312"?><annotation/>',
        b'<?xml version="1.0" encoding="nonsense"?><annotation/>',
        b"<annotation>\x00</annotation>",
        b"<annotation><filename>\xff.jpg</filename></annotation>",
        b'<!DOCTYPE a [<!ENTITY % p "x">]><annotation/>',
    ],
)
def test_xml_that_cannot_be_read_is_an_input_error(data):
    with pytest.raises(InputError):
        voc_edited(data, OLD, NEW)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(
    before=st.dictionaries(words, values, max_size=3),
    after=st.dictionaries(words, values, max_size=3),
    depth=st.integers(0, 3),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
    bom=st.booleans(),
)
def test_json_changes_its_names_and_no_other_byte(before, after, depth, indent, ascii_only, bom):
    name = "../photos/" + OLD.name
    inner = [name]
    for _ in range(depth):
        inner = {"inner": inner}
    data = json.dumps({**before, "here": inner, **after}, indent=indent, ensure_ascii=ascii_only).encode()
    data = (b"\xef\xbb\xbf" if bom else b"") + data
    made = spliced(data, names_followed(data, OLD, NEW))
    assert made == data.replace(json.dumps(name).encode(), json.dumps("../photos/" + NEW.name).encode())


def test_numbers_of_any_length_and_form_stay():
    text = '{"image": "a b&c.jpg" , "n": [0.10, 1E5, 9007199254740993, -0, 123456789012345678901234567890]}'
    made = edited("a.json", text.encode(), OLD, NEW)
    assert made.data.decode() == text.replace("a b&c.jpg", NEW.name)


@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", '{"a": 01}', "[" * 100_000, '{"imagePath": "\\ud800"', '{"a": 1} x']
)
def test_json_that_cannot_be_read_is_an_input_error(text):
    with pytest.raises(InputError):
        edited("a.json", text.encode(), OLD, NEW)


def test_labelme_loses_its_clean_picture_and_says_so():
    text = '{"shapes": [{"points": [[1.50, 2]]}], "imagePath": "a b&c.jpg",\n "imageData": "iVBOR", "imageHeight": 5}'
    made = edited("a.json", text.encode(), OLD, NEW)
    assert made.data.decode() == text.replace("a b&c.jpg", NEW.name).replace('"iVBOR"', "null")
    assert "imageData" in made.notices[0]
    again = edited("a.json", made.data, NEW, Path("/out/x.png"))
    assert again.notices == ()


@given(
    ids=st.lists(st.integers(0, 2**62) | words, min_size=1, max_size=5, unique_by=repr),
    numbers=st.lists(st.integers(0, 4), max_size=8),
    copies=st.integers(1, 3),
    indent=st.sampled_from([None, 2]),
)
def test_coco_ids_are_unique_and_originals_stay(tmp_path_factory, ids, numbers, copies, indent):
    path = tmp_path_factory.mktemp("coco") / "c.json"
    images = [{"id": one, "file_name": f"{i}.jpg", "weight": 0.5} for i, one in enumerate(ids)]
    notes = [{"id": i, "image_id": ids[k % len(ids)], "bbox": [i, 1.5]} for i, k in enumerate(numbers)]
    whole = {"annotations": notes, "note": "é", "images": images, "categories": []}
    path.write_text(json.dumps(whole, indent=indent, ensure_ascii=False), "utf-8")
    listing = open_coco(path)
    made = {
        f"{i}.jpg": [Copy(0, "", f"{i}.jpg")] + [Copy(n, f"_n{n}", f"{i}_n{n}.jpg") for n in range(1, copies + 1)]
        for i in range(len(ids))
    }
    found = json.loads(b"".join(listing.rewrite("c.json", made, copies)))
    assert list(found) == list(whole)
    assert len({repr(image["id"]) for image in found["images"]}) == len(ids) * (copies + 1)
    assert len({note["id"] for note in found["annotations"]}) == len(notes) * (copies + 1)
    assert [image for image in found["images"] if "_n" not in image["file_name"]] == images
    for image in found["images"]:
        source = images[int(image["file_name"].split(".")[0].split("_")[0])]
        boxes = [note["bbox"] for note in found["annotations"] if note["image_id"] == image["id"]]
        assert boxes == [note["bbox"] for note in notes if note["image_id"] == source["id"]]
    same = {name: [one for one in kept if one.number == 0] for name, kept in made.items()}
    assert b"".join(listing.rewrite("c.json", same, copies)) == path.read_bytes()


@pytest.mark.parametrize(
    "text", ['[{"image_id": 1}]', '{"shapes": [], "images": 5}', '{"categories": []}', "", '{"images": []}', "no JSON"]
)
def test_what_is_no_coco_is_left_alone(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    assert open_coco(path) is None


@pytest.mark.parametrize(
    "text", ['{"images": [', '{"images": 5, "annotations": []}', '{"images": [5], "categories": []}']
)
def test_broken_coco_is_an_input_error(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError):
        open_coco(path)


def test_strays_are_told_and_left_out(tmp_path):
    path = tmp_path / "a.json"
    images = [{"id": 1, "file_name": "a.jpg"}]
    path.write_text(json.dumps({"images": images, "annotations": [{"id": 1, "image_id": 2}, {"id": 2, "image_id": 1}]}))
    listing = Coco(path)
    assert "1 annotations of no image" in listing.notices[0]
    made = json.loads(b"".join(listing.rewrite("a.json", {"a.jpg": [Copy(1, "", "a.png")]}, 1)))
    assert made == {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 2, "image_id": 1}]}
    assert json.loads(b"".join(listing.rewrite("a.json", {}, 1))) == {"images": [], "annotations": []}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a b&c.jpg", NEW.name),
        ("./x/a b&c.jpg", f"./x/{NEW.name}"),
        ("x\\a b&c.jpg", f"x\\{NEW.name}"),
        (str(OLD), str(NEW)),
        ("/elsewhere/a b&c.jpg", f"/elsewhere/{NEW.name}"),
        ("http://host/a b&c.jpg", f"http://host/{NEW.name}"),
        ("a.jpg", None),
        ("", None),
        ("/", None),
    ],
)
def test_what_a_path_becomes(text, result):
    assert followed(text, OLD, NEW) == result


FILES = ("train/a.jpg", "train/é.jpg", "val/a.jpg", "val/b.jpg", "deep/er/c.jpg")


@pytest.mark.parametrize(
    ("at", "names", "leads", "becomes"),
    [
        ("list.json", ["train/a.jpg", "val/b.jpg"], ["train/a.jpg", "val/b.jpg"], ["train/a_n1.jpg", "val/b_n1.jpg"]),
        ("train/list.json", ["a.jpg", "./a.jpg"], ["train/a.jpg"] * 2, ["a_n1.jpg", "./a_n1.jpg"]),
        ("lists/l.json", ["../val/b.jpg"], ["val/b.jpg"], ["../val/b_n1.jpg"]),
        ("lists/list_val.json", ["a.jpg"], ["val/a.jpg"], ["a_n1.jpg"]),
        ("lists/l.json", ["c.jpg"], ["deep/er/c.jpg"], ["c_n1.jpg"]),
        ("lists/l.json", ["er\\c.jpg"], ["deep/er/c.jpg"], ["er\\c_n1.jpg"]),
        ("lists/l.json", ["src/val/b.jpg"], ["val/b.jpg"], ["dst/val/b_n1.jpg"]),
        ("lists/l.json", ["e\u0301.jpg"], ["train/é.jpg"], ["é_n1.jpg"]),
        ("lists/l.json", ["{src}/val/b.jpg"], ["val/b.jpg"], ["{dst}/val/b_n1.jpg"]),
        ("lists/l.json", ["{link}/val/b.jpg"], ["val/b.jpg"], ["{dst}/val/b_n1.jpg"]),
        ("../away/l.json", ["../src/val/b.jpg"], ["val/b.jpg"], ["val/b_n1.jpg"]),
        (
            "lists/l.json",
            ["val/b.jpg", "../../../etc/passwd", "\0", ""],
            ["val/b.jpg", None, None, None],
            ["val/b_n1.jpg"],
        ),
        ("lists/l.json", ["nowhere.jpg", "../../out.jpg"], None, None),
    ],
)
def test_where_the_names_of_a_list_lead(tmp_path, at, names, leads, becomes):
    src, dst = tmp_path / "src", tmp_path / "dst"
    for name in FILES:
        (src / name).parent.mkdir(parents=True, exist_ok=True)
        (src / name).touch()
    (tmp_path / "link").symlink_to(src)
    places = {"src": src, "dst": dst, "link": tmp_path / "link"}
    names = [name.format(**places) for name in names]
    known = Sources(src, FILES)
    out = dst / (Path(at).name if at.startswith("..") else at)
    base = find_base(names, known, folder=(src / at).parent, out=out.parent, dst=dst, title=out.name)
    if leads is None:
        assert base is None
        return
    assert [known.find(name, base) for name in names] == leads
    made = []
    for name, source in zip(names, leads, strict=True):
        if source is not None:
            target = dst / source
            made.append(new_name(name, base, target.with_stem(target.stem + "_n1")))
    assert made == [name.format(**places) for name in becomes]


def test_names_that_fit_two_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="train and in val"):
        find_base(["a.jpg"], Sources(tmp_path, FILES), folder=tmp_path / "lists", out=tmp_path / "out", dst=tmp_path)


@given(words, words)
def test_decoding_never_fails_but_as_an_input_error(one, other):
    for text in (one, f'"{one}"', f'{{"{one}": {other}}}', f"[{one}"):
        try:
            decode(text.encode(), msgspec.Raw)
        except InputError:
            continue
        msgspec.json.decode(text)
