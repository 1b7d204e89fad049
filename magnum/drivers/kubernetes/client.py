"""What kubectl needs to reach a bay."""

import base64
from collections.abc import Mapping
from typing import Any

import yaml

from magnum.drivers.contract import Access

USER = 'admin'


def files(access: Access) -> Mapping[str, str]:
    """A kubeconfig for the user's key in ``key.pem`` beside it."""
    return {'config': yaml.safe_dump(_kubeconfig(access), sort_keys=False)}


def _kubeconfig(access: Access) -> dict[str, Any]:
    cluster = {'server': access.api_address}
    if access.authority is not None:
        cluster['certificate-authority-data'] = _data(access.authority)
    user = {}
    if access.certificate is not None:
        user = {
            'client-certificate-data': _data(access.certificate),
            # kubectl takes it as beside this file.
            'client-key': 'key.pem',
        }
    context = {'cluster': access.bay_name, 'user': USER}
    return {
        'apiVersion': 'v1',
        'kind': 'Config',
        'clusters': [{'name': access.bay_name, 'cluster': cluster}],
        'users': [{'name': USER, 'user': user}],
        'contexts': [{'name': access.bay_name, 'context': context}],
        'current-context': access.bay_name,
        'preferences': {},
    }


def _data(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
