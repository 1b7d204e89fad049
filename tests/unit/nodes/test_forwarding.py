"""What of this machine's loopback a node's settings name."""

from tools.nodes import forwarding


def test_ports_are_those_of_local_addresses() -> None:
    settings = {
        'MAGNUM_BOOTSTRAP_URL': 'http://127.0.0.1:9511/v1/bootstrap',
        'MAGNUM_INSECURE_REGISTRIES': '127.0.0.1:8985 registry.example:5000',
        'MAGNUM_KUBE_BINARIES_URL': 'https://localhost:8985/release',
        'MAGNUM_API_ADDRESS': '10.0.0.5',
        'MAGNUM_OTHER': 'http://10.127.0.0.1:81 http://127.0.0.1 127.0.0.1:99999',
    }
    assert forwarding.ports(settings) == [8985, 9511]
