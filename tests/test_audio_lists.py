"""Transcripts and lists follow the recordings: files beside them, Kaldi folders, NeMo's and Lhotse's manifests."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from augkit.audio.lists.manifests import open_manifest
from augkit.audio.transcripts import edited, open_list
from augkit.errors import InputError
from tests.trees import augkit, content

RECORDS = {"metadata.jsonl", "failures.jsonl", "recipe.toml"}
COPIES = ("--copies", "2")


def tone(path, step=0.05):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, 0.2 * np.sin(np.arange(800) * step), 8000, subtype="PCM_16")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def noise(src, dst, *options):
    return augkit("audio", src, dst, "--snr", "10", "--seed", "3", "--quiet", *options)


def rows(dst):
    return [json.loads(line) for line in (dst / "metadata.jsonl").read_text().splitlines()]


def failures(dst):
    return [json.loads(line) for line in (dst / "failures.jsonl").read_text().splitlines()]


def objects(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as file:
        return [json.loads(line) for line in file]


def test_what_lies_beside_a_recording_follows_its_copies(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    tone(src / "spk" / "a.wav"), tone(src / "spk" / "b.wav")
    verbatim = {"txt": "hello", "lab": "0 100 a\n", "TextGrid": "ooTextFile", "normalized.txt": "hello there"}
    for suffix, text in verbatim.items():
        write(src / "spk" / f"a.{suffix}", text)
    write(src / "spk/a.json", '{"file": "spk/a.wav", "gain": 0.10}')
    write(src / "spk/a.rttm", ";; comment\nSPEAKER a 1 0.00 0.05 <NA> <NA> x <NA> <NA>\nSPEAKER other 1 0 1\n")
    write(src / "spk/a.ctm", "a 1 0.00 0.05 hello\n")
    assert noise(src, dst, "--labels", "copy", *COPIES) == 0
    for n in (1, 2):
        for suffix, text in verbatim.items():
            assert (dst / f"spk/a_n{n}.{suffix}").read_text() == text
        assert (dst / f"spk/a_n{n}.json").read_text() == f'{{"file": "spk/a_n{n}.wav", "gain": 0.10}}'
        assert (dst / f"spk/a_n{n}.ctm").read_text() == f"a_n{n} 1 0.00 0.05 hello\n"
        rttm = (dst / f"spk/a_n{n}.rttm").read_text()
        assert rttm == (src / "spk/a.rttm").read_text().replace("SPEAKER a ", f"SPEAKER a_n{n} ")
    assert not list(dst.rglob("b*.txt"))
    assert len(next(row for row in rows(dst) if row["file_name"] == "spk/a_n2.wav")["labels"]) == 7


def test_vctk_keeps_its_transcripts_in_a_tree_of_their_own(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    tone(src / "wav48/p225/p225_001.wav")
    write(src / "txt/p225/p225_001.txt", "Please call Stella.")
    assert noise(src, dst, "--labels", "copy", *COPIES) == 0
    assert (dst / "txt/p225/p225_001_n2.txt").read_text() == "Please call Stella."


def librispeech(root):
    for chapter in ("84/121123", "84/121550"):
        stem = chapter.replace("/", "-")
        for i in range(3):
            tone(root / chapter / f"{stem}-000{i}.flac", 0.05 * (i + 1))
        lines = "".join(f"{stem}-000{i} WORDS {i} OF {stem}\n" for i in range(3))
        write(root / chapter / f"{stem}.trans.txt", lines)
    return root


@pytest.mark.parametrize("options", [COPIES, (*COPIES, "--keep-original"), ("--format", "wav")])
def test_librispeech_has_a_line_for_every_copy(tmp_path, options):
    src, dst = librispeech(tmp_path / "src"), tmp_path / "dst"
    assert noise(src, dst, "--labels", "copy", *options) == 0
    for chapter in ("84/121123", "84/121550"):
        (listing,) = (dst / chapter).glob("*.trans.txt")
        lines = dict(line.split(" ", 1) for line in listing.read_text().splitlines())
        assert set(lines) == {path.stem for path in (dst / chapter).glob("*.[fw]*")}
        assert list(lines) == sorted(lines)
        for name, text in lines.items():
            i = name.split("_n")[0][-1]
            assert text == f"WORDS {i} OF {chapter.replace('/', '-')}"


def test_rttm_of_many_recordings_wherever_they_lie(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    for name in ("x/one.wav", "y/two.wav"):
        tone(src / name)
    text = "".join(
        f"SPEAKER {name} 1 {i}.00 0.50 <NA> <NA> s{i} <NA> <NA>\n" for name in ("one", "two", "gone") for i in (0, 1)
    )
    write(src / "all.rttm", text.removesuffix("\n"))
    assert noise(src, dst, "--labels", "copy", *COPIES) == 0
    found = [(line.split()[1], line.split()[3]) for line in (dst / "all.rttm").read_text().splitlines()]
    assert found == [(f"{name}_n{n}", f"{i}.00") for name in ("one", "two") for n in (1, 2) for i in (0, 1)]


class KaldiFolder:
    """A Kaldi data folder, read and checked as utils/validate_data_dir.sh does."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.names = {path.name for path in self.folder.iterdir()}
        self.wav, self.speaker = self.table("wav.scp"), self.table("utt2spk")
        self.text = self.table("text")
        recordings = set(self.wav)
        if "segments" in self.names:
            self.segments = {key: rest.split() for key, rest in self.table("segments").items()}
            assert {rest[0] for rest in self.segments.values()} == recordings
            utterances = set(self.segments)
        else:
            utterances = recordings
        assert set(self.speaker) == set(self.text) == utterances
        assert list(self.speaker.values()) == sorted(self.speaker.values(), key=str.encode), "not sorted by speaker"
        spoken = {key: rest.split() for key, rest in self.table("spk2utt").items()}
        assert spoken == {
            speaker: [key for key, other in self.speaker.items() if other == speaker] for speaker in spoken
        }
        assert set(spoken) == set(self.speaker.values())

    def table(self, name):
        lines = [line.split(maxsplit=1) for line in (self.folder / name).read_text().splitlines()]
        keys = [line[0] for line in lines]
        assert keys == sorted(set(keys), key=str.encode), f"{name}: not sorted, or not unique"
        return {line[0]: line[1] if len(line) > 1 else "" for line in lines}


def kaldi(folder, paths, *, segmented=False):
    """Write a data folder over some recordings, two speakers in turn; the paths are as `wav.scp` is to have them."""
    ids = {f"s{i % 2}-utt{i:02}": path for i, path in enumerate(paths)}
    write(folder / "wav.scp", "".join(f"{key} {path}\n" for key, path in sorted(ids.items())))
    utterances = {key: key for key in ids}
    if segmented:
        utterances = {f"{key}-{part}": key for key in ids for part in (0, 1)}
        lines = (
            f"{key} {of} {int(key[-1]) * 0.05:.2f} {int(key[-1]) * 0.05 + 0.05:.2f}\n"
            for key, of in sorted(utterances.items())
        )
        write(folder / "segments", "".join(lines))
        write(folder / "reco2dur", "".join(f"{key} 0.10\n" for key in sorted(ids)))
    order = sorted(utterances)
    write(folder / "utt2spk", "".join(f"{key} {key[:2]}\n" for key in order))
    write(folder / "text", "".join(f"{key} WORDS OF {key}\n" for key in order))
    write(folder / "utt2dur", "".join(f"{key} 0.10\n" for key in order))
    spoken = {speaker: [key for key in order if key.startswith(speaker)] for speaker in ("s0", "s1")}
    write(folder / "spk2utt", "".join(f"{speaker} {' '.join(keys)}\n" for speaker, keys in spoken.items() if keys))
    write(folder / "spk2gender", "".join(f"{speaker} f\n" for speaker, keys in spoken.items() if keys))
    write(folder / "feats.scp", "".join(f"{key} raw.ark:{i}\n" for i, key in enumerate(order)))
    KaldiFolder(folder)
    return folder


def corpus(root, count=4):
    for i in range(count):
        tone(root / f"d{i % 2}" / f"{i}.wav", 0.03 * (i + 1))
    return [f"d{i % 2}/{i}.wav" for i in range(count)]


@pytest.mark.parametrize("segmented", [False, True])
@pytest.mark.parametrize("options", [(), COPIES, (*COPIES, "--keep-original")])
def test_a_kaldi_folder_comes_out_rewritten(tmp_path, segmented, options):
    src, dst = tmp_path / "corpus", tmp_path / "out" / "noisy"
    names = corpus(src)
    tone(src / "unlisted.wav")
    data = kaldi(tmp_path / "data" / "train", [str(src / name) for name in names], segmented=segmented)
    assert noise(src, dst, "--files-from", data, *options) == 0
    before, made = KaldiFolder(data), KaldiFolder(dst / "train")
    assert made.names == before.names - {"feats.scp"}
    assert {Path(path) for path in made.wav.values()} == set(dst.rglob("*.wav"))
    assert len(made.wav) == len(rows(dst)) == len(names) * ({0: 1, 2: 2, 3: 3}[len(options)])
    for key, path in made.wav.items():
        original = key.split("_n")[0]
        assert Path(path).stem.split("_n")[0] == Path(before.wav[original]).stem
        assert Path(path).stem.endswith(key.removeprefix(original))
    for key, speaker in made.speaker.items():
        assert speaker == before.speaker[key.split("_n")[0]]
        assert made.text[key] == before.text[key.split("_n")[0]]
    if segmented:
        for key, (recording, *span) in made.segments.items():
            original = before.segments[key.split("_n")[0]]
            assert span == original[1:]
            assert recording == original[0] + key.removeprefix(key.split("_n")[0])
    if not options:
        assert made.speaker == before.speaker


def test_paths_of_kaldi_may_be_relative_to_a_folder_above_src(tmp_path):
    src, dst = tmp_path / "egs" / "corpus", tmp_path / "egs" / "exp" / "noisy"
    names = corpus(src)
    data = kaldi(tmp_path / "egs" / "data" / "train", [f"corpus/{name}" for name in names])
    assert noise(src, dst, "--files-from", data / "wav.scp", *COPIES) == 0
    made = KaldiFolder(dst / "train")
    assert sorted(made.wav.values()) == sorted(str(path.relative_to(tmp_path / "egs")) for path in dst.rglob("*.wav"))


def test_commands_in_wav_scp_are_refused_by_name(tmp_path, capsys):
    src = tmp_path / "corpus"
    paths = [str(src / name) for name in corpus(src)]
    data = kaldi(tmp_path / "data", paths)
    text = (data / "wav.scp").read_text()
    write(data / "wav.scp", text.replace(paths[0], f"sph2pipe -f wav {paths[0]} |"))
    assert noise(src, tmp_path / "dst", "--files-from", data) == 2
    said = capsys.readouterr().err
    assert "1 of 4 entries are commands" in said
    assert "s0-utt00" in said
    assert not (tmp_path / "dst").exists()


def test_what_kaldi_lists_and_is_not_there_never_vanishes(tmp_path):
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    paths = [str(src / name) for name in corpus(src)]
    data = kaldi(tmp_path / "data", [*paths, str(src / "gone.wav"), "/elsewhere/far.wav"])
    (src / "d0" / "2.wav").write_bytes(b"broken")
    assert noise(src, dst, "--files-from", data, *COPIES) == 1
    assert {row["source"] for row in failures(dst)} == {str(src / "gone.wav"), "/elsewhere/far.wav", "d0/2.wav"}
    made = KaldiFolder(dst / "data")
    assert set(made.wav) == {f"s{i % 2}-utt{i:02}_n{n}" for i in (0, 1, 3) for n in (1, 2)}


def test_a_kaldi_folder_in_src_keeps_its_place(tmp_path):
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    names = corpus(src)
    kaldi(src / "data" / "all", [f"../../{name}" for name in names])
    assert noise(src, dst, "--labels", "copy", *COPIES) == 0
    made = KaldiFolder(dst / "data" / "all")
    assert all((dst / "data" / "all" / path).is_file() for path in made.wav.values())
    assert noise(src, tmp_path / "plain", *COPIES) == 0
    assert not (tmp_path / "plain" / "data").exists()


def test_lines_are_sorted_anew_where_one_id_begins_with_another(tmp_path):
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    names, data, ids = corpus(src, 3), tmp_path / "data", ("s-a", "s-a-b", "s-a0")
    write(data / "wav.scp", "".join(f"{key} {src / name}\n" for key, name in zip(ids, names, strict=True)))
    write(data / "utt2spk", "".join(f"{key} s\n" for key in ids))
    write(data / "text", "".join(f"{key} WORDS\n" for key in ids))
    write(data / "spk2utt", f"s {' '.join(ids)}\n")
    assert noise(src, dst, "--files-from", data, *COPIES) == 0
    assert list(KaldiFolder(dst / "data").wav) == [f"{key}_n{n}" for key in ("s-a-b", "s-a0", "s-a") for n in (1, 2)]


def test_speakers_without_a_prefix_are_told(tmp_path, capsys):
    src = tmp_path / "corpus"
    names = corpus(src, 2)
    data = tmp_path / "data"
    write(data / "wav.scp", "".join(f"{key} {src / name}\n" for key, name in zip(("u1", "u10"), names, strict=True)))
    write(data / "utt2spk", "u1 u1\nu10 u10\n")
    assert augkit("audio", src, tmp_path / "dst", "--snr", "10", "--files-from", data, "--copies", "2") == 0
    assert "not that of speakers" in capsys.readouterr().out
    write(data / "segments", "u1-a nowhere 0 1\n")
    assert noise(src, tmp_path / "no", "--files-from", data) == 2


def nemo(path, names, **more):
    lines = [{"audio_filepath": name, "duration": 0.1, "text": f"words of {name}", **more} for name in names]
    write(path, "".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("place", ["absolute", "beside", "in src"])
def test_nemo_manifests(tmp_path, place):
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    names = corpus(src)
    told = {
        "absolute": [str(src / name) for name in names],
        "beside": [f"corpus/{name}" for name in names],
        "in src": names,
    }
    manifest = nemo((src if place == "in src" else tmp_path) / "train.json", told[place])
    assert noise(src, dst, "--files-from", manifest, *COPIES) == 0
    made = objects(dst / "train.json")
    assert len(made) == 8
    for line, (name, n) in zip(made, [(name, n) for name in names for n in (1, 2)], strict=True):
        assert (dst / line["audio_filepath"]).is_file()
        assert Path(line["audio_filepath"]).stem == f"{Path(name).stem}_n{n}"
        assert line["text"].endswith(name)
        assert Path(line["audio_filepath"]).is_absolute() == (place == "absolute")


def test_segments_of_one_recording_and_ids_in_json_lines(tmp_path):
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    tone(src / "a.wav")
    lines = [f'{{"id": "u{i}", "audio": "a.wav", "offset": {i}.50, "n": 9007199254740993}}' for i in (0, 1)]
    write(src / "list.jsonl", "\n".join(lines))
    assert noise(src, dst, "--labels", "copy", *COPIES) == 0
    made = (dst / "list.jsonl").read_text().splitlines()
    assert made == [
        line.replace(f'"u{i}"', f'"u{i}_n{n}"').replace("a.wav", f"a_n{n}.wav")
        for i, line in enumerate(lines)
        for n in (1, 2)
    ]


def lhotse(folder, paths, suffix=".jsonl.gz"):
    recordings, supervisions = folder / f"c_recordings_train{suffix}", folder / f"c_supervisions_train{suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    opened = gzip.open if suffix.endswith("gz") else open
    with opened(recordings, "wt") as first, opened(supervisions, "wt") as second:
        for i, path in enumerate(paths):
            source = {"type": "file", "channels": [0], "source": path}
            recording = {"id": f"r{i}", "sources": [source], "sampling_rate": 8000, "num_samples": 800, "duration": 0.1}
            first.write(json.dumps({**recording, "channel_ids": [0]}) + "\n")
            for part in (0, 1):
                start = {"start": part * 0.05, "duration": 0.05, "channel": 0, "text": f"WORD {part}", "speaker": "s"}
                second.write(json.dumps({"id": f"r{i}-{part}", "recording_id": f"r{i}", **start}) + "\n")
    return recordings


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_lhotse_recordings_with_their_supervisions(tmp_path, suffix):
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    names = corpus(src)
    manifest = lhotse(tmp_path / "manifests", [str(src / name) for name in names], suffix)
    assert noise(src, dst, "--files-from", manifest, *COPIES) == 0
    recordings, supervisions = (objects(dst / f"c_{kind}_train{suffix}") for kind in ("recordings", "supervisions"))
    assert [one["id"] for one in recordings] == [f"r{i}_n{n}" for i in range(4) for n in (1, 2)]
    for one in recordings:
        path = Path(one["sources"][0]["source"])
        assert path.is_file()
        assert path.stem.endswith(one["id"][-3:])
    assert len(supervisions) == 16
    assert all(one["id"].split("-")[0] + one["id"][-3:] == one["recording_id"] for one in supervisions)
    again = tmp_path / "again"
    assert noise(src, again, "--files-from", manifest, *COPIES) == 0
    for kind in ("recordings", "supervisions"):
        first, second = ((root / f"c_{kind}_train{suffix}").read_bytes() for root in (dst, again))
        if kind == "supervisions":
            assert first == second, "packed otherwise"


@pytest.mark.slow
def test_lhotse_itself_reads_what_comes_out(tmp_path):
    package = pytest.importorskip("lhotse")
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    manifest = lhotse(tmp_path / "manifests", [str(src / name) for name in corpus(src)])
    assert noise(src, dst, "--files-from", manifest, *COPIES) == 0
    recordings = package.RecordingSet.from_file(dst / manifest.name)
    supervisions = package.SupervisionSet.from_file(dst / "c_supervisions_train.jsonl.gz")
    package.validate_recordings_and_supervisions(recordings, supervisions, read_data=True)
    cuts = package.CutSet.from_manifests(recordings, supervisions).to_eager()
    assert len(cuts) == 8
    for cut in cuts:
        samples, rate = sf.read(dst / Path(cut.recording.sources[0].source))
        assert rate == cut.sampling_rate
        assert np.allclose(cut.load_audio()[0], samples, atol=1e-6)
    read, rate, _ = package.kaldi.load_kaldi_data_dir(KaldiFolder(_made_kaldi(tmp_path)).folder, sampling_rate=8000)
    assert len(read) == 8


def _made_kaldi(tmp_path):
    src, dst = tmp_path / "corpus", tmp_path / "made"
    data = kaldi(tmp_path / "data" / "train", [str(src / name) for name in corpus(src)], segmented=True)
    assert noise(src, dst, "--files-from", data, *COPIES) == 0
    return dst / "train"


def test_supervisions_that_cannot_be_read_never_stay_behind(tmp_path, capsys):
    src = tmp_path / "corpus"
    manifest = lhotse(tmp_path / "manifests", [str(src / name) for name in corpus(src)], ".jsonl")
    (manifest.parent / "c_supervisions_train.jsonl").write_text("broken")
    assert noise(src, tmp_path / "dst", "--files-from", manifest) == 2
    assert "c_supervisions_train.jsonl, which has its name, holds no supervisions" in capsys.readouterr().err


def test_recordings_of_several_files_need_all_of_them(tmp_path):
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    tone(src / "l.wav"), tone(src / "r.wav", 0.1), tone(src / "m.wav")
    sources = [
        {"type": "file", "channels": [i], "source": str(src / name)} for i, name in enumerate(("l.wav", "r.wav"))
    ]
    both = {"id": "both", "sources": sources, "sampling_rate": 8000, "num_samples": 800, "duration": 0.1}
    one = {**both, "id": "one", "sources": [{"type": "file", "channels": [0], "source": str(src / "m.wav")}]}
    write(tmp_path / "recordings.jsonl", json.dumps(both) + "\n" + json.dumps(one) + "\n")
    assert noise(src, dst, "--files-from", tmp_path / "recordings.jsonl", *COPIES) == 0
    made = objects(dst / "recordings.jsonl")
    assert [line["id"] for line in made] == ["both_n1", "both_n2", "one_n1", "one_n2"]
    assert [Path(source["source"]).name for source in made[1]["sources"]] == ["l_n2.wav", "r_n2.wav"]
    (src / "r.wav").write_bytes(b"broken")
    assert noise(src, tmp_path / "part", "--files-from", tmp_path / "recordings.jsonl", *COPIES) == 1
    assert [line["id"] for line in objects(tmp_path / "part" / "recordings.jsonl")] == ["one_n1", "one_n2"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"id": "c", "start": 0, "duration": 1, "recording": {"id": "r"}, "type": "MonoCut"}, "cuts"),
        ({"id": "r", "sources": [{"type": "command", "source": "sox a.wav |"}], "sampling_rate": 8}, "a command"),
        ({"id": "r", "sources": [{"type": "url", "source": "http://a.wav"}], "sampling_rate": 8}, "a url"),
        ({"id": 5, "sources": [], "sampling_rate": 8}, "line 1"),
    ],
)
def test_manifests_that_cannot_be_followed_are_refused_by_name(tmp_path, capsys, line, reason):
    src = tmp_path / "corpus"
    corpus(src)
    write(tmp_path / "m.jsonl", json.dumps(line) + "\n")
    assert noise(src, tmp_path / "dst", "--files-from", tmp_path / "m.jsonl") == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ['{"audio_filepath": "a.wav"}\n{"audio_filepath": 5}\n', '{"audio_filepath": "a.wav"}\nno\n']
)
def test_a_broken_manifest_names_its_line(tmp_path, text):
    write(tmp_path / "m.jsonl", text)
    with pytest.raises(InputError, match="line 2"):
        open_manifest(tmp_path / "m.jsonl")


@pytest.mark.parametrize(
    "data", [b"", b"\x1f\x8b", b"text\n", b'{\n "a": 1\n}\n', b"[1]\n", b'{"audio_filepath": "a.txt"}']
)
def test_other_files_are_no_manifests(tmp_path, data):
    for name in ("m.jsonl", "m.json"):
        (tmp_path / name).write_bytes(data)
        assert open_list(tmp_path / name) is None
    packed = tmp_path / "m.jsonl.gz"
    packed.write_bytes(gzip.compress(data))
    assert open_list(packed) is None


def test_the_first_recording_of_a_manifest_may_be_none(tmp_path):
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    names = corpus(src)
    lines = [json.dumps({"audio_filepath": name}) + "\n" for name in ("/etc/passwd", names[0])]
    write(src / "list.jsonl", "".join(lines))
    assert noise(src, dst, "--files-from", src / "list.jsonl") == 1
    assert (dst / "list.jsonl").read_text() == lines[1]
    assert [row["source"] for row in objects(dst / "failures.jsonl")] == ["/etc/passwd"]


def recorded(name):
    source = {"type": "file", "channels": [0], "source": name}
    return json.dumps({"id": "r", "sources": [source], "sampling_rate": 8000, "num_samples": 1, "duration": 0.1}) + "\n"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("m.jsonl", b'{"audio_filepath": "a.wav", "text": "' + b"x" * 2**26 + b'"}', "a line is longer than"),
        ("m.jsonl.gz", b"\x1f\x8b", "no gzip that can be read"),
        ("m.jsonl.gz", gzip.compress(recorded("a.wav").encode() * 99, mtime=0)[:50], "no gzip that can be read"),
        ("m.jsonl", (recorded("a.wav") + recorded("b.wav")).encode(), "stands there twice"),
        ("a.trans.txt", b"a HELLO\n\xff\xfe WORLD\n", "is no UTF-8"),
        ("wav.scp", b"a a.wav\nb \xff.wav\n", "is no UTF-8"),
    ],
)
def test_hostile_lists_are_refused_with_a_reason(tmp_path, capsys, name, data, reason):
    src = tmp_path / "corpus"
    corpus(src)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / name).write_bytes(data)
    assert noise(src, tmp_path / "dst", "--files-from", tmp_path / "lists" / name) == 2
    told = capsys.readouterr().err
    assert reason in told
    assert len(told) < 500


def test_a_plain_list_of_names_is_one_still(tmp_path):
    src, dst = tmp_path / "corpus", tmp_path / "dst"
    names = corpus(src)
    write(tmp_path / "list.txt", f"{names[1]}\nnot/there.wav\n")
    assert noise(src, dst, "--files-from", tmp_path / "list.txt") == 1
    assert [row["file_name"] for row in rows(dst)] == [names[1]]
    assert set(content(dst)) == {names[1]} | RECORDS


def test_a_list_is_made_whole_by_a_resumed_run(tmp_path):
    src, whole, part = tmp_path / "corpus", tmp_path / "whole", tmp_path / "part"
    names = corpus(src)
    nemo(src / "list.json", names)
    write(src / "d0" / "0.txt", "words")
    for dst in (whole, part):
        assert noise(src, dst, "--files-from", src / "list.json", "--labels", "copy", *COPIES) == 0
    (part / "list.json").unlink()
    (part / "d1" / "1_n2.wav").unlink()
    assert augkit("resume", part, "--quiet") == 0
    assert content(part) == content(whole)


def test_labels_without_the_option_are_hinted_at(tmp_path, capsys):
    src = librispeech(tmp_path / "src")
    write(src / "84/121123/84-121123-0000.txt", "words")
    assert augkit("audio", src, tmp_path / "dst", "--snr", "10") == 0
    assert "3 label files stay behind; --labels copy takes them along" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", '{"a": 01}'])
def test_a_malformed_json_is_an_input_error(text):
    with pytest.raises(InputError):
        edited("a.json", text.encode(), Path("/src/a.wav"), Path("/dst/a_n1.wav"))
