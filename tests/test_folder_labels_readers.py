"""What comes out of a run with labels opens in the tools that read these layouts."""

import contextlib
import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.test_folder_labels import coco, detection, mask, noise, picture, write
from tests.trees import pictures

OPTIONS = ("--labels", "copy", "--copies", "2")


@pytest.mark.parametrize("options", [OPTIONS, (*OPTIONS, "--keep-original"), ("--labels", "copy", "--format", "bmp")])
def test_pycocotools_reads_every_copy_and_its_annotations(tmp_path, options):
    from pycocotools.coco import COCO

    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert noise(src, dst, *options) == 0
    with contextlib.redirect_stdout(io.StringIO()):
        found, source = (COCO(root / "annotations/instances_val.json") for root in (dst, src))
        copies = found.loadImgs(found.getImgIds())
        assert len(copies) == len(list((dst / "images/val").glob("*.bmp")) or list((dst / "images/val").glob("*.png")))
        for image in copies:
            with Image.open(dst / "images/val" / image["file_name"]) as opened:
                assert opened.size == (image["width"], image["height"])
            boxes = found.loadAnns(found.getAnnIds(imgIds=image["id"]))
            original = int(image["file_name"].split(".")[0].split("_")[0]) + 1
            wanted = source.loadAnns(source.getAnnIds(imgIds=original))
            assert [box["bbox"] for box in boxes] == [box["bbox"] for box in wanted]
            assert found.getCatIds() == source.getCatIds()


def test_panoptic_annotations_name_the_masks_that_went_along(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    data = {"images": [], "annotations": [], "categories": []}
    for i in range(2):
        picture(src / "images" / f"{i}.jpg", i)
        mask(src / "panoptic" / f"{i}.png")
        data["images"].append({"id": i, "file_name": f"{i}.jpg"})
        data["annotations"].append({"image_id": i, "file_name": f"{i}.png", "segments_info": [{"id": 5}]})
    write(src / "panoptic.json", json.dumps(data))
    assert noise(src, dst, *OPTIONS, "--masks", src / "panoptic") == 0
    made = json.loads((dst / "panoptic.json").read_text())
    names = {image["id"]: image["file_name"] for image in made["images"]}
    assert sorted(names.values()) == ["0_n1.jpg", "0_n2.jpg", "1_n1.jpg", "1_n2.jpg"]
    for one in made["annotations"]:
        assert one["file_name"] == names[one["image_id"]].replace(".jpg", ".png")
        assert (dst / "panoptic" / one["file_name"]).is_file()
    assert noise(src, tmp_path / "plain", *OPTIONS) == 0
    kept = json.loads((tmp_path / "plain/panoptic.json").read_text())
    assert {one["file_name"] for one in kept["annotations"]} == {"0.png", "1.png"}


def load(dst, tmp_path):
    import datasets

    datasets.disable_progress_bars()
    return datasets.load_dataset("imagefolder", data_dir=str(dst), split="train", cache_dir=str(tmp_path / "cache"))


def test_hugging_face_imagefolder_reads_the_copies_with_their_rows(tmp_path):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    for name in ("cat/p0.png", "dog/p1.png"):
        write((src / name).with_suffix(".txt"), f"of {name}")
        mask(tmp_path / "truth" / name)
    assert noise(src, dst, *OPTIONS, "--masks", tmp_path / "truth", "--keep-original") == 0
    table = load(dst, tmp_path)
    assert len(table) == 3 * 8
    for row in table:
        assert row["label"] in ("cat", "dog", None)
        assert row["labels"] is None or all((dst / name).is_file() for name in row["labels"])
    followed = {tuple(row["labels"]) for row in table if row["labels"]}
    assert ("truth/cat/p0_n2.png", "cat/p0_n2.txt") in followed
    pixels = {np.asarray(row["image"]).tobytes() for row in table if row["source"] == "cat/p0.png"}
    assert len(pixels) == 3


@pytest.mark.slow
def test_torchvision_reads_class_folders_coco_and_voc(tmp_path):
    datasets = pytest.importorskip("torchvision.datasets")
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    for stray in src.glob("*.png"):
        stray.unlink()
    write(src / "cat/p0.txt", "a caption")
    assert noise(src, dst, *OPTIONS) == 0
    folder = datasets.ImageFolder(dst)
    assert folder.classes == ["cat", "dog"]
    assert [label for _, label in folder.samples] == [0] * 6 + [1] * 6
    src, dst = detection(tmp_path / "detection"), tmp_path / "detected"
    assert noise(src, dst, *OPTIONS) == 0
    with contextlib.redirect_stdout(io.StringIO()):
        found = datasets.CocoDetection(dst / "images/train", dst / "annotations/instances_train.json")
    assert len(found) == 6
    assert all(len(boxes) == 2 and image.size == (12, 12) for image, boxes in found)
    root = tmp_path / "voc" / "VOCdevkit" / "VOC2007"
    for i in range(2):
        picture(root / "JPEGImages" / f"{i}.jpg", i)
        text = f"<annotation><folder>VOC2007</folder><filename>{i}.jpg</filename></annotation>"
        write(root / "Annotations" / f"{i}.xml", text)
    made = tmp_path / "made" / "VOCdevkit" / "VOC2007"
    assert noise(root, made, *OPTIONS) == 0
    stems = sorted(path.stem for path in (made / "JPEGImages").iterdir())
    write(made / "ImageSets/Main/train.txt", "\n".join(stems) + "\n")
    voc = datasets.VOCDetection(tmp_path / "made", year="2007", image_set="train", download=False)
    assert [target["annotation"]["filename"] for _, target in voc] == [f"{stem}.jpg" for stem in stems]


def test_yolo_finds_a_label_for_every_copy(tmp_path):
    """Ultralytics puts ``labels`` for the last ``images`` in a path, and ``.txt`` for the suffix."""
    src, dst = detection(tmp_path / "src"), tmp_path / "dst"
    assert noise(src, dst, *OPTIONS) == 0
    for path in (dst / "images").rglob("*.png"):
        label = "/labels/".join(str(path).rsplit("/images/", 1)).rsplit(".", 1)[0] + ".txt"
        with open(label) as file:  # noqa: PTH123
            assert file.read().split()[0] == path.stem.split("_")[0]


def test_roboflow_exports(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    for split in ("train", "valid"):
        picture(src / split / "images" / "a_jpg.rf.0123.jpg")
        write(src / split / "labels" / "a_jpg.rf.0123.txt", "0 0.5 0.5 1 1")
        picture(src / split / "b.jpg")
        write(src / split / "_annotations.coco.json", json.dumps(coco(["b.jpg"])))
    assert noise(src, dst, *OPTIONS) == 0
    assert (dst / "valid/labels/a_jpg.rf.0123_n2.txt").read_text() == "0 0.5 0.5 1 1"
    data = json.loads((dst / "valid/_annotations.coco.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["b_n1.jpg", "b_n2.jpg"]
