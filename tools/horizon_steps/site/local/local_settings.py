"""Settings of a Horizon beside the development cloud: on this machine only, by HTTP."""

import os
import pathlib

from horizon.utils import secret_key

# Horizon's settings take all names of this module, and then read ``local_enabled``:
# the panels of magnum-ui are taken from its package, nothing is copied into Horizon's.
from magnum_ui import enabled as local_enabled  # noqa: F401

from local import probes

_STATE = pathlib.Path(os.environ['HORIZON_STATE'])

DEBUG = False
ALLOWED_HOSTS = ['127.0.0.1', 'localhost']
WEBROOT = '/'
LOCAL_PATH = str(_STATE)
SECRET_KEY = secret_key.generate_or_read_from_file(str(_STATE / 'secret-key'))
# Made once, by "collectstatic" and "compress".
STATIC_ROOT = os.environ['HORIZON_STATIC']
COMPRESS_ENABLED = True
COMPRESS_OFFLINE = True

OPENSTACK_KEYSTONE_URL = os.environ.get('HORIZON_KEYSTONE_URL', '')
OPENSTACK_KEYSTONE_DEFAULT_ROLE = 'member'
OPENSTACK_KEYSTONE_MULTIDOMAIN_SUPPORT = False

# Files: neither memcached nor a database is needed.
SESSION_ENGINE = 'django.contrib.sessions.backends.cache'
CACHES = {
    'default': {
        'BACKEND': 'django.core.cache.backends.filebased.FileBasedCache',
        'LOCATION': str(_STATE / 'sessions'),
    },
}
# Beside other clouds' Horizons on the same machine, whose cookies have the same host.
_PORT = os.environ['HORIZON_PORT']
SESSION_COOKIE_NAME = f'sessionid-{_PORT}'
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
TIME_ZONE = 'UTC'
LANGUAGE_CODE = 'en'

# What a flavor needs to be offered by "Create Cluster": the panel's default is 2 GB and 2.
MAGNUM_MINIMUM_FLAVOR_RAM = 1024
MAGNUM_MINIMUM_FLAVOR_VCPU = 1

LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'formatters': {'line': {'format': '%(asctime)s %(levelname)s %(name)s %(message)s'}},
    'handlers': {'console': {'class': 'logging.StreamHandler', 'formatter': 'line'}},
    'root': {'handlers': ['console'], 'level': 'WARNING'},
    'loggers': {
        name: {'level': 'INFO'}
        for name in ('horizon', 'openstack_dashboard', 'magnum_ui', 'django')
    },
}

probes.install()
