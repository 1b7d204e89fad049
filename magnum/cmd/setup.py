"""What every console script begins with."""

import sys
from collections.abc import Sequence

from oslo_config import cfg
from oslo_log import log as logging

from magnum import conf as magnum_conf


def configuration(prog: str, argv: Sequence[str] | None = None) -> cfg.ConfigOpts:
    """Options of the command line and the files; logging set up by them.

    :param argv: words after the program's name; the process's own when None.
    """
    conf = magnum_conf.load(sys.argv[1:] if argv is None else argv, prog=prog)
    logging.setup(conf, magnum_conf.PROJECT)
    return conf
