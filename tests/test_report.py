"""`augkit report`: one page that counts everything, shows a sample, needs no network, and works in a browser."""

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from PIL import Image

from augkit.errors import UsageError
from augkit.report.figures import Sample, figures_of
from augkit.report.page import write_report
from augkit.report.svg import Axis, axis_of, number
from tests.trees import FIXTURES, augkit, content

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = '<img src=x onerror="document.title=1">\x1b[2J&amp;.png'


class Page(HTMLParser):
    """Collects tags with their attributes, and the text outside of scripts and styles."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text, self._open = [], "", []
        self.source = Path(path).read_text("utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"script", "style"} & set(self._open):
            self.text += data

    def all(self, tag, **wanted):
        return [attrs for name, attrs in self.tags if name == tag and wanted.items() <= attrs.items()]


@pytest.fixture(name="runs", scope="module")
def _runs(tmp_path_factory):
    """Give the DSTs of a run in each domain, that of images with a broken file and a hostile name."""
    root = tmp_path_factory.mktemp("runs")
    shutil.copytree(FIXTURES / "images", root / "photos")
    (root / "photos" / "bad.png").write_text("broken")
    Image.fromarray(np.random.default_rng(1).integers(60, 190, (60, 90, 3), dtype=np.uint8)).save(
        root / "photos" / HOSTILE
    )
    images = ("--std", "0.02..0.1", "--noise", "student-t:df=3", "--copies", 3)
    assert augkit("images", root / "photos", root / "images", *images, "--seed", 1, "--quiet") == 1
    assert augkit("audio", FIXTURES / "audio", root / "audio", "--snr", "0..20", "--seed", 1, "--quiet") == 0
    assert augkit("series", FIXTURES / "series", root / "series", "--std", "0.1sd", "--seed", 1, "--quiet") == 0
    return root


@pytest.fixture(name="page", scope="module")
def _page(runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "report.html"
    write_report([runs / name for name in ("images", "audio", "series")], out)
    return out


def test_everything_is_counted_and_told(runs, page):
    parsed = Page(page)
    rows = (runs / "images" / "metadata.jsonl").read_text().splitlines()
    figures = figures_of(runs / "images")
    assert (figures.rows, figures.failed, figures.noises["student-t:df=3"]) == (len(rows), 1, len(rows))
    for text in (
        f"{len(rows)}outputs",
        "1files failed",
        "bad.png",
        "after saturation and rounding",
        'noise = "student-t:df=3"',
    ):
        assert text in parsed.text
    assert "written by augkit" in parsed.text
    assert "numpy" in parsed.text
    assert "All of them look like student-t:df=3" in parsed.text
    stds = [json.loads(row)["achieved"]["std"] for row in rows]
    known = [std for std in stds if std is not None]
    assert figures.levels["std"].summary()["mean"] == pytest.approx(np.mean(known))
    assert len(figures.points["std"].kept) == len(known)
    assert page.stat().st_size < 10_000_000


def test_it_holds_all_that_it_shows(page):
    parsed = Page(page)
    for _, attrs in parsed.tags:
        assert not any(name.startswith("on") or name in ("style", "srcset", "ping") for name in attrs)
        assert attrs.get("src", "data:").startswith("data:")
        assert "href" not in attrs
    assert "http://" not in parsed.source.replace("http://www.w3.org", "")
    assert "https://" not in parsed.source
    assert "@import" not in parsed.source
    assert "url(" not in parsed.source.replace("url(#plot)", "")


def test_the_policy_allows_its_own_script_and_style_only(page):
    source = page.read_text("utf-8")
    policy = Page(page).all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        assert f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'" in policy


def test_hostile_names_are_text(page):
    parsed = Page(page)
    assert "\x1b" not in parsed.source
    assert '<img src=x onerror="document.title=1">' in parsed.text
    assert not parsed.all("img", src="x")


def test_pictures_and_sounds_are_those_of_the_files(runs, page):
    parsed = Page(page)
    images = parsed.all("img", **{"class": "after"})
    stem = HOSTILE.removesuffix(".png")
    (shown,) = [one for one in images if one["alt"].startswith("<img") and "_n1" in one["alt"]][:1]
    data = base64.b64decode(shown["src"].partition(",")[2])
    (page.parent / "shown.png").write_bytes(data)
    with Image.open(page.parent / "shown.png") as got, Image.open(runs / "images" / f"{stem}_n1.png") as wanted:
        assert np.array_equal(np.asarray(got), np.asarray(wanted))
    players = parsed.all("audio")
    assert len(players) == 2 * len(list((runs / "audio").glob("*.[wf]*")))
    sound = base64.b64decode(players[-1]["src"].partition(",")[2])
    (page.parent / "heard.wav").write_bytes(sound)
    heard, rate = sf.read(page.parent / "heard.wav")
    wanted, own = sf.read(runs / "audio" / "tune.wav")
    assert rate == own
    assert np.abs(heard - wanted[: len(heard)]).max() < 2 / 32768


def test_the_page_is_the_same_each_time_and_changes_nothing(runs, tmp_path):
    before = content(runs)
    for name in ("a.html", "b.html"):
        write_report([runs / "images"], tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert content(runs) == before


@pytest.mark.slow
def test_a_hundred_thousand_rows_make_a_small_page(runs, tmp_path):
    dst = tmp_path / "many"
    dst.mkdir()
    row = json.loads((runs / "images" / "metadata.jsonl").read_text().splitlines()[0])
    (dst / "recipe.toml").write_bytes((runs / "images" / "recipe.toml").read_bytes())
    with (dst / "metadata.jsonl").open("w") as out:
        for k in range(100_000):
            row |= {
                "file_name": f"{k}.png",
                "drawn": {"std": k / 1e6},
                "notices": [f"std {k} was reached"],
                "label": f"c{k}",
            }
            out.write(json.dumps(row) + "\n")
    with (dst / "failures.jsonl").open("w") as out:
        out.writelines(
            json.dumps({"source": f"f{k}.png", "copy": 1, "reason": f"broken at {k}"}) + "\n" for k in range(5000)
        )
    write_report([dst], tmp_path / "r.html", src=runs / "photos")
    parsed = Page(tmp_path / "r.html")
    assert "100000outputs" in parsed.text
    assert "5000files failed" in parsed.text
    assert "std ... was reached" in parsed.text
    assert (tmp_path / "r.html").stat().st_size < 2_000_000


def test_every_run_can_write_its_page(runs, tmp_path, capsys):
    page = tmp_path / "p.html"
    src = runs / "photos" / "object" / "balls.png"
    assert augkit("images", src, tmp_path / "o", "--std", 0.1, "--quiet", "--report", page) == 0
    assert Page(page).all("input", type="range")
    assert augkit("images", src, tmp_path / "o2", "--std", 0.1, "--quiet", "--report", tmp_path / "p.pdf") == 2
    assert ".html" in capsys.readouterr().err
    assert not (tmp_path / "o2").exists()
    assert augkit("report", tmp_path / "o", "-o", tmp_path / "again.html") == 0
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_the_trees_of_a_sweep_share_one_page(runs, tmp_path):
    src = runs / "photos" / "object"
    assert augkit("images", src, tmp_path / "o", "--preset", "imagenet-c/shot_noise:1-3", "--quiet") == 0
    write_report([tmp_path / "o"], tmp_path / "r.html")
    parsed = Page(tmp_path / "r.html")
    assert len(parsed.all("h2")) == 3
    assert "follows no one law" in parsed.text


def test_what_is_not_there_is_told(runs, tmp_path):
    with pytest.raises(UsageError, match=r"there is no recipe\.toml"):
        write_report([tmp_path], tmp_path / "r.html")
    dst = shutil.copytree(runs / "images", tmp_path / "dst")
    write_report([dst], tmp_path / "r.html", src=tmp_path / "gone")
    assert "No such file" in Page(tmp_path / "r.html").text
    (dst / "metadata.jsonl").unlink()
    with pytest.raises(UsageError, match="resume"):
        write_report([dst], tmp_path / "r.html")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"file_name": "../../secret.png"}, "outside of"),
        ({"source": "/etc/passwd"}, "outside of"),
        ({"drawn": {"std": "x", "columns": [1]}}, "outputs"),
        ({"noise": "</script><script>alert(1)</script>"}, "follows no one law"),
    ],
)
def test_a_manifest_that_was_changed_leads_nowhere(runs, tmp_path, change, told):
    dst = shutil.copytree(runs / "images", tmp_path / "dst")
    Image.new("RGB", (30, 30)).save(tmp_path / "secret.png")
    rows = [json.loads(line) | change for line in (dst / "metadata.jsonl").read_text().splitlines()]
    (dst / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_report([dst], tmp_path / "r.html", src=runs / "photos")
    parsed = Page(tmp_path / "r.html")
    assert told in parsed.text
    assert len(parsed.all("script")) == 1


@pytest.mark.parametrize("row", ["[]", "{", '{"file_name": 5, "source": "a"}', '{"file_name": "a"}', "\x00"])
def test_a_row_that_is_none_is_named(runs, tmp_path, row):
    dst = shutil.copytree(runs / "images", tmp_path / "dst")
    (dst / "metadata.jsonl").write_text(row + "\n")
    with pytest.raises(UsageError, match="row 1 cannot be read"):
        write_report([dst], tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def test_samples_are_even_and_bounded():
    sample = Sample(10)
    for k in range(1000):
        sample.add(k)
    assert sample.seen == 1000
    assert len(sample.kept) <= 10
    assert len(set(np.diff(sample.kept))) == 1
    assert max(sample.kept) > 800


def test_axes_have_round_ticks_within_their_ends():
    for low, high in ((0.0, 1.0), (-3.2, 17.0), (0.00012, 0.00013), (1e6, 3e6)):
        ticks = Axis(low, high).ticks()
        assert 2 <= len(ticks) <= 8
        assert all(low - 1e-12 <= tick <= high * (1 + 1e-9) for tick in ticks)
    assert Axis(1e-4, 1.0, log=True).ticks() == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert number(-0.5) == "\u22120.5"
    flat = axis_of(np.array([10.0, 10.0]))
    assert flat.high - flat.low > 0.5


@pytest.fixture(name="browser", scope="module")
def _browser():
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


def opened(browser, page, **how):
    """Return a tab with the page, and what its console said or it asked the network for."""
    tab = browser.new_context(viewport={"width": 1100, "height": 900}, **how).new_page()
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on(
        "request", lambda request: said.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    tab.goto(page.as_uri())
    return tab, said


@pytest.mark.slow
def test_the_slider_moves_by_keyboard(browser, page):
    tab, said = opened(browser, page)
    slider = tab.locator(".slider input").first
    stack = tab.locator(".slider .stack .before").first
    slider.focus()
    for _ in range(10):
        tab.keyboard.press("ArrowRight")
    assert slider.input_value() == "60"
    assert stack.evaluate("node => getComputedStyle(node).clipPath") == "inset(0px 40% 0px 0px)"
    tab.keyboard.press("Home")
    assert slider.input_value() == "0"
    assert tab.evaluate("document.title").startswith("augkit: ")
    assert said == []


@pytest.mark.slow
def test_a_recording_plays(browser, page):
    tab, said = opened(browser, page)
    player = tab.locator("audio").first
    player.evaluate("async node => { node.muted = true; await node.play(); }")
    tab.wait_for_timeout(700)
    assert player.evaluate("node => node.currentTime") > 0.2
    assert player.evaluate("node => node.error") is None
    assert player.evaluate("node => node.duration") == pytest.approx(1.5, abs=0.1)
    assert said == []


@pytest.mark.slow
def test_curves_zoom_by_keyboard(browser, page):
    tab, said = opened(browser, page)
    tab.locator(".zoom .span").first.focus()
    tab.keyboard.press("Home")
    box = tab.locator(".zoom svg").first.get_attribute("viewBox").split()
    rows = float(tab.locator(".zoom svg").first.get_attribute("data-rows"))
    assert float(box[2]) == pytest.approx(rows * 0.02)
    tab.locator(".zoom .from").first.focus()
    tab.keyboard.press("End")
    box = tab.locator(".zoom svg").first.get_attribute("viewBox").split()
    assert float(box[0]) == pytest.approx(rows * 0.98)
    assert f"to {rows:.0f}" in tab.locator(".zoom output").first.inner_text()
    assert said == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_both_schemes(browser, page, scheme):
    tab, said = opened(browser, page, color_scheme=scheme)
    ink, paper = (
        tab.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).slice(0, 3).map(Number)")
        for name in ("color", "backgroundColor")
    )
    assert (sum(paper) < 150) == (scheme == "dark")
    assert contrast(ink, paper) > 7
    faint = tab.evaluate(
        "getComputedStyle(document.querySelector('.faint')).color.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert contrast(faint, paper) > 4.5
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert said == []


def contrast(one, other):
    """Return the contrast ratio of WCAG 2."""

    def luminance(color):
        shares = np.array(color) / 255
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.slow
def test_it_prints_before_beside_after_and_no_controls(browser, page):
    tab, _ = opened(browser, page, color_scheme="dark")
    tab.emulate_media(media="print")
    assert tab.locator(".slider input").first.is_hidden()
    assert tab.locator("audio").first.is_hidden()
    before, after = (tab.locator(f".stack .{when}").first.bounding_box() for when in ("before", "after"))
    assert before["x"] + before["width"] <= after["x"] + 1
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(tab.pdf()) > 10_000
