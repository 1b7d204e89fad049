"""How these documents are built."""

import pathlib
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# The tables show the code of this tree, whatever else is installed.
sys.path[:0] = [str(_ROOT), str(_ROOT / 'doc' / 'ext')]

import magnum.native_threads  # noqa: E402, F401 - before what loads oslo.service
from magnum.version import VERSION  # noqa: E402 - of this tree, by the path above

project = 'Magnum'
copyright = 'OpenStack Foundation'  # noqa: A001 - Sphinx's name
release = VERSION
version = release.rpartition('.')[0]

# The theme asks git; an exported tree has none.
_IN_GIT = (_ROOT / '.git').exists()

extensions = [
    'oslo_config.sphinxconfiggen',
    'oslo_config.sphinxext',
    'oslo_policy.sphinxext',
    'oslo_policy.sphinxpolicygen',
    'sphinx.ext.autodoc',
    'magnum_clients',
    'magnum_errors',
    'magnum_pictures',
    'magnum_ports',
    'magnum_reference',
    'magnum_tables',
    'magnum_templates',
    'release_notes',
    *(['openstackdocstheme'] if _IN_GIT else []),
]

config_generator_config_file = [
    (str(_ROOT / 'etc/magnum/magnum-config-generator.conf'), '_static/magnum'),
]
policy_generator_config_file = [
    (str(_ROOT / 'etc/magnum/magnum-policy-generator.conf'), '_static/magnum'),
]

html_theme = 'openstackdocs' if _IN_GIT else 'alabaster'
html_static_path = ['_static']
html_css_files = ['magnum.css']
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_repo_name = 'openstack/magnum'
openstackdocs_bug_project = 'magnum'
openstackdocs_bug_tag = ''

autodoc_member_order = 'bysource'
nitpicky = False
