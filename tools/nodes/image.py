"""Images of containers, of one layer each."""

import dataclasses
import io
import pathlib
import tarfile
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Image:
    """What a container is made of.

    :ivar files: programs by their paths, which are without a leading slash.
    :ivar links: symbolic links, with their targets.
    """

    files: Mapping[str, pathlib.Path]
    command: tuple[str, ...]
    links: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def layer(self) -> bytes:
        """Its only layer, a tar archive."""
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode='w') as archive:
            for folder in ('tmp', *{str(pathlib.Path(path).parent) for path in self.files}):
                if folder != '.':
                    member = tarfile.TarInfo(folder)
                    member.type, member.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(member)
            for path, file in self.files.items():
                member = tarfile.TarInfo(path)
                member.size, member.mode = file.stat().st_size, 0o755
                with file.open('rb') as content:
                    archive.addfile(member, content)
            for path, target in self.links.items():
                member = tarfile.TarInfo(path)
                member.type, member.linkname = tarfile.SYMTYPE, target
                archive.addfile(member)
        return raw.getvalue()
