"""What goes along with the sources of a run: labels, masks, and lists of many sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from augkit.errors import InputError, UsageError
from augkit.folder.domains import Labels
from augkit.folder.lists import OpenList, PlannedList, open_given, plan_list, within
from augkit.folder.naming import Sources
from augkit.folder.options import Job
from augkit.folder.pairing import Belonging, Owners, Pairing, masks_among, outside
from augkit.folder.selection import Selection
from augkit.folder.tree import at_hand, may_list
from augkit.folder.walk import Found, walk


class Label(msgspec.Struct, frozen=True):
    """A file to be written beside an output.

    Attributes
    ----------
    source : str
        The file that it comes from, relative to SRC or absolute.
    name : str
        Its name in DST.
    size : int or None
        Bytes of what is copied as it is; None for one in which names are edited.
    made : str
        What it is, where the domain makes it together with the output, such as "noise"; "" for what is copied.
    """

    source: str
    name: str
    size: int | None
    made: str = ""


class Company:
    """The files of a run, shared out: sources, what goes along with each of them, and others.

    Attributes
    ----------
    sources : list of Found
        The files to be noised.
    lists : list of PlannedList
        Lists of many sources.
    faults : list of Found
        Lists that cannot be read.
    lacking : set of str
        Sources for which a mask was expected and none was found.
    hints : list of str
        What a person should know.
    """

    def __init__(self, job: Job, labels: Labels, selected: Selection) -> None:
        self.sources = list(selected.sources)
        self._names = {file.name for file in self.sources}
        self.lists, self.faults = list[PlannedList](), list[Found]()
        self.lacking, self.hints = set[str](), list[str]()
        self._others, self._candidates = list(selected.others), list(selected.known)
        self._job, self._labels, self._excluded = job, labels, selected.excluded
        self._taken = set[str]()
        self._belongings: dict[str, list[Belonging]] = defaultdict(list)
        self._listed: dict[str, list[str]] = defaultdict(list)
        self._known: dict[bool, Sources] = {}  # all files that may be meant by a name, by whether it is without suffix

    @property
    def others(self) -> list[Found]:
        """The files that neither belong to a source nor list any."""
        return [file for file in self._others if file.name not in self._taken]

    def labels_of(self, source: str, output: str, copy: int) -> tuple[Label, ...]:
        """Return what is to be written beside an output; raise `InputError` where some of it cannot be read."""
        found = []
        for belonging in self._belongings.get(source, ()):
            file = belonging.file
            if file.fault:
                raise InputError(f"{file.name}, which belongs to it: {file.fault}")
            size = None if copy and self._labels.is_edited(file.name) else file.size
            found.append(Label(file.name, belonging.name_for(output), size))
        return tuple(found)

    def lists_of(self, source: str) -> tuple[str, ...]:
        """Return the names in DST of the lists that a source is in."""
        return tuple(self._listed.get(source, ()))

    def tell_what_stays(self) -> None:
        """Hint at what would go along if that were asked for."""
        files = self._label_files()
        pairing = Pairing(self._labels, (file.name for file in self.sources) if files else ())
        labels = {file.name for file in files if pairing.owners(file) is not None}
        found = len(labels) + sum(self._may_list(file) for file in self.others if file.name not in labels)
        if found and not self._job.folder.copy_others:
            stays = "1 label file stays" if found == 1 else f"{found} label files stay"
            self.hints.append(f"{stays} behind; --labels copy takes {'it' if found == 1 else 'them'} along")
        masks = masks_among(self._labels, self._candidates)
        masks = [owners for owners in masks if owners.belonging.file.name in self._names]
        if masks:
            trees = ", ".join(sorted({owners.tree for owners in masks}))
            self.hints.append(
                f"{len(masks)} files in {trees} look like masks but get noise; --labels copy keeps them as is"
            )

    def take_tree(self, option: str, path: str, suffixes: Sequence[str]) -> None:
        """Take what belongs to the sources from a folder that was named as a tree parallel to SRC.

        A tree within SRC keeps its place in DST, and holds no sources. Any other gets a folder of its own name there.
        """
        if not Path(path).is_dir():
            known = "a folder" if option == "masks" else "a list that is known, such as COCO's, or a folder"
            raise UsageError(f"{option}={path}: {known} was expected, of files that have the names of those in SRC")
        home = within(self._job.source_root, path)
        if home == ".":
            raise UsageError(f"{option}={path}: that is SRC itself; what lies beside a source is found there anyway")
        self._keep_apart(option, path)
        if home is None:
            home, files = Path(path).resolve().name, walk(Path(path))
            place = Path(path).absolute()
        else:
            begin, place = home + "/", Path(home)
            below = [file for file in (*self._candidates, *self._others) if file.name.startswith(begin)]
            files = [file._replace(name=file.name.removeprefix(begin)) for file in below]
            self._leave_out(home)
        files = [file for file in files if file.name.lower().endswith(tuple(suffixes))]
        pairing = Pairing(self._labels, (file.name for file in self._candidates))
        self._claim(pairing.owners_in_tree(files, place, home, self._job))

    def take_parallel_masks(self) -> None:
        """Take the masks in trees of SRC that are parallel to those of the sources."""
        masks = masks_among(self._labels, self._candidates)
        for tree in {owners.tree for owners in masks}:
            self._leave_out(tree)
        self._claim(masks)
        if self._job.folder.masks:
            self.lacking = self._names - set(self._belongings)

    def take_labels(self) -> None:
        """Take the labels beside the sources, and those in parallel trees of SRC."""
        pairing = Pairing(self._labels, (file.name for file in self.sources))
        self._claim(owners for file in self._label_files() if (owners := pairing.owners(file)))

    def take_list(self, opened: OpenList) -> bool:
        """Take a list of many sources; return whether it is about any of these."""
        listing = opened.listing
        if listing.by_stem not in self._known:
            names = (file.name for file in self._candidates)
            self._known[listing.by_stem] = Sources(self._job.source_root, names, by_stem=listing.by_stem)
        planned = plan_list(self._job, opened, self._known[listing.by_stem], self._names)
        if planned is None:
            return False
        self.lists.append(planned)
        count = len(listing.names)
        if len(planned.sources) < count:
            left = count - len(planned.sources)
            self.hints.append(f"{planned.outputs[0]}: left out {left} of its {count} names, which are no sources here")
        self.hints += listing.notices
        for source in set(planned.sources.values()):
            self._listed[source] += planned.outputs
        self._taken |= {
            name for part in listing.parts if (name := within(self._job.source_root, listing.folder / part))
        }
        return True

    def take_given(self, option: str, opened: OpenList) -> None:
        """Take a list that was named by an option; it must be about some of these sources."""
        self._keep_apart(option, str(opened.listing.folder / opened.listing.parts[0]))
        try:
            taken = self.take_list(opened)
        except InputError as error:
            raise UsageError(f"{option}={opened.path}: {error}") from None
        if not taken:
            names = opened.listing.names
            first = f", such as {names[0]}" if names else ""
            raise UsageError(f"{option}={opened.path}: none of its {len(names)} names is a source{first}")

    def take_lists(self) -> None:
        """Take the lists that lie in SRC; one that cannot be read is a fault."""
        for file in self._others:
            if file.name in self._taken or not self._may_list(file):
                continue
            try:
                listing = self._labels.open_list(at_hand(self._job, [file, *self._around(file)]))
                if listing is None:
                    continue
                if self.take_list(OpenList(file.name, listing)):
                    self._taken.add(file.name)
                else:
                    self.hints.append(f"{file.name}: none of its names is a source of this run, so it stays behind")
            except (InputError, OSError) as error:
                self.faults.append(Found(file.name, 0, str(getattr(error, "strerror", None) or error)))
                self._taken.add(file.name)

    def _keep_apart(self, option: str, path: str) -> None:
        dst = self._job.target_root
        if within(dst, path) is not None or (Path(path).is_dir() and within(Path(path), dst) is not None):
            raise UsageError(f"{option}={path}: it lies in DST, or DST in it, so it could be overwritten; move it")

    def _leave_out(self, folder: str) -> None:
        """Take what lies below a folder of SRC for no source."""
        self._known.clear()
        self._others += [file for file in self.sources if file.name.startswith(folder + "/")]
        self.sources, self._candidates = outside([folder], self.sources), outside([folder], self._candidates)
        self._names = {file.name for file in self.sources}

    def _label_files(self) -> list[Found]:
        suffixes = tuple(self._labels.label_suffixes())
        return [file for file in self.others if file.name.lower().endswith(suffixes)]

    def _may_list(self, file: Found) -> bool:
        return may_list(self._job, self._labels, file)

    def _around(self, file: Found) -> list[Found]:
        """Return what lies in the folder of a list and may be a part of it: files of its suffix, or of none."""
        path = PurePosixPath(file.name)
        suffixes = (path.suffix, "")
        others = ((other, PurePosixPath(other.name)) for other in self.others if not other.fault)
        return [other for other, place in others if place.parent == path.parent and place.suffix in suffixes]

    def _claim(self, owned: Iterable[Owners]) -> None:
        """Let files go along with their owners, where those are sources of this run."""
        for sources, belonging, _ in owned:
            owners = [source for source in sources if source in self._names]
            if len(owners) > 1:
                raise UsageError(
                    f"{belonging.file.name} belongs to {owners[0]} and to {owners[1]}, so it would follow both under "
                    "one name; --exclude one of the two, or rename it"
                )
            if owners and belonging.file.name not in self._excluded:
                self._belongings[owners[0]].append(belonging)
                self._taken.add(belonging.file.name)


def gather(job: Job, labels: Labels, suffixes: Sequence[str], selected: Selection) -> Company:
    """Find what goes along with the sources, as the options ask.

    Parameters
    ----------
    labels : Labels
        What knows of such files.
    suffixes : sequence of str
        Those of the sources.

    Raises
    ------
    UsageError
        For options that mean nothing here, and for labels that would have one name.
    """
    company, folder = Company(job, labels, selected), job.folder
    if folder.labels == "copy":
        if not labels.label_suffixes():
            raise UsageError(f"labels=copy: nothing is known to go along with {job.domain}; see --copy-others")
        for path in folder.masks:
            company.take_tree("masks", path, suffixes)
        company.take_parallel_masks()
    if selected.given is not None:
        company.take_given("files_from", selected.given)
    if folder.labels == "leave":
        company.tell_what_stays()
        return company
    for path in folder.annotations:
        opened = open_given(labels, path, "annotations")
        if opened is None:
            company.take_tree("annotations", path, labels.label_suffixes())
        else:
            company.take_given("annotations", opened)
    company.take_labels()
    company.take_lists()
    return company
