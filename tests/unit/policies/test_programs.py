"""oslo.policy's own programs know the service's rules."""

import pathlib

from tests.unit.cmd import programs


def _policy(directory: pathlib.Path, rules: str) -> str:
    (directory / 'policy.yaml').write_text(rules)
    config = directory / 'magnum.conf'
    config.write_text(f'[oslo_policy]\npolicy_file = {directory}/policy.yaml\n')
    return str(config)


def test_the_policy_in_force(tmp_path: pathlib.Path) -> None:
    config = _policy(tmp_path, '"cluster:get": "role:auditor"\n')
    shown = programs.finish(
        'oslopolicy-policy-generator', '--namespace', 'magnum', '--config-file', config
    )
    assert shown.returncode == 0, shown.stderr
    assert '"cluster:get": "role:auditor"' in shown.stdout
    assert '"bay:get": "rule:cluster:get"' in shown.stdout


def test_redundant_rules(tmp_path: pathlib.Path) -> None:
    config = _policy(tmp_path, '"bay:get": "rule:cluster:get"\n"cluster:get": "role:auditor"\n')
    shown = programs.finish(
        'oslopolicy-list-redundant', '--namespace', 'magnum', '--config-file', config
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.split() == ['"bay:get":', '"rule:cluster:get"']


def test_without_a_configuration() -> None:
    shown = programs.finish('oslopolicy-policy-generator', '--namespace', 'magnum')
    assert shown.returncode == 0, shown.stderr
    assert '"cluster:create"' in shown.stdout
