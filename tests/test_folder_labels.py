"""What belongs to an image follows its copies: the trees that come out, their safety, and the tools that read them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augkit.folder import follow
from augkit.folder.options import FolderOptions, Job
from augkit.folder.run import HowToRun, check_job, run_job
from augkit.folder.storage import TEMP_PREFIX
from tests import poison_labels
from tests.trees import augkit, content

RECORDS = {"metadata.jsonl", "failures.jsonl", "recipe.toml"}
VOC = "<annotation>\n\t<folder>{folder}</folder>\n\t<filename>{name}</filename>\n\t<size/>\n</annotation>\n"


def picture(path, seed=0, size=12):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(60, 200, (size, size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def mask(path, size=12):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.arange(size * size).reshape(size, size) % 3).astype(np.uint8)).save(path)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def coco(names):
    images = [{"file_name": name, "id": i + 1, "width": 12, "height": 12} for i, name in enumerate(names)]
    annotations = [
        {"id": 10 * i + k, "image_id": i + 1, "category_id": 1, "bbox": [k, 0, 4.50, 5], "area": 22.5, "iscrowd": 0}
        for i in range(len(names))
        for k in (1, 2)
    ]
    categories = [{"id": 1, "name": "thing"}]
    return {"info": {"year": 2024}, "images": images, "annotations": annotations, "categories": categories}


def detection(root, count=3):
    """Write a detection set: YOLO's parallel labels, VOC and LabelMe beside, masks, and a COCO JSON for each split."""
    for split in ("train", "val"):
        for i in range(count):
            picture(root / "images" / split / f"{i}.png", i)
            write(root / "labels" / split / f"{i}.txt", f"{i} 0.5 0.5 0.25 0.25\n")
            mask(root / "masks" / split / f"{i}.png")
        names = [f"{i}.png" for i in range(count)]
        write(root / "annotations" / f"instances_{split}.json", json.dumps(coco(names), indent=1))
    write(root / "images" / "train" / "0.xml", VOC.format(folder="train", name="0.png"))
    label = {"version": "5", "shapes": [], "imagePath": "1.png", "imageData": "AAAA"}
    write(root / "images" / "train" / "1.json", json.dumps(label))
    write(root / "images" / "val" / "2.caption", "a thing")
    write(root / "data.yaml", "names: [thing]\n")
    return root


def rows(dst):
    return [json.loads(line) for line in (dst / "metadata.jsonl").read_text().splitlines()]


def failures(dst):
    return [json.loads(line) for line in (dst / "failures.jsonl").read_text().splitlines()]


def noise(src, dst, *options):
    return augkit("images", src, dst, "--std", "0.1", "--seed", "3", "--quiet", *options)


def test_everything_follows_every_copy(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    before = content(src)
    assert noise(src, dst, "--labels", "copy", "--copies", "2", "--copy-others") == 0
    expected = {
        str(Path(name).with_stem(f"{Path(name).stem}_n{n}"))
        for name in before
        for n in (1, 2)
        if name.split("/")[0] in ("images", "labels", "masks")
    }
    lists = {"annotations/instances_train.json", "annotations/instances_val.json"}
    assert set(content(dst)) == expected | lists | {"data.yaml"} | RECORDS - {"failures.jsonl"}
    for split in ("train", "val"):
        for i in range(3):
            for n in (1, 2):
                for folder, suffix in (("labels", "txt"), ("masks", "png")):
                    copy = (dst / folder / split / f"{i}_n{n}.{suffix}").read_bytes()
                    assert copy == (src / folder / split / f"{i}.{suffix}").read_bytes()
    assert (dst / "images/train/0_n2.xml").read_text() == VOC.format(folder="train", name="0_n2.png")
    label = json.loads((dst / "images/train/1_n1.json").read_text())
    assert (label["imagePath"], label["imageData"]) == ("1_n1.png", None)
    assert (dst / "images/val/2_n1.caption").read_text() == "a thing"
    assert content(src) == before


def test_rows_name_what_followed(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert noise(src, dst, "--labels", "copy", "--copies", "2") == 0
    found = {row["file_name"]: row for row in rows(dst)}
    assert found["images/train/1_n2.png"]["labels"] == [
        "masks/train/1_n2.png",
        "images/train/1_n2.json",
        "labels/train/1_n2.txt",
        "annotations/instances_train.json",
    ]
    assert "imageData" in " ".join(found["images/train/1_n2.png"]["notices"])
    assert all((dst / name).is_file() for row in found.values() for name in row["labels"])
    named = {name for row in found.values() for name in (row["file_name"], *row["labels"])}
    assert set(content(dst)) - RECORDS == named
    plain = tmp_path / "plain"
    assert noise(src / "images", plain) == 0
    assert all("labels" not in row for row in rows(plain))


def test_masks_get_no_noise_and_images_do(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert noise(src, dst, "--labels", "copy") == 0
    for path in dst.rglob("*.png"):
        same = path.read_bytes() == (src / path.relative_to(dst)).read_bytes()
        assert same == (path.relative_to(dst).parts[0] == "masks")


def check_coco(data, src_data, dst_images):
    """Every entry is of an image that is there, ids are unique, and each image has the annotations of its source."""
    images, annotations = data["images"], data["annotations"]
    assert len({image["id"] for image in images}) == len(images)
    assert len({one["id"] for one in annotations}) == len(annotations)
    assert {image["file_name"] for image in images} == {path.name for path in dst_images.glob("*.png")}
    assert {key: data[key] for key in ("info", "categories")} == {key: src_data[key] for key in ("info", "categories")}
    by_name = {image["file_name"].split(".")[0]: image for image in src_data["images"]}
    strip = ("id", "image_id", "file_name")
    for image in images:
        source = by_name[image["file_name"].split(".")[0].split("_n")[0]]
        assert {k: v for k, v in image.items() if k not in strip} == {k: v for k, v in source.items() if k not in strip}
        found, wanted = (
            [{k: v for k, v in one.items() if k not in strip} for one in part if one["image_id"] == ident]
            for part, ident in ((annotations, image["id"]), (src_data["annotations"], source["id"]))
        )
        assert found == wanted


@pytest.mark.parametrize(
    "options",
    [(), ("--copies", "2"), ("--copies", "2", "--keep-original"), ("--copies", "3", "--probability", "0.5")],
)
def test_coco_has_one_entry_for_each_copy(tmp_path, options):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert noise(src, dst, "--labels", "copy", *options) == 0
    for split in ("train", "val"):
        data, source = (json.loads((root / f"annotations/instances_{split}.json").read_text()) for root in (dst, src))
        check_coco(data, source, dst / "images" / split)
    text = (dst / "annotations/instances_train.json").read_text()
    assert "4.5" in text
    if "--keep-original" in options:
        assert [image for image in data["images"] if "_n" not in image["file_name"]] == source["images"]
    if not options:
        assert text == (src / "annotations/instances_train.json").read_text()


def test_names_inside_follow_another_format(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert noise(src, dst, "--labels", "copy", "--format", "bmp") == 0
    assert "<filename>0.bmp</filename>" in (dst / "images/train/0.xml").read_text()
    assert json.loads((dst / "images/train/1.json").read_text())["imagePath"] == "1.bmp"
    data = json.loads((dst / "annotations/instances_val.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["0.bmp", "1.bmp", "2.bmp"]
    assert (dst / "masks/val/0.png").is_file()


def test_clean_copies_and_originals_take_their_labels(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    options = ("--labels", "copy", "--copies", "3", "--probability", "0.5", "--keep-original")
    assert noise(src, dst, *options) == 0
    found = rows(dst)
    assert {row["noise"] is None for row in found if row["copy"]} == {True, False}
    assert all(len(row["labels"]) >= 3 for row in found)
    assert (dst / "images/train/1.json").read_bytes() == (src / "images/train/1.json").read_bytes()


def test_an_output_that_fails_leaves_no_label_and_no_entry(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    broken = src / "images/train/1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    assert noise(src, dst, "--labels", "copy", "--copies", "2") == 1
    assert [row["source"] for row in failures(dst)] == ["images/train/1.png"] * 2
    assert not [name for name in content(dst) if "train/1" in name]
    data, source = (json.loads((root / "annotations/instances_train.json").read_text()) for root in (dst, src))
    check_coco(data, source, dst / "images/train")


def test_ids_do_not_depend_on_what_failed(tmp_path):
    src = detection(tmp_path / "src")
    assert noise(src, tmp_path / "all", "--labels", "copy", "--copies", "2") == 0
    (src / "images/train/0.png").write_bytes(b"broken")
    assert noise(src, tmp_path / "some", "--labels", "copy", "--copies", "2") == 1
    whole, part = (
        {image["file_name"]: image["id"] for image in json.loads(path.read_text())["images"]}
        for path in (tmp_path / name / "annotations/instances_train.json" for name in ("all", "some"))
    )
    assert part == {name: whole[name] for name in whole if not name.startswith("0_")}


@pytest.mark.parametrize(
    ("label", "text", "reason"),
    [
        ("images/train/0.xml", "<annotation><filename>0.png</filename>", "no XML"),
        ("images/train/0.json", '{"imagePath": ', "no JSON"),
        ("images/train/0.json", '{"a": NaN}', "no JSON"),
        ("images/train/0.json", '{"shapes": [], "imagePath": 5}', "a text was expected"),
    ],
)
def test_a_malformed_label_fails_its_image_by_name(tmp_path, label, text, reason):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    write(src / label, text)
    assert noise(src, dst, "--labels", "copy") == 1
    (row,) = failures(dst)
    assert row["source"] == "images/train/0.png"
    assert label in row["reason"]
    assert reason in row["reason"]
    assert not [name for name in content(dst) if "train/0" in name]
    assert len(rows(dst)) == 5


def test_entities_are_refused_before_they_grow(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    lines = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol"}">' for i in range(12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE a [{lines}]><annotation><filename>&l11;</filename></annotation>'
    write(src / "images/train/0.xml", bomb)
    write(
        src / "images/val/1.xml", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><annotation>&x;</annotation>'
    )
    assert noise(src, dst, "--labels", "copy") == 1
    assert [row["source"] for row in failures(dst)] == ["images/train/0.png", "images/val/1.png"]
    assert all("entity" in row["reason"] for row in failures(dst))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"images": [{"id": 1, "file_name": "0.png"}], "annotations": [', "no JSON"),
        ('{"images": [{"id": 1}], "annotations": []}', "images[0]"),
        (
            '{"images": [{"id": 1, "file_name": "0.png"}, {"id": 1, "file_name": "1.png"}], "annotations": []}',
            "id 1 too",
        ),
        ('{"images": [{"id": 1, "file_name": "0.png"}], "annotations": [{"id": 1}]}', "annotations[0]"),
    ],
)
def test_a_broken_coco_is_a_failure_of_its_own(tmp_path, text, reason):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    write(src / "annotations/instances_val.json", text)
    assert noise(src, dst, "--labels", "copy") == 1
    (row,) = failures(dst)
    assert row["source"] == "annotations/instances_val.json"
    assert reason in row["reason"]
    assert len(rows(dst)) == 6
    assert not (dst / "annotations/instances_val.json").exists()
    assert augkit("images", src, tmp_path / "no", "--std", "0.1", "--labels", "copy", "--annotations",
                  src / "annotations/instances_val.json") == 2  # fmt: skip


def test_without_the_option_a_hint_says_what_stays(tmp_path, capsys):
    src = detection(tmp_path / "src")
    assert augkit("images", src, tmp_path / "dry", "--std", "0.1", "--dry-run") == 0
    dry = capsys.readouterr().out
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1") == 0
    said = capsys.readouterr().out
    for text in (dry, said):
        assert "11 label files stay behind; --labels copy takes them along" in text
        assert "6 files in masks look like masks" in text
    assert augkit("images", src, tmp_path / "copied", "--std", "0.1", "--labels", "copy", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "stay behind" not in said
    assert "labels/train/0.txt -> labels/train/0.txt (label)" in said
    assert "annotations/instances_val.json -> annotations/instances_val.json (list, rewritten)" in said


def test_masks_from_another_folder(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    for name in ("a.png", "deep/b.png", "c.png"):
        picture(src / name)
    mask(tmp_path / "truth" / "a.png")
    mask(tmp_path / "truth" / "deep/b.bmp")
    mask(tmp_path / "truth" / "unused.png")
    write(tmp_path / "truth" / "notes.txt", "no mask")
    options = ("--labels", "copy", "--masks", tmp_path / "truth", "--copies", "2")
    assert noise(src, dst, *options) == 0
    assert {name for name in content(dst) if name.startswith("truth")} == {
        "truth/a_n1.png",
        "truth/a_n2.png",
        "truth/deep/b_n1.bmp",
        "truth/deep/b_n2.bmp",
    }
    assert (dst / "truth/a_n2.png").read_bytes() == (tmp_path / "truth/a.png").read_bytes()
    lacking = [row["file_name"] for row in rows(dst) if "no mask was found for it" in row["notices"]]
    assert lacking == ["c_n1.png", "c_n2.png"]
    assert not any(str(tmp_path) in path.read_text() for path in (dst / "metadata.jsonl", dst / "recipe.toml"))
    expected = content(dst)
    (dst / "truth/a_n1.png").unlink()
    os.chdir("/")
    assert augkit("resume", dst, "--quiet") == 0
    assert content(dst) == expected


@pytest.mark.parametrize("place", ["seg", "seg/fine"])
def test_masks_in_src_under_a_name_of_their_own(tmp_path, place):
    src, dst = tmp_path / "src", tmp_path / "dst"
    for i in range(3):
        picture(src / "photos" / "x" / f"{i}.png", i)
        mask(src / place / "x" / f"{i}.png")
    mask(src / place / "x" / "stray.png")
    assert noise(src, dst, "--labels", "copy", "--masks", src / place) == 0
    assert len(rows(dst)) == 3
    assert (dst / place / "x" / "1.png").read_bytes() == (src / place / "x" / "1.png").read_bytes()
    assert not (dst / place / "x" / "stray.png").exists()


def test_pascal_voc_as_it_is_laid_out(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    for i in range(2):
        picture(src / "JPEGImages" / f"2007_{i}.jpg", i)
        write(src / "Annotations" / f"2007_{i}.xml", VOC.format(folder="VOC2007", name=f"2007_{i}.jpg"))
        mask(src / "SegmentationClass" / f"2007_{i}.png")
    assert noise(src, dst, "--labels", "copy", "--copies", "2") == 0
    assert len(rows(dst)) == 4
    text = (dst / "Annotations/2007_1_n2.xml").read_text()
    assert text == VOC.format(folder="VOC2007", name="2007_1_n2.jpg")
    copy = (dst / "SegmentationClass/2007_0_n1.png").read_bytes()
    assert copy == (src / "SegmentationClass/2007_0.png").read_bytes()


def test_labels_and_lists_from_elsewhere(tmp_path):
    src, dst, away = tmp_path / "data" / "images", tmp_path / "dst", tmp_path / "data" / "labels"
    for i in range(3):
        picture(src / "train" / f"{i}.png", i)
        write(away / "train" / f"{i}.txt", f"{i}")
    write(tmp_path / "data" / "coco.json", json.dumps(coco([f"images/train/{i}.png" for i in range(3)])))
    where = ("--annotations", away, "--annotations", tmp_path / "data" / "coco.json")
    assert noise(src, dst, "--labels", "copy", "--copies", "2", *where) == 0
    assert (dst / "labels/train/2_n1.txt").read_text() == "2"
    data = json.loads((dst / "coco.json").read_text())
    assert [image["file_name"] for image in data["images"]][:2] == ["train/0_n1.png", "train/0_n2.png"]
    assert all((dst / image["file_name"]).is_file() for image in data["images"])
    picture(src / "train" / "9.png", 9)
    write(tmp_path / "data" / "stale.json", json.dumps(coco(["nowhere.png"])))
    for wrong in ("stale.json", "missing.json"):
        assert noise(src, tmp_path / "no", "--labels", "copy", "--annotations", tmp_path / "data" / wrong) == 2


def test_absolute_names_lead_to_the_copies(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    picture(src / "a.png")
    voc = VOC.format(folder="src", name="a.png").replace("<size/>", f"<path>{src / 'a.png'}</path>")
    write(src / "a.xml", voc)
    write(src / "list.json", json.dumps(coco([str(src / "a.png")])))
    assert noise(src, dst, "--labels", "copy", "--copies", "2") == 0
    text = (dst / "a_n1.xml").read_text()
    assert text == voc.replace(f"{src}/a.png", f"{dst}/a_n1.png").replace(">a.png", ">a_n1.png").replace(
        ">src<", ">dst<"
    )
    data = json.loads((dst / "list.json").read_text())
    assert [image["file_name"] for image in data["images"]] == [f"{dst}/a_n1.png", f"{dst}/a_n2.png"]


def test_a_coco_selects_its_images(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    write(tmp_path / "some.json", json.dumps(coco(["2.png", "0.png", "gone.png"])))
    assert noise(src / "images/train", dst, "--files-from", tmp_path / "some.json", "--copies", "2") == 1
    assert [row["file_name"] for row in rows(dst)] == ["0_n1.png", "0_n2.png", "2_n1.png", "2_n2.png"]
    assert [row["source"] for row in failures(dst)] == ["gone.png"]
    data = json.loads((dst / "some.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["2_n1.png", "2_n2.png", "0_n1.png", "0_n2.png"]


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"images/train/0.jpg": None}, "belongs to images/train/0.jpg and to images/train/0.png"),
        ({"labels/train/0_n1.txt/x.txt": "a file where a label goes"}, "labels/train/0_n1.txt"),
        ({"images/train/0_N1.XML": "<annotation/>"}, "images/train/0_"),
    ],
)
def test_collisions_are_refused_before_anything_is_written(tmp_path, capsys, extra, said):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    for name, text in extra.items():
        picture(src / name) if text is None else write(src / name, text)
    assert noise(src, dst, "--labels", "copy", "--copies", "2", "--copy-others") == 2
    assert said in capsys.readouterr().err
    assert not dst.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--masks", "masks"), "labels=copy"),
        (("--annotations", "labels"), "labels=copy"),
        (("--labels", "copy", "--masks", "nowhere"), "a folder was expected"),
        (("--labels", "copy", "--masks", "."), "SRC itself"),
        (("--labels", "copy", "--masks", "labels"), "none of the"),
        (("--labels", "copy", "--annotations", "data.yaml"), "a list that is known"),
    ],
)
def test_options_that_mean_nothing_are_refused(tmp_path, capsys, monkeypatch, options, said):
    src = detection(tmp_path / "src")
    monkeypatch.chdir(src)
    assert noise(src, tmp_path / "dst", *options) == 2
    assert said in capsys.readouterr().err


def test_series_have_no_labels(tmp_path, capsys):
    write(tmp_path / "src" / "a.csv", "x\n1.0\n2.0\n")
    assert augkit("series", tmp_path / "src", tmp_path / "dst", "--std", "0.1", "--labels", "copy") == 2
    assert "series" in capsys.readouterr().err


def test_links_are_followed_within_src_only(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    (src / "labels/train/0.txt").unlink()
    (src / "labels/train/0.txt").symlink_to("/etc/hostname")
    (src / "labels/train/1.txt").unlink()
    (src / "labels/train/1.txt").symlink_to(src / "labels/train/2.txt")
    assert noise(src, dst, "--labels", "copy") == 1
    (row,) = failures(dst)
    assert row["source"] == "images/train/0.png"
    assert "labels/train/0.txt" in row["reason"]
    assert not (dst / "labels/train/1.txt").is_symlink()
    assert (dst / "labels/train/1.txt").read_text() == (src / "labels/train/2.txt").read_text()


def test_a_link_in_dst_is_not_followed_out(tmp_path):
    src, dst, outside = detection(tmp_path / "src"), tmp_path / "dst", tmp_path / "outside"
    outside.mkdir(), dst.mkdir()
    (outside / "0.txt").write_text("mine"), (outside / "instances_val.json").write_text("mine")
    (dst / "labels").mkdir()
    (dst / "labels" / "train").symlink_to(outside)
    (dst / "annotations").symlink_to(outside)
    before = content(outside)
    assert noise(src, dst, "--labels", "copy", "--overwrite") == 1
    assert content(outside) == before
    assert not list((dst / "images/train").glob("*")), "an image without its label"
    reasons = {row["source"]: row["reason"] for row in failures(dst)}
    assert all("symbolic link" in reason for reason in reasons.values())
    assert "annotations/instances_val.json" in reasons


def test_the_same_tree_for_any_number_of_workers(tmp_path):
    src = detection(tmp_path / "src", count=12)
    options = ("--labels", "copy", "--copies", "2")
    for dst, jobs in (("one", 1), ("two", 2)):
        assert noise(src, tmp_path / dst, *options, "-j", jobs) == 0
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_resume_makes_what_is_missing_or_torn(tmp_path):
    src, whole, part = detection(tmp_path / "src"), tmp_path / "whole", tmp_path / "part"
    options = ("--labels", "copy", "--copies", "2")
    for dst in (whole, part):
        assert noise(src, dst, *options) == 0
    kept = (part / "images/val/2_n2.png").stat().st_mtime_ns
    (part / "labels/train/0_n1.txt").unlink()
    (part / "labels/train/1_n1.txt").write_text("to")
    (part / "images/train/1_n2.json").write_text("")
    (part / "annotations/instances_train.json").unlink()
    (part / "images/train/2_n1.png").unlink()
    assert augkit("resume", part, "--quiet") == 0
    assert content(part) == content(whole)
    assert (part / "images/val/2_n2.png").stat().st_mtime_ns == kept


def test_a_label_that_appears_between_two_parts_of_a_run_follows(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    (src / "labels/train/0.txt").unlink()
    assert noise(src, dst, "--labels", "copy") == 0
    write(src / "labels/train/0.txt", "0 0.5 0.5 0.25 0.25\n")
    assert augkit("resume", dst, "--quiet") == 0
    assert noise(src, tmp_path / "whole", "--labels", "copy") == 0
    assert content(dst) == content(tmp_path / "whole")


def test_overwriting_leaves_no_label_of_the_run_before(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert noise(src, dst, "--labels", "copy", "--copies", "2") == 0
    write(dst / "mine.txt", "not augkit's")
    (src / "images/val/0.png").write_bytes(b"broken")
    assert noise(src, dst, "--labels", "copy", "--overwrite", "--include", "images/val/*") == 1
    names = {f"{folder}/val/{i}.{suffix}" for folder, suffix in FOLDERS for i in (1, 2)}
    expected = names | {"images/val/2.caption", "annotations/instances_val.json", "mine.txt"} | RECORDS
    assert set(content(dst)) == expected
    assert noise(src / "images/train", dst, "--overwrite") == 0
    assert set(content(dst)) == {"0.png", "1.png", "2.png", "mine.txt", "metadata.jsonl", "recipe.toml"}


FOLDERS = (("images", "png"), ("labels", "txt"), ("masks", "png"))


def test_the_recipe_repeats_the_run(tmp_path):
    src, first = detection(tmp_path / "src"), tmp_path / "first"
    shutil.move(src / "masks", tmp_path / "truth")
    options = (
        "--labels",
        "copy",
        "--masks",
        tmp_path / "truth",
        "--annotations",
        src / "annotations/instances_val.json",
    )
    assert noise(src / "images", first, *options) == 0
    (tmp_path / "elsewhere").mkdir()
    recipe = (first / "recipe.toml").read_text()
    assert str(tmp_path) not in recipe
    (tmp_path / "elsewhere" / "again.toml").write_text(recipe.replace('dst = "."', 'dst = "../again"'))
    assert augkit("run", tmp_path / "elsewhere" / "again.toml", "--quiet") == 0
    assert content(tmp_path / "again").keys() == content(first).keys()
    assert (tmp_path / "again/truth/val/1.png").read_bytes() == (first / "truth/val/1.png").read_bytes()
    bad = 'labels = "copy"\nmasks = [5]\n'
    (tmp_path / "bad.toml").write_text(f'[[images]]\nsrc = "src"\ndst = "bad"\nstd = 0.1\n{bad}')
    assert augkit("run", tmp_path / "bad.toml") == 2


def test_a_single_image_takes_what_lies_beside_it(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert noise(src / "images/train/0.png", dst, "--labels", "copy", "--copies", "2") == 0
    assert set(content(dst)) - RECORDS == {"0_n1.png", "0_n1.xml", "0_n2.png", "0_n2.xml"}


def test_full_names_with_suffix_and_longer_stems(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    for name in ("a.png", "a.b.png"):
        picture(src / name)
    write(src / "a.png.json", '{"file": "x/a.png", "of": ["a.png", "a.b.png"]}')
    write(src / "a.b.txt", "of a.b")
    write(src / "a.orig.txt", "of a")
    assert noise(src, dst, "--labels", "copy", "--copies", "2", "--format", "bmp") == 0
    assert {name for name in content(dst) if "n1" in name} == {
        "a_n1.bmp",
        "a_n1.bmp.json",
        "a_n1.orig.txt",
        "a.b_n1.bmp",
        "a.b_n1.txt",
    }
    assert (dst / "a_n1.bmp.json").read_text() == '{"file": "x/a_n1.bmp", "of": ["a_n1.bmp", "a.b.png"]}'


def run_killed(src, dst, options, most):
    """Kill a run when it has begun and as many names as `most` are in DST."""
    command = [sys.executable, "-m", "augkit", "images", str(src), str(dst), "--std", "0.1", *options]
    process = subprocess.Popen(command, start_new_session=True)
    begun = dst / ".augkit-journal.jsonl"
    while process.poll() is None and not (begun.exists() and sum(1 for _ in dst.rglob("*")) >= most):
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_and_resume(tmp_path, shares):
    src, whole = detection(tmp_path / "src", count=60), tmp_path / "whole"
    options = ("--seed", "3", "--quiet", "-j", "2", "--labels", "copy", "--copies", "2")
    assert augkit("images", src, whole, "--std", "0.1", *options) == 0
    expected, cut_off = content(whole), 0
    for number, share in enumerate(shares):
        dst = tmp_path / f"killed{number}"
        run_killed(src, dst, options, share * len(expected))
        left = {name: digest for name, digest in content(dst).items() if name in expected and name not in RECORDS}
        assert all(expected[name] == digest for name, digest in left.items()), "a file under its final name is torn"
        labels = {name for name in left if name.startswith(("labels/", "masks/"))}
        images = {Path(name).stem for name in left if name.startswith("images/") and name.endswith(".png")}
        assert {Path(name).stem for name in labels} <= images, "a label without its image"
        cut_off += not (dst / "metadata.jsonl").exists()
        assert augkit("resume", dst, "--quiet") == 0
        assert content(dst) == expected
    return cut_off


def test_a_killed_run_is_resumed_to_the_same_tree(tmp_path):
    assert kill_and_resume(tmp_path, [0.0, 0.5]) > 0


@pytest.mark.slow
def test_runs_killed_at_random_moments_leave_no_label_alone(tmp_path):
    assert kill_and_resume(tmp_path, np.random.default_rng(1).uniform(0.0, 1.0, 12)) > 3


def poisoned(tmp_path, texts, labels, how=None):
    for name, text in texts.items():
        write(tmp_path / "src" / f"{name}.dat", text)
    for name, text in labels.items():
        write(tmp_path / "src" / name, text)
    job = Job(
        domain="tests.poison_labels",
        src=str(tmp_path / "src"),
        dst=str(tmp_path / "dst"),
        seed=1,
        options=poison_labels.Options(),
        folder=FolderOptions(labels="copy"),
    )
    how = how or HowToRun(jobs=2)
    return run_job(job, check_job(job, how), b"seed = 1\n", how)


def test_a_worker_that_dies_leaves_no_label(tmp_path):
    texts = {f"f{i:02}": {5: "kill", 6: "late", 7: "half", 8: "bug"}.get(i, "fine") for i in range(20)}
    labels = {f"f{i:02}.tag": f"tag {i}" for i in range(20)}
    report = poisoned(tmp_path, texts, labels)
    assert sorted(row["source"] for row in report.failures) == [f"f{i:02}.dat" for i in (5, 6, 7, 8)]
    done = {f"f{i:02}" for i in range(20) if i not in (5, 6, 7, 8)}
    assert {path.stem for path in (tmp_path / "dst").glob("*.tag")} == done
    assert {path.stem for path in (tmp_path / "dst").glob("*.dat")} == done


def test_a_label_that_cannot_be_written_takes_its_output_back(tmp_path, monkeypatch):
    fill = follow._fill

    def refuse(content, temporary):
        if content == b"full":
            temporary.write_bytes(b"fu")
            raise OSError(28, "No space left on device")
        fill(content, temporary)

    monkeypatch.setattr(follow, "_fill", refuse)
    texts = {f"f{i}": "fine" for i in range(4)}
    labels = {f"f{i}.tag": "full" if i == 2 else "fine" for i in range(4)}
    labels |= {f"f{i}.aaa": "first" for i in range(4)}
    report = poisoned(tmp_path, texts, labels, HowToRun(jobs=1))
    (row,) = report.failures
    assert row["source"] == "f2.dat"
    assert "No space left" in row["reason"]
    assert not list((tmp_path / "dst").glob("f2*"))
    assert not list((tmp_path / "dst").glob(TEMP_PREFIX + "*"))
    assert len(rows(tmp_path / "dst")) == 3


def test_a_label_that_cannot_be_synced_takes_its_output_back(tmp_path, monkeypatch):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    sync = os.fsync

    def refuse(handle):
        if Path(f"/proc/self/fd/{handle}").readlink().match("labels/train/1.txt"):
            raise OSError(5, "Input/output error")
        sync(handle)

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", refuse)
        assert noise(src, dst, "--labels", "copy", "-j", "1") == 1
    assert [row["source"] for row in failures(dst)] == ["images/train/1.png"]
    assert not [name for name in content(dst) if "train/1" in name]
    assert len(json.loads((dst / "annotations/instances_train.json").read_text())["images"]) == 2


@pytest.mark.parametrize("place", ["dst/truth", "dst", "."])
def test_what_goes_along_does_not_lie_in_dst_nor_dst_in_it(tmp_path, monkeypatch, capsys, place):
    monkeypatch.chdir(tmp_path)
    src = detection(tmp_path / "src")
    shutil.copytree(src / "masks", tmp_path / place / "masks" if place == "." else tmp_path / place, dirs_exist_ok=True)
    write(tmp_path / "dst" / "coco.json", json.dumps(coco(["0.png"])))
    before = content(tmp_path)
    options = ("--labels", "copy", "--overwrite")
    assert noise(src / "images", tmp_path / "dst", *options, "--masks", tmp_path / place) == 2
    assert "DST" in capsys.readouterr().err
    assert noise(src / "images/train", tmp_path / "dst", *options, "--annotations", tmp_path / "dst/coco.json") == 2
    assert content(tmp_path) == before


def test_a_hostile_manifest_deletes_no_record_and_nothing_outside(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    write(tmp_path / "mine.txt", "mine")
    assert noise(src, dst) == 0
    names = ["recipe.toml", "metadata.jsonl", "../mine.txt", str(tmp_path / "mine.txt"), ".", "", "/"]
    with (dst / "metadata.jsonl").open("a") as file:
        file.write(json.dumps({"file_name": "x", "labels": names}) + "\n" + '{"file_name": "y", "labels": 5}\n')
    assert noise(src, dst, "--overwrite") == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (dst / "recipe.toml").is_file()
    assert len(rows(dst)) == 12


def test_a_list_that_appears_between_two_parts_of_a_run_is_named_in_the_rows(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    listing = src / "annotations/instances_val.json"
    text = listing.read_text()
    listing.unlink()
    assert noise(src, dst, "--labels", "copy") == 0
    listing.write_text(text)
    assert augkit("resume", dst, "--quiet") == 0
    assert noise(src, tmp_path / "whole", "--labels", "copy") == 0
    assert content(dst) == content(tmp_path / "whole")


def test_what_is_excluded_does_not_go_along(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert (
        noise(src, dst, "--labels", "copy", "--exclude", "masks/**", "--exclude", "*.txt", "--exclude", "*.json") == 0
    )
    assert {name.split("/")[0] for name in content(dst)} == {"images", "metadata.jsonl", "recipe.toml"}
    assert len(rows(dst)) == 6


def test_a_list_of_files_that_are_not_chosen_is_not_taken_for_one_of_those_that_are(tmp_path, capsys):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert augkit("images", src, dst, "--std", "0.1", "--labels", "copy", "--include", "images/val/[12].png") == 0
    said = capsys.readouterr().out
    assert "annotations/instances_val.json: left out 1 of its 3 names" in said
    assert "annotations/instances_train.json: none of its names is a source of this run" in said
    data = json.loads((dst / "annotations/instances_val.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["1.png", "2.png"]
    assert len(data["annotations"]) == 4
    assert not (dst / "annotations/instances_train.json").exists()


def test_a_list_behind_a_link_is_one_file_still(tmp_path):
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    (src / "annotations/instances_val.json").rename(src / "images/val/..val.json")
    (src / "annotations/instances_val.json").symlink_to(src / "images/val/..val.json")
    assert noise(src, dst, "--labels", "copy", "--copies", "2", "--copy-others") == 0
    made = dst / "annotations/instances_val.json"
    assert not made.is_symlink()
    check_coco(
        json.loads(made.read_text()), json.loads((src / "images/val/..val.json").read_text()), dst / "images/val"
    )
