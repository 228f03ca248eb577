"""Runs whose SRC or DST is a URL: the tree is that of a run over folders, byte for byte."""

import json
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from multiprocessing.util import get_temp_dir
from pathlib import Path

import pytest

import augkit as package
from augkit.errors import UsageError
from augkit.folder.remote.store import Store
from augkit.recipe import Recipe, make_section
from tests.store import Bucket
from tests.trees import augkit, content, pictures, recordings, tables

MAKE = {
    "images": (lambda root: pictures(root, 4), ("--std", "0.1", "--copies", "2", "--keep-original")),
    "audio": (recordings, ("--snr", "10")),
    "series": (tables, ("--std", "0.1mad", "--scale-over", "folder")),
}


def without_recipe(tree):
    return {name: one for name, one in tree.items() if name != "recipe.toml"}


@pytest.fixture(name="scratch", autouse=True)
def _scratch(tmp_path, monkeypatch):
    """Have temporary files in a folder of the test, and see that none is left there."""
    get_temp_dir()  # that of multiprocessing stays where it is: a socket in it has to have a short path
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    "domain", ["images", *(pytest.param(domain, marks=pytest.mark.slow) for domain in ("audio", "series"))]
)
def test_the_tree_is_that_of_a_run_over_folders(tmp_path, bucket, domain):
    make, options = MAKE[domain]
    src = make(tmp_path / "src")
    url = bucket.upload(src, "data/src")
    common = (*options, "--seed", "7", "--quiet", "-j", "1")
    assert augkit(domain, src, tmp_path / "whole", *common) == 0
    whole = content(tmp_path / "whole")
    assert augkit(domain, url, bucket.url("out"), *common) == 0
    assert augkit(domain, url, tmp_path / "here", *common) == 0
    assert augkit(domain, src, bucket.url("up/out/"), *common) == 0
    for tree in (bucket.content("out"), content(tmp_path / "here"), bucket.content("up/out")):
        assert without_recipe(tree) == without_recipe(whole)
    told = tomllib.loads(bucket.get("out/recipe.toml").decode())[domain][0]
    assert (told["src"], told["dst"]) == (url, bucket.url("out"))
    told = tomllib.loads((tmp_path / "here" / "recipe.toml").read_text())[domain][0]
    assert (told["src"], told["dst"]) == (url, ".")
    told = tomllib.loads(bucket.get("up/out/recipe.toml").decode())[domain][0]
    assert (told["src"], told["dst"]) == (str(src), bucket.url("up/out"))


def test_worker_processes_make_the_same(tmp_path, bucket):
    src = pictures(tmp_path / "src", 12)
    url = bucket.upload(src, "src")
    common = ("--std", "0.1", "--seed", "7", "--quiet")
    assert augkit("images", src, tmp_path / "whole", *common) == 0
    assert augkit("images", url, bucket.url("out"), *common, "-j", "2") == 0
    assert without_recipe(bucket.content("out")) == without_recipe(content(tmp_path / "whole"))


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(lambda: ThreadPoolExecutor(3), id="threads"),
        pytest.param(lambda: ProcessPoolExecutor(2, get_context("spawn")), id="processes", marks=pytest.mark.slow),
    ],
)
def test_executors_make_the_same(tmp_path, bucket, start):
    src = pictures(tmp_path / "src", 12)
    url = bucket.upload(src, "src")
    assert augkit("images", src, tmp_path / "whole", "--std", "0.1", "--seed", "7", "--quiet") == 0
    section = make_section("images", url, bucket.url("out"), {"std": "0.1"})
    with start() as executor:
        package.run(Recipe(seed=7, sections=(section,)), executor=executor)
    assert without_recipe(bucket.content("out")) == without_recipe(content(tmp_path / "whole"))


def test_threads_do_not_mix_up_the_members_of_an_archive(tmp_path):
    contents = {f"m/{number}": bytes([number % 251]) * 20000 for number in range(400)}
    with tarfile.open(tmp_path / "many.tar", "w") as tar:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, BytesIO(data))

    def right(name):
        target = tmp_path / "got" / name
        Store(f"tar://::{tmp_path / 'many.tar'}", "run").get(name, target, 20000)
        return target.read_bytes() == contents[name]

    with ThreadPoolExecutor(8) as hands:
        assert all(hands.map(right, contents))


def test_memory_is_of_one_process(tmp_path):
    src = pictures(tmp_path / "src")
    section = make_section("images", str(src), "memory://out", {"std": "0.1"})
    with ThreadPoolExecutor(1) as executor, pytest.raises(UsageError, match="none but this one sees memory://"):
        package.run(Recipe(seed=7, sections=(section,)), executor=executor)


@pytest.mark.slow
def test_a_single_file(tmp_path, bucket):
    src = pictures(tmp_path / "src")
    bucket.upload(src, "src")
    common = ("--std", "0.1", "--seed", "7", "--quiet")
    assert augkit("images", src / "same_a.png", tmp_path / "whole", *common) == 0
    assert augkit("images", bucket.url("src/same_a.png"), bucket.url("out"), *common) == 0
    assert without_recipe(bucket.content("out")) == without_recipe(content(tmp_path / "whole"))
    assert augkit("resume", bucket.url("out"), "--quiet") == 0


def test_python_runs_it_too(tmp_path, bucket):
    src = pictures(tmp_path / "src")
    section = make_section("images", bucket.upload(src, "src"), bucket.url("out"), {"std": "0.1"})
    [report] = package.run(Recipe(seed=3, sections=(section,)), jobs=1)
    assert (report.outputs, report.dst) == (8, bucket.url("out"))


@pytest.mark.slow
def test_a_recipe_of_urls(tmp_path, bucket):
    src = pictures(tmp_path / "src")
    url = bucket.upload(src, "src")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'seed = 7\n[[images]]\nsrc = "{url}"\ndst = "{bucket.url("out")}"\nstd = "0.1"\n')
    assert augkit("run", recipe, "--quiet") == 0
    assert augkit("run", recipe, "--quiet") == 2
    assert augkit("run", recipe, "--quiet", "--overwrite") == 0
    assert augkit("images", src, tmp_path / "whole", "--std", "0.1", "--seed", "7", "--quiet") == 0
    assert without_recipe(bucket.content("out")) == without_recipe(content(tmp_path / "whole"))


def test_a_dry_run_writes_nothing(tmp_path, bucket, capsys):
    url = bucket.upload(pictures(tmp_path / "src"), "src")
    assert augkit("images", url, bucket.url("out"), "--std", "0.1", "--dry-run", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["tasks"]) == 8
    assert bucket.keys("out") == []


def labelled(root):
    """Write pictures with labels of their own, masks, and a COCO list of all."""
    src = pictures(root / "images", 3).parent
    images, annotations = [], []
    for number, path in enumerate(sorted((src / "images").rglob("*.*g"))):
        name = path.relative_to(src / "images")
        images.append({"id": number, "file_name": name.as_posix(), "width": 24, "height": 24})
        annotations.append({"id": number, "image_id": number, "bbox": [0, 0, 5, 5], "category_id": 1})
        label = (src / "labels" / name).with_suffix(".txt")
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(f"0 0.5 0.5 0.1 0.1 {number}\n")
        path.with_suffix(".json").write_text(json.dumps({"shapes": [], "imagePath": path.name, "imageData": None}))
        mask = src / "masks" / name.with_suffix(".png")
        mask.parent.mkdir(parents=True, exist_ok=True)
        mask.write_bytes((src / "images" / "same_a.png").read_bytes())
    told = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
    (src / "images" / "all.json").write_text(json.dumps(told))
    (src / "notes.md").write_text("read me")
    return src


def test_labels_masks_and_lists_follow(tmp_path, bucket):
    src = labelled(tmp_path / "src")
    url = bucket.upload(src, "data/src")
    common = ("--std", "0.1", "--seed", "7", "--quiet", "--labels", "copy", "--copies", "2", "--copy-others")
    assert augkit("images", src, tmp_path / "whole", *common) == 0
    whole = without_recipe(content(tmp_path / "whole"))
    assert {"notes.md", "images/all.json", "labels/same_a_n1.txt", "masks/same_a_n2.png"} <= whole.keys()
    assert augkit("images", url, bucket.url("data/out"), *common) == 0
    assert without_recipe(bucket.content("data/out")) == whole
    assert augkit("images", url, tmp_path / "here", *common) == 0
    assert without_recipe(content(tmp_path / "here")) == whole
    assert augkit("images", src, bucket.url("up"), *common) == 0
    assert without_recipe(bucket.content("up")) == whole


@pytest.mark.slow
def test_lists_of_recordings_follow(tmp_path, bucket):
    src = recordings(tmp_path / "src")
    (src / "wav.scp").write_text("".join(f"r{i} tone{i}.wav\n" for i in range(3)))
    (src / "text").write_text("".join(f"r{i} one two\n" for i in range(3)))
    lines = (json.dumps({"audio_filepath": f"tone{i}.wav", "text": "one"}) for i in range(3))
    (src / "train.jsonl").write_text("\n".join(lines) + "\n")
    common = ("--snr", "10", "--seed", "7", "--quiet", "--labels", "copy", "--copies", "2")
    assert augkit("audio", src, tmp_path / "whole", *common) == 0
    whole = without_recipe(content(tmp_path / "whole"))
    assert {"wav.scp", "text", "train.jsonl"} <= whole.keys()
    assert augkit("audio", bucket.upload(src, "src"), bucket.url("out"), *common) == 0
    assert without_recipe(bucket.content("out")) == whole


def test_an_archive_is_read_where_it_is(tmp_path, bucket):
    src = pictures(tmp_path / "src")
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in src.rglob("*.*g"):
            file.write(path, f"photos/{path.relative_to(src)}")
    bucket.put("all.zip", archive.read_bytes())
    common = ("--std", "0.1", "--seed", "7", "--quiet")
    assert augkit("images", src, tmp_path / "whole", *common) == 0
    for number, url in enumerate((f"zip://photos::{archive}", f"zip://photos/::{bucket.url('all.zip')}")):
        assert augkit("images", url, tmp_path / f"out{number}", *common, "-j", "2") == 0
        assert without_recipe(content(tmp_path / f"out{number}")) == without_recipe(content(tmp_path / "whole"))
        assert augkit("resume", tmp_path / f"out{number}", "--quiet") == 0
    assert augkit("images", f"zip://photos/same_a.png::{archive}", tmp_path / "one", *common) == 0
    assert content(tmp_path / "one")["same_a.png"] == content(tmp_path / "whole")["same_a.png"]


def test_memory_is_worked_on_in_this_process(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    src = pictures(tmp_path / "src", 12)
    files = fsspec.filesystem("memory")
    try:
        for path in src.rglob("*.*g"):
            files.pipe_file(f"/src/{path.relative_to(src)}", path.read_bytes())
        common = ("--std", "0.1", "--seed", "7", "--quiet", "-j", "2")
        assert augkit("images", src, tmp_path / "whole", *common) == 0
        assert augkit("images", "memory://src", "memory://out", *common) == 0
        assert augkit("resume", "memory://out", "--quiet") == 0
        assert augkit("images", "memory://out", tmp_path / "back", *common, "--timeout", "9") == 2
        names = {name.removeprefix("/out/") for name in files.find("/out")}
        assert names == content(tmp_path / "whole").keys()
        assert files.cat_file("/out/same_a.png") == (tmp_path / "whole" / "same_a.png").read_bytes()
    finally:
        files.store.clear()
        files.pseudo_dirs[:] = [""]


@pytest.mark.slow
def test_a_whole_bucket(tmp_path, bucket, server):
    src = pictures(tmp_path / "src", 2)
    for path in src.rglob("*.*g"):
        bucket.put(path.relative_to(src).as_posix(), path.read_bytes())
    other = Bucket(server, f"{bucket.name}-noisy")
    assert augkit("images", src, tmp_path / "whole", "--std", "0.1", "--seed", "7", "--quiet") == 0
    assert augkit("images", f"s3://{bucket.name}", f"s3://{other.name}/", "--std", "0.1", "--seed", "7", "--quiet") == 0
    assert augkit("resume", f"s3://{other.name}", "--quiet") == 0
    tree = {name: other.get(name) for name in other.keys("")}
    assert tree.keys() == content(tmp_path / "whole").keys()
    assert tree["metadata.jsonl"] == (tmp_path / "whole" / "metadata.jsonl").read_bytes()


@pytest.mark.slow
def test_a_sweep_and_a_report_of_remote_sources(tmp_path, bucket, capsys):
    src = pictures(tmp_path / "src", 2)
    url = bucket.upload(src, "src")
    common = ("--domain", "images", "--std", "0.1,0.2", "--seed", "7", "--quiet", "-j", "1", "--include", "*.png")
    assert augkit("sweep", src, tmp_path / "whole", *common) == 0
    assert augkit("sweep", url, tmp_path / "out", *common) == 0
    whole, tree = content(tmp_path / "whole"), content(tmp_path / "out")
    assert {name: one for name, one in tree.items() if "recipe" not in name} == {
        name: one for name, one in whole.items() if "recipe" not in name
    }
    dst = tmp_path / "out" / "gaussian" / "0.1"
    assert augkit("report", dst, "-o", tmp_path / "page.html") == 0
    assert augkit("verify", dst) == 2
    assert "--src" in capsys.readouterr().err
    assert augkit("verify", dst, "--src", src) == 0


@pytest.mark.slow
def test_shards_of_remote_sources(tmp_path, bucket):
    src = pictures(tmp_path / "src", 4)
    url = bucket.upload(src, "src")
    (tmp_path / "names").write_text("".join(f"{path.relative_to(src)}\n" for path in src.rglob("*.png")))
    common = ("--std", "0.1", "--seed", "7", "--quiet", "-j", "1", "--files-from", tmp_path / "names")
    assert augkit("images", src, tmp_path / "whole", *common) == 0
    for shard in ("2/2", "1/2"):
        assert augkit("images", url, tmp_path / "out", *common, "--shard", shard) == 0
    assert without_recipe(content(tmp_path / "out")) == without_recipe(content(tmp_path / "whole"))


def test_a_url_of_a_file_is_its_path(tmp_path):
    src = pictures(tmp_path / "src")
    common = ("--std", "0.1", "--seed", "7", "--quiet")
    assert augkit("images", f"file://{src}", f"file://{tmp_path / 'out'}", *common) == 0
    assert augkit("images", src, tmp_path / "whole", *common) == 0
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_files_are_complete_before_they_have_their_names(tmp_path, monkeypatch):
    """A store of files, not of objects: its files are sent under another name, and then renamed."""
    pytest.importorskip("fsspec")
    from fsspec.implementations.local import LocalFileSystem

    sent = []

    class Files(LocalFileSystem):
        protocol = "sftp"
        root = str(tmp_path / "far")

        @classmethod
        def _strip_protocol(cls, path):
            return cls.root + "/" + path.removeprefix("sftp://host/") if path.startswith("sftp://") else path

        def put_file(self, lpath, rpath, **kwargs):
            sent.append(Path(rpath).name)
            if "same_b" in str(lpath) and len(sent) < 9:
                Path(rpath).write_bytes(b"half")
                raise OSError(5, "the line broke")
            super().put_file(lpath, rpath, **kwargs)

    monkeypatch.setitem(sys.modules["fsspec.registry"]._registry, "sftp", Files)
    src = pictures(tmp_path / "src", 4)
    common = ("--std", "0.1", "--seed", "7", "--quiet")
    assert augkit("images", src, tmp_path / "whole", *common) == 0
    (tmp_path / "far" / "out").mkdir(parents=True)
    (tmp_path / "far" / "out" / ".augkit-tmp-0123").write_bytes(b"of a killed run")
    assert augkit("images", src, "sftp://host/out", *common, "-j", "1") == 0
    assert all(name.startswith(".augkit-tmp-") for name in sent)
    assert (
        without_recipe(content(tmp_path / "far" / "out")).keys() - {".augkit-tmp-0123"}
        == without_recipe(content(tmp_path / "whole")).keys()
    )
    assert augkit("resume", "sftp://host/out", "--quiet") == 0
    assert Store("sftp://host/out", "").sizes().keys() == content(tmp_path / "whole").keys()


def test_nothing_is_loaded_without_a_url(tmp_path):
    import subprocess

    code = (
        "import sys\nfrom augkit.cli import main\n"
        f"main(['images', {str(pictures(tmp_path / 'src'))!r}, {str(tmp_path / 'out')!r}, '--std', '0.1', '--quiet'])\n"
        "print([name for name in sys.modules if 'fsspec' in name or 's3fs' in name or name == 'asyncio'\n"
        "       or name.startswith('augkit.folder.remote.')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['augkit.folder.remote.urls']"


def test_a_worker_of_another_machine_needs_the_task_only(tmp_path, bucket):
    """The folder of the run is not there, and what goes wrong is a result."""
    from msgspec.structs import replace

    from augkit.folder.make import make_outputs
    from augkit.folder.run import HowToRun
    from augkit.running import plan_sections

    src = pictures(tmp_path / "src", 2)
    section = make_section("images", bucket.upload(src, "src"), bucket.url("out"), {"std": "0.1"})
    [planned] = plan_sections([section], 7, HowToRun())
    task = next(task for task in planned.plan.tasks if task.source == "same_a.png")
    job = replace(planned.job, remote=replace(planned.job.remote, work="/nowhere/augkit-remote-1"))
    planned.close()
    [made] = make_outputs(job, task, 1.0)
    assert (made.failure, made.durable) == (None, True)
    assert bucket.keys("out/") == ["out/same_a.png"]
    job = replace(job, remote=replace(job.remote, dst="gs://bucket/out"))
    [made] = make_outputs(job, task, 1.0)
    assert "gcsfs" in made.failure or "gs:" in made.failure
