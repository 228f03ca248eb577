"""The domain of `tests.poison`, of which labels are known."""

from augkit.sidecars.names import Edited
from tests.poison import Options, open_item, output_suffix, suffixes

__all__ = ["Options", "open_item", "output_suffix", "suffixes"]


def label_suffixes():
    return (".tag", ".aaa")


def source_places(place):
    return ()


def is_edited(name):
    return name.endswith(".tag")


def edited(name, data, old, new):
    return Edited(data)


def may_be_list(name):
    return False


def looks_like_list(path):
    return False


def open_list(path):
    return None
