"""Options, one module per section.

A ``ConfigOpts`` is made at the entry point and passed on; nothing here or
below reads a global one.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Sequence

from oslo_config import cfg
from oslo_log import log as logging

from magnum import version
from magnum.conf import openstack_client

PROJECT = 'magnum'


def _sections() -> Iterable[tuple[cfg.OptGroup | None, list[cfg.Opt]]]:
    """(group, options) of every module of this package, in a stable order."""
    for module_info in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        module = importlib.import_module(f'{__name__}.{module_info.name}')
        group = module.GROUP
        # A fresh group each time: oslo.config keeps overrides in the group.
        yield (cfg.OptGroup(group.name, group.title) if group else None), module.OPTIONS


def new_config() -> cfg.ConfigOpts:
    """A fresh ConfigOpts that knows every option of the service."""
    return _registered(cfg.ConfigOpts())


def _registered(conf: cfg.ConfigOpts) -> cfg.ConfigOpts:
    for group, options in _sections():
        conf.register_opts(options, group=group)
    logging.register_options(conf)
    return conf


def load(
    argv: Sequence[str] = (),
    config_files: list[str] | None = None,
    prog: str = PROJECT,
    conf: cfg.ConfigOpts | None = None,
) -> cfg.ConfigOpts:
    """Options from the command line and the configuration files.

    :param argv: command-line words without the program's name.
    :param config_files: read these instead of ``/etc/magnum/magnum.conf`` and
        its usual neighbours.
    :param conf: filled and returned; oslo.config's global object when left
        out, as entry points do: some oslo libraries register options of theirs
        there and then look for them in the object that they are given.
    """
    if conf is None:
        conf = cfg.CONF
        # A first attempt, with an error in the files, may have left its own.
        conf.clear()
    _registered(conf)
    conf(
        list(argv), project=PROJECT, prog=prog, version=version.VERSION,
        default_config_files=config_files,
    )
    return conf


def check_values(conf: cfg.ConfigOpts) -> None:
    """Validate every option: oslo.config checks a value when it is read.

    :raises cfg.Error: naming the option whose value is refused.
    """
    for group, options in _sections():
        for option in options:
            getattr(conf[group.name] if group else conf, option.dest)


def list_opts() -> list[tuple[cfg.OptGroup | str, list[cfg.Opt]]]:
    """What oslo-config-generator puts in the sample file."""
    return [
        *((group or 'DEFAULT', options) for group, options in _sections()),
        (openstack_client.SERVICE_ACCOUNT, openstack_client.service_account_options()),
    ]
