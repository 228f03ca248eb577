"""A file of every kind of pixels in every format that holds it, with the samples that are in it; other readers."""

import io
import struct

import cv2
import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from augkit.images.formats import FORMATS
from augkit.images.table import READ_AS
from tests.pictures import chunk, encoded, png

HEIGHT, WIDTH = 9, 13
SUFFIX = {row.name: row.suffixes[0] for row in FORMATS}
LAYOUTS = {"L": 1, "I": 1, "F": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
TYPES = {"": np.uint8, "16": np.uint16, "32F": np.float32}

EXIF = Image.Exif()
EXIF[0x010F], EXIF[0x0112] = "Maker", 6
EXIF = EXIF.tobytes()
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf/></x:xmpmeta>'
DPI = (300, 300)


def dtype_of(mode):
    if mode in ("I", "F", "I;16"):
        return {"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode]
    return TYPES[mode.partition(";")[2]]


def samples(mode, seed=0):
    """Return the pixels of a frame of `mode`, alpha with the colours; few enough colours for a palette."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype_of(mode))
    channels = 1 if mode in ("L", "I;16", "I", "F") else LAYOUTS[mode.partition(";")[0]]
    if dtype.kind == "f":
        return rng.random((HEIGHT, WIDTH, channels)).astype(dtype).squeeze()
    top = 60000 if dtype.itemsize == 4 else np.iinfo(dtype).max
    values = rng.integers(0, top, (HEIGHT, WIDTH, channels), endpoint=True).astype(dtype)
    if mode.partition(";")[0] in ("LA", "RGBA"):
        values[..., -1] = rng.choice([0, top // 3, top], (HEIGHT, WIDTH))
    return values.squeeze()


def bits():
    return np.random.default_rng(1).integers(0, 2, (HEIGHT, WIDTH), dtype=np.uint8) * np.uint8(255)


def palette(*, alpha):
    """Return indices, the palette, and the colours that they mean."""
    rng = np.random.default_rng(2)
    indices, colours = rng.integers(0, 5, (HEIGHT, WIDTH), dtype=np.uint8), rng.integers(0, 256, (5, 3), dtype=np.uint8)
    if not alpha:
        return indices, colours, colours[indices]
    clear = np.where(indices == 0, 0, 255).astype(np.uint8)
    return indices, colours, np.dstack((colours[indices], clear))


def indexed(*, alpha=False):
    indices, colours, _ = palette(alpha=alpha)
    image = Image.frombytes("P", (WIDTH, HEIGHT), indices.tobytes())
    image.putpalette(colours.tobytes())
    if alpha:
        image.info["transparency"] = 0
    return image


def pillow(mode, values):
    return Image.frombytes(mode, (WIDTH, HEIGHT), np.ascontiguousarray(values).tobytes())


def expected(kind):
    """Return the samples that a file of a kind has, as the mode that it is read as."""
    if kind == "1":
        return bits()
    if kind.startswith("P"):
        return palette(alpha=kind != "P")[2]
    return samples(READ_AS[kind] or "RGB")


def held(name, kind):
    """Return the samples that are in the file that `source` returns: not quite the expected ones where it is lossy."""
    if kind in ("La", "RGBa"):
        stored = premultiplied_samples(READ_AS[kind]).astype(int)
        colours = np.minimum(stored[..., :-1] * 255 // np.maximum(stored[..., -1:], 1), 255)
        return np.dstack((colours, stored[..., -1])).astype(np.uint8)
    if name in ("JPEG", "AVIF"):
        with Image.open(io.BytesIO(source(name, kind))) as image:
            gray = name == "AVIF" and kind == "L" and image.mode == "RGB"  # so does Pillow before 12.1
            return np.asarray(image)[..., 0] if gray else np.asarray(image)
    return expected(kind)


def pillow_image(kind):
    if kind == "1":
        return pillow("L", bits()).convert("1")
    if kind in ("P", "P+alpha"):
        return indexed(alpha=kind != "P")
    if kind in ("YCbCr", "LAB"):
        return pillow(kind, samples("RGB"))
    return pillow(kind, samples(kind))


def rich(kind, name, **parameters):
    """Return a file that Pillow writes, with all the metadata that it can hold."""
    return encoded(pillow_image(kind), name, **parameters)


def of_jpeg(kind):
    return rich(kind, "JPEG", quality=95, exif=EXIF, icc_profile=ICC, xmp=XMP, dpi=DPI)


def of_png(kind):
    if ";" not in kind:
        profile = {"icc_profile": ICC} if kind.startswith(("RGB", "P")) else {}
        data = rich(kind, "PNG", exif=EXIF[6:], dpi=DPI, **profile)
    else:
        values = samples(kind).astype(">u2").reshape(HEIGHT, -1)
        colour = {"I": 0, "LA": 4, "RGB": 2, "RGBA": 6}[kind.partition(";")[0]]
        extra = chunk(b"eXIf", EXIF[6:]) + chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
        data = png((WIDTH, HEIGHT), 16, colour, [row.tobytes() for row in values], extra)
    place = data.index(b"IDAT") - 4
    return data[:place] + chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP) + data[place:]


def of_gif(kind):
    image = pillow("L", samples("L")) if kind == "L" else indexed(alpha=kind != "P")
    return encoded(image, "GIF", comment=b"a comment")


def of_webp(kind):
    return rich(kind, "WEBP", lossless=True, exact=True, exif=EXIF, icc_profile=ICC, xmp=XMP)


def of_avif(kind):
    gray = {"subsampling": "4:0:0"} if kind == "L" else {}
    return rich(kind, "AVIF", quality=100, **gray, exif=EXIF, icc_profile=ICC, xmp=XMP)


def of_jp2(kind):
    return rich(kind, "JPEG2000")


def of_bmp(kind):
    if kind == "RGBA":
        return cv2.imencode(".bmp", samples("RGBA")[..., [2, 1, 0, 3]])[1].tobytes()
    return rich(kind, "BMP", dpi=DPI)


def of_tiff(kind):
    tags = [(271, 2, 0, "Maker", True), (274, 3, 1, 6, True), (34675, 7, len(ICC), ICC, True)]
    tags += [(700, 1, len(XMP), XMP, True)]
    plain = ";" in kind or kind in ("L", "LA", "RGB", "RGBA", "I", "F")
    if plain:
        layout = kind.partition(";")[0]
        photometric = {"RGB": "rgb", "RGBA": "rgb", "CMYK": "separated"}.get(layout, "minisblack")
        extra = ["unassalpha"] if layout in ("LA", "RGBA") else None
        buffer = io.BytesIO()
        tifffile.imwrite(
            buffer,
            samples(kind),
            photometric=photometric,
            planarconfig=None if layout in ("L", "I", "F") else "contig",
            extrasamples=extra,
            extratags=tags,
            resolution=DPI,
            resolutionunit="INCH",
            metadata=None,
        )
        return buffer.getvalue()
    if kind in ("La", "RGBa", "PA"):
        return {"La": premultiplied("LA"), "RGBa": premultiplied("RGBA"), "PA": palette_with_alpha()}[kind]
    more = ImageFileDirectory_v2()
    more[271], more[274], more[282], more[283], more[296] = "Maker", 1, IFDRational(300), IFDRational(300), 2
    return encoded(pillow_image(kind), "TIFF", tiffinfo=more, icc_profile=ICC)


def premultiplied_samples(mode):
    values = samples(mode)
    values[..., :-1] = np.minimum(values[..., :-1], values[..., -1:])
    return values


def premultiplied(mode):
    data = bytearray(encoded(pillow(mode, premultiplied_samples(mode)), "TIFF"))
    place = data.index(struct.pack("<HHL", 338, 3, 1)) + 8
    data[place : place + 2] = b"\1\0"
    return bytes(data)


def palette_with_alpha():
    indices, colours, rgba = palette(alpha=True)
    image = Image.frombytes("PA", (WIDTH, HEIGHT), np.dstack((indices, rgba[..., 3])).tobytes())
    image.putpalette(colours.tobytes())
    return encoded(image, "TIFF")


def of_pnm(kind):
    if kind == "1":
        packed = np.packbits(bits() == 0, axis=1)
        return b"P4\n%d %d\n" % (WIDTH, HEIGHT) + packed.tobytes()
    values = samples(kind)
    magic, top = (b"P5" if values.ndim == 2 else b"P6"), np.iinfo(values.dtype).max
    return magic + b"\n# made\n%d %d\n%d\n" % (WIDTH, HEIGHT, top) + values.astype(f">u{values.itemsize}").tobytes()


def of_pam(kind):
    values = samples(kind)
    layout = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}
    channels = 1 if values.ndim == 2 else values.shape[2]
    head = f"P7\nWIDTH {WIDTH}\nHEIGHT {HEIGHT}\nDEPTH {channels}\nMAXVAL {np.iinfo(values.dtype).max}\n"
    return f"{head}TUPLTYPE {layout[channels]}\nENDHDR\n".encode() + values.astype(f">u{values.itemsize}").tobytes()


def of_pfm(kind):
    values = samples(kind)
    magic = b"Pf" if values.ndim == 2 else b"PF"
    return magic + b"\n%d %d\n1.0\n" % (WIDTH, HEIGHT) + values[::-1].astype(">f4").tobytes()


MAKERS = {"JPEG": of_jpeg, "PNG": of_png, "GIF": of_gif, "WEBP": of_webp, "AVIF": of_avif, "JPEG2000": of_jp2}
MAKERS |= {"TIFF": of_tiff, "BMP": of_bmp, "PBM": of_pnm, "PGM": of_pnm, "PPM": of_pnm, "PAM": of_pam, "PFM": of_pfm}
HELD = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "P+alpha", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16"),
    "GIF": ("L", "P", "P+alpha"),
    "WEBP": ("RGB", "RGBA"),
    "AVIF": ("L", "RGB", "RGBA"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA", "CMYK", "I;16"),
    "TIFF": tuple(kind for kind in READ_AS if kind != "P+alpha"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "PBM": ("1",),
    "PGM": ("L", "I;16"),
    "PPM": ("RGB", "RGB;16"),
    "PAM": ("L", "LA", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16"),
    "PFM": ("F", "RGB;32F"),
}


def source(name, kind):
    """Return the bytes of a file of a format with pixels of a kind."""
    return MAKERS[name](kind)


def seen(name, data):
    """Return the samples of a file as a reader sees them that shares no code with this package."""
    if name == "TIFF":
        return tifffile.imread(io.BytesIO(data))
    if name in ("PNG", "WEBP", "AVIF", "JPEG2000"):
        decode = {"PNG": imagecodecs.png_decode, "WEBP": imagecodecs.webp_decode, "AVIF": imagecodecs.avif_decode}
        return decode.get(name, imagecodecs.jpeg2k_decode)(data)
    if name in ("BMP", "PGM", "PPM", "PAM", "PFM"):
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        turned = values.ndim == 3 and name != "PAM"  # what OpenCV calls BGR, and leaves alone in PAM
        return values[..., [2, 1, 0, 3][: values.shape[2]]] if turned else values
    with Image.open(io.BytesIO(data)) as image:
        plain = image.convert("RGBA" if image.has_transparency_data else "RGB") if image.mode == "P" else image
        values = np.asarray(plain)
    gray = values.ndim == 3 and (values[..., :3] == values[..., :1]).all()
    return values[..., 0] if gray and values.shape[2] == 3 else values
