"""A domain whose decoder dies on some files, offered through the seam that every domain uses."""

import ctypes
import os
import signal

import msgspec

from augkit.errors import InputError
from augkit.outcome import Outcome


class Options(msgspec.Struct, frozen=True):
    pass


class Item:
    def __init__(self, text):
        self.text = text

    def write(self, target, key, *, measure):
        if self.text.startswith("late"):
            target.write_text("half a fi")
            os.kill(os.getpid(), signal.SIGKILL)
        mark = target.parent.parent / "died"
        if self.text.startswith("once") and not mark.exists():
            mark.touch()
            target.write_text("half a fi")
            os.kill(os.getpid(), signal.SIGKILL)
        if self.text.startswith("half"):
            target.write_text("half a fi")
            raise OSError(28, "No space left on device", str(target))
        target.write_text(f"{self.text}{key.child('noise').words(1)[0]}")
        level = {"std": "1"}
        reached = {"std": 1.0, "snr_db": 0.0, "clipped": 0.0}
        return Outcome(noise="gaussian", requested=level, drawn=level, achieved=reached, format={})


def suffixes():
    return (".dat",)


def output_suffix(suffix, options):
    return suffix


def open_item(path, options):
    text = path.read_text()
    if text.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if text.startswith("abort"):
        os.abort()
    if text.startswith("segv"):
        ctypes.string_at(0)
    while text.startswith("loop"):
        pass
    if text.startswith("eat"):
        bytearray(3 << 30)
    if text.startswith("gorge"):  # as a decoder that does not ask whether it got what it wanted
        ctypes.memset(ctypes.CDLL(None, use_errno=True).malloc(ctypes.c_size_t(3 << 30)), 1, 1 << 20)
    if text.startswith("bug"):
        raise ZeroDivisionError("inside the decoder")
    if text.startswith("broken"):
        raise InputError(f"{path}: broken")
    return Item(text)
