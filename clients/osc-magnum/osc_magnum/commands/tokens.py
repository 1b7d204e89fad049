"""``openstack bay token issue``: what kubectl shows a bay."""

import argparse
import datetime
import json
from typing import Any

from osc_lib.command import command

from osc_magnum.kubeconfig import EXEC_VERSION


class IssueToken(command.Command):
    """Issue a token of Keystone, in the form in which kubectl asks for it.

    Kubeconfigs of "openstack bay config --token" name this command.
    """

    app: Any

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print it, with the time at which it ends."""
        issued = self.app.client_manager.auth_ref
        ends = issued.expires.astimezone(datetime.UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
        self.app.stdout.write(json.dumps({
            'apiVersion': EXEC_VERSION, 'kind': 'ExecCredential',
            'status': {'token': issued.auth_token, 'expirationTimestamp': ends},
        }) + '\n')
