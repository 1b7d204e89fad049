"""Following the recipe: a root by mmdebstrap, and a disk of it without mounting any."""

import pathlib
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Collection
from typing import Final

from tools.node_image import recipe

#: The file system's label, by which the kernel finds it.
LABEL: Final = 'magnum-node'
#: Where the one partition begins; before it there is room for the boot loader.
FIRST_SECTOR: Final = 2048
SECTOR: Final = 512
_BOOT_CODE: Final = 446  # bytes of the first sector that are no partition table
_MODULES: Final = (
    'biosdisk', 'part_msdos', 'ext2', 'normal', 'linux', 'search', 'search_label', 'configfile',
    'echo', 'serial', 'terminal',
)
#: Links that the packages of kernels keep at the newest one.
_GRUB: Final = f"""\
serial --unit=0
terminal_input console serial
terminal_output console serial
search --no-floppy --set=root --label {LABEL}
linux /vmlinuz root=LABEL={LABEL} ro console=tty0 console=ttyS0
initrd /initrd.img
boot
"""
_GRUB_PREFIX: Final = f"""\
search --no-floppy --set=root --label {LABEL}
configfile /boot/grub/grub.cfg
"""
_CLOUD: Final = """\
# Where a cloud may tell a node what it is.
datasource_list: [ConfigDrive, OpenStack, NoCloud, None]
# cloud-init writes what the cloud says of each interface, and networkd does it.
system_info:
  network:
    renderers: [networkd]
# The image has no data to make others of.
locale: false
"""


class Failed(Exception):
    """An image could not be made; the text says why."""


def image(
    image_format: str, folder: pathlib.Path, *, suite: str, coes: Collection[str],
    further: Collection[str], programs: pathlib.Path | None, mirror: str, gigabytes: int,
) -> pathlib.Path:
    """Make an image below the folder, in place of a former one; return its path.

    :param further: packages beside those of the recipe.
    :param programs: a folder of what comes into ``/usr/local/bin``.
    :raises Failed: a command did, or a given file is not there.
    """
    disk = image_format == 'qcow2'
    if programs is not None and not programs.is_dir():
        raise Failed(f'{programs} is no folder of programs')
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix='.image-') as work:
        root = pathlib.Path(work, 'root')
        packages = sorted({*recipe.packages(suite, coes, disk), *further})
        _bootstrap(root, suite, packages, mirror, key_options(suite, pathlib.Path(work)))
        _configure(root, programs)
        made = folder / 'root'
        if disk:
            made = folder / 'node.qcow2'
            _qcow2(root, pathlib.Path(work), made, gigabytes)
        else:
            if made.exists():
                shutil.rmtree(made)
            root.rename(made)
    return made


def megabytes(made: pathlib.Path) -> int:
    """What an image takes on this machine's disk."""
    done = subprocess.run(
        ['du', '--summarize', '--block-size=1M', made], check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[0])


def _run(*command: str | pathlib.Path) -> None:
    try:
        subprocess.run(command, check=True)
    except subprocess.CalledProcessError as error:
        raise Failed(f'{command[0]} ended with {error.returncode}') from None


def key_options(suite: str, work: pathlib.Path) -> list[str]:
    """Options of mmdebstrap about the keys of a release's archive.

    Those that this machine does not have are taken out of Debian's package: its other
    releases may have none.

    :raises Failed: they could not be taken.
    """
    key = recipe.archive(suite).get('key')
    if not key:
        return []
    place = pathlib.Path('/')
    name = f'usr/share/keyrings/{key["package"]}.gpg'
    if not (place / name).exists():
        place = work / 'keys'
        source = recipe.sources(key['suite'], recipe.archive(key['suite'])['mirror'])[0]
        _run(
            'mmdebstrap', '--quiet', '--variant=extract', f'--include={key["package"]}',
            key['suite'], place, source,
        )
    return [f'--keyring={place / name}']


def _bootstrap(
    root: pathlib.Path, suite: str, packages: list[str], mirror: str, options: list[str]
) -> None:
    _run(
        'mmdebstrap', '--quiet', '--variant=minbase', f'--include={",".join(packages)}',
        '--aptopt=APT::Install-Recommends "false"',
        '--dpkgopt=path-exclude=/usr/share/doc/*',
        '--dpkgopt=path-include=/usr/share/doc/*/copyright',
        '--dpkgopt=path-exclude=/usr/share/man/*',
        '--dpkgopt=path-exclude=/usr/share/locale/*',
        # Packages that bring manual pages expect the folder.
        '--setup-hook=mkdir -p "$1/usr/share/man/man1"',
        *options, suite, root, *recipe.sources(suite, mirror),
    )
    # Made for this machine alone.
    root.chmod(0o755)


def _configure(root: pathlib.Path, programs: pathlib.Path | None) -> None:
    _write(root / 'etc/cloud/cloud.cfg.d/90-magnum.cfg', _CLOUD)
    _write(root / 'etc/hostname', 'localhost\n')
    # Each server makes its own when it first boots.
    _write(root / 'etc/machine-id', '')
    (root / 'var/lib/dbus/machine-id').unlink(missing_ok=True)
    for key in (root / 'etc/ssh').glob('ssh_host_*'):
        key.unlink()
    if programs is not None:
        for program in sorted(programs.iterdir()):
            target = root / 'usr/local/bin' / program.name
            shutil.copyfile(program, target)
            target.chmod(0o755)
    _run('systemctl', f'--root={root}', 'enable', 'systemd-networkd', 'systemd-resolved')
    idle = [
        name for name in recipe.recipe()['idle_services']
        if (root / 'usr/lib/systemd/system' / name).exists()
        or (root / 'lib/systemd/system' / name).exists()
    ]
    # The steps of a node start them, when they have configured them.
    if idle:
        _run('systemctl', f'--root={root}', 'disable', '--quiet', *idle)
    resolver = root / 'etc/resolv.conf'
    resolver.unlink(missing_ok=True)
    resolver.symlink_to('../run/systemd/resolve/stub-resolv.conf')


def _write(file: pathlib.Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def partition_table(sectors: int) -> bytes:
    """The end of a disk's first sector: one bootable partition of Linux, to the end.

    :param sectors: of the whole disk.
    """
    # Heads and cylinders are those of disks that are too large to have any.
    partition = struct.pack(
        '<B3sB3sII', 0x80, b'\xfe\xff\xff', 0x83, b'\xfe\xff\xff',
        FIRST_SECTOR, sectors - FIRST_SECTOR,
    )
    return partition + bytes(3 * len(partition)) + b'\x55\xaa'


def _qcow2(root: pathlib.Path, work: pathlib.Path, made: pathlib.Path, gigabytes: int) -> None:
    """A disk with one partition, and GRUB in the gap before it."""
    raw = work / 'disk'
    _write(root / 'etc/fstab', f'LABEL={LABEL} / ext4 errors=remount-ro 0 1\n')
    _write(root / 'boot/grub/grub.cfg', _GRUB)
    _write(root / 'tmp/prefix.cfg', _GRUB_PREFIX)
    _run(
        'chroot', root, 'grub-mkimage', '--format=i386-pc', '--prefix=/boot/grub',
        '--config=/tmp/prefix.cfg', '--output=/tmp/core.img', *_MODULES,
    )
    loader = (root / 'usr/lib/grub/i386-pc/boot.img').read_bytes()
    core = (root / 'tmp/core.img').read_bytes()
    if len(core) > (FIRST_SECTOR - 1) * SECTOR:
        raise Failed('the boot loader does not fit before the partition')
    for name in ('prefix.cfg', 'core.img'):
        (root / 'tmp' / name).unlink()

    size = gigabytes * 1024**3
    with raw.open('wb') as file:
        file.truncate(size)
    _run(
        'mke2fs', '-q', '-t', 'ext4', '-L', LABEL, '-d', root,
        '-E', f'offset={FIRST_SECTOR * SECTOR}', raw,
        f'{size // 1024 - FIRST_SECTOR * SECTOR // 1024}k',
    )
    with raw.open('r+b') as file:
        # The loader reads the rest from the sector after its own on.
        file.write(loader[:_BOOT_CODE] + partition_table(size // SECTOR))
        file.seek(SECTOR)
        file.write(core)
    _run('qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', raw, made)
